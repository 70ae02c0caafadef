//! When the bytes of one answer are due, and where its connection is cut.

use crate::distributions::Circumstances;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::rule::Cut;
use crate::timing::Timing;

/// A hundred years. What is due later is due then: a time in nanoseconds must not overflow.
const FURTHEST: f64 = 3.2e9;

/// The schedule of one answer, sampled when its request is admitted. Times are seconds after that.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// (when due, end offset in the body), never falling: frames that are due together are one.
    pub writes: Vec<(f64, usize)>,
    /// Cut the connection then, having sent exactly so many bytes.
    pub abort: Option<(f64, usize)>,
    /// How many frames there are to send.
    pub frames: usize,
}

impl Schedule {
    /// All of a plan, at once.
    pub fn at_once(plan: &Plan) -> Self {
        Self { writes: vec![(0.0, plan.body().len())], abort: None, frames: plan.ends().len() }
    }

    /// Whether some of it is due later than at once.
    pub fn is_paced(&self) -> bool {
        self.abort.is_some() || self.writes.last().is_some_and(|last| last.0 > 0.0)
    }

    /// Sample the schedule of a plan.
    pub fn new(plan: &Plan, timing: Option<&Timing>, cut: Cut, rng: &mut Rng) -> Self {
        let dues = Dues::draw(plan, timing, Circumstances::default(), rng);
        Self::of(plan, dues, cut)
    }

    /// The schedule of a plan whose frames are due then.
    pub fn of(plan: &Plan, dues: Dues, cut: Cut) -> Self {
        if dues.0.is_none() && cut == Cut::default() {
            return Self::at_once(plan);
        }
        let ends = plan.ends();
        let due = dues.0.unwrap_or_else(|| vec![0.0; ends.len()]);
        let (frames, cut_at) = kept(plan, &due, cut);
        let mut writes: Vec<(f64, usize)> = Vec::with_capacity(frames);
        for (at, end) in due.iter().zip(ends).take(frames) {
            match writes.last_mut() {
                Some(last) if last.0 >= *at => last.1 = *end,
                _ => writes.push((*at, *end)),
            }
        }
        let abort = cut_at.map(|at| (at, writes.last().map_or(0, |last| last.1)));
        if writes.is_empty() && abort.is_none() {
            writes.push((0.0, 0));
        }
        Self { writes, abort, frames }
    }
}

/// When each frame of one answer is due, in seconds; at once where it has no timing.
#[derive(Debug, Clone, PartialEq)]
pub struct Dues(Option<Vec<f64>>);

impl Dues {
    /// Sample the times of a plan.
    pub fn draw(plan: &Plan, timing: Option<&Timing>, given: Circumstances, rng: &mut Rng) -> Self {
        Self(timing.map(|timing| {
            let mut due = timing.due(plan, given, rng);
            for due in &mut due {
                *due = due.min(FURTHEST);
            }
            due
        }))
    }

    /// What an answer tells of these times. A cut is not foreseen: it tells how long the whole
    /// would have taken.
    pub fn told(&self, plan: &Plan) -> Told {
        let due = self.0.as_deref().unwrap_or_default();
        let last = due.last().copied().unwrap_or(0.0);
        let first = due.get(plan.first_content()).copied().unwrap_or(last);
        Told { latency_ms: whole_ms(last), first_byte_ms: whole_ms(first) }
    }
}

/// What an answer tells of its schedule, in whole milliseconds; at least 1, since clients divide by
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// From the request to the last frame.
    pub latency_ms: u64,
    /// From the request to the first content.
    pub first_byte_ms: u64,
}

impl Default for Told {
    fn default() -> Self {
        Self { latency_ms: 1, first_byte_ms: 1 }
    }
}

#[allow(clippy::cast_sign_loss, reason = "times are not negative")]
fn whole_ms(seconds: f64) -> u64 {
    ((seconds * 1e3).round_ties_even() as u64).max(1)
}

/// How many frames are sent, and when the connection is cut, if it is.
fn kept(plan: &Plan, due: &[f64], cut: Cut) -> (usize, Option<f64>) {
    let by_frames = cut
        .after_frames
        .map(|frames| frames as usize)
        .filter(|frames| plan.is_stream() && *frames < due.len())
        .map(|frames| (frames, frames.checked_sub(1).map_or(0.0, |last| due[last])));
    let by_time = cut
        .after_ms
        .map(|ms| ms * 1e-3)
        .filter(|at| due.last().is_some_and(|last| last >= at))
        .map(|at| (due.partition_point(|due| *due < at), at));
    let earlier = match (by_frames, by_time) {
        (Some(frames), Some(time)) => Some(if time.1 < frames.1 { time } else { frames }),
        (frames, time) => frames.or(time),
    };
    earlier.map_or((due.len(), None), |(frames, at)| (frames, Some(at)))
}
