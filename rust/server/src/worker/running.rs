//! An answer on its way: what is due of it, as bytes.

use std::time::Duration;

use replay::{Answer, Took};

use crate::clock::tick_of;
use crate::wire::{self, Date, Head};

/// How much of an answer has been given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unbegun,
    /// The head, and some of the body.
    Begun,
    /// Everything, and the end of a chunked body.
    Ended,
}

/// One answer. What goes out is the head with the first bytes, and then what its schedule allows.
#[derive(Debug)]
pub(super) struct Running {
    answer: Answer,
    began_ns: u64,
    /// How many writes of the schedule are allowed.
    allowed: usize,
    /// The most that one of these was late.
    latest: Duration,
    /// Of how many of these the lateness is known, or not the server's.
    judged: usize,
    /// How much of the body has been given out.
    given: usize,
    stage: Stage,
    cut: bool,
    /// The connection ends with it.
    pub(super) close: bool,
}

impl Running {
    pub(super) fn new(answer: Answer, began_ns: u64, close: bool) -> Self {
        let mut running = Self {
            answer,
            began_ns,
            allowed: 0,
            judged: 0,
            latest: Duration::ZERO,
            given: 0,
            stage: Stage::Unbegun,
            cut: false,
            close,
        };
        running.allow_while(|due| due <= began_ns);
        running
    }

    pub(super) fn answer(&self) -> &Answer {
        &self.answer
    }

    /// When a write, or after the last one the cut, is due.
    fn due_ns(&self, write: usize) -> Option<u64> {
        let schedule = &self.answer.schedule;
        let after = match schedule.writes.get(write) {
            Some((after, _)) => *after,
            None if write == schedule.writes.len() => schedule.abort?.0,
            None => return None,
        };
        Some(self.began_ns + Duration::from_secs_f64(after).as_nanos() as u64)
    }

    /// Allow what is due next, and all that is due in the same tick. What is due later waits for a
    /// turn of its own, even where that is over: frames stay apart when the server is late.
    pub(super) fn allow_next(&mut self) {
        if let Some(tick) = self.next_tick() {
            self.allow_while(|due| tick_of(due) <= tick);
        }
    }

    fn allow_while(&mut self, is_due: impl Fn(u64) -> bool) {
        while self.due_ns(self.allowed).is_some_and(&is_due) {
            self.cut |= self.allowed == self.answer.schedule.writes.len();
            self.allowed += 1;
        }
    }

    /// The tick at which more is due.
    pub(super) fn next_tick(&self) -> Option<u64> {
        self.due_ns(self.allowed).map(tick_of)
    }

    /// What is allowed now waits for its reader: when it goes out says nothing about the server.
    pub(super) fn excuse(&mut self) {
        self.judged = self.allowed;
    }

    /// How late the last write that was allowed is, if it was a paced one; once for each.
    pub(super) fn lateness(&mut self, now_ns: u64) -> Option<Duration> {
        let lateness = self.late_by(now_ns);
        self.judged = self.allowed;
        self.latest = self.latest.max(lateness.unwrap_or_default());
        lateness
    }

    fn late_by(&self, now_ns: u64) -> Option<Duration> {
        if self.judged == self.allowed {
            return None;
        }
        let last = self.allowed.checked_sub(1)?;
        self.answer.schedule.writes.get(last).filter(|write| write.0 > 0.0)?;
        let due = self.due_ns(last)?;
        Some(Duration::from_nanos(now_ns.saturating_sub(due)))
    }

    /// How long it took, up to now; a write that is about to go is as late as it is now.
    pub(super) fn took(&self, now_ns: u64) -> Took {
        let latest = self.latest.max(self.late_by(now_ns).unwrap_or_default());
        Took {
            duration: self.age(now_ns).as_secs_f64(),
            lateness: self.answer.schedule.is_paced().then_some(latest.as_secs_f64()),
        }
    }

    /// Since its request was there.
    pub(super) fn age(&self, now_ns: u64) -> Duration {
        Duration::from_nanos(now_ns.saturating_sub(self.began_ns))
    }

    /// Whether nothing has been given out.
    pub(super) fn is_unbegun(&self) -> bool {
        self.stage == Stage::Unbegun
    }

    /// Whether all has been given out.
    pub(super) fn is_given(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether its connection is to be cut, all before having been given out.
    pub(super) fn is_cut(&self) -> bool {
        self.cut && self.stage == Stage::Begun && self.given == self.allowed_end()
    }

    /// How many bytes of the body have been given out.
    pub(super) fn given(&self) -> usize {
        self.given
    }

    fn allowed_end(&self) -> usize {
        let writes = &self.answer.schedule.writes;
        let last = self.allowed.min(writes.len()).checked_sub(1);
        last.map_or(0, |last| writes[last].1)
    }

    /// Append what is due and was not given out, at most `room` bytes of the body.
    pub(super) fn give(&mut self, out: &mut Vec<u8>, room: usize, date: &Date) {
        if self.allowed == 0 || self.is_given() {
            return;
        }
        let plan = &self.answer.plan;
        if self.is_unbegun() {
            let request_id = Some(self.answer.request_id);
            Head { plan, request_id, close: self.close }.write(out, date);
            self.stage = Stage::Begun;
        }
        let end = self.allowed_end().min(self.given + room);
        let bytes = &plan.body()[self.given..end];
        self.given = end;
        let writes = &self.answer.schedule.writes;
        let is_end = self.answer.schedule.abort.is_none()
            && self.allowed == writes.len()
            && end == self.allowed_end();
        if plan.is_stream() {
            wire::chunk(out, bytes);
            if is_end {
                out.extend_from_slice(wire::LAST_CHUNK);
            }
        } else {
            out.extend_from_slice(bytes);
        }
        if is_end {
            self.stage = Stage::Ended;
        }
    }
}
