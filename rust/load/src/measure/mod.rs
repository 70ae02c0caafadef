//! What a run is measured by.
//!
//! Each thread has a [`Tally`] of its own; they are added up on request. Histograms are
//! HDR's, with three significant digits of microseconds, so those of several processes can be merged
//! without loss. Means, minima and maxima are exact.

mod metric;
mod progress;
mod record;
mod second;
mod summary;
mod tally;

pub use metric::Metric;
pub use progress::Glance;
pub use record::{Records, cut_line, line};
pub use second::{Second, Sketch};
pub use summary::{Asked, summary};
pub use tally::{Outcome, Settled, Tally, Window};

/// Nanoseconds as milliseconds.
#[allow(clippy::cast_precision_loss, reason = "53 bits of nanoseconds are 104 days")]
pub(crate) fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(ns: u64) -> f64 {
    ms(ns) / 1e3
}

/// Seconds as nanoseconds.
#[allow(clippy::cast_sign_loss, reason = "options are checked to be positive and not endless")]
pub(crate) fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}
