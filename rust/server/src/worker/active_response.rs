//! An answer on its way over HTTP/1.1: a driver of its playback, which frames what is due.

use std::time::Duration;

use replay::{Answer, End, Playback, Settlement, Step};

use crate::clock::{TICK_NS, tick_of};
use crate::wire::{self, Date, Head};

/// One answer being sent on one connection.
#[derive(Debug)]
pub(super) struct ActiveResponse {
    playback: Playback,
    began_ns: u64,
    /// What is due up to here goes out: the last tick that has come for it. What is due later waits
    /// for a turn of its own, even where that is over: frames stay apart when the server is late.
    horizon_ns: u64,
    /// Bytes of the body in the output that the socket has not taken.
    unsent: usize,
    /// Bytes of the framing behind them.
    framing: usize,
    is_cut: bool,
    /// The delivery that the journal was told of before the last bytes went.
    told: Option<Settlement>,
    /// The connection ends with it.
    pub(super) close: bool,
}

impl ActiveResponse {
    pub(super) fn new(answer: Answer, began_ns: u64, close: bool) -> Self {
        Self {
            playback: Playback::new(answer),
            began_ns,
            horizon_ns: began_ns,
            unsent: 0,
            framing: 0,
            is_cut: false,
            told: None,
            close,
        }
    }

    pub(super) fn answer(&self) -> &Answer {
        self.playback.answer()
    }

    /// The tick at which more is due.
    pub(super) fn next_tick(&self) -> Option<u64> {
        let due = self.playback.due()?;
        Some(tick_of(self.began_ns + due.as_nanos() as u64))
    }

    /// Let out what is due in the next tick.
    pub(super) fn on_tick(&mut self) {
        if let Some(tick) = self.next_tick() {
            self.horizon_ns = self.horizon_ns.max(tick * TICK_NS);
        }
    }

    /// Let out all that has become due while the socket waited for its reader.
    pub(super) fn on_writable(&mut self, now_ns: u64) {
        self.horizon_ns = self.horizon_ns.max(now_ns);
    }

    /// Since its request was there.
    pub(super) fn age(&self, now_ns: u64) -> Duration {
        Duration::from_nanos(now_ns.saturating_sub(self.began_ns))
    }

    /// Whether nothing has been handed out.
    pub(super) fn is_unbegun(&self) -> bool {
        !self.playback.has_begun()
    }

    /// Whether everything has been handed out.
    pub(super) fn is_complete(&self) -> bool {
        self.playback.is_complete()
    }

    /// Whether its connection is to be cut, everything before having been handed out.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Append what is due and was not handed out, at most `most` bytes of the body; between the
    /// head of the response, before the first of it, and what ends a chunked body.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, most: usize, date: &Date) {
        let is_first = self.is_unbegun();
        let range = match self.playback.next(self.age(self.horizon_ns), most) {
            Step::Send(range) => range,
            Step::Cut => {
                self.is_cut = true;
                return;
            }
            Step::Wait(_) | Step::Done => return,
        };
        let Answer { plan, request_id, .. } = self.playback.answer();
        if is_first {
            Head { plan, request_id: Some(*request_id), close: self.close }.write(out, date);
        }
        let bytes = &plan.body()[range];
        self.unsent = bytes.len();
        self.framing = 0;
        if plan.is_stream() {
            self.framing += wire::chunk(out, bytes);
            if self.playback.is_complete() {
                out.extend_from_slice(wire::LAST_CHUNK);
                self.framing += wire::LAST_CHUNK.len();
            }
        } else {
            out.extend_from_slice(bytes);
        }
    }

    /// The socket took all of the output but for its last `left` bytes, by a call that returned at
    /// `now_ns`; `late` gets the lateness of each paced write that went out with it.
    pub(super) fn sent(&mut self, left: usize, now_ns: u64, late: impl FnMut(Duration)) {
        let unsent = left.saturating_sub(self.framing).min(self.unsent);
        let taken = self.unsent - unsent;
        self.unsent = unsent;
        let age = self.age(now_ns);
        self.playback.sent(taken, age, late);
    }

    /// The socket waited for its reader: what became due meanwhile is not the server's lateness.
    pub(super) fn excuse(&mut self) {
        self.playback.excuse(self.age(self.horizon_ns));
    }

    /// Account for a delivery whose last bytes are about to go: a client that has read them may
    /// look into the journal at once.
    pub(super) fn tell(&mut self, now_ns: u64) -> Settlement {
        *self.told.insert(self.playback.finish(End::Delivered, self.age(now_ns)))
    }

    /// How it ended; and whether the journal was told of it before.
    pub(super) fn finish(&self, end: End, now_ns: u64) -> (Settlement, bool) {
        match self.told {
            Some(told) if end == End::Delivered => (told, true),
            _ => (self.playback.finish(end, self.age(now_ns)), false),
        }
    }
}
