//! An answer on its way: what of it is due, what was late, and how it ended. Sans-IO.
//!
//! ```text
//!             ┌── next(now) ──▶ Send(range) ─▶ the driver writes ─▶ sent(bytes, now) ─▶ lateness
//!  Answer ─▶ Playback           Wait(until) ─▶ the driver waits
//!             │                 Cut, Done ───┐
//!             └── finish(end, now) ◀─────────┴─ or: the client left, stalled, …
//!                      └─▶ Settlement ─▶ journal and metrics
//! ```
//!
//! Times are durations since the request was there, from any clock that never goes back. Nothing
//! here allocates: a step is a look at the schedule.

use std::ops::Range;
use std::time::Duration;

use crate::answer::{Answer, RequestId};
use crate::journal::Outcome;

/// What a driver does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write these bytes of the body. The first range is due with the head of the response, and
    /// may be empty.
    Send(Range<usize>),
    /// Nothing is due before then.
    Wait(Duration),
    /// Close the connection before the end of the body, as the fixture asks.
    Cut,
    /// Everything has been handed out.
    Done,
}

/// Why a playback ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All of it was sent.
    Delivered,
    /// The client closed the connection or reset the stream.
    ClientLeft,
    /// The client did not read on for too long.
    Stalled,
    /// The fixture cuts it.
    Cut,
    /// The server was stopped, and did not wait any longer.
    Stopped,
    /// An internal error.
    Failed,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Delivered, Self::ClientLeft, Self::Stalled, Self::Cut, Self::Stopped, Self::Failed];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            _ => self.outcome().name(),
        }
    }

    /// What the journal says of it.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Delivered => Outcome::Delivered,
            Self::ClientLeft => Outcome::ClientLeft,
            Self::Stalled => Outcome::Stalled,
            Self::Cut | Self::Stopped => Outcome::Cut,
            Self::Failed => Outcome::Failed,
        }
    }
}

/// How a playback ended: the one account of it, for the journal and for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Of which request.
    pub request_id: RequestId,
    /// Why it ended.
    pub end: End,
    /// Whole frames that were sent; a body that is not an event stream is one frame.
    pub frames: usize,
    /// Bytes of the body that were sent.
    pub bytes: usize,
    /// Whether the body is an event stream.
    pub is_stream: bool,
    /// Whether some of it was due later than at once.
    pub is_paced: bool,
    /// From when the request was there to the end of its answer.
    pub duration: Duration,
    /// The largest lateness of a paced write; `None` where nothing was paced.
    pub lateness: Option<Duration>,
}

/// One answer being sent.
#[derive(Debug)]
pub struct Playback {
    answer: Answer,
    /// When the next write is due, or after the last one the cut; `None` after everything.
    due: Option<Duration>,
    /// The first write that was not handed out whole.
    next: usize,
    /// How much of the body was handed out.
    given: usize,
    /// Whether anything was handed out, if only the head.
    begun: bool,
    /// How much of the body the transport took.
    sent: usize,
    /// The first write of which the transport did not take all.
    judged: usize,
    /// Writes that waited for their reader: their lateness is not the server's.
    excused: Range<usize>,
    latest: Duration,
}

impl Playback {
    /// Begin with an answer.
    pub fn new(answer: Answer) -> Self {
        let mut playback = Self {
            answer,
            due: None,
            next: 0,
            given: 0,
            begun: false,
            sent: 0,
            judged: 0,
            excused: 0..0,
            latest: Duration::ZERO,
        };
        playback.due = playback.due_of(0);
        playback
    }

    /// The answer.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// When the next write, or the cut, is due; `None` after everything.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// How much of the body was handed out.
    pub fn handed_out(&self) -> usize {
        self.given
    }

    /// Whether anything was handed out, if only the head.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether the whole body was handed out, and no cut follows.
    pub fn is_complete(&self) -> bool {
        let schedule = &self.answer.schedule;
        self.begun && self.next == schedule.writes.len() && schedule.abort.is_none()
    }

    /// What to do at `now`: hand out what is due, at most `most` bytes at a time.
    pub fn next(&mut self, now: Duration, most: usize) -> Step {
        let start = self.given;
        let writes = self.answer.schedule.writes.len();
        while self.next < writes && self.due.is_some_and(|due| due <= now) {
            let end = self.answer.schedule.writes[self.next].1;
            let room = start.saturating_add(most);
            if end > room {
                self.given = room;
                return self.send(start);
            }
            self.given = end;
            self.next += 1;
            self.due = self.due_of(self.next);
        }
        if self.given > start {
            return self.send(start);
        }
        let is_due = self.due.is_none_or(|due| due <= now);
        match self.due {
            _ if !self.begun && (is_due || self.next > 0) => self.send(start),
            Some(due) if !is_due => Step::Wait(due),
            Some(_) => Step::Cut,
            None => Step::Done,
        }
    }

    fn send(&mut self, start: usize) -> Step {
        self.begun = true;
        Step::Send(start..self.given)
    }

    /// The transport took so many bytes more of the body, by a call that returned at `now`: `late`
    /// gets the lateness of each paced write of which that was the last byte.
    pub fn sent(&mut self, bytes: usize, now: Duration, mut late: impl FnMut(Duration)) {
        self.sent = (self.sent + bytes).min(self.given);
        while self.judged < self.next && self.end_of(self.judged) <= self.sent {
            if let Some(lateness) = self.lateness_of(self.judged, now) {
                self.latest = self.latest.max(lateness);
                late(lateness);
            }
            self.judged += 1;
        }
    }

    /// The transport was waiting for its reader up to `now`: what became due meanwhile, and was not
    /// handed out, is not late by the server's fault.
    pub fn excuse(&mut self, now: Duration) {
        let is_partial = self.next > 0 && self.given > self.end_of(self.next - 1)
            || self.next == 0 && self.given > 0;
        let first = self.next + usize::from(is_partial);
        let writes = self.answer.schedule.writes.get(first..).unwrap_or_default();
        let late = writes.partition_point(|(after, _)| Duration::from_secs_f64(*after) <= now);
        if self.excused.end <= self.judged {
            self.excused = first..first + late;
        } else {
            self.excused.end = self.excused.end.max(first + late);
        }
    }

    /// How it ended, at `now`.
    ///
    /// A driver may ask for [`End::Delivered`] just before the last bytes go: a client that has read
    /// them may look into the journal at once. What is not sent by then counts as sent.
    pub fn finish(&self, end: End, now: Duration) -> Settlement {
        let plan = &self.answer.plan;
        let (bytes, pending) = match end {
            End::Delivered => (self.given, self.judged..self.next),
            _ => (self.sent, 0..0),
        };
        let latest = pending.filter_map(|write| self.lateness_of(write, now)).max();
        let is_paced = self.answer.schedule.is_paced();
        Settlement {
            request_id: self.answer.request_id,
            end,
            frames: plan.frames_within(bytes),
            bytes,
            is_stream: plan.is_stream(),
            is_paced,
            duration: now,
            lateness: is_paced.then(|| self.latest.max(latest.unwrap_or_default())),
        }
    }

    /// How late a write is at `now`; `None` for one that is not paced, or waited for its reader.
    fn lateness_of(&self, write: usize, now: Duration) -> Option<Duration> {
        let (after, _) = self.answer.schedule.writes[write];
        let is_judged = after > 0.0 && !self.excused.contains(&write);
        is_judged.then(|| now.saturating_sub(Duration::from_secs_f64(after)))
    }

    fn end_of(&self, write: usize) -> usize {
        self.answer.schedule.writes[write].1
    }

    /// When a write is due, or after the last one the cut.
    fn due_of(&self, write: usize) -> Option<Duration> {
        let schedule = &self.answer.schedule;
        let after = match schedule.writes.get(write) {
            Some((after, _)) => *after,
            None => schedule.abort?.0,
        };
        Some(Duration::from_secs_f64(after))
    }
}
