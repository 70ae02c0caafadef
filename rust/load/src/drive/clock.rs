//! The clock of a run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since a run began.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    base: Instant,
    unix: Duration,
}

impl Clock {
    /// A clock that is at zero at this Unix time, or now.
    pub fn starting(at: Option<f64>) -> Self {
        let (now, unix) = (Instant::now(), SystemTime::now());
        let unix = unix.duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = at.and_then(|at| Duration::try_from_secs_f64(at).ok());
        let wait = at.map_or(Duration::ZERO, |at| at.saturating_sub(unix));
        Self { base: now + wait, unix: unix + wait }
    }

    /// Nanoseconds since the run began; zero before.
    #[inline]
    pub fn now(&self) -> u64 {
        Instant::now().saturating_duration_since(self.base).as_nanos() as u64
    }

    /// When a time of the run is.
    pub fn instant(&self, ns: u64) -> Instant {
        // A time beyond what the clock can say is as good as a day: nothing waits for it.
        self.base
            .checked_add(Duration::from_nanos(ns))
            .unwrap_or_else(|| self.base + Duration::from_secs(86_400))
    }

    /// The Unix time when the run began.
    pub fn unix(&self) -> Duration {
        self.unix
    }

    /// The Unix time now, in seconds; it goes on evenly, whatever is done to the system's clock.
    pub fn unix_now(&self) -> u64 {
        (self.unix + Duration::from_nanos(self.now())).as_secs()
    }
}
