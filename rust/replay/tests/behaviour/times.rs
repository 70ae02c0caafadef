//! Schedules of any plan and timing.

use proptest::prelude::*;
use replay::{Cut, Pace, Parts, Plan, Rng, Schedule, Timing};

fn plan(frames: usize, stream: bool) -> Plan {
    let content_type =
        if stream { "application/vnd.amazon.eventstream" } else { "application/json" };
    Plan::new(Parts {
        status: 200,
        headers: vec![("Content-Type".into(), content_type.into())],
        frames: vec![b"frame"; frames],
        steps: (0..frames as u32).map(|frame| frame / 2).collect(),
        ..Parts::default()
    })
    .expect("a plan")
}

fn pace() -> impl Strategy<Value = Pace> {
    let delay = || prop_oneof![Just(0.0), 0.0..500.0];
    prop_oneof![
        (delay(), delay()).prop_map(|(ttft, gap)| Pace::Steps { ttft, gap }),
        delay().prop_map(Pace::Latency),
        (prop::option::of(delay()), prop::option::of(0.1..1e6), 0.0..1.0)
            .prop_map(|(ttft, tps, jitter)| Pace::Profile { ttft, tps, jitter }),
        (delay(), prop::collection::vec(delay(), 0..8))
            .prop_map(|(ttft, delays)| Pace::Recorded { ttft, delays }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn writes_rise_to_the_end_or_to_the_cut(
        frames in 0_usize..40,
        stream: bool,
        pace in prop::option::of(pace()),
        speed in 0.1..100.0,
        after_frames in prop::option::of(0_u32..50),
        after_ms in prop::option::of(0.0..2000.0),
        seed: u64,
    ) {
        let plan = plan(frames, stream);
        let timing = pace.map(|pace| Timing::new(pace, speed).expect("a timing"));
        let cut = Cut { after_frames, after_ms };
        let schedule = Schedule::new(&plan, timing.as_ref(), cut, &mut Rng::new(&[seed]));
        let again = Schedule::new(&plan, timing.as_ref(), cut, &mut Rng::new(&[seed]));
        prop_assert_eq!(&schedule, &again);
        prop_assert!(schedule.writes.iter().all(|(at, _)| at.is_finite() && *at >= 0.0));
        prop_assert!(schedule.writes.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1));
        let sent = schedule.writes.last().map_or(0, |(_, end)| *end);
        prop_assert_eq!(sent, schedule.frames * b"frame".len());
        match schedule.abort {
            None => prop_assert_eq!(sent, plan.body().len()),
            Some((at, end)) => {
                prop_assert_eq!(end, sent);
                prop_assert!(schedule.writes.last().is_none_or(|(last, _)| *last <= at));
                prop_assert!(after_ms.is_none_or(|ms| at <= ms * 1e-3));
            }
        }
    }
}

#[test]
fn no_time_is_too_far_to_be_counted_in_nanoseconds() {
    let slowest = [
        Pace::Latency(86_400_000.0),
        Pace::Profile { ttft: None, tps: Some(1e-6), jitter: 1.0 },
        Pace::Recorded { ttft: 0.0, delays: vec![86_400_000.0] },
    ];
    for pace in slowest {
        let timing = Timing::new(pace, 1e-6).expect("a timing");
        let plan = plan(1000, true);
        let schedule = Schedule::new(&plan, Some(&timing), Cut::default(), &mut Rng::new(&[1]));
        assert!(schedule.writes.iter().all(|(at, _)| *at < 9e9));
        assert_eq!(schedule.writes.last().map(|write| write.1), Some(plan.body().len()));
    }
    for speed in [0.0, 1e-320, f64::INFINITY, f64::NAN] {
        assert!(Timing::new(Pace::Latency(1.0), speed).is_err(), "{speed}");
    }
}
