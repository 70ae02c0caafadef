//! The place of a request that was let in.

use std::sync::Arc;

use replay::{End, Settlement};

use crate::meter::Meter;
use crate::shared::{Shared, Shutdown};

/// Guard for a request that was let in. Dropped before it was settled, the client has left, the
/// server was stopped, or an internal error unwinds.
pub(super) struct Admitted {
    pub(super) shared: Arc<Shared>,
    pub(super) meter: Arc<Meter>,
    settled: Option<Settled>,
}

enum Settled {
    /// It got no answer of the engine's.
    Unanswered(End),
    Answered(Settlement),
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
        Ok(Self { shared: Arc::clone(shared), meter: Arc::clone(meter), settled: None })
    }

    /// It got no answer of the engine's: a refusal was delivered, or making the answer failed.
    pub(super) fn unanswered(mut self, end: End) {
        self.settled = Some(Settled::Unanswered(end));
    }

    /// Its answer has ended.
    pub(super) fn settled(&mut self, settlement: Settlement) {
        self.settled = Some(Settled::Answered(settlement));
    }

    /// Why what is dropped now ends before its end.
    pub(super) fn dropped(&self) -> End {
        if std::thread::panicking() {
            End::Failed
        } else if self.shared.stage() == Shutdown::Stopped {
            End::Stopped
        } else {
            End::ClientLeft
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.shared.leave();
        match &self.settled {
            Some(Settled::Answered(settlement)) => self.meter.settled(settlement),
            Some(Settled::Unanswered(end)) => self.meter.ended(*end),
            None => self.meter.ended(self.dropped()),
        }
    }
}
