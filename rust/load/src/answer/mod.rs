//! An answer, read as it comes: timed, verified, taken apart as far as is asked for.
//!
//! ```text
//!  head ─┬─▶ frames ─▶ kind of event ─┬─▶ Converse events ──┐
//!        │   CRCs       by block id   └─▶ chunk: native ────┼─▶ grammar ─▶ Facts
//!        ├─▶ JSON ─────────────────────────────────────────┘
//!        └─▶ error: its AWS code
//! ```
//!
//! Of an event of a long stream no more is parsed than the block it belongs to; the first content
//! and the usage are looked for, and the text only where it is expected or answered.

mod converse;
mod event;
mod facts;
mod filled;
mod grammar;
mod native;
mod reader;
mod union;
mod whole;

pub use facts::{Beat, Facts};
pub use grammar::Grammar;
pub use reader::Reader;

use std::sync::Arc;

use crate::failure::Failure;
use crate::options::Operation;
use crate::session::Said;
use crate::wire::{Head, Media};
use whole::Whole;

/// What an answer is held against.
#[derive(Debug, Clone)]
pub struct Want {
    /// What was asked.
    pub operation: Operation,
    /// The text that it must be.
    pub text: Option<Arc<str>>,
    /// Whether what it says is to be kept.
    pub keep: bool,
}

#[derive(Debug)]
enum State {
    Head,
    Stream,
    Whole(Whole),
    Error { head: Head, body: Vec<u8> },
}

/// One answer.
#[derive(Debug)]
pub struct Answer<'a> {
    want: &'a Want,
    reader: &'a mut Reader,
    state: State,
    facts: Facts,
    said: Said,
}

impl<'a> Answer<'a> {
    /// An answer of which nothing has come.
    pub fn new(want: &'a Want, reader: &'a mut Reader) -> Self {
        reader.start(want);
        Self { want, reader, state: State::Head, facts: Facts::default(), said: Said::default() }
    }

    /// Note that the first byte came at `now`.
    pub fn touched(&mut self, now: u64) {
        self.facts.first_byte.get_or_insert(now);
    }

    /// Take the head.
    ///
    /// # Errors
    ///
    /// It is not the head of what was asked for.
    pub fn head(&mut self, head: Head) -> Result<(), Failure> {
        self.state = if head.status != 200 {
            State::Error { head, body: Vec::new() }
        } else if !self.want.operation.streams() {
            State::Whole(Whole::new(&head))
        } else if matches!(head.media, Media::EventStream | Media::Unsaid) {
            // SDKs do not look at the content type; one that is missing says nothing else.
            State::Stream
        } else {
            let said = head.content_type.unwrap_or_default();
            self.because(format_args!("its content-type is {said}"));
            return Err(Failure::NotEventStream);
        };
        Ok(())
    }

    /// Take some of the body, which came at `now`.
    ///
    /// # Errors
    ///
    /// What is wrong with it. The frames before it are in the facts.
    pub fn body(&mut self, bytes: &[u8], now: u64) -> Result<(), Failure> {
        self.facts.bytes += bytes.len() as u64;
        match &mut self.state {
            State::Head => Err(Failure::BadHttp),
            State::Stream => self.reader.feed(bytes, now, &mut self.facts, &mut self.said),
            State::Whole(whole) => whole.push(bytes, &mut self.facts),
            State::Error { body, .. } => {
                let room = whole::MAX_ERROR.saturating_sub(body.len());
                body.extend_from_slice(&bytes[..bytes.len().min(room)]);
                Ok(())
            }
        }
    }

    /// The body has ended, at `now`.
    ///
    /// # Errors
    ///
    /// It was not whole, not what was expected, or an error.
    pub fn end(&mut self, now: u64) -> Result<(), Failure> {
        self.facts.end = now;
        match std::mem::replace(&mut self.state, State::Head) {
            State::Head => Err(Failure::Truncated),
            State::Stream => self.reader.finish(&mut self.facts),
            State::Whole(whole) => whole.finish(self.want, &mut self.facts, &mut self.said),
            State::Error { head, body } => Err(whole::error(&head, &body, &mut self.facts)),
        }
    }

    /// Note why it fails.
    pub fn because(&mut self, why: impl std::fmt::Display) {
        self.facts.because(why);
    }

    /// What a chunk of frames brought since this was asked last.
    pub fn beat(&mut self) -> Beat {
        self.facts.beat()
    }

    /// What is known of it, and what it says, where that was to be kept.
    pub fn into_parts(self) -> (Facts, Said) {
        (self.facts, self.said)
    }
}
