//! What the connections of a lane do, as far as their time limits ask; once a second somebody looks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slab::Slab;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::options::Options;

/// How often the limits are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What has lasted for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// A head has begun, and not come to its end.
    Head,
    /// Nobody reads what is sent.
    Reader,
    /// Nothing is asked.
    Idle,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Activity {
    /// Requests whose answers have not left.
    busy: Cell<usize>,
    /// When the last of them left.
    idle_since: Cell<Instant>,
    /// When the first byte of a head came that is not there yet. None in HTTP/2, where a connection
    /// has more to say than requests.
    head_since: Cell<Option<Instant>>,
    http2: Cell<bool>,
    /// Since when the socket takes nothing.
    blocked_since: Cell<Option<Instant>>,
    /// When the protocol last took a piece of an answer.
    took: Cell<Instant>,
    /// When the next piece of each answer is due.
    due: RefCell<Slab<Instant>>,
    overdue: Cell<Option<Overdue>>,
    called: Notify,
}

impl Activity {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            busy: Cell::new(0),
            idle_since: Cell::new(now),
            head_since: Cell::new(None),
            http2: Cell::new(false),
            blocked_since: Cell::new(None),
            took: Cell::new(now),
            due: RefCell::default(),
            overdue: Cell::new(None),
            called: Notify::new(),
        }
    }

    /// Bytes came in.
    pub(super) fn read(&self) {
        let awaits_head = self.busy.get() == 0 && !self.http2.get();
        if awaits_head && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// The client speaks HTTP/2.
    pub(super) fn is_http2(&self) {
        self.http2.set(true);
        self.head_since.set(None);
    }

    /// The socket was asked to take bytes; whether it did.
    pub(super) fn wrote(&self, took: bool) {
        if took {
            self.blocked_since.set(None);
        } else if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(Instant::now()));
        }
    }

    /// Wait until something lasts for too long.
    pub(super) async fn overdue(&self) -> Overdue {
        loop {
            if let Some(overdue) = self.overdue.take() {
                return overdue;
            }
            self.called.notified().await;
        }
    }

    fn look(&self, now: Instant, options: &Options) {
        let Some(overdue) = self.found(now, options) else { return };
        self.overdue.set(Some(overdue));
        self.called.notify_one();
    }

    fn found(&self, now: Instant, options: &Options) -> Option<Overdue> {
        let beyond = |since: Instant, limit: Duration| now.saturating_duration_since(since) > limit;
        let stall = options.stall_timeout;
        let blocked = self.blocked_since.get().is_some_and(|since| beyond(since, stall));
        // An answer may wait for its reader while others on the connection are read.
        let untouched = || self.due.borrow().iter().any(|(_, due)| beyond(*due, stall));
        if blocked || beyond(self.took.get(), stall) && untouched() {
            return Some(Overdue::Reader);
        }
        if self.busy.get() > 0 {
            return None;
        }
        match self.head_since.get() {
            Some(since) => beyond(since, options.head_timeout).then_some(Overdue::Head),
            None => beyond(self.idle_since.get(), options.idle_timeout).then_some(Overdue::Idle),
        }
    }
}

/// A request whose answer has not left.
#[derive(Debug)]
pub(super) struct Busy(Rc<Activity>);

impl Busy {
    pub(super) fn new(activity: &Rc<Activity>) -> Self {
        activity.busy.set(activity.busy.get() + 1);
        activity.head_since.set(None);
        Self(Rc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

/// An answer of which the protocol takes pieces.
#[derive(Debug)]
pub(super) struct Taken {
    activity: Rc<Activity>,
    key: usize,
}

impl Taken {
    /// Begin with an answer whose first piece is due then.
    pub(super) fn new(activity: &Rc<Activity>, due: Instant) -> Self {
        let key = activity.due.borrow_mut().insert(due);
        Self { activity: Rc::clone(activity), key }
    }

    /// A piece was taken; when the next is due.
    pub(super) fn piece(&self, now: Instant, next: Instant) {
        self.activity.took.set(now);
        self.activity.due.borrow_mut()[self.key] = next;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.activity.due.borrow_mut().remove(self.key);
    }
}

/// All connections of a lane.
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
