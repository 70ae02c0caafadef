//! The arrivals of one thread of one process of a run.

use std::sync::Arc;

use super::{Entry, Intensity, Points};

const NS: f64 = 1e9;

/// A request that is to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its place in the whole run, over all threads and processes.
    pub ordinal: u64,
    /// When it is meant to start, in nanoseconds since the run began.
    pub at: u64,
}

/// What a schedule says at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// This request is due.
    Now(Arrival),
    /// Nothing is, before that time.
    Later(u64),
    /// Nothing will be.
    Never,
}

/// Open-loop arrivals, made as they are asked for.
#[derive(Debug)]
pub struct Schedule {
    source: Source,
    share: (u64, u64),
    ordinal: u64,
    limits: Limits,
    next: Option<Arrival>,
}

/// Where the arrivals end.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// This many, over all shares.
    pub requests: u64,
    /// None from this time on, in nanoseconds.
    pub end: u64,
}

#[derive(Debug)]
enum Source {
    Process { points: Points, intensity: Intensity },
    Trace { entries: Arc<[Entry]>, speed: f64 },
}

impl Schedule {
    /// A process with a rate. `share` is `[i, n]`: every *n*-th arrival from the *i*-th on.
    pub fn of_process(points: Points, intensity: Intensity, share: (u64, u64), to: Limits) -> Self {
        Self::new(Source::Process { points, intensity }, share, to)
    }

    /// The arrivals of a trace, `speed` times as fast.
    pub fn of_trace(entries: Arc<[Entry]>, speed: f64, share: (u64, u64), to: Limits) -> Self {
        Self::new(Source::Trace { entries, speed }, share, to)
    }

    fn new(source: Source, share: (u64, u64), limits: Limits) -> Self {
        let mut schedule = Self { source, share, ordinal: 0, limits, next: None };
        schedule.next = schedule.draw();
        schedule
    }

    /// What is due at `now`; what it hands out is gone.
    pub fn due(&mut self, now: u64) -> Due {
        match self.next {
            None => Due::Never,
            Some(arrival) if arrival.at > now => Due::Later(arrival.at),
            Some(arrival) => {
                self.next = self.draw();
                Due::Now(arrival)
            }
        }
    }

    fn draw(&mut self) -> Option<Arrival> {
        loop {
            let ordinal = self.ordinal;
            if ordinal >= self.limits.requests {
                return None;
            }
            let seconds = match &mut self.source {
                Source::Process { points, intensity } => {
                    points.next().and_then(|mass| intensity.invert(mass))
                }
                Source::Trace { entries, speed } => {
                    entries.get(ordinal as usize).map(|entry| entry.at / *speed)
                }
            };
            #[allow(clippy::cast_sign_loss, reason = "times run forward from zero")]
            let at = (seconds? * NS).round() as u64;
            if at >= self.limits.end {
                return None;
            }
            self.ordinal += 1;
            if ordinal % self.share.1 == self.share.0 {
                return Some(Arrival { ordinal, at });
            }
        }
    }
}
