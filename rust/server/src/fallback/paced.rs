//! An answer of the engine as a body: what is due comes out when it is due.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use replay::{Answer, Outcome, Plan, Took};
use tokio::time::Instant;

use super::activity::Taken;
use super::admitted::Admitted;
use super::alarms::{Alarm, Alarms};

/// How long the connection has, once it asks for more than there is before a cut: it sends that
/// meanwhile. That holds for a thread that is late, too.
const BEFORE_CUT: Duration = Duration::from_millis(5);

/// How much is given to the connection at a time: a frame of HTTP/2, which takes what it is given
/// whole, whatever the client has room for.
const PIECE: usize = 16_384;

/// The connection is cut here, as the fixture asks.
#[derive(Debug)]
pub(super) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut as the fixture asks")
    }
}

impl std::error::Error for Cut {}

/// The body of a plan, shared.
struct Owner(Arc<Plan>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.body()
    }
}

/// A body on its schedule. Dropped before its end, it was interrupted.
pub(super) struct Paced {
    admitted: Admitted,
    taken: Rc<Taken>,
    answer: Answer,
    bytes: Bytes,
    began: Instant,
    alarm: Alarm,
    next: usize,
    given: usize,
    /// The most that a write was late.
    latest: Duration,
    /// When the cut is due, once everything before it was given.
    cut_at: Option<Instant>,
    /// It was not yet due when it was last asked for: how late it is then is the server's affair,
    /// and not the reader's.
    awaited: bool,
    outcome: Option<Outcome>,
}

impl Paced {
    /// Begin with an answer to a request that was there when it `began`.
    pub(super) fn new(
        admitted: Admitted,
        taken: &Rc<Taken>,
        alarms: &Alarms,
        answer: Answer,
        began: Instant,
    ) -> Self {
        let bytes = Bytes::from_owner(Owner(Arc::clone(&answer.plan)));
        let mut paced = Self {
            admitted,
            taken: Rc::clone(taken),
            answer,
            bytes,
            began,
            alarm: alarms.alarm(),
            next: 0,
            given: 0,
            latest: Duration::ZERO,
            cut_at: None,
            awaited: false,
            outcome: None,
        };
        paced.admitted.meter.answers(paced.answer.schedule.is_paced());
        paced.tell(began);
        paced.end_where_nothing_is_left();
        paced
    }

    /// Wait until the first of it is due: the head of a response goes with its first bytes.
    pub(super) async fn first_is_due(&mut self) {
        // An alarm takes a turn of the thread even where it is over.
        if let Some(due) = self.due().filter(|due| *due > Instant::now()) {
            self.awaited = true;
            self.alarm.set(due);
            poll_fn(|context| self.alarm.poll(context)).await;
        }
    }

    /// How long it is.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Nobody wants the body: it has been delivered with its head.
    pub(super) fn end_with_head(mut self) {
        self.outcome = Some(Outcome::Delivered);
        self.settle(Outcome::Delivered);
    }

    /// When the next write, or the cut, is due.
    fn due(&self) -> Option<Instant> {
        let schedule = &self.answer.schedule;
        match schedule.writes.get(self.next) {
            Some((after, _)) => Some(self.began + Duration::from_secs_f64(*after)),
            None => self.cut_at.or_else(|| self.cut_after(self.began)),
        }
    }

    /// When the cut is due, if everything before it has been given by then.
    fn cut_after(&self, given: Instant) -> Option<Instant> {
        let (after, _) = self.answer.schedule.abort?;
        Some((self.began + Duration::from_secs_f64(after)).max(given) + BEFORE_CUT)
    }

    /// Tell when the next piece is due.
    fn tell(&self, now: Instant) {
        self.taken.is_due(self.due().unwrap_or(now).max(now));
    }

    /// Take what is due, but no more than a piece.
    fn take(&mut self, now: Instant) -> Bytes {
        let start = self.given;
        while let Some(&(after, end)) = self.answer.schedule.writes.get(self.next) {
            let due = self.began + Duration::from_secs_f64(after);
            if due > now {
                break;
            }
            if after > 0.0 && self.awaited {
                self.latest = self.latest.max(now - due);
                self.admitted.meter.wrote(now - due);
            }
            let room = start + PIECE;
            if end > room {
                self.given = self.given.max(room);
                break;
            }
            self.given = end;
            self.next += 1;
        }
        if start == 0 && self.answer.plan.is_stream() {
            self.admitted.meter.first_frame(now - self.began);
        }
        self.awaited = false;
        self.tell(now);
        self.end_where_nothing_is_left();
        self.bytes.slice(start..self.given)
    }

    /// How many whole frames were given out.
    fn frames(&self) -> usize {
        self.answer.plan.frames_within(self.given)
    }

    fn settle(&self, outcome: Outcome) {
        let paced = self.answer.schedule.is_paced();
        let took = Took {
            duration: self.began.elapsed().as_secs_f64(),
            lateness: paced.then_some(self.latest.as_secs_f64()),
        };
        let engine = &self.admitted.shared.engine;
        engine.settle(self.answer.request_id, outcome, self.frames(), Some(took));
    }

    fn end_where_nothing_is_left(&mut self) {
        let schedule = &self.answer.schedule;
        let left = schedule.writes.get(self.next..).unwrap_or_default();
        if schedule.abort.is_none() && left.iter().all(|write| write.1 == self.given) {
            self.outcome = Some(Outcome::Delivered);
            // Before it goes: who has read all of it may look into the journal at once.
            self.settle(Outcome::Delivered);
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        loop {
            if this.outcome.is_some() {
                return Poll::Ready(None);
            }
            let now = Instant::now();
            if this.cut_at.is_none() && this.next == this.answer.schedule.writes.len() {
                this.cut_at = this.cut_after(now);
            }
            let Some(due) = this.due() else { return Poll::Ready(None) };
            if due > now {
                this.awaited = true;
                this.alarm.set(due);
                ready!(this.alarm.poll(context));
            }
            if this.next == this.answer.schedule.writes.len() {
                this.outcome = Some(Outcome::Aborted);
                return Poll::Ready(Some(Err(Cut)));
            }
            let bytes = this.take(Instant::now());
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.outcome.is_some()
    }

    fn size_hint(&self) -> SizeHint {
        if self.answer.plan.is_stream() {
            return SizeHint::new();
        }
        SizeHint::with_exact((self.bytes.len() - self.given) as u64)
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        let left = if self.taken.is_stalled() { Outcome::Stalled } else { Outcome::Interrupted };
        let outcome = self.outcome.unwrap_or(left);
        let frames = self.frames();
        let streamed = self.answer.plan.is_stream();
        let counted = if streamed { frames } else { 0 };
        self.admitted.ended(outcome, self.answer.schedule.is_paced(), counted, self.given);
        if streamed && outcome == Outcome::Delivered {
            self.admitted.meter.finished(self.began.elapsed());
        }
        if outcome != Outcome::Delivered {
            self.settle(outcome);
        }
    }
}
