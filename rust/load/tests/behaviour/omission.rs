//! A server that stalls is charged with everyone it kept waiting.

use load::answer::Facts;
use load::arrive::{Due, Intensity, Limits, Points, Schedule};
use load::measure::{Metric, Outcome, Settled, Tally, Window};
use load::options::{Goodput, Process};

use crate::support::MS;

/// Every answer takes a millisecond, but from 2 s to 3 s the server does nothing.
fn answered(asked: u64) -> u64 {
    let (freeze, thaw) = (2000 * MS, 3000 * MS);
    if (freeze..thaw).contains(&asked) { thaw + MS } else { asked + MS }
}

#[test]
fn a_second_of_silence_is_seen_by_everyone_who_came_in_it() {
    let window = Window { start: 0, end: 10_000 * MS };
    let limits = Limits { requests: u64::MAX, end: window.end };
    let points = Points::new(Process::Constant, 1.0, 0);
    let mut schedule = Schedule::of_process(points, Intensity::steady(100.0, 0.0), (0, 1), limits);
    let (mut tally, mut naive, mut now) = (Tally::default(), Metric::default(), 0);
    loop {
        let arrival = match schedule.due(now) {
            Due::Never => break,
            Due::Later(at) => {
                now = at;
                continue;
            }
            Due::Now(arrival) => arrival,
        };
        let end = answered(now);
        let facts = Facts { end, ..Facts::default() };
        let settled = Settled {
            ordinal: arrival.ordinal,
            turn: 0,
            intended: arrival.at,
            started: now,
            ended: end,
            facts: &facts,
            outcome: &Outcome::Completed,
        };
        tally.send(arrival.at, now, window, true);
        tally.settle(&settled, window, &Goodput::default());
        naive.record(end - now);
        // A client that can have one request only is as late as the server.
        now = end;
    }

    // Of 1000 requests, 100 came while it did nothing, and some more before it had caught up. Who
    // measures from when a request was sent has seen one of them.
    assert_eq!(tally.sent, 1000);
    assert!(tally.e2e.quantile_ms(0.885) <= 11.0);
    assert!(tally.e2e.quantile_ms(0.9) > 90.0);
    assert!((tally.e2e.quantile_ms(0.95) - 500.0).abs() < 60.0);
    assert!((tally.e2e.quantile_ms(0.999) - 1001.0).abs() < 15.0);
    assert!((naive.quantile_ms(0.999) - 1.0).abs() < 0.01 && naive.quantile_ms(1.0) > 1000.0);
    assert!(tally.schedule_delay.quantile_ms(0.99) > 800.0);
}
