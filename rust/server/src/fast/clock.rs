//! Time as nanoseconds since a worker began, and as ticks.

use std::time::Instant;

/// How long a tick is. Nothing is sent before it is due, and on a quiet machine not a tick after.
pub(super) const TICK_NS: u64 = 500_000;
pub(super) const SECOND_NS: u64 = 1_000_000_000;

/// A clock that never goes back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// The first tick that is not before a time.
pub(super) const fn tick_of(time_ns: u64) -> u64 {
    time_ns.div_ceil(TICK_NS)
}
