//! What is measured is what was scheduled: a thousand streams that the server's own engine paces,
//! sent and read through pipes, in a time that passes only when everyone waits.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use load::Operation::ConverseStream;
use load::answer::{Answer, Reader, Want};
use load::arrive::{Due, Intensity, Limits, Points, Schedule};
use load::measure::{Metric, Outcome, Settled, Tally, Window};
use load::options::{Goodput, Process};
use load::wire::H1;
use replay::{Circumstances, Pace, Parts, Plan, Rng, Timing};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use crate::support::{delta, metadata, start, stop, stop_block, want};

const STREAMS: u64 = 1000;
const DELTAS: usize = 20;
const WINDOW: Window = Window { start: 0, end: u64::MAX };
const REQUEST: &[u8] = b"POST / HTTP/1.1\r\n\r\n";

/// Latencies, and what they should be.
#[derive(Default)]
struct Found {
    tally: Tally,
    ttft: Metric,
    gap: Metric,
}

fn plan() -> Plan {
    let frames: Vec<Vec<u8>> = [start()]
        .into_iter()
        .chain((0..DELTAS).map(|_| delta(0, "word")))
        .chain([stop_block(0), stop("end_turn"), metadata(21)])
        .collect();
    Plan::new(Parts {
        status: 200,
        headers: vec![("content-type".into(), "application/vnd.amazon.eventstream".into())],
        frames: frames.iter().map(Vec::as_slice).collect(),
        steps: (0..frames.len() as u32).collect(),
        ..Parts::default()
    })
    .unwrap()
}

/// Answer one request, frame by frame, each when it is due.
async fn serve(mut pipe: DuplexStream, plan: Rc<Plan>, due: Vec<f64>) {
    pipe.read_exact(&mut [0; REQUEST.len()]).await.unwrap();
    let begun = Instant::now();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n";
    pipe.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let mut sent = 0;
    for (end, at) in plan.ends().iter().zip(due) {
        sleep_until(begun + Duration::from_secs_f64(at)).await;
        let frame = &plan.body()[sent..*end];
        let chunk = [format!("{:x}\r\n", frame.len()).as_bytes(), frame, b"\r\n"].concat();
        pipe.write_all(&chunk).await.unwrap();
        sent = *end;
    }
    pipe.write_all(b"0\r\n\r\n").await.unwrap();
}

/// Ask once, as the generator does, and count what came.
async fn ask(
    pipe: DuplexStream,
    ordinal: u64,
    intended: u64,
    base: Instant,
    found: Rc<RefCell<Found>>,
) {
    let clock = || base.elapsed().as_nanos() as u64;
    let (want, mut reader): (Want, Reader) = (want(ConverseStream), Reader::default());
    let mut answer = Answer::new(&want, &mut reader);
    let started = clock();
    found.borrow_mut().tally.send(intended, started, WINDOW, true);
    let ended = H1::new(pipe)
        .exchange(REQUEST, &mut answer, clock, |answer, now| {
            found.borrow_mut().tally.beat(answer.beat(), now, WINDOW, true);
        })
        .await;
    assert_eq!(ended, Ok(true));
    let (facts, _) = answer.into_parts();
    let outcome = &Outcome::Completed;
    let ended = facts.end;
    let settled = Settled { ordinal, turn: 0, intended, started, ended, facts: &facts, outcome };
    found.borrow_mut().tally.settle(&settled, WINDOW, &Goodput::default());
}

/// Run the streams of a pace; note what is found, and what should be.
async fn run(pace: Pace) -> Found {
    let (plan, timing) = (Rc::new(plan()), Timing::new(pace, 1.0).unwrap());
    let found = Rc::new(RefCell::new(Found::default()));
    let base = Instant::now();
    // They arrive at whole milliseconds, which is all that the timer can tell apart.
    let points = Points::new(Process::Constant, 1.0, 0);
    let limits = Limits { requests: STREAMS, end: u64::MAX };
    let mut arrivals = Schedule::of_process(points, Intensity::steady(500.0, 0.0), (0, 1), limits);
    let mut asked = Vec::new();
    while let Due::Now(arrival) = arrivals.due(u64::MAX) {
        let due = timing.due(&plan, Circumstances::default(), &mut Rng::new(&[5, arrival.ordinal]));
        let ns = |seconds: f64| Duration::from_secs_f64(seconds).as_nanos() as u64;
        {
            let mut found = found.borrow_mut();
            found.ttft.record(ns(due[1]));
            due[1..=DELTAS].windows(2).for_each(|pair| found.gap.record(ns(pair[1] - pair[0])));
        }
        let (near, far) = duplex(1 << 13);
        sleep_until(base + Duration::from_nanos(arrival.at)).await;
        tokio::task::spawn_local(serve(far, Rc::clone(&plan), due));
        let asking = ask(near, arrival.ordinal, arrival.at, base, Rc::clone(&found));
        asked.push(tokio::task::spawn_local(asking));
    }
    for asking in asked {
        asking.await.unwrap();
    }
    found.take()
}

fn hold(name: &str, measured: &Metric, scheduled: &Metric) {
    assert_eq!(measured.count(), scheduled.count(), "{name}");
    for (quantile, within) in [(0.5, 1.0), (0.9, 2.0), (0.99, 3.0)] {
        let (is, should) = (measured.quantile_ms(quantile), scheduled.quantile_ms(quantile));
        assert!((is - should).abs() <= within, "{name} p{quantile}: {is} ms for {should} ms");
    }
}

fn a_thousand_streams_of(pace: Pace) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let found = LocalSet::new().block_on(&runtime, run(pace));

    assert_eq!(found.tally.completed, STREAMS);
    hold("ttft", &found.tally.ttft, &found.ttft);
    hold("gap", &found.tally.gap, &found.gap);
    assert!(found.tally.schedule_delay.quantile_ms(1.0) < 1e-9);
}

#[test]
fn streams_of_an_even_pace_are_measured_as_they_were_scheduled() {
    a_thousand_streams_of(Pace::Steps { ttft: 350.0, gap: 48.0 });
}

#[test]
fn streams_that_jitter_are_measured_as_they_were_scheduled() {
    a_thousand_streams_of(Pace::Profile { ttft: Some(600.0), tps: Some(25.0), jitter: 0.6 });
}
