//! When the frames of a plan are due.

use crate::distributions::{Circumstances, DrawnTiming};
use crate::error::Invalid;
use crate::plan::Plan;
use crate::rng::Rng;

/// How a fixture is paced. All figures are milliseconds, but for `tps` (frames per second) and
/// `jitter` (a ratio).
#[derive(Debug, Clone, PartialEq)]
pub enum Pace {
    /// Content step 0 is due after `ttft`, each further step `gap` later.
    Steps {
        /// To the first content event.
        ttft: f64,
        /// Between content events.
        gap: f64,
    },
    /// The same delay before every frame.
    Latency(f64),
    /// The first frame after `ttft`, every other one 1000 / `tps` later; each times 1 ± `jitter`.
    Profile {
        /// To the first frame; as any other frame where it is absent.
        ttft: Option<f64>,
        /// Frames per second; no delay where it is absent.
        tps: Option<f64>,
        /// How far a delay may be off.
        jitter: f64,
    },
    /// Delays of a recording, frame by frame. The last one goes on.
    Recorded {
        /// To the first frame.
        ttft: f64,
        /// Between frames.
        delays: Vec<f64>,
    },
    /// As steps, from distributions.
    Drawn(Box<DrawnTiming>),
}

/// A pace, and the speed that it is replayed at.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    pace: Pace,
    /// Seconds for each millisecond of the pace.
    scale: f64,
}

impl Timing {
    /// A pace, `speed` times as fast.
    ///
    /// # Errors
    ///
    /// A figure is negative or not finite, or a rate is not above zero.
    pub fn new(pace: Pace, speed: f64) -> Result<Self, Invalid> {
        match &pace {
            Pace::Steps { ttft, gap } => {
                delay("ttft_ms", *ttft)?;
                delay("gap_ms", *gap)?;
            }
            Pace::Latency(latency) => delay("latency_ms", *latency)?,
            Pace::Profile { ttft, tps, jitter } => {
                delay("profile.ttft_ms", ttft.unwrap_or(0.0))?;
                rate("profile.tps", tps.unwrap_or(1.0))?;
                if !(0.0..=1.0).contains(jitter) {
                    return Err(Invalid::new(format!(
                        "profile.jitter must be between 0 and 1, got {jitter}"
                    )));
                }
            }
            Pace::Recorded { ttft, delays } => {
                delay("recorded.ttft_ms", *ttft)?;
                delays.iter().try_for_each(|value| delay("recorded.delays_ms", *value))?;
            }
            Pace::Drawn(_) => {}
        }
        rate("replay_speed", speed)?;
        Ok(Self { pace, scale: 1e-3 / speed })
    }

    /// When each frame of a plan is due, in seconds after the request arrived; never falling.
    ///
    /// A whole answer is due when the last frame of its stream would have been.
    pub fn due(&self, plan: &Plan, given: Circumstances, rng: &mut Rng) -> Vec<f64> {
        if let Pace::Drawn(drawn) = &self.pace {
            let steps = plan.steps().last().map_or(1, |last| *last as usize + 1);
            let due = drawn.due(steps, given, rng);
            return plan.steps().iter().map(|step| due[*step as usize]).collect();
        }
        if let Pace::Steps { ttft, gap } = self.pace {
            let due = |step: &u32| f64::from(*step).mul_add(gap, ttft) * self.scale;
            return plan.steps().iter().map(due).collect();
        }
        let mut at = 0.0;
        let mut next = |frame: usize| {
            at += self.before(frame, rng) * self.scale;
            at
        };
        match plan.stream_frames() {
            Some(frames) if !plan.is_stream() => {
                let last = (0..frames.max(1) as usize).map(&mut next).last().unwrap_or(0.0);
                vec![last; plan.ends().len()]
            }
            _ => (0..plan.ends().len()).map(next).collect(),
        }
    }

    /// Whether its times depend on how long a request is.
    pub fn counts_input(&self) -> bool {
        matches!(&self.pace, Pace::Drawn(drawn) if drawn.counts_input())
    }

    /// The delay before a frame, in milliseconds of the pace.
    fn before(&self, frame: usize, rng: &mut Rng) -> f64 {
        match &self.pace {
            Pace::Steps { .. } | Pace::Drawn(_) => unreachable!("steps are not paced by frames"),
            Pace::Latency(latency) => *latency,
            Pace::Profile { ttft, tps, jitter } => {
                let gap = tps.map_or(0.0, |tps| 1000.0 / tps);
                let delay = if frame == 0 { ttft.unwrap_or(gap) } else { gap };
                if *jitter > 0.0 {
                    delay * rng.unit().mul_add(2.0 * jitter, 1.0 - jitter)
                } else {
                    delay
                }
            }
            Pace::Recorded { ttft, .. } if frame == 0 => *ttft,
            Pace::Recorded { delays, .. } => {
                delays.get(frame - 1).or(delays.last()).copied().unwrap_or(0.0)
            }
        }
    }
}

/// A day. Above it, a figure is a mistake of units.
pub(crate) const LONGEST_MS: f64 = 86_400_000.0;
/// Below it, a rate is one, too; and what is divided by it stays a number.
const LOWEST_RATE: f64 = 1e-6;

pub(crate) fn delay(name: &str, value: f64) -> Result<(), Invalid> {
    if (0.0..=LONGEST_MS).contains(&value) {
        return Ok(());
    }
    Err(Invalid::new(format!("{name} must be between 0 and {LONGEST_MS}, got {value}")))
}

fn rate(name: &str, value: f64) -> Result<(), Invalid> {
    if value >= LOWEST_RATE && value.is_finite() {
        return Ok(());
    }
    Err(Invalid::new(format!("{name} must be at least {LOWEST_RATE}, got {value}")))
}
