//! When requests start.
//!
//! An open loop is a point process of rate one, stretched by the rate that is asked for at each
//! moment: arrival *k* is where the integral of the rate reaches the process's *k*-th point. So
//! ramps and stages serve every process, and *n* generators that share a seed each take every
//! *n*-th arrival of the very same run.

mod intensity;
mod process;
mod schedule;
mod trace;

pub use intensity::Intensity;
pub use process::Points;
pub use schedule::{Arrival, Due, Limits, Schedule};
pub use trace::{Entry, read_trace};
