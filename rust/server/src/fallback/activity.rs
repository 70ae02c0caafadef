//! The activity of a fallback's connections, which is checked against their time limits once a second.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use slab::Slab;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::task;
use crate::options::{LAST_WORD, Options};

/// How often the limits are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Why a connection does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A head has begun, and does not come to its end.
    Late,
    /// The client does not read.
    Reader,
    /// Nothing is asked.
    Idle,
}

/// How a connection of HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The protocol of a connection, by its first bytes: hyper-util decides by the same rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// So many bytes of the preface came.
    Unknown(usize),
    Http1,
    Http2,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Activity {
    protocol: Cell<Protocol>,
    /// Requests whose answers have not left.
    busy: Cell<usize>,
    /// When the last of them left, and all that the socket did not take at once.
    idle_since: Cell<Instant>,
    /// When the first byte of a head came for which the service was not called yet. Bytes that came
    /// in one read with the end of the request before are hyper's alone to see: those wait as an idle
    /// connection does.
    head_since: Cell<Option<Instant>>,
    /// Whether the body of the last request over HTTP/1 has come to its end.
    body_ended: Cell<bool>,
    /// Since when the socket takes nothing.
    blocked_since: Cell<Option<Instant>>,
    /// When the socket took something last.
    wrote_at: Cell<Instant>,
    /// When the connection began to close, and nothing was sent since; starts the lingering close.
    closing_since: Cell<Option<Instant>>,
    /// Then, something had been sent just before, or was under way.
    lingers: Cell<bool>,
    /// What lasts for too long.
    overdue: Cell<Option<End>>,
    answers: RefCell<Slab<Waiting>>,
    /// Wakes the task that serves the connection.
    waker: RefCell<Option<Waker>>,
}

/// An answer that waits until a piece of it is taken.
#[derive(Debug)]
struct Waiting {
    /// From when on: from when it is due. Before, the server has to do something for it.
    since: Option<Instant>,
    /// What ends it alone, where it is not the only one of its connection.
    task: Option<AbortHandle>,
    /// No piece was taken for too long.
    stalled: bool,
}

impl Activity {
    fn new() -> Self {
        Self {
            protocol: Cell::new(Protocol::Unknown(0)),
            busy: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            head_since: Cell::new(None),
            body_ended: Cell::new(true),
            blocked_since: Cell::new(None),
            wrote_at: Cell::new(Instant::now()),
            closing_since: Cell::new(None),
            lingers: Cell::new(false),
            overdue: Cell::new(None),
            answers: RefCell::default(),
            waker: RefCell::default(),
        }
    }

    /// Note bytes that hyper is about to see: the first of a head starts its time limit.
    pub(super) fn read(&self, bytes: &[u8]) {
        if let Protocol::Unknown(seen) = self.protocol.get() {
            let next = &PREFACE[seen..];
            let next = &next[..next.len().min(bytes.len())];
            self.protocol.set(match seen + next.len() {
                _ if !bytes.starts_with(next) => Protocol::Http1,
                seen if seen == PREFACE.len() => Protocol::Http2,
                seen => Protocol::Unknown(seen),
            });
        }
        if self.protocol.get() == Protocol::Http2 {
            // Its frames may come at any time.
            self.head_since.set(None);
        } else if (self.busy.get() == 0 || self.body_ended.get())
            // Empty lines before a request are skipped (RFC 9112, 2.2).
            && bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
        {
            self.head_since.set(Some(self.head_since.get().unwrap_or_else(Instant::now)));
        }
    }

    /// The service was called: the head has come to its end, and maybe the body has.
    pub(super) fn called(&self, body_ended: bool) {
        self.head_since.set(None);
        self.body_ended.set(body_ended);
    }

    /// The body of the request has come to its end.
    pub(super) fn body_ended(&self) {
        self.body_ended.set(true);
    }

    /// Whether a head has begun, and not come to its end.
    pub(super) fn awaits_head(&self) -> bool {
        self.head_since.get().is_some()
    }

    /// Whether a body has begun, and not come to its end.
    pub(super) fn awaits_body(&self) -> bool {
        self.protocol.get() != Protocol::Http2 && !self.body_ended.get()
    }

    /// The connection begins to close. Where nothing is under way, the client is not waited for for long.
    pub(super) fn closing(&self) {
        let just_now = self.wrote_at.get().elapsed() < LAST_WORD;
        self.lingers.set(just_now || self.busy.get() > 0);
        self.closing_since.set(Some(Instant::now()));
    }

    /// The socket was asked to take bytes; whether it did. Returns whether it does not any more.
    pub(super) fn wrote(&self, took: bool) -> bool {
        let since = self.blocked_since.get();
        if took {
            let now = Instant::now();
            self.wrote_at.set(now);
            // HTTP/2 holds back what its client has no room for, and does not tell how much that is.
            self.closing_since.set(self.closing_since.get().map(|_| now));
            if since.is_some() {
                self.begins_to_wait(now);
            }
        }
        self.blocked_since.set((!took).then(|| since.unwrap_or_else(Instant::now)));
        !took && since.is_none()
    }

    /// From now on it is for the other side to say something.
    fn begins_to_wait(&self, now: Instant) {
        self.idle_since.set(now);
        // A head that came before was not read on meanwhile.
        self.head_since.set(self.head_since.get().map(|_| now));
    }

    /// Whether the other side may still be reading, or saying something.
    pub(super) fn lingers(&self) -> bool {
        self.closing_since.get().is_none() || self.lingers.get()
    }

    /// Wait until a time limit is exceeded. Only the task that serves the connection waits: activity
    /// in between does not wake it.
    pub(super) async fn end(&self) -> End {
        poll_fn(|context| {
            if let Some(end) = self.overdue.take() {
                return Poll::Ready(end);
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn look(&self, now: Instant, options: &Options) {
        let Some(end) = self.found(now, options) else { return };
        self.overdue.set(Some(end));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn found(&self, now: Instant, options: &Options) -> Option<End> {
        let beyond = |since: Instant, limit: Duration| now.saturating_duration_since(since) > limit;
        let stall = options.stall_timeout;
        let mut stands_still = self.blocked_since.get().is_some_and(|since| beyond(since, stall));
        for (_, answer) in &mut *self.answers.borrow_mut() {
            answer.stalled |=
                stands_still || answer.since.is_some_and(|since| beyond(since, stall));
            match &answer.task {
                Some(task) if answer.stalled => task.abort(),
                _ => stands_still |= answer.stalled,
            }
        }
        if stands_still {
            return Some(End::Reader);
        }
        if self.busy.get() > 0 || self.blocked_since.get().is_some() {
            return None;
        }
        let idle_since = self.idle_since.get();
        if let Some(since) = self.closing_since.get() {
            let end = self.head_since.get().map_or(End::Idle, |_| End::Late);
            return beyond(since.max(idle_since), LAST_WORD).then_some(end);
        }
        match self.head_since.get() {
            Some(since) => beyond(since, options.head_timeout).then_some(End::Late),
            None => beyond(idle_since, options.idle_timeout).then_some(End::Idle),
        }
    }
}

/// A request whose answer has not left.
#[derive(Debug)]
pub(super) struct Busy(Rc<Activity>);

impl Busy {
    pub(super) fn new(activity: &Rc<Activity>) -> Self {
        activity.busy.set(activity.busy.get() + 1);
        Self(Rc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
        self.0.begins_to_wait(Instant::now());
    }
}

/// An answer of which the protocol takes pieces.
#[derive(Debug)]
pub(super) struct Taken {
    activity: Rc<Activity>,
    key: usize,
}

impl Taken {
    /// Begin with an answer that is still to be made.
    pub(super) fn new(activity: &Rc<Activity>) -> Self {
        let waiting = Waiting { since: None, task: task::current(), stalled: false };
        let key = activity.answers.borrow_mut().insert(waiting);
        Self { activity: Rc::clone(activity), key }
    }

    /// From then on the protocol should take a piece.
    pub(super) fn is_due(&self, at: Instant) {
        self.activity.answers.borrow_mut()[self.key].since = Some(at);
    }

    /// The protocol would take a piece, and none is ready.
    pub(super) fn is_awaited(&self) {
        self.activity.answers.borrow_mut()[self.key].since = None;
    }

    /// It has been made; a piece is due now, unless it is known when one is.
    pub(super) fn is_made(&self) {
        self.activity.answers.borrow_mut()[self.key].since.get_or_insert_with(Instant::now);
    }

    /// Whether the next piece was not taken for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.activity.answers.borrow()[self.key].stalled
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.activity.answers.borrow_mut().remove(self.key);
    }
}

/// All connections of a fallback.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Rc<All>);

#[derive(Debug, Default)]
struct All {
    open: RefCell<Slab<Rc<Activity>>>,
    left: Notify,
}

/// A connection's place among them; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    all: Rc<All>,
    key: usize,
    pub(super) activity: Rc<Activity>,
}

impl Connections {
    pub(super) fn place(&self) -> Place {
        let activity = Rc::new(Activity::new());
        let key = self.0.open.borrow_mut().insert(Rc::clone(&activity));
        Place { all: Rc::clone(&self.0), key, activity }
    }

    /// Look at all of them, again and again.
    pub(super) async fn watch(self, options: &Options) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let now = Instant::now();
            for (_, activity) in self.0.open.borrow().iter() {
                activity.look(now, options);
            }
        }
    }

    /// Wait until there is none.
    pub(super) async fn wait(&self) {
        while !self.0.open.borrow().is_empty() {
            self.0.left.notified().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.open.borrow_mut().remove(self.key);
        self.all.left.notify_one();
    }
}
