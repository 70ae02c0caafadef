//! Frames to events. A reader serves one answer after another: the headers it knows stay known.

use eventstream::frame::Frame;
use eventstream::{Decoder, Limits, cache::BlockId};

use super::converse::Converse;
use super::event::{Kind, kind_of};
use super::native::Native;
use super::whole::message_of;
use super::{Facts, Want};
use crate::failure::Failure;
use crate::options::Operation;
use crate::session::Said;

/// Reads event streams.
#[derive(Debug)]
pub struct Reader {
    decoder: Decoder,
    /// The kinds of the headers blocks that the decoder recognises.
    kinds: [Option<(BlockId, Kind)>; BlockId::SLOTS],
    events: Events,
    clean: bool,
}

#[derive(Debug)]
enum Events {
    Converse(Converse),
    Native(Native),
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(Limits::CLIENT),
            kinds: [None; BlockId::SLOTS],
            events: Events::Converse(Converse::default()),
            clean: true,
        }
    }
}

impl Reader {
    /// Begin with an answer.
    pub(super) fn start(&mut self, want: &Want) {
        if !self.clean {
            *self = Self::default();
        }
        self.clean = false;
        self.events = match want.operation {
            Operation::InvokeStream => Events::Native(Native::default()),
            _ => Events::Converse(Converse::new(want.text.clone(), want.keep)),
        };
    }

    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        now: u64,
        facts: &mut Facts,
        said: &mut Said,
    ) -> Result<(), Failure> {
        let mut frames = self.decoder.feed(bytes);
        loop {
            let frame = match frames.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(error) => return Err(undecodable(error, facts)),
            };
            facts.frame();
            let payload = frame.payload();
            let taken = recognise(&mut self.kinds, &frame).and_then(|kind| {
                match &mut self.events {
                    _ if kind == Kind::Unknown => facts.skip(name_of(&frame)),
                    // Events of the other operation's stream are as unknown to a client.
                    Events::Converse(_) if kind == Kind::Chunk => facts.skip(name_of(&frame)),
                    Events::Native(_) if kind != Kind::Chunk => facts.skip(name_of(&frame)),
                    Events::Converse(events) => events.take(kind, payload, now, facts, said)?,
                    Events::Native(events) => events.take(payload, now, facts)?,
                }
                Ok(())
            });
            if let Err(failure) = taken {
                explain(&failure, &frame, facts);
                return Err(failure);
            }
        }
    }

    pub(super) fn finish(&mut self, facts: &mut Facts) -> Result<(), Failure> {
        self.decoder.finish().map_err(|error| undecodable(error, facts))?;
        let finished = match &mut self.events {
            Events::Converse(events) => events.finish(),
            Events::Native(events) => events.finish(facts),
        };
        if let Err(failure) = finished {
            facts.because(match failure {
                Failure::Mismatch => "the text ended early".to_owned(),
                _ => {
                    format!("the stream ended well after {} frames, and is not whole", facts.frames)
                }
            });
            return Err(failure);
        }
        self.clean = true;
        Ok(())
    }
}

/// The failure of bytes that are no frame.
fn undecodable(error: eventstream::Error, facts: &mut Facts) -> Failure {
    let index = facts.frames;
    facts.because(format_args!("frame {index}: {error}"));
    error.into()
}

/// The name of a frame's event, as the endpoint says it.
fn name_of<'a>(frame: &'a Frame<'_>) -> &'a str {
    frame.headers().get_str(":event-type").unwrap_or("an event without :event-type")
}

/// Say which frame it was, and what it says where it is an exception.
fn explain(failure: &Failure, frame: &Frame<'_>, facts: &mut Facts) {
    let known = facts.why.take();
    let index = facts.frames.saturating_sub(1);
    if let Failure::Exception(_) = failure {
        facts.because(known.unwrap_or_else(|| message_of(frame.payload()).into()));
        return;
    }
    let why = known.as_deref().unwrap_or("out of order");
    facts.because(format_args!("frame {index} ({}): {why}", name_of(frame)));
}

/// The kind of a frame; its headers are parsed only where they are new.
#[inline]
fn recognise(
    kinds: &mut [Option<(BlockId, Kind)>; BlockId::SLOTS],
    frame: &Frame<'_>,
) -> Result<Kind, Failure> {
    let Some(id) = frame.block_id() else {
        return kind_of(frame.headers());
    };
    if let Some((known, kind)) = kinds[id.slot()]
        && known == id
    {
        return Ok(kind);
    }
    let kind = kind_of(frame.headers())?;
    kinds[id.slot()] = Some((id, kind));
    Ok(kind)
}
