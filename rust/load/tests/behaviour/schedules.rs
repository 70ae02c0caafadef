//! What is measured is what was scheduled.

use load::Operation::ConverseStream;
use load::answer::{Answer, Reader};
use load::measure::{Asked, Outcome, Settled, Tally, Window, summary};
use load::options::Goodput;
use load::wire::Head;

use crate::support::*;

const WINDOW: Window = Window { start: 0, end: u64::MAX };

#[test]
fn a_thousand_paced_streams_are_measured_as_they_were_paced() {
    let (ttft, gap, deltas) = (250 * MS, 48 * MS, 20);
    let want = want(ConverseStream);
    let mut head = Head::new(200);
    head.header("Content-Type", b"application/vnd.amazon.eventstream");
    let mut tally = Tally::default();
    let mut reader = Reader::default();
    for stream in 0..1000_u64 {
        let intended = stream * MS;
        tally.send(intended, intended, WINDOW, true);
        let mut answer = Answer::new(&want, &mut reader);
        let mut deliver = |answer: &mut Answer<'_>, frame: Vec<u8>, now| {
            answer.body(&frame, now).unwrap();
            tally.beat(answer.beat(), now, WINDOW, true);
        };
        answer.touched(intended + MS);
        answer.head(head.clone()).unwrap();
        deliver(&mut answer, start(), intended + MS);
        for index in 0..deltas {
            deliver(&mut answer, delta(0, "word"), intended + ttft + index * gap);
        }
        let end = intended + ttft + deltas * gap;
        for frame in [stop_block(0), stop("end_turn"), metadata(21)] {
            deliver(&mut answer, frame, end);
        }
        answer.end(end).unwrap();
        let (facts, _) = answer.into_parts();
        let settled = Settled {
            ordinal: stream,
            turn: 0,
            intended,
            started: intended,
            ended: facts.end,
            facts: &facts,
            outcome: &Outcome::Completed,
        };
        tally.settle(&settled, WINDOW, &Goodput::default());
    }
    let metrics = &summary(&tally, WINDOW, Asked::Requests(None), 3000 * MS)["metrics"];
    let exact = |name: &str, value: f64, count: u64| {
        let metric = &metrics[name];
        assert_eq!(metric["count"].as_u64(), Some(count), "{name}");
        for figure in ["mean", "min", "p50", "p90", "p95", "p99", "p999", "max"] {
            let found = metric[figure].as_f64().unwrap();
            assert!((found - value).abs() < 1e-6, "{name}.{figure} is {found}");
        }
    };

    exact("ttfb_ms", 1.0, 1000);
    exact("ttft_ms", 250.0, 1000);
    exact("gap_ms", 48.0, 19_000);
    exact("e2e_ms", 1210.0, 1000);
    exact("tpot_ms", 48.0, 1000);
    exact("schedule_delay_ms", 0.0, 1000);
}

#[test]
fn content_that_comes_in_one_read_is_told_apart_from_content_that_is_paced() {
    let want = want(ConverseStream);
    let mut reader = Reader::default();
    let mut answer = Answer::new(&want, &mut reader);
    let mut head = Head::new(200);
    head.header("content-type", b"application/vnd.amazon.eventstream");
    answer.head(head).unwrap();
    let mut beat = |frames: &[Vec<u8>], now| {
        answer.body(&frames.concat(), now).unwrap();
        let beat = answer.beat();
        (beat.frames, beat.gap, beat.joined)
    };

    assert_eq!(beat(&[start(), delta(0, ""), delta(0, "a")], MS), (3, None, 0));
    assert_eq!(beat(&[delta(0, "b"), delta(0, "c"), delta(0, "d")], 5 * MS), (3, Some(4 * MS), 2));
    assert_eq!(beat(&[], 6 * MS), (0, None, 0));
    assert_eq!(beat(&[delta(0, "e")], 8 * MS), (1, Some(3 * MS), 0));
}
