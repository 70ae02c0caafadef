//! When requests start.

use load::arrive::{Due, Intensity, Limits, Points, Schedule};
use load::options::Process;
use proptest::prelude::*;

const ALL: Limits = Limits { requests: u64::MAX, end: 20_000_000_000 };

fn times(
    process: Process,
    burstiness: f64,
    intensity: &Intensity,
    share: (u64, u64),
) -> Vec<(u64, u64)> {
    let points = Points::new(process, burstiness, 7);
    let mut schedule = Schedule::of_process(points, intensity.clone(), share, ALL);
    let mut times = Vec::new();
    while let Due::Now(arrival) = schedule.due(u64::MAX) {
        times.push((arrival.ordinal, arrival.at));
    }
    times
}

#[test]
fn a_constant_rate_is_even_and_begins_at_once() {
    let times = times(Process::Constant, 1.0, &Intensity::steady(100.0, 0.0), (0, 1));

    assert_eq!(times.len(), 2000);
    for (index, (ordinal, at)) in times.into_iter().enumerate() {
        assert_eq!((ordinal, at), (index as u64, index as u64 * 10_000_000));
    }
}

#[test]
fn a_schedule_says_when_the_next_one_is_due() {
    let points = Points::new(Process::Constant, 1.0, 0);
    let limits = Limits { requests: 2, end: u64::MAX };
    let mut schedule = Schedule::of_process(points, Intensity::steady(1.0, 0.0), (0, 1), limits);

    assert!(matches!(schedule.due(0), Due::Now(arrival) if arrival.at == 0));
    assert_eq!(schedule.due(0), Due::Later(1_000_000_000));
    assert_eq!(schedule.due(999_999_999), Due::Later(1_000_000_000));
    assert!(
        matches!(schedule.due(5_000_000_000), Due::Now(arrival) if arrival.at == 1_000_000_000)
    );
    assert_eq!(schedule.due(5_000_000_000), Due::Never);
}

#[test]
fn shares_are_the_whole_run_dealt_out() {
    for process in [Process::Constant, Process::Poisson, Process::Gamma] {
        let intensity = Intensity::steady(50.0, 3.0);
        let whole = times(process, 2.0, &intensity, (0, 1));
        let mut dealt: Vec<_> =
            (0..3).flat_map(|index| times(process, 2.0, &intensity, (index, 3))).collect();
        dealt.sort_unstable();
        assert_eq!(dealt, whole);
    }
}

#[test]
#[allow(clippy::cast_precision_loss, reason = "counts of a test are far below 2^52")]
fn gaps_have_the_mean_and_the_variation_that_were_asked_for() {
    for (process, burstiness) in [
        (Process::Poisson, 1.0),
        (Process::Gamma, 0.5),
        (Process::Gamma, 1.0),
        (Process::Gamma, 2.0),
    ] {
        let times = times(process, burstiness, &Intensity::steady(5000.0, 0.0), (0, 1));
        let gaps: Vec<f64> =
            times.windows(2).map(|pair| (pair[1].1 - pair[0].1) as f64 / 1e9).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;

        assert!((mean * 5000.0 - 1.0).abs() < 0.03, "{process:?} {burstiness}: mean {mean}");
        assert!((variation / burstiness - 1.0).abs() < 0.03, "{burstiness}: got {variation}");
    }
}

/// The share of a gamma distribution of mean 1 that lies below `x`; `gamma` is Γ(shape + 1).
fn gamma_below(shape: f64, gamma: f64, x: f64) -> f64 {
    let x = x * shape;
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..500 {
        term *= x / (shape + f64::from(n));
        sum += term;
    }
    sum * x.powf(shape) * (-x).exp() / gamma
}

/// Kolmogorov and Smirnov's test, at one in a thousand.
#[test]
#[allow(clippy::cast_precision_loss, reason = "counts of a test are far below 2^52")]
fn gaps_are_distributed_as_was_asked_for() {
    for (process, burstiness, gamma) in [
        (Process::Poisson, 1.0, 1.0),
        (Process::Gamma, 0.5, 24.0),
        (Process::Gamma, 1.0, 1.0),
        (Process::Gamma, 2.0, 0.906_402_477_055_477),
    ] {
        let points: Vec<f64> = Points::new(process, burstiness, 7).take(40_000).collect();
        let mut gaps: Vec<f64> = points.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable_by(f64::total_cmp);
        let count = gaps.len() as f64;
        let shape = 1.0 / (burstiness * burstiness);
        let apart = |(index, gap): (usize, &f64)| {
            let below = gamma_below(shape, gamma, *gap);
            (below - index as f64 / count).abs().max((below - (index + 1) as f64 / count).abs())
        };
        let most = gaps.iter().enumerate().map(apart).fold(0.0, f64::max);

        assert!(most < 1.95 / count.sqrt(), "{process:?} {burstiness}: {most} apart");
    }
}

#[test]
fn a_ramp_begins_slowly_and_reaches_the_rate() {
    let times = times(Process::Constant, 1.0, &Intensity::steady(100.0, 10.0), (0, 1));
    let within = |from: u64, to: u64| {
        times.iter().filter(|time| (from..to).contains(&(time.1 / 1_000_000_000))).count()
    };

    assert_eq!((within(0, 5), within(5, 10), within(10, 20)), (125, 375, 1000));
}

#[test]
fn stages_follow_one_another_even_through_a_pause() {
    let stages = Intensity::stages(&[(10.0, 2.0), (0.0, 3.0), (100.0, 1.0)], 0.0);
    let times = times(Process::Constant, 1.0, &stages, (0, 1));
    let within = |second: u64| times.iter().filter(|time| time.1 / 1_000_000_000 == second).count();

    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(within), [10, 10, 0, 0, 0, 100, 0]);
}

proptest! {
    #[test]
    fn the_inverse_is_one(rates in prop::collection::vec((0.1..1e4, 0.1..1e3), 1..6), share in 0.0..1.0) {
        let intensity = Intensity::stages(&rates, 5.0);
        let at: f64 = share * intensity.seconds();
        prop_assume!(at > 0.0);
        let mass = intensity.mean(at) * at;
        let back = intensity.invert(mass).unwrap_or(at);
        prop_assert!((back - at).abs() < 1e-6 * at.max(1.0), "{} became {}", at, back);
    }
}
