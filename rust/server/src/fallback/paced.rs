//! An answer of the engine as a body: what is due comes out when it is due.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use replay::{Answer, End, Plan, Playback, Settlement, Step};
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

/// The body of a response, driven by its playback.
pub(super) struct Paced {
    admitted: Admitted,
    taken: Rc<Taken>,
    playback: Playback,
    bytes: Bytes,
    began: Instant,
    alarm: Alarm,
    /// When the connection is cut, once the cut is due.
    cut_at: Option<Instant>,
    /// The connection asked for more before it was due: how late it is then is the server's affair,
    /// and not the reader's.
    awaited: bool,
    /// How it ended, once it has.
    settled: Option<Settlement>,
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
        admitted.meter.answers(answer.schedule.is_paced());
        let paced = Self {
            admitted,
            taken: Rc::clone(taken),
            bytes: Bytes::from_owner(Owner(Arc::clone(&answer.plan))),
            playback: Playback::new(answer),
            began,
            alarm: alarms.alarm(),
            cut_at: None,
            awaited: false,
            settled: None,
        };
        paced.tell_due(began);
        paced
    }

    /// Wait until the first of it is due: the head of a response goes with its first bytes.
    pub(super) async fn first_is_due(&mut self) {
        // An alarm takes a turn of the thread even where it is over.
        let due = self.playback.due().map(|due| self.began + due);
        if let Some(due) = due.filter(|due| *due > Instant::now()) {
            self.awaited = true;
            self.alarm.set(due);
            poll_fn(|context| self.alarm.poll(context)).await;
        }
        if self.bytes.is_empty() {
            // Nothing will be asked for.
            let _ = self.next();
        }
    }

    /// How long it is.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The response has a head only, which says how long the body would be.
    pub(super) fn end_with_head(mut self) {
        self.settle(End::Delivered);
    }

    /// Tell when the next piece is due.
    fn tell_due(&self, now: Instant) {
        let due = self.playback.due().map_or(now, |due| self.began + due);
        self.taken.is_due(due.max(now));
    }

    /// What to do now. What is handed to hyper counts as sent: it takes a piece when the client has
    /// room for it, and does not tell when that is written.
    fn next(&mut self) -> Step {
        let now = Instant::now();
        let age = now - self.began;
        if !self.awaited {
            self.playback.excuse(age);
        }
        let is_first = !self.playback.has_begun();
        let step = self.playback.next(age, PIECE);
        let Step::Send(range) = &step else { return step };
        let meter = &self.admitted.meter;
        self.playback.sent(range.len(), age, |lateness| meter.wrote(lateness));
        if is_first && self.playback.answer().plan.is_stream() {
            meter.first_frame(age);
        }
        self.awaited = false;
        self.tell_due(now);
        if self.playback.is_complete() {
            // Before it goes: a client that has read all of it may look into the journal at once.
            self.settle(End::Delivered);
        }
        step
    }

    fn settle(&mut self, end: End) {
        let settlement = self.playback.finish(end, self.began.elapsed());
        self.admitted.shared.engine.settle(&settlement);
        self.admitted.settled(settlement);
        self.settled = Some(settlement);
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
            if this.settled.is_some() {
                return Poll::Ready(None);
            }
            let due = match this.cut_at {
                Some(cut_at) => cut_at,
                None => match this.next() {
                    Step::Send(range) if range.is_empty() => continue,
                    Step::Send(range) => {
                        return Poll::Ready(Some(Ok(Frame::data(this.bytes.slice(range)))));
                    }
                    Step::Wait(due) => this.began + due,
                    Step::Cut => *this.cut_at.insert(Instant::now() + BEFORE_CUT),
                    Step::Done => return Poll::Ready(None),
                },
            };
            this.awaited = true;
            this.alarm.set(due);
            ready!(this.alarm.poll(context));
            if this.cut_at.is_some() {
                this.settle(End::Cut);
                return Poll::Ready(Some(Err(Cut)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.settled.is_some()
    }

    fn size_hint(&self) -> SizeHint {
        if self.playback.answer().plan.is_stream() {
            return SizeHint::new();
        }
        SizeHint::with_exact((self.bytes.len() - self.playback.handed_out()) as u64)
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if self.settled.is_none() {
            let stalled = self.taken.is_stalled();
            self.settle(if stalled { End::Stalled } else { self.admitted.dropped() });
        }
    }
}
