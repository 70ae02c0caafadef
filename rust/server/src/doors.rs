//! The ways to all workers and fallbacks, and how busy who is behind them is.

use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};

use crate::fallback::Handover;
use crate::meter::Meter;
use crate::worker::{Command, Waker};

/// How many more answers under way than the least busy one a worker may have, before it passes on a
/// connection that asks for one more; and a sixteenth of those.
const MOST_AHEAD: usize = 4;

/// The way to one worker and its fallback.
pub(crate) struct Door {
    /// Counts the connections of both, and the answers of the worker.
    pub(crate) meter: Arc<Meter>,
    /// Counts the answers of the fallback.
    pub(crate) fallback_meter: Arc<Meter>,
    pub(crate) commands: Sender<Command>,
    pub(crate) waker: Waker,
    pub(crate) fallback: Handover,
}

impl Door {
    /// How busy who is behind it is. A stream counts beside its connection: one that is idle is
    /// no burden, and one of HTTP/2 may carry a thousand.
    fn load(&self) -> usize {
        self.meter.load() + self.fallback_meter.load()
    }

    /// How many answers are under way behind it, or soon will be.
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

/// All of them; known to each worker once all have been made.
#[derive(Clone, Default)]
pub(crate) struct Doors(Arc<OnceLock<Vec<Door>>>);

impl Doors {
    pub(crate) fn open(&self, doors: Vec<Door>) {
        assert!(self.0.set(doors).is_ok(), "they are made once");
    }

    fn all(&self) -> &[Door] {
        self.0.get().map_or(&[], Vec::as_slice)
    }

    /// Who gets a new connection.
    pub(crate) fn least_busy(&self) -> Option<&Door> {
        self.all().iter().min_by_key(|door| door.load())
    }

    /// Connections of all.
    pub(crate) fn connections(&self) -> usize {
        self.all().iter().map(|door| door.meter.connections()).sum()
    }

    /// Who should give the next answer of a worker that has many more under way than others.
    pub(crate) fn less_busy(&self, own: &Arc<Meter>) -> Option<&Door> {
        // Most workers that are asked have few: answers that are not paced end at once.
        if own.answers_ahead() <= MOST_AHEAD {
            return None;
        }
        let own = self.all().iter().find(|door| Arc::ptr_eq(&door.meter, own))?.answers();
        let door = self.all().iter().min_by_key(|door| door.answers())?;
        let least = door.answers();
        (own > least + MOST_AHEAD + least / 16).then_some(door)
    }
}
