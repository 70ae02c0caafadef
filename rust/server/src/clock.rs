//! Time as nanoseconds since a thread began, and as ticks; and a timer that keeps them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

use rustix::fs::Timespec;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

/// How long a tick is. Nothing is sent before it is due, and on a quiet machine not a tick after.
pub(crate) const TICK_NS: u64 = 500_000;
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// A clock that never goes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        self.at(Instant::now())
    }

    pub(crate) fn at(self, time: Instant) -> u64 {
        time.saturating_duration_since(self.0).as_nanos() as u64
    }
}

/// The first tick that is not before a time.
pub(crate) const fn tick_of(time_ns: u64) -> u64 {
    time_ns.div_ceil(TICK_NS)
}

/// A timer that is a file. A wait for events ends on a millisecond, unless the system has
/// `epoll_pwait2`; this ends it on the nanosecond everywhere.
#[derive(Debug)]
pub(crate) struct Timer(OwnedFd);

impl Timer {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self(timerfd_create(TimerfdClockId::Monotonic, flags)?))
    }

    /// Set it again, which also clears an expiration.
    pub(crate) fn set(&self, after_ns: u64) -> io::Result<()> {
        let it_value = Timespec {
            tv_sec: (after_ns / SECOND_NS).cast_signed(),
            tv_nsec: (after_ns % SECOND_NS).cast_signed(),
        };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let time = Itimerspec { it_interval, it_value };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &time)?;
        Ok(())
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
