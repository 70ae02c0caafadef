//! What is known of an answer when it has ended. Times are in nanoseconds since the run began.

use std::fmt::Display;

/// Content events that come within this are one burst, in nanoseconds.
const BURST_NS: u64 = 1_000_000;

/// Fewer content events can come together by chance.
const BURST_EVENTS: u64 = 8;

/// The figures of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The first byte of the head.
    pub first_byte: Option<u64>,
    /// The first content that is not empty.
    pub first_content: Option<u64>,
    /// The last content.
    pub last_content: Option<u64>,
    /// The end of the body.
    pub end: u64,
    /// Frames, all of them verified.
    pub frames: u64,
    /// Frames with content, from the first that is not empty on.
    pub contents: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// Of the answer, where it says so.
    pub output_tokens: Option<u64>,
    /// Of the prompt, where it says so.
    pub input_tokens: Option<u64>,
    /// Why the model stopped.
    pub stop_reason: Option<Box<str>>,
    /// Events of kinds that the service model does not have; SDKs skip them.
    pub unknown_events: u64,
    /// The kind of the first of those.
    pub unknown_event: Option<Box<str>>,
    /// Where it failed: why, in words.
    pub why: Option<Box<str>>,
    /// What came since that was asked last.
    pub beat: Beat,
}

/// What is said of a failure is cut to this, in characters.
const MAX_WHY: usize = 300;

/// What came since the last beat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beat {
    /// Frames.
    pub frames: u64,
    /// The time since the content before, of the first content of the beat.
    pub gap: Option<u64>,
    /// Contents that came with the one before them, in one read.
    pub joined: u64,
}

impl Facts {
    /// Note a frame.
    pub(super) fn frame(&mut self) {
        self.frames += 1;
        self.beat.frames += 1;
    }

    /// Note content that came at `now`; what comes before the first that is not empty is none.
    #[inline]
    pub(super) fn content(&mut self, now: u64) {
        self.contents += 1;
        match self.last_content.replace(now) {
            None => self.first_content = Some(now),
            Some(before) if before == now => self.beat.joined += 1,
            Some(before) => self.beat.gap = Some(now.saturating_sub(before)),
        }
    }

    /// Note an event that SDKs skip.
    pub(super) fn skip(&mut self, kind: &str) {
        self.unknown_events += 1;
        self.unknown_event.get_or_insert_with(|| printable(kind));
    }

    /// Note why the answer fails. What was noted first is the cause.
    pub fn because(&mut self, why: impl Display) {
        self.why.get_or_insert_with(|| printable(&why.to_string()));
    }

    pub(super) fn beat(&mut self) -> Beat {
        std::mem::take(&mut self.beat)
    }

    /// Whether the content came all at once, as from a proxy that buffers.
    pub fn is_burst(&self) -> bool {
        let spread = self.last_content.unwrap_or(0) - self.first_content.unwrap_or(0);
        self.contents >= BURST_EVENTS && spread < BURST_NS
    }
}

/// Text that an endpoint sent, on one line and not endless.
fn printable(text: &str) -> Box<str> {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut cut: String = line.chars().take(MAX_WHY).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    cut.into()
}
