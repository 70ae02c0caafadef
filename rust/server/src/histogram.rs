//! Durations, counted in buckets a thirty-second part of their value wide.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Sub-buckets of each power of two, as a power of two.
const BITS: u32 = 5;
/// Values up to this are counted exactly.
const EXACT: u64 = 2 << BITS;
/// Enough for 2^37 microseconds, more than a day.
const BUCKETS: usize = (EXACT as usize) + (31 << BITS);

/// A histogram with one writer. Recording takes no lock; readers see each count as it was a moment
/// ago.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum_us: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, sum_us: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Count one duration. To be called by one thread alone.
    pub(crate) fn record(&self, value_us: u64) {
        add(&self.buckets[bucket_of(value_us)], 1);
        add(&self.sum_us, value_us);
    }

    pub(crate) fn add_to(&self, counts: &mut Counts) {
        for (total, bucket) in counts.buckets.iter_mut().zip(&self.buckets) {
            *total += bucket.load(Relaxed);
        }
        counts.sum_us += self.sum_us.load(Relaxed);
    }
}

/// Add to a counter that one thread alone writes: no bus lock is needed.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

fn bucket_of(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let shift = value.ilog2() - BITS;
    let bucket = ((u64::from(shift) << BITS) + (value >> shift)) as usize;
    bucket.min(BUCKETS - 1)
}

/// The largest value that is counted in a bucket.
fn top_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let shift = (bucket >> BITS) - 1;
    let mantissa = (bucket & ((1 << BITS) - 1)) + (1 << BITS);
    ((mantissa + 1) << shift) - 1
}

/// What histograms counted, merged.
#[derive(Debug, Clone)]
pub struct Counts {
    buckets: Vec<u64>,
    sum_us: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], sum_us: 0 }
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "counts and times are small")]
impl Counts {
    /// How many durations there were.
    pub fn total(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Their sum, in seconds.
    pub fn sum(&self) -> f64 {
        Duration::from_micros(self.sum_us).as_secs_f64()
    }

    /// How many were at most so many seconds, within a thirty-second part.
    pub fn at_most(&self, seconds: f64) -> u64 {
        let bound = (seconds * 1e6) as u64;
        (0..BUCKETS).take_while(|at| top_of(*at) <= bound).map(|at| self.buckets[at]).sum()
    }

    /// The duration in seconds that a share of all does not exceed; 0 where there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = (share * self.total() as f64).ceil() as u64;
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            *count > 0 && seen >= wanted
        });
        found.map_or(0.0, |at| Duration::from_micros(top_of(at)).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_no_other() {
        let values = (0..5000).chain((12..36).flat_map(|at| [(1 << at) - 1, 1 << at, 3 << at]));
        for value in values {
            let bucket = bucket_of(value);
            assert!(value <= top_of(bucket), "{value}");
            assert!(bucket == 0 || value > top_of(bucket - 1), "{value}");
            assert!(top_of(bucket) - value <= value / 32, "{value}");
        }
    }

    #[test]
    fn quantiles_and_bounds_agree() {
        let histogram = Histogram::default();
        (1..=1000).for_each(|ms| histogram.record(ms * 1000));
        let mut counts = Counts::default();
        histogram.add_to(&mut counts);

        assert_eq!(counts.total(), 1000);
        assert!((counts.sum() - 500.5).abs() < 1e-9);
        assert!((counts.quantile(0.5) - 0.5).abs() < 0.5 / 32.0);
        assert!((counts.quantile(1.0) - 1.0).abs() < 1.0 / 32.0);
        assert!(counts.at_most(0.25).abs_diff(250) <= 8);
        assert!(Counts::default().quantile(0.99) == 0.0);
    }

    #[test]
    fn what_is_too_long_is_counted_with_the_longest() {
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }
}
