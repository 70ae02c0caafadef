//! What all threads of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use replay::Engine;

use crate::options::{MAX_APP_BODIES_BYTES, Options};

/// The engine, the bounds, and whether to go on.
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) options: Options,
    stage: AtomicU8,
    in_flight: AtomicUsize,
    /// What bodies for the app hold.
    app_bytes: AtomicUsize,
}

/// The room of one body for the app, given back when it is dropped.
pub(crate) struct Room {
    shared: Arc<Shared>,
    taken: usize,
}

impl Room {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), taken: 0 }
    }

    /// Take room for so many bytes more; whether there is any.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        self.taken += bytes;
        let before = self.shared.app_bytes.fetch_add(bytes, Ordering::Relaxed);
        before + bytes <= MAX_APP_BODIES_BYTES
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared.app_bytes.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

/// How far graceful shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shutdown {
    /// Requests are taken.
    Serving,
    /// Connections and requests that came before are finished; new ones are refused.
    Draining,
    /// What is left is cut.
    Stopped,
}

impl Shared {
    pub(crate) fn new(engine: Arc<Engine>, options: Options) -> Self {
        Self {
            engine,
            options,
            stage: AtomicU8::new(Shutdown::Serving as u8),
            in_flight: AtomicUsize::new(0),
            app_bytes: AtomicUsize::new(0),
        }
    }

    /// Let a request in, if there is room. Who was let in has to leave.
    ///
    /// # Errors
    ///
    /// There is none; why, for the client.
    pub(crate) fn enter(&self) -> Result<(), String> {
        let limit = self.options.max_in_flight;
        if self.in_flight.fetch_add(1, Ordering::Relaxed) < limit {
            return Ok(());
        }
        self.leave();
        Err(format!("This server answers {limit} requests at a time."))
    }

    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn stage(&self) -> Shutdown {
        match self.stage.load(Ordering::Acquire) {
            0 => Shutdown::Serving,
            1 => Shutdown::Draining,
            _ => Shutdown::Stopped,
        }
    }

    /// Move on to a stage; there is no way back.
    pub(crate) fn advance(&self, stage: Shutdown) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
    }
}

/// Unix time in seconds.
pub(crate) fn unix_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
