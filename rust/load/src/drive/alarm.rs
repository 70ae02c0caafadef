//! Waking up on time.
//!
//! The runtime's own timers are whole milliseconds, and round up: half a millisecond of every
//! latency would be the generator's. A timer descriptor is exact.

use std::io;
use std::time::Instant;

#[cfg(target_os = "linux")]
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Wakes one task.
#[derive(Debug)]
pub(super) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: tokio::io::unix::AsyncFd<rustix::fd::OwnedFd>,
}

#[cfg(target_os = "linux")]
impl Alarm {
    #[allow(unsafe_code, reason = "the one call that registers a descriptor")]
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // SAFETY: an `OwnedFd` is open, stays open and is the same descriptor for as long as it
        // lives, and `AsyncFd` owns it; nothing here takes it out or replaces it.
        let timer = unsafe { tokio::io::unix::AsyncFd::register(timer)? };
        Ok(Self { timer })
    }

    /// Sleep until then. May be dropped and called again.
    pub(super) async fn until(&mut self, at: Instant) -> io::Result<()> {
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
        let value = Timespec { tv_sec: seconds, tv_nsec: left.subsec_nanos().into() };
        let setting = Itimerspec { it_interval: none, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)?;
        loop {
            let mut ready = self.timer.readable().await?;
            let mut fired = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut fired)?));
            if let Ok(read) = read {
                return read.map(drop);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Sleep until then. May be dropped and called again.
    #[allow(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as on Linux")]
    pub(super) async fn until(&mut self, at: Instant) -> io::Result<()> {
        tokio::time::sleep_until(at.into()).await;
        Ok(())
    }
}
