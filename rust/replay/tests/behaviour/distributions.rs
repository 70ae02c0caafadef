//! Times that are drawn: their percentiles, what they depend on, and what is refused.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and shares of a few thousand draws"
)]

use proptest::prelude::*;
use replay::{Circumstances, Cut, DrawnTiming, Dues, Pace, Parts, Plan, Rng, Schedule, Timing};
use serde_json::{Value, json};

/// A stream with one content event for each step.
fn plan(steps: u32) -> Plan {
    Plan::new(Parts {
        status: 200,
        headers: vec![("Content-Type".into(), "application/vnd.amazon.eventstream".into())],
        frames: vec![b"frame"; steps as usize],
        steps: (0..steps).collect(),
        ..Parts::default()
    })
    .expect("a plan")
}

fn timing(stated: &Value) -> Timing {
    let drawn = DrawnTiming::read(stated).unwrap_or_else(|error| panic!("{stated}: {error}"));
    Timing::new(Pace::Drawn(Box::new(drawn)), 1.0).expect("a timing")
}

fn due(stated: &Value, steps: u32, given: Circumstances, seed: u64) -> Vec<f64> {
    timing(stated).due(&plan(steps), given, &mut Rng::new(&[seed]))
}

/// The gaps between the steps of one long answer, in ms, sorted.
fn gaps(gap: &Value) -> Vec<f64> {
    let due = due(&json!({ "gap": gap }), 40_001, Circumstances::default(), 7);
    let mut gaps: Vec<_> = due.windows(2).map(|pair| (pair[1] - pair[0]) * 1e3).collect();
    gaps.sort_by(f64::total_cmp);
    gaps
}

/// The first times of many answers, in ms, sorted.
fn firsts(stated: &Value, given: Circumstances) -> Vec<f64> {
    let (timing, plan) = (timing(stated), plan(1));
    let first = |seed| timing.due(&plan, given, &mut Rng::new(&[seed]))[0] * 1e3;
    let mut firsts: Vec<_> = (0..40_000).map(first).collect();
    firsts.sort_by(f64::total_cmp);
    firsts
}

fn assert_percentiles(name: &str, sorted: &[f64], expected: &[(f64, f64)]) {
    for (share, ms) in expected {
        let found = sorted[(sorted.len() as f64 * share) as usize];
        let allowed = (ms * 0.05).max(1e-6);
        assert!((found - ms).abs() <= allowed, "{name} p{}: {found}, not {ms}", share * 100.0);
    }
}

#[test]
fn drawn_percentiles_are_those_of_the_distribution() {
    let normal = json!({"dist": "normal", "mean_ms": 100, "sd_ms": 20, "min_ms": 70});
    let table =
        json!({"dist": "percentiles", "p50_ms": 40, "p90_ms": 90, "p95_ms": 110, "p99_ms": 150});
    let cases = [
        (json!(25), vec![(0.01, 25.0), (0.99, 25.0)]),
        (json!({"dist": "fixed", "ms": 25}), vec![(0.5, 25.0)]),
        (json!({"dist": "uniform", "min_ms": 10, "max_ms": 30}), vec![(0.25, 15.0), (0.9, 28.0)]),
        (normal, vec![(0.01, 70.0), (0.5, 100.0), (0.9, 125.631), (0.99, 146.527)]),
        // exp(sigma * 1.2816) and exp(sigma * 2.3263) times the median.
        (
            json!({"dist": "lognormal", "median_ms": 610, "sigma": 0.41}),
            vec![(0.5, 610.0), (0.9, 1031.7), (0.99, 1583.3)],
        ),
        // Of an exponential distribution: -mean * ln(1 - share).
        (
            json!({"dist": "gamma", "mean_ms": 48, "cv": 1}),
            vec![(0.5, 33.271), (0.9, 110.524), (0.99, 221.048)],
        ),
        // By scipy.stats.gamma(1 / 0.6**2, scale=48 * 0.6**2).
        (json!({"dist": "gamma", "mean_ms": 48, "cv": 0.6}), vec![(0.5, 42.35), (0.9, 86.53)]),
        (table, vec![(0.25, 20.0), (0.5, 40.0), (0.9, 90.0), (0.95, 110.0)]),
        (json!({"dist": "recorded", "list_ms": [10, 20, 30, 40]}), vec![(0.3, 20.0), (0.8, 40.0)]),
    ];
    for (stated, expected) in cases {
        let name = stated.to_string();
        assert_percentiles(&name, &gaps(&stated), &expected);
        if stated["dist"] != "recorded" {
            let first = json!({ "ttft": stated });
            assert_percentiles(&name, &firsts(&first, Circumstances::default()), &expected);
        }
    }
}

#[test]
fn a_recording_is_replayed_in_its_order_and_again() {
    let stated = json!({"gap": {"dist": "recorded", "list_ms": [1, 2, 3]}});
    let due = due(&stated, 6, Circumstances::default(), 1);
    let ms: Vec<_> = due.iter().map(|at| (at * 1e3).round()).collect();
    assert_eq!(ms, [0.0, 1.0, 3.0, 6.0, 7.0, 9.0]);
}

#[test]
fn some_first_tokens_are_in_the_tail_and_some_gaps_stall() {
    let tail = json!({"ttft": {"dist": "fixed", "ms": 100, "tail": {"ratio": 0.1, "factor": 12}}});
    let late = firsts(&tail, Circumstances::default());
    let share = late.iter().filter(|ms| **ms > 1199.0).count() as f64 / late.len() as f64;
    assert!((share - 0.1).abs() < 0.01, "{share}");

    let stall = json!({"gap": 10, "stall": {"ratio": 0.05, "median_ms": 1500}});
    let due = due(&stall, 40_001, Circumstances::default(), 3);
    let mut stalls: Vec<_> =
        due.windows(2).map(|pair| (pair[1] - pair[0]) * 1e3).filter(|gap| *gap > 10.001).collect();
    stalls.sort_by(f64::total_cmp);
    let share = stalls.len() as f64 / 40_000.0;
    assert!((share - 0.05).abs() < 0.005, "{share}");
    let median = stalls[stalls.len() / 2];
    assert!((median - 1510.0).abs() < 60.0, "{median}");
}

#[test]
fn long_requests_load_and_speed_change_the_times() {
    let stated = json!({
        "ttft": {"dist": "fixed", "ms": 100, "per_input_token_us": 120},
        "gap": 10,
        "tokens_per_event": 2,
        "load": {"factor": 3, "at_streams": 1000},
        "speed": 2,
    });
    let at = |input_tokens, streams| {
        let due = due(&stated, 5, Circumstances { input_tokens, streams }, 1);
        due.iter().map(|at| (at * 1e6).round() / 1e3).collect::<Vec<_>>()
    };
    assert_eq!(at(0, 0), [50.0, 50.0, 55.0, 55.0, 60.0]);
    assert_eq!(at(1000, 0), [110.0, 110.0, 115.0, 115.0, 120.0]);
    assert_eq!(at(0, 500), [100.0, 100.0, 110.0, 110.0, 120.0]);
    assert_eq!(at(0, 1000), [150.0, 150.0, 165.0, 165.0, 180.0]);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let cases = [
        (json!([]), "timing must be an object"),
        (json!({"gpa": 1}), "gpa is not known: it can be ttft, gap"),
        (json!({"ttft": "fast"}), "ttft must be a number of ms, or an object whose dist is fixed"),
        (json!({"gap": {"dist": "weibull"}}), "gap must be a number of ms"),
        (json!({"gap": -1}), "gap must be a number from 0 to 86400000, got -1"),
        (json!({"gap": {"dist": "fixed"}}), "gap.ms is required: from 0 to 86400000"),
        (
            json!({"gap": {"dist": "gamma", "mean_ms": 1, "cv": 0}}),
            "gap.cv must be a number from 0.01",
        ),
        (json!({"gap": {"dist": "gamma", "mean_ms": 1, "sigma": 1}}), "gap.sigma is not known"),
        (
            json!({"gap": {"dist": "uniform", "min_ms": 2, "max_ms": 1}}),
            "gap.max_ms must be at least",
        ),
        (json!({"gap": {"dist": "uniform", "min_ms": 2}}), "gap.max_ms is required"),
        (
            json!({"ttft": {"dist": "lognormal", "median_ms": 0, "sigma": 1}}),
            "ttft.median_ms must be",
        ),
        (
            json!({"ttft": {"dist": "fixed", "ms": 1, "tail": {"ratio": 2, "factor": 1}}}),
            "ttft.tail.ratio",
        ),
        (json!({"gap": {"dist": "fixed", "ms": 1, "tail": {}}}), "gap.tail is not known"),
        (json!({"gap": {"dist": "percentiles", "p50_ms": 9, "p99_ms": 1}}), "gap must never fall"),
        (json!({"gap": {"dist": "recorded", "list_ms": []}}), "gap.list_ms must be a list of 1"),
        (json!({"gap": {"dist": "recorded", "list_ms": [1, "2"]}}), "gap.list_ms[1] must be"),
        (json!({"tokens_per_event": 0}), "tokens_per_event must be a whole number from 1"),
        (json!({"stall": {"ratio": 0.1}}), "stall.median_ms is required"),
        (json!({"load": {"factor": 0.5, "at_streams": 1}}), "load.factor must be a number from 1"),
        (json!({"speed": 0}), "speed must be a number from 0.000001"),
    ];
    for (stated, message) in cases {
        let error = DrawnTiming::read(&stated).expect_err(&stated.to_string()).to_string();
        assert!(error.starts_with(message), "{stated}: {error}");
    }
}

fn durations() -> impl Strategy<Value = Value> {
    let ms = || 0.1..50_000.0;
    prop_oneof![
        ms().prop_map(|ms| json!(ms)),
        (ms(), ms()).prop_map(
            |(a, b)| json!({"dist": "uniform", "min_ms": f64::min(a, b), "max_ms": f64::max(a, b)})
        ),
        (ms(), ms()).prop_map(|(mean, sd)| json!({"dist": "normal", "mean_ms": mean, "sd_ms": sd})),
        (ms(), 0.0..5.0)
            .prop_map(|(m, s)| json!({"dist": "lognormal", "median_ms": m, "sigma": s})),
        (ms(), 0.01..10.0).prop_map(|(m, cv)| json!({"dist": "gamma", "mean_ms": m, "cv": cv})),
        prop::collection::vec(ms(), 1..5)
            .prop_map(|list| json!({"dist": "recorded", "list_ms": list})),
        (ms(), ms())
            .prop_map(|(a, b)| json!({"dist": "percentiles", "p50_ms": a, "p99_ms": a + b})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn schedules_repeat_and_never_fall(
        ttft in durations(),
        gap in durations(),
        burst in 1_u32..5,
        ratio in 0.0..1.0,
        steps in 1_u32..60,
        streams in 0_usize..5000,
        seed: u64,
    ) {
        let timing = timing(&json!({
            "ttft": ttft,
            "gap": gap,
            "tokens_per_event": burst,
            "stall": {"ratio": ratio, "median_ms": 100},
            "load": {"factor": 2, "at_streams": 1000},
        }));
        let plan = plan(steps);
        let given = Circumstances { input_tokens: 10, streams };
        let draw = || Dues::draw(&plan, Some(&timing), given, &mut Rng::new(&[seed]));
        let dues = draw();
        prop_assert_eq!(&dues, &draw());
        let told = dues.told(&plan);
        let schedule = Schedule::of(&plan, dues, Cut::default());
        prop_assert!(schedule.writes.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1));
        prop_assert!(schedule.writes.iter().all(|(at, _)| at.is_finite() && *at >= 0.0));
        prop_assert_eq!(schedule.writes.last().map(|write| write.1), Some(plan.body().len()));
        prop_assert!(told.first_byte_ms <= told.latency_ms);
    }
}
