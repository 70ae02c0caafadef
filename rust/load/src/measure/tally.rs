//! The counters and distributions of one thread, or of all.

use std::collections::BTreeMap;

use super::{Metric, Second, ms};
use crate::answer::{Beat, Facts};
use crate::failure::Failure;
use crate::options::Goodput;

/// More kinds of errors than this are counted as one: names come from the endpoint.
const MAX_KINDS: usize = 256;

/// More seconds than this are not kept apart: a day.
const MAX_SECONDS: usize = 86_400;

const SECOND_NS: u64 = 1_000_000_000;

/// The part of a run that is reported, in nanoseconds since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The warm-up's end.
    pub start: u64,
    /// The run's end, `u64::MAX` where only the number of requests ends it.
    pub end: u64,
}

impl Window {
    /// Whether a moment lies in it.
    #[inline]
    pub fn holds(&self, now: u64) -> bool {
        (self.start..self.end).contains(&now)
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it came, and all of it was right.
    Completed,
    /// Something was wrong.
    Failed(Failure),
}

/// A request that has ended. Times are in nanoseconds since the run began.
#[derive(Debug)]
pub struct Settled<'a> {
    /// The arrival that it belongs to.
    pub ordinal: u64,
    /// Its turn, from 0.
    pub turn: u32,
    /// When it was meant to start.
    pub intended: u64,
    /// When it did.
    pub started: u64,
    /// When it ended.
    pub ended: u64,
    /// What is known of its answer.
    pub facts: &'a Facts,
    /// How it ended.
    pub outcome: &'a Outcome,
}

impl Settled<'_> {
    /// First content that is not empty, from the intended start.
    pub fn ttft(&self) -> Option<u64> {
        Some(self.facts.first_content?.saturating_sub(self.intended))
    }

    /// First byte, from the intended start.
    pub fn ttfb(&self) -> Option<u64> {
        Some(self.facts.first_byte?.saturating_sub(self.intended))
    }

    /// The answer's end, from the intended start.
    pub fn e2e(&self) -> u64 {
        self.ended.saturating_sub(self.intended)
    }

    /// (E2E - TTFT) / (output tokens - 1), of answers with at least two tokens.
    pub fn tpot(&self) -> Option<u64> {
        let after_first = self.facts.output_tokens?.checked_sub(1)?;
        (self.e2e() - self.ttft()?).checked_div(after_first)
    }

    fn is_good(&self, goodput: &Goodput) -> bool {
        let within = |bound: Option<f64>, figure: Option<u64>| {
            bound.is_none_or(|bound| figure.is_none_or(|figure| ms(figure) <= bound))
        };
        // A stream without a first token did not bring it in time; an answer of one token has no
        // time per token that it could miss.
        (goodput.ttft_ms.is_none() || self.facts.first_content.is_some())
            && within(goodput.ttft_ms, self.ttft())
            && within(goodput.tpot_ms, self.tpot())
            && within(goodput.e2e_ms, Some(self.e2e()))
    }
}

/// Counters, distributions and seconds.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the names say it; formulas stand in the report")]
pub struct Tally {
    pub sent: u64,
    pub completed: u64,
    pub failed: u64,
    pub warmup: u64,
    pub warmup_failed: u64,
    pub bursts: u64,
    pub in_flight: u64,
    pub in_flight_max: u64,
    pub errors: BTreeMap<String, u64>,
    /// Of requests that are not measured.
    pub warmup_errors: BTreeMap<String, u64>,
    /// What the first error of each kind said.
    pub error_samples: BTreeMap<String, String>,
    /// Events that SDKs skip, by their kind.
    pub unknown_events: BTreeMap<String, u64>,
    /// Completed streams that say how many tokens they have, and had no content that is known.
    pub without_content: u64,
    /// Completed requests that kept every goal.
    pub good_requests: u64,
    pub stop_reasons: BTreeMap<String, u64>,
    pub ttfb: Metric,
    pub ttft: Metric,
    pub gap: Metric,
    pub tpot: Metric,
    pub e2e: Metric,
    pub session: Metric,
    pub schedule_delay: Metric,
    pub loop_delay: Metric,
    /// Of those below, what happened inside the window.
    pub ended_in_window: u64,
    pub sessions: u64,
    pub good: u64,
    pub frames: u64,
    pub joined: u64,
    pub bytes: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub last_end: u64,
    pub seconds: Vec<Second>,
}

impl Tally {
    fn second(&mut self, now: u64) -> &mut Second {
        let index = ((now / SECOND_NS) as usize).min(MAX_SECONDS - 1);
        let in_flight = self.in_flight;
        if index >= self.seconds.len() {
            // Through seconds in which nothing happened, what ran went on running.
            let quiet = || Second { in_flight, ..Second::default() };
            self.seconds.resize_with(index + 1, quiet);
        }
        let second = &mut self.seconds[index];
        second.in_flight = second.in_flight.max(in_flight);
        second
    }

    /// A request was started at `now`, meant for `intended`.
    pub fn send(&mut self, intended: u64, now: u64, window: Window, open: bool) {
        self.second(now).sent += 1;
        self.in_flight += 1;
        self.second(now);
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
        if intended >= window.start {
            self.sent += 1;
            // In a closed loop nothing says when a request should have started.
            if open {
                self.schedule_delay.record(now.saturating_sub(intended));
            }
        } else {
            self.warmup += 1;
        }
    }

    /// Frames came at `now`, of a request that is measured or not.
    #[inline]
    pub fn beat(&mut self, beat: Beat, now: u64, window: Window, measured: bool) {
        if measured {
            if let Some(gap) = beat.gap {
                self.gap.record(gap);
            }
            self.gap.record_many(0, beat.joined);
            self.joined += beat.joined;
        }
        if window.holds(now) {
            self.frames += beat.frames;
        }
        self.second(now).frames += beat.frames;
    }

    /// A request has ended.
    pub fn settle(&mut self, settled: &Settled<'_>, window: Window, goodput: &Goodput) {
        self.last_end = self.last_end.max(settled.ended);
        let measured = settled.intended >= window.start;
        let (ttft, e2e, facts) = (settled.ttft(), settled.e2e(), settled.facts);
        let tokens = facts.output_tokens.unwrap_or(0);
        let second = self.second(settled.ended);
        match settled.outcome {
            Outcome::Completed => {
                second.completed += 1;
                second.output_tokens += tokens;
                second.e2e.record(e2e);
                if let Some(ttft) = ttft {
                    second.ttft.record(ttft);
                }
            }
            Outcome::Failed(failure) => second.fail(&failure.kind()),
        }
        self.in_flight -= 1;
        if window.holds(settled.ended) {
            self.bytes += facts.bytes;
        }
        match settled.outcome {
            Outcome::Completed => {
                if window.holds(settled.ended) {
                    self.ended_in_window += 1;
                    self.good += u64::from(settled.is_good(goodput));
                    self.output_tokens += tokens;
                    self.input_tokens += facts.input_tokens.unwrap_or(0);
                }
                if measured {
                    self.complete(settled);
                    self.good_requests += u64::from(settled.is_good(goodput));
                }
            }
            Outcome::Failed(failure) => {
                let (counter, errors) = if measured {
                    (&mut self.failed, &mut self.errors)
                } else {
                    (&mut self.warmup_failed, &mut self.warmup_errors)
                };
                *counter += 1;
                let named = failure.kind();
                let kind = count(errors, &named, 1);
                if let Some(why) = facts.why.as_deref()
                    && !self.error_samples.contains_key(kind)
                {
                    self.error_samples.insert(kind.to_owned(), why.to_owned());
                }
            }
        }
    }

    /// A session that was meant to start at `intended` has come to its end.
    pub fn end_session(&mut self, intended: u64, now: u64, window: Window) {
        self.sessions += u64::from(window.holds(now));
        if intended >= window.start {
            self.session.record(now.saturating_sub(intended));
        }
    }

    fn complete(&mut self, settled: &Settled<'_>) {
        self.completed += 1;
        let facts = settled.facts;
        self.bursts += u64::from(facts.is_burst());
        let streamed = facts.frames > 0 && facts.output_tokens.is_some_and(|tokens| tokens > 0);
        self.without_content += u64::from(streamed && facts.contents == 0);
        if let Some(kind) = &facts.unknown_event {
            count(&mut self.unknown_events, kind, facts.unknown_events);
        }
        self.e2e.record(settled.e2e());
        settled.ttfb().into_iter().for_each(|ttfb| self.ttfb.record(ttfb));
        settled.ttft().into_iter().for_each(|ttft| self.ttft.record(ttft));
        settled.tpot().into_iter().for_each(|tpot| self.tpot.record(tpot));
        let reason = settled.facts.stop_reason.as_deref();
        if let Some(reason) = reason.filter(|reason| reason.len() <= 64) {
            if let Some(count) = self.stop_reasons.get_mut(reason) {
                *count += 1;
            } else if self.stop_reasons.len() < MAX_KINDS {
                self.stop_reasons.insert(reason.to_owned(), 1);
            }
        }
    }

    /// Add another thread's.
    pub fn add(&mut self, other: &Self) {
        let counters = [
            (&mut self.sent, other.sent),
            (&mut self.completed, other.completed),
            (&mut self.failed, other.failed),
            (&mut self.warmup, other.warmup),
            (&mut self.warmup_failed, other.warmup_failed),
            (&mut self.bursts, other.bursts),
            (&mut self.without_content, other.without_content),
            (&mut self.good_requests, other.good_requests),
            (&mut self.in_flight, other.in_flight),
            (&mut self.in_flight_max, other.in_flight_max),
            (&mut self.ended_in_window, other.ended_in_window),
            (&mut self.sessions, other.sessions),
            (&mut self.good, other.good),
            (&mut self.frames, other.frames),
            (&mut self.joined, other.joined),
            (&mut self.bytes, other.bytes),
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
        ];
        for (counter, count) in counters {
            *counter += count;
        }
        self.last_end = self.last_end.max(other.last_end);
        for (own, others) in [
            (&mut self.errors, &other.errors),
            (&mut self.warmup_errors, &other.warmup_errors),
            (&mut self.stop_reasons, &other.stop_reasons),
            (&mut self.unknown_events, &other.unknown_events),
        ] {
            for (kind, count) in others {
                *own.entry(kind.clone()).or_default() += count;
            }
        }
        for (kind, why) in &other.error_samples {
            self.error_samples.entry(kind.clone()).or_insert_with(|| why.clone());
        }
        self.ttfb.add(&other.ttfb);
        self.ttft.add(&other.ttft);
        self.gap.add(&other.gap);
        self.tpot.add(&other.tpot);
        self.e2e.add(&other.e2e);
        self.session.add(&other.session);
        self.schedule_delay.add(&other.schedule_delay);
        self.loop_delay.add(&other.loop_delay);
        if self.seconds.len() < other.seconds.len() {
            self.seconds.resize_with(other.seconds.len(), Second::default);
        }
        for (second, others) in self.seconds.iter_mut().zip(&other.seconds) {
            second.add(others);
        }
    }
}

/// Count under a kind, or under `other` where there are too many; under which.
fn count<'a>(counts: &mut BTreeMap<String, u64>, kind: &'a str, times: u64) -> &'a str {
    let known = counts.len() < MAX_KINDS || counts.contains_key(kind);
    let kind = if known { kind } else { "other" };
    *counts.entry(kind.to_owned()).or_default() += times;
    kind
}
