//! What happened in each second of a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Buckets of a doubling: a figure of a sketch is right within 1.6 %.
const PER_DOUBLING: u32 = 64;

/// A distribution small enough to keep one for each second. Values are in microseconds.
#[derive(Debug, Clone, Default)]
pub struct Sketch {
    /// Buckets in use and their counts, sorted.
    counts: Vec<(u16, u32)>,
}

impl Sketch {
    /// Record a duration, in nanoseconds.
    pub fn record(&mut self, ns: u64) {
        self.count(bucket(ns / 1000), 1);
    }

    fn count(&mut self, bucket: u16, times: u32) {
        match self.counts.binary_search_by_key(&bucket, |entry| entry.0) {
            Ok(index) => self.counts[index].1 = self.counts[index].1.saturating_add(times),
            Err(index) => self.counts.insert(index, (bucket, times)),
        }
    }

    /// Add another.
    pub fn add(&mut self, other: &Self) {
        for (bucket, times) in &other.counts {
            self.count(*bucket, *times);
        }
    }

    /// Its buckets and their counts, as `bucket:count`: what adds up with those of others.
    pub fn to_text(&self) -> String {
        let counts = self.counts.iter().map(|(bucket, times)| format!("{bucket}:{times}"));
        counts.collect::<Vec<_>>().join(" ")
    }

    /// The duration that a share of them does not exceed, in milliseconds.
    pub fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        let total: u64 = self.counts.iter().map(|entry| u64::from(entry.1)).sum();
        #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "counts of a second")]
        let wanted = ((total as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.counts.iter().find(|entry| {
            seen += u64::from(entry.1);
            seen >= wanted
        });
        #[allow(clippy::cast_precision_loss, reason = "microseconds of a request")]
        found.map(|entry| middle(entry.0) as f64 / 1e3)
    }
}

/// Values below 64 have buckets of their own; above, a doubling has 64.
fn bucket(us: u64) -> u16 {
    let doublings = (64 - us.leading_zeros()).saturating_sub(PER_DOUBLING.trailing_zeros() + 1);
    (u64::from(doublings * PER_DOUBLING) + (us >> doublings)) as u16
}

/// The value in the middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let doublings = (u32::from(bucket) / PER_DOUBLING).saturating_sub(1);
    let low = u64::from(u32::from(bucket) - doublings * PER_DOUBLING) << doublings;
    low + (1 << doublings) / 2
}

/// More kinds of errors than this are one in a second.
const MAX_KINDS: usize = 16;

/// One second.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Second {
    pub sent: u64,
    pub completed: u64,
    pub failed: u64,
    /// Of those, by their kind.
    pub errors: BTreeMap<String, u64>,
    pub frames: u64,
    pub output_tokens: u64,
    /// The most requests that were running in it.
    pub in_flight: u64,
    pub ttft: Sketch,
    pub e2e: Sketch,
}

impl Second {
    /// Add the same second of another thread.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.completed += other.completed;
        self.failed += other.failed;
        for (kind, times) in &other.errors {
            self.count(kind, *times);
        }
        self.frames += other.frames;
        self.output_tokens += other.output_tokens;
        self.in_flight += other.in_flight;
        self.ttft.add(&other.ttft);
        self.e2e.add(&other.e2e);
    }

    /// A request failed.
    pub fn fail(&mut self, kind: &str) {
        self.failed += 1;
        self.count(kind, 1);
    }

    fn count(&mut self, kind: &str, times: u64) {
        if let Some(count) = self.errors.get_mut(kind) {
            *count += times;
            return;
        }
        let kind = if self.errors.len() < MAX_KINDS { kind } else { "other" };
        *self.errors.entry(kind.to_owned()).or_default() += times;
    }

    /// A row of the time series.
    pub fn to_json(&self, second: usize) -> Value {
        let figures = |sketch: &Sketch| {
            let at = |quantile| sketch.quantile_ms(quantile);
            json!({"p50": at(0.5), "p90": at(0.9), "p99": at(0.99)})
        };
        json!({
            "second": second,
            "sent": self.sent,
            "completed": self.completed,
            "failed": self.failed,
            "errors": self.errors,
            "in_flight": self.in_flight,
            "frames": self.frames,
            "output_tokens": self.output_tokens,
            "ttft_ms": figures(&self.ttft),
            "e2e_ms": figures(&self.e2e),
            "ttft_counts": self.ttft.to_text(),
            "e2e_counts": self.e2e.to_text(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_s_middle_lies_within_a_sixtieth_of_its_values() {
        for us in (0..10_000).chain((10_000..4_000_000_000).step_by(999_983)) {
            let middle = middle(bucket(us));
            assert!(middle.abs_diff(us) <= us / 64, "{us} became {middle}");
        }
    }
}
