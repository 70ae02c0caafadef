//! A distribution of durations.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use serde_json::{Value, json};

use super::ms;

/// Longer durations are counted as this: four hours, in microseconds.
const LONGEST_US: u64 = 4 * 3600 * 1_000_000;

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];

/// Durations, recorded in nanoseconds.
#[derive(Debug, Clone)]
pub struct Metric {
    histogram: Histogram<u64>,
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Metric {
    fn default() -> Self {
        // Bounds that are always valid; they are checked in a test.
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3)
            .unwrap_or_else(|_| unreachable!("valid bounds"));
        Self { histogram, sum: 0, min: u64::MAX, max: 0 }
    }
}

impl Metric {
    /// Record a duration.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.record_many(ns, 1);
    }

    /// Record a duration that occurred several times.
    #[inline]
    pub fn record_many(&mut self, ns: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.histogram.saturating_record_n(ns.saturating_add(500) / 1000, times);
        self.sum += u128::from(ns) * u128::from(times);
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
    }

    /// Add another distribution.
    pub fn add(&mut self, other: &Self) {
        // Same bounds, so nothing of it can be out of range.
        let added = self.histogram.add(&other.histogram);
        debug_assert!(added.is_ok());
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The duration that a share of them does not exceed, in milliseconds.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        let us = self.histogram.value_at_quantile(quantile);
        // The bounds are exact, and a bucket reaches a little beyond them.
        ms((us * 1000).clamp(self.min, self.max))
    }

    /// The figures of `summary.json`; only the count where there are none.
    pub fn to_json(&self) -> Value {
        if self.count() == 0 {
            let empty = QUANTILES.iter().map(|(name, _)| (*name, Value::Null));
            let ends = ["mean", "min", "max"].map(|name| (name, Value::Null));
            let mut value = json!({ "count": 0 });
            empty.chain(ends).for_each(|(name, null)| value[name] = null);
            return value;
        }
        #[allow(clippy::cast_precision_loss, reason = "a mean of durations needs no 53 bits")]
        let mean = self.sum as f64 / self.count() as f64 / 1e6;
        let mut value = json!({
            "count": self.count(), "mean": mean, "min": ms(self.min), "max": ms(self.max),
        });
        for (name, quantile) in QUANTILES {
            value[name] = json!(self.quantile_ms(quantile));
        }
        value
    }

    /// The histogram of microseconds, as HDR's V2 form, compressed, in base64.
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail, and these counts fit the form.
        let written = V2DeflateSerializer::new().serialize(&self.histogram, &mut bytes);
        debug_assert!(written.is_ok());
        base64_simd::STANDARD.encode_to_string(&bytes)
    }
}
