//! Handles to every worker thread and its fallback, with their current load.

use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};

use crate::fallback::Handover;
use crate::meter::Meter;
use crate::worker::{Command, Waker};

/// How many more answers under way than the least busy one a worker may have, before it passes on a
/// connection that asks for one more; and a sixteenth of those.
const MOST_AHEAD: usize = 4;

/// A handle to one worker and its fallback.
pub(crate) struct WorkerHandle {
    /// Counts the connections of both, and the answers of the worker.
    pub(crate) meter: Arc<Meter>,
    /// Counts the answers of the fallback.
    pub(crate) fallback_meter: Arc<Meter>,
    pub(crate) commands: Sender<Command>,
    pub(crate) waker: Waker,
    pub(crate) fallback: Handover,
}

impl WorkerHandle {
    /// Its load. A stream counts beside its connection: one that is idle is
    /// no burden, and one of HTTP/2 may carry a thousand.
    fn load(&self) -> usize {
        self.meter.load() + self.fallback_meter.load()
    }

    /// How many answers are under way, or soon will be.
    fn answers(&self) -> usize {
        self.meter.answers_ahead() + self.fallback_meter.answers_ahead()
    }

    /// Sends a command to the worker. A worker that has ended drops it.
    pub(crate) fn send(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            self.waker.wake();
        }
    }
}

/// Chooses the worker of each connection. Workers know it once all have been made.
#[derive(Clone, Default)]
pub(crate) struct Dispatcher(Arc<OnceLock<Vec<WorkerHandle>>>);

impl Dispatcher {
    pub(crate) fn open(&self, handles: Vec<WorkerHandle>) {
        assert!(self.0.set(handles).is_ok(), "they are made once");
    }

    fn all(&self) -> &[WorkerHandle] {
        self.0.get().map_or(&[], Vec::as_slice)
    }

    /// Returns the least-loaded worker, for a new connection.
    pub(crate) fn least_busy(&self) -> Option<&WorkerHandle> {
        self.all().iter().min_by_key(|handle| handle.load())
    }

    /// Connections of all.
    pub(crate) fn connections(&self) -> usize {
        self.all().iter().map(|handle| handle.meter.connections()).sum()
    }

    /// Returns the worker with the fewest answers if `own` has many more, so that the connection can be
    /// moved there.
    pub(crate) fn less_busy(&self, own: &Arc<Meter>) -> Option<&WorkerHandle> {
        // Most workers that are asked have few: answers that are not paced end at once.
        if own.answers_ahead() <= MOST_AHEAD {
            return None;
        }
        let own = self.all().iter().find(|handle| Arc::ptr_eq(&handle.meter, own))?.answers();
        let handle = self.all().iter().min_by_key(|handle| handle.answers())?;
        let least = handle.answers();
        (own > least + MOST_AHEAD + least / 16).then_some(handle)
    }
}
