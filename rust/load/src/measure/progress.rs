//! A glance at a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Second, Tally, seconds};

/// Rates and latencies are of this many seconds.
const RECENT: usize = 5;

const SECOND_NS: u64 = 1_000_000_000;

/// The figures that a terminal shows while a run goes on. Far less than a [`Tally`]: to take a
/// thread's figures keeps that thread waiting.
#[derive(Debug)]
pub struct Glance {
    now: u64,
    sent: u64,
    completed: u64,
    failed: u64,
    warmup: u64,
    in_flight: u64,
    errors: BTreeMap<String, u64>,
    recent: Second,
}

impl Glance {
    /// A glance at nothing, at `now`.
    pub fn new(now: u64) -> Self {
        Self {
            now,
            sent: 0,
            completed: 0,
            failed: 0,
            warmup: 0,
            in_flight: 0,
            errors: BTreeMap::new(),
            recent: Second::default(),
        }
    }

    /// The seconds that are recent. The running one is not over: its rate would be too low.
    fn span(&self) -> std::ops::Range<usize> {
        let whole = (self.now / SECOND_NS) as usize;
        whole.saturating_sub(RECENT)..whole
    }

    /// Add a thread's figures.
    pub fn add(&mut self, tally: &Tally) {
        self.sent += tally.sent;
        self.completed += tally.completed;
        self.failed += tally.failed;
        self.warmup += tally.warmup;
        self.in_flight += tally.in_flight;
        for (kind, count) in &tally.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        // In a second without a row nothing happened.
        for row in tally.seconds.iter().take(self.span().end).skip(self.span().start) {
            self.recent.add(row);
        }
    }

    /// The figures.
    #[allow(clippy::cast_precision_loss, reason = "counts of seconds")]
    pub fn to_json(&self) -> Value {
        let length = self.span().len().max(1) as f64;
        let rate = |count: u64| count as f64 / length;
        let ttft = |quantile| self.recent.ttft.quantile_ms(quantile);
        json!({
            "elapsed_s": seconds(self.now),
            "sent": self.sent,
            "completed": self.completed,
            "failed": self.failed,
            "warmup": self.warmup,
            "in_flight": self.in_flight,
            "requests_per_s": rate(self.recent.completed),
            "frames_per_s": rate(self.recent.frames),
            "output_tokens_per_s": rate(self.recent.output_tokens),
            "ttft_ms": {"p50": ttft(0.5), "p90": ttft(0.9), "p99": ttft(0.99)},
            "errors": self.errors,
        })
    }
}
