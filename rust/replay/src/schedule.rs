//! When the bytes of one answer are due, and where its connection is cut.

use crate::chance::Chance;
use crate::plan::Plan;
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
    pub fn new(plan: &Plan, timing: Option<&Timing>, cut: Cut, chance: &mut Chance) -> Self {
        if timing.is_none() && cut == Cut::default() {
            return Self::at_once(plan);
        }
        let ends = plan.ends();
        let mut due = match timing {
            Some(timing) => timing.due(plan, chance),
            None => vec![0.0; ends.len()],
        };
        for due in &mut due {
            *due = due.min(FURTHEST);
        }
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
