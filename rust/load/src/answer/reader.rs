//! Frames to events. A reader serves one answer after another: the headers it knows stay known.

use eventstream::frame::Frame;
use eventstream::{Decoder, Limits, cache::BlockId};

use super::converse::Converse;
use super::event::{Kind, kind_of};
use super::native::Native;
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
        while let Some(frame) = frames.next()? {
            facts.frame();
            let kind = recognise(&mut self.kinds, &frame)?;
            let payload = frame.payload();
            match &mut self.events {
                Events::Converse(events) => events.take(kind, payload, now, facts, said)?,
                Events::Native(events) => events.take(kind, payload, now, facts)?,
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, facts: &mut Facts) -> Result<(), Failure> {
        self.decoder.finish()?;
        match &mut self.events {
            Events::Converse(events) => events.finish()?,
            Events::Native(events) => events.finish(facts)?,
        }
        self.clean = true;
        Ok(())
    }
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
