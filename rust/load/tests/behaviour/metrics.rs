//! What is measured is what there was.

use base64_simd::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use load::Failure;
use load::answer::{Beat, Facts};
use load::measure::{Asked, Glance, Metric, Outcome, Settled, Sketch, Tally, Window, summary};
use load::options::Goodput;
use proptest::prelude::*;
use serde_json::json;

use crate::support::MS;

const ALWAYS: Window = Window { start: 0, end: u64::MAX };

/// The value at a rank, as everybody would find it with the values sorted.
fn reference(sorted: &[u64], quantile: f64) -> u64 {
    #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss)]
    let rank = (sorted.len() as f64 * quantile).ceil() as usize;
    sorted[rank.max(1) - 1]
}

#[allow(clippy::cast_precision_loss, reason = "counts of a test are far below 2^52")]
fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

proptest! {
    #[test]
    fn percentiles_agree_with_sorting(mut values in prop::collection::vec(0..20_000_000_000_u64, 1..500)) {
        let mut metric = Metric::default();
        let mut sketch = Sketch::default();
        for value in &values {
            metric.record(*value);
            sketch.record(*value);
        }
        values.sort_unstable();
        for quantile in [0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
            let exact = ms(reference(&values, quantile));
            let found = metric.quantile_ms(quantile);
            prop_assert!((found - exact).abs() <= exact * 1e-3 + 1e-3, "{} for {}", found, exact);
            let found = sketch.quantile_ms(quantile).unwrap();
            prop_assert!((found - exact).abs() <= exact / 60.0 + 1e-3, "{} for {}", found, exact);
        }
    }

    #[test]
    fn three_parts_added_equal_the_whole(values in prop::collection::vec((0..3_usize, 0..60_000_000_000_u64), 1..300)) {
        let mut parts = [Metric::default(), Metric::default(), Metric::default()];
        let mut whole = Metric::default();
        for (part, value) in values {
            parts[part].record(value);
            whole.record(value);
        }
        let mut merged = Metric::default();
        for part in &parts {
            merged.add(part);
        }

        prop_assert_eq!(merged.to_json(), whole.to_json());
        prop_assert_eq!(merged.to_base64(), whole.to_base64());
    }
}

#[test]
fn below_two_milliseconds_percentiles_are_exact_to_the_microsecond() {
    let mut metric = Metric::default();
    (1..=1000).for_each(|us| metric.record(us * 1000));

    for quantile in [0.5, 0.9, 0.99, 0.999] {
        assert!((metric.quantile_ms(quantile) - quantile).abs() < 1e-9);
    }
    assert_eq!(metric.to_json()["mean"], json!(0.5005));
}

#[test]
fn a_histogram_can_be_read_by_others() {
    let mut metric = Metric::default();
    metric.record_many(5 * MS, 3);
    metric.record(3_600_000 * MS * 100);
    let bytes = STANDARD.decode_to_vec(metric.to_base64()).unwrap();
    let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();

    assert_eq!((read.len(), read.sigfig(), read.count_at(5000)), (4, 3, 3));
}

#[test]
fn nothing_measured_is_no_zero() {
    let empty = Metric::default().to_json();
    assert_eq!(
        (&empty["count"], &empty["p50"], &empty["mean"]),
        (&json!(0), &json!(null), &json!(null))
    );
}

fn facts() -> Facts {
    Facts {
        first_byte: Some(110 * MS),
        first_content: Some(150 * MS),
        last_content: Some(300 * MS),
        output_tokens: Some(11),
        end: 350 * MS,
        ..Facts::default()
    }
}

fn settle(tally: &mut Tally, intended: u64, outcome: &Outcome, goodput: &Goodput, window: Window) {
    let facts = facts();
    let settled = Settled {
        ordinal: 0,
        turn: 0,
        intended,
        started: intended + MS,
        ended: facts.end,
        facts: &facts,
        outcome,
    };
    tally.send(intended, intended + MS, window, true);
    tally.settle(&settled, window, goodput);
}

#[test]
fn latencies_run_from_the_intended_start() {
    let mut tally = Tally::default();
    settle(&mut tally, 50 * MS, &Outcome::Completed, &Goodput::default(), ALWAYS);
    let result = summary(&tally, ALWAYS, Asked::Requests(None), 1000 * MS);
    let p50 = |name: &str| result["metrics"][name]["p50"].as_f64().unwrap();

    assert!((p50("ttfb_ms") - 60.0).abs() < 0.1);
    assert!((p50("ttft_ms") - 100.0).abs() < 0.1);
    assert!((p50("e2e_ms") - 300.0).abs() < 0.3);
    assert!((p50("tpot_ms") - 20.0).abs() < 0.1);
    assert!((p50("schedule_delay_ms") - 1.0).abs() < 0.1);
}

#[test]
fn what_failed_stays_in_the_denominator_and_out_of_the_latencies() {
    let mut tally = Tally::default();
    let goodput = Goodput::default();
    settle(&mut tally, 0, &Outcome::Completed, &goodput, ALWAYS);
    settle(&mut tally, 0, &Outcome::Failed(Failure::Timeout), &goodput, ALWAYS);
    settle(&mut tally, 0, &Outcome::Failed(Failure::http("ThrottlingException")), &goodput, ALWAYS);
    tally.send(0, 0, ALWAYS, true);
    let result = summary(&tally, ALWAYS, Asked::Requests(Some(4.0)), 1000 * MS);

    assert_eq!(
        result["requests"],
        json!({
            "sent": 4, "completed": 1, "failed": 2, "interrupted": 1, "warmup": 0,
            "warmup_failed": 0, "bursts": 0, "good": 1, "without_content": 0,
        })
    );
    assert_eq!(result["errors"], json!({"timeout": 1, "http:ThrottlingException": 1}));
    assert_eq!(result["metrics"]["e2e_ms"]["count"], json!(1));
    assert_eq!(result["rates"]["requests_per_s"], json!(1.0));
    assert_eq!(result["rates"]["requested_requests_per_s"], json!(4.0));
}

#[test]
fn the_warm_up_is_not_measured() {
    let window = Window { start: 100 * MS, end: 1100 * MS };
    let mut tally = Tally::default();
    settle(&mut tally, 99 * MS, &Outcome::Completed, &Goodput::default(), window);
    tally.beat(Beat { frames: 5, gap: Some(MS), joined: 2 }, 99 * MS, window, false);
    let result = summary(&tally, window, Asked::Requests(None), 1200 * MS);

    assert_eq!(result["requests"]["warmup"], json!(1));
    assert_eq!(result["requests"]["sent"], json!(0));
    assert_eq!(result["metrics"]["gap_ms"]["count"], json!(0));
    assert_eq!(result["rates"]["frames_per_s"], json!(0.0));
    // It ended inside the window, so the endpoint did that work there.
    assert_eq!(result["rates"]["requests_per_s"], json!(1.0));
}

#[test]
fn what_fails_while_it_warms_up_is_told_apart() {
    let window = Window { start: 100 * MS, end: 1100 * MS };
    let mut tally = Tally::default();
    let failed = Outcome::Failed(Failure::Crc);
    settle(&mut tally, 99 * MS, &failed, &Goodput::default(), window);
    let mut total = Tally::default();
    total.add(&tally);
    let result = summary(&total, window, Asked::Requests(None), 1200 * MS);

    assert_eq!(result["requests"]["warmup_failed"], json!(1));
    assert_eq!(result["warmup_errors"], json!({"crc": 1}));
    assert_eq!((&result["requests"]["failed"], &result["errors"]), (&json!(0), &json!({})));
}

#[test]
fn a_request_is_running_in_every_second_until_it_ends() {
    let mut tally = Tally::default();
    tally.send(0, 0, ALWAYS, true);
    tally.send(3500 * MS, 3500 * MS, ALWAYS, true);
    let series = &summary(&tally, ALWAYS, Asked::Requests(None), 5000 * MS)["series"];
    let running: Vec<_> = (0..4).map(|second| series[second]["in_flight"].as_u64()).collect();

    assert_eq!(running, [Some(1), Some(1), Some(1), Some(2)]);
}

#[test]
fn a_second_says_how_often_each_latency_came() {
    let mut one = Sketch::default();
    for us in [5, 5, 70, 200_000] {
        one.record(us * 1000);
    }
    let mut other = Sketch::default();
    other.record(70_000);
    one.add(&other);

    assert_eq!(one.to_text(), "5:2 70:2 801:1");
    assert_eq!(Sketch::default().to_text(), "");
}

#[test]
fn frames_that_came_together_have_gaps_of_zero() {
    let mut tally = Tally::default();
    tally.beat(Beat { frames: 4, gap: Some(20 * MS), joined: 3 }, MS, ALWAYS, true);
    let result = summary(&tally, ALWAYS, Asked::Requests(None), 1000 * MS);

    assert_eq!(result["metrics"]["gap_ms"]["count"], json!(4));
    assert_eq!(result["metrics"]["gap_ms"]["mean"], json!(5.0));
    assert_eq!(result["totals"]["joined_frames"], json!(3));
}

#[test]
fn goodput_asks_for_all_of_its_bounds() {
    let bound = |ttft_ms, tpot_ms, e2e_ms| {
        let mut tally = Tally::default();
        let goodput = Goodput { ttft_ms, tpot_ms, e2e_ms };
        settle(&mut tally, 50 * MS, &Outcome::Completed, &goodput, ALWAYS);
        tally.good
    };

    assert_eq!(bound(None, None, None), 1);
    assert_eq!(bound(Some(100.0), Some(20.0), Some(300.0)), 1);
    assert_eq!(bound(Some(99.9), None, None), 0);
    assert_eq!(bound(Some(100.0), Some(19.9), None), 0);
    assert_eq!(bound(None, None, Some(299.9)), 0);
}

#[test]
fn a_stream_without_a_first_token_did_not_bring_it_in_time() {
    let good = |facts: &Facts| {
        let mut tally = Tally::default();
        let goodput = Goodput { ttft_ms: Some(1000.0), ..Goodput::default() };
        let outcome = Outcome::Completed;
        let times = (0, 0, facts.end);
        let settled = Settled {
            ordinal: 0,
            turn: 0,
            intended: times.0,
            started: times.1,
            ended: times.2,
            facts,
            outcome: &outcome,
        };
        tally.send(0, 0, ALWAYS, false);
        tally.settle(&settled, ALWAYS, &goodput);
        (tally.good, tally.good_requests, tally.without_content)
    };

    assert_eq!(good(&Facts { frames: 9, contents: 5, ..facts() }), (1, 1, 0));
    let silent = Facts { frames: 9, first_content: None, last_content: None, ..facts() };
    assert_eq!(good(&silent), (0, 0, 1));
    assert_eq!(good(&Facts { output_tokens: Some(0), ..silent }), (0, 0, 0));
}

#[test]
fn the_first_error_of_a_kind_is_its_sample() {
    let fail = |tally: &mut Tally, kind: &str, why: &str| {
        let facts = Facts { why: Some(why.into()), ..facts() };
        let outcome = Outcome::Failed(Failure::http(kind));
        let settled = Settled {
            ordinal: 0,
            turn: 0,
            intended: 0,
            started: 0,
            ended: 1500 * MS,
            facts: &facts,
            outcome: &outcome,
        };
        tally.send(0, 0, ALWAYS, false);
        tally.settle(&settled, ALWAYS, &Goodput::default());
    };
    let (mut one, mut other) = (Tally::default(), Tally::default());
    fail(&mut one, "A", "first");
    fail(&mut one, "A", "second");
    fail(&mut other, "A", "third");
    fail(&mut other, "B", "fourth");
    one.add(&other);
    let result = summary(&one, ALWAYS, Asked::Requests(None), 2000 * MS);

    assert_eq!(result["error_samples"], json!({"http:A": "first", "http:B": "fourth"}));
    assert_eq!(result["series"][1]["errors"], json!({"http:A": 3, "http:B": 1}));
    assert_eq!(result["series"][0]["errors"], json!({}));
}

#[test]
fn a_session_is_measured_from_its_intended_start() {
    let window = Window { start: 100 * MS, end: 1000 * MS };
    let mut tally = Tally::default();
    tally.end_session(50 * MS, 400 * MS, window);
    tally.end_session(100 * MS, 400 * MS, window);
    tally.end_session(900 * MS, 1400 * MS, window);
    let result = summary(&tally, window, Asked::Sessions(None), 1500 * MS);

    assert_eq!(result["metrics"]["session_ms"]["count"], json!(2));
    assert_eq!(result["metrics"]["session_ms"]["max"], json!(500.0));
    assert_eq!(tally.sessions, 2);
}

#[test]
fn an_endpoint_cannot_fill_the_memory_with_kinds_of_errors() {
    let mut tally = Tally::default();
    for index in 0..2000 {
        let failure = Failure::exception(&format!("Strange{index}"));
        settle(&mut tally, 0, &Outcome::Failed(failure), &Goodput::default(), ALWAYS);
    }

    assert!(tally.errors.len() < 300);
    assert_eq!(tally.errors.values().sum::<u64>(), 2000);
    assert!(tally.seconds.iter().all(|second| second.errors.len() < 20));
    assert_eq!(tally.seconds[0].errors.values().sum::<u64>(), 2000);
}

#[test]
fn a_glance_is_of_the_last_seconds_even_if_nothing_happened_in_them() {
    let mut tally = Tally::default();
    settle(&mut tally, 0, &Outcome::Completed, &Goodput::default(), ALWAYS);
    let at = |seconds: u64| {
        let mut glance = Glance::new(seconds * 1000 * MS);
        glance.add(&tally);
        glance.to_json()
    };

    assert_eq!(at(0)["requests_per_s"], json!(0.0));
    assert_eq!(at(1)["requests_per_s"], json!(1.0));
    assert_eq!(at(2)["requests_per_s"], json!(0.5));
    assert_eq!(at(60)["requests_per_s"], json!(0.0));
    assert_eq!(at(60)["completed"], json!(1));
    assert_eq!(at(60)["ttft_ms"]["p50"], json!(null));
}
