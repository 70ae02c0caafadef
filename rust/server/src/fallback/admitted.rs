//! The place of a request that was let in.

use std::sync::Arc;

use replay::Outcome;

use crate::meter::Meter;
use crate::shared::Shared;

/// A request that was let in. Dropped, it has left: interrupted, unless it was told otherwise.
pub(super) struct Admitted {
    pub(super) shared: Arc<Shared>,
    pub(super) meter: Arc<Meter>,
    end: End,
}

/// How its answer ended.
struct End {
    outcome: Outcome,
    paced: bool,
    frames: usize,
    bytes: usize,
}

impl Admitted {
    /// Let a request in, if there is room.
    ///
    /// # Errors
    ///
    /// There is none; why, for the client.
    pub(super) fn new(shared: &Arc<Shared>, meter: &Arc<Meter>) -> Result<Self, String> {
        shared.enter()?;
        meter.began();
        let end = End { outcome: Outcome::Interrupted, paced: false, frames: 0, bytes: 0 };
        Ok(Self { shared: Arc::clone(shared), meter: Arc::clone(meter), end })
    }

    /// It got no answer of the engine's.
    pub(super) fn refused(mut self) {
        self.end.outcome = Outcome::Delivered;
    }

    /// Its answer has ended.
    pub(super) fn ended(&mut self, outcome: Outcome, paced: bool, frames: usize, bytes: usize) {
        self.end = End { outcome, paced, frames, bytes };
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let End { mut outcome, paced, frames, bytes } = self.end;
        if std::thread::panicking() {
            self.meter.panicked();
            outcome = Outcome::Pending;
        }
        self.shared.leave();
        self.meter.ended(outcome, paced, frames, bytes);
    }
}
