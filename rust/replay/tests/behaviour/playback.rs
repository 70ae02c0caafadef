//! Playback on a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use replay::{Answer, End, Outcome, Parts, Plan, Playback, Schedule, Settlement, Step};

const ALL: usize = usize::MAX;

fn plan(body: &[&'static [u8]]) -> Arc<Plan> {
    let parts = Parts {
        status: 200,
        headers: vec![("content-type".into(), "application/vnd.amazon.eventstream".into())],
        frames: body.to_vec(),
        steps: vec![0; body.len()],
        ..Parts::default()
    };
    Arc::new(Plan::new(parts).expect("a plan"))
}

fn playback(writes: &[(u64, usize)], abort: Option<(u64, usize)>) -> Playback {
    let seconds = |at: u64| ms(at).as_secs_f64();
    let plan = plan(&[b"aa", b"bbb", b"cccc"]);
    let schedule = Schedule {
        writes: writes.iter().map(|(at, end)| (seconds(*at), *end)).collect(),
        abort: abort.map(|(at, end)| (seconds(at), end)),
        frames: plan.ends().len(),
    };
    let request_id = "00000000-0000-4000-8000-000000000001".parse().expect("an id");
    Playback::new(Answer {
        plan,
        schedule,
        request_id,
        fixture: None,
        operation: None,
        under_way: None,
    })
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Take a step whose bytes are written at once, by a call that returns at the same time.
fn step(playback: &mut Playback, now: u64) -> (Step, Vec<Duration>) {
    let mut late = Vec::new();
    let step = playback.next(ms(now), ALL);
    if let Step::Send(range) = &step {
        playback.sent(range.len(), ms(now), |lateness| late.push(lateness));
    }
    (step, late)
}

fn account(settlement: &Settlement) -> (Outcome, usize, usize, Option<Duration>) {
    let Settlement { end, frames, bytes, lateness, .. } = settlement;
    (end.outcome(), *frames, *bytes, *lateness)
}

const WRITES: [(u64, usize); 3] = [(10, 2), (30, 5), (50, 9)];

#[test]
fn each_write_is_sent_when_it_is_due_and_never_before() {
    let mut playback = playback(&WRITES, None);
    assert_eq!(step(&mut playback, 0).0, Step::Wait(ms(10)));
    assert_eq!(step(&mut playback, 9).0, Step::Wait(ms(10)));
    assert!(!playback.has_begun());
    assert_eq!(step(&mut playback, 10), (Step::Send(0..2), vec![ms(0)]));
    assert_eq!(step(&mut playback, 10).0, Step::Wait(ms(30)));
    assert_eq!(step(&mut playback, 33), (Step::Send(2..5), vec![ms(3)]));
    assert!(!playback.is_complete());
    assert_eq!(step(&mut playback, 51), (Step::Send(5..9), vec![ms(1)]));
    assert!(playback.is_complete());
    assert_eq!(step(&mut playback, 51).0, Step::Done);
    let settlement = playback.finish(End::Delivered, ms(51));
    assert_eq!(account(&settlement), (Outcome::Delivered, 3, 9, Some(ms(3))));
    assert_eq!(settlement.duration, ms(51));
}

#[test]
fn what_is_overdue_goes_out_as_one_and_each_write_of_it_is_late() {
    let mut playback = playback(&WRITES, None);
    assert_eq!(step(&mut playback, 60), (Step::Send(0..9), vec![ms(50), ms(30), ms(10)]));
    assert_eq!(account(&playback.finish(End::Delivered, ms(60))).3, Some(ms(50)));
}

#[test]
fn an_answer_that_is_due_at_once_is_neither_paced_nor_late() {
    let mut playback = playback(&[(0, 9)], None);
    assert_eq!(step(&mut playback, 700), (Step::Send(0..9), vec![]));
    assert_eq!(step(&mut playback, 700).0, Step::Done);
    let settlement = playback.finish(End::Delivered, ms(700));
    assert!(!settlement.is_paced);
    assert_eq!(account(&settlement), (Outcome::Delivered, 3, 9, None));
}

#[test]
fn an_empty_body_is_sent_with_its_head() {
    let mut playback = playback(&[(10, 0)], None);
    assert_eq!(step(&mut playback, 0).0, Step::Wait(ms(10)));
    assert_eq!(step(&mut playback, 10).0, Step::Send(0..0));
    assert!(playback.is_complete());
    assert_eq!(step(&mut playback, 10).0, Step::Done);
}

#[test]
fn a_write_is_late_until_the_call_that_takes_its_last_byte_returns() {
    let mut playback = playback(&[(10, 5), (20, 9)], None);
    assert_eq!(playback.next(ms(10), ALL), Step::Send(0..5));
    let mut late = Vec::new();
    playback.sent(3, ms(11), |lateness| late.push(lateness));
    assert_eq!(late, []);
    assert_eq!(account(&playback.finish(End::ClientLeft, ms(12))).2, 3);
    playback.sent(2, ms(17), |lateness| late.push(lateness));
    assert_eq!(late, [ms(7)]);
}

#[test]
fn a_write_in_pieces_is_late_once() {
    let mut playback = playback(&[(10, 9)], None);
    let mut late = Vec::new();
    for (now, range) in [(10, 0..4), (12, 4..8), (15, 8..9)] {
        assert_eq!(playback.next(ms(now), 4), Step::Send(range.clone()));
        playback.sent(range.len(), ms(now), |lateness| late.push(lateness));
        assert_eq!(playback.is_complete(), now == 15);
    }
    assert_eq!(late, [ms(5)]);
}

#[test]
fn what_becomes_due_while_the_reader_is_waited_for_is_not_late() {
    let mut playback = playback(&[(10, 2), (20, 5), (90, 9)], None);
    assert_eq!(playback.next(ms(10), ALL), Step::Send(0..2));
    let mut late = Vec::new();
    playback.sent(1, ms(10), |lateness| late.push(lateness));
    playback.sent(1, ms(80), |lateness| late.push(lateness));
    playback.excuse(ms(80));
    assert_eq!(playback.next(ms(80), ALL), Step::Send(2..5));
    playback.sent(3, ms(80), |lateness| late.push(lateness));
    assert_eq!(late, [ms(70)], "the write that the reader held up, and none behind it");
    assert_eq!(playback.next(ms(91), ALL), Step::Send(5..9));
    playback.sent(4, ms(91), |lateness| late.push(lateness));
    assert_eq!(late, [ms(70), ms(1)]);
}

#[test]
fn a_write_that_has_begun_is_not_excused() {
    let mut playback = playback(&[(10, 5), (20, 9)], None);
    let mut late = Vec::new();
    assert_eq!(playback.next(ms(10), 3), Step::Send(0..3));
    playback.sent(3, ms(25), |lateness| late.push(lateness));
    playback.excuse(ms(25));
    assert_eq!(playback.next(ms(25), ALL), Step::Send(3..9));
    playback.sent(6, ms(26), |lateness| late.push(lateness));
    assert_eq!(late, [ms(16)]);
}

#[test]
fn a_cut_comes_after_everything_before_it() {
    let mut playback = playback(&[(10, 2)], Some((40, 2)));
    assert_eq!(step(&mut playback, 10).0, Step::Send(0..2));
    assert!(!playback.is_complete());
    assert_eq!(step(&mut playback, 39).0, Step::Wait(ms(40)));
    assert_eq!(step(&mut playback, 40).0, Step::Cut);
    assert_eq!(account(&playback.finish(End::Cut, ms(40))), (Outcome::Cut, 1, 2, Some(ms(0))));
}

#[test]
fn a_cut_before_the_first_byte_sends_the_head_alone() {
    let mut playback = playback(&[], Some((40, 0)));
    assert_eq!(step(&mut playback, 39).0, Step::Wait(ms(40)));
    assert_eq!(step(&mut playback, 40).0, Step::Send(0..0));
    assert!(playback.has_begun());
    assert!(!playback.is_complete());
    assert_eq!(step(&mut playback, 40).0, Step::Cut);
    assert_eq!(account(&playback.finish(End::Cut, ms(40))).2, 0);
}

#[test]
fn a_delivery_may_be_told_of_before_its_last_bytes_go() {
    let mut playback = playback(&WRITES, None);
    step(&mut playback, 30);
    assert_eq!(playback.next(ms(54), ALL), Step::Send(5..9));
    let told = playback.finish(End::Delivered, ms(54));
    assert_eq!(account(&told), (Outcome::Delivered, 3, 9, Some(ms(20))));
    // The write fails: its bytes do not count.
    let ended = playback.finish(End::ClientLeft, ms(55));
    assert_eq!(account(&ended), (Outcome::ClientLeft, 2, 5, Some(ms(20))));
}

#[test]
fn every_end_has_an_outcome() {
    let outcomes = [
        (End::Delivered, "delivered"),
        (End::ClientLeft, "client_left"),
        (End::Stalled, "stalled"),
        (End::Cut, "cut"),
        (End::Stopped, "cut"),
        (End::Failed, "failed"),
    ];
    for (end, outcome) in outcomes {
        assert_eq!(end.outcome().name(), outcome);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ranges_are_the_body_in_order_whenever_it_is_looked(
        gaps in prop::collection::vec((0_u64..40, 1_usize..3), 1..5),
        cut in prop::option::of(0_u64..60),
        looks in prop::collection::vec(0_u64..30, 0..20),
        most in 1_usize..6,
        took in prop::collection::vec(0_usize..6, 20),
    ) {
        let mut at = 0;
        let mut end = 0;
        let mut writes: Vec<(u64, usize)> = gaps
            .iter()
            .map(|(gap, length)| {
                at += gap + 1;
                end += length;
                (at, end)
            })
            .take_while(|(_, end)| *end <= 9)
            .collect();
        if cut.is_none() {
            writes.push((at + 1, 9.max(end)));
            writes.dedup_by_key(|write| write.1);
            writes.retain(|(_, end)| *end <= 9);
        }
        let last = writes.last().map_or((0, 0), |write| *write);
        let mut playback = playback(&writes, cut.map(|after| (last.0 + after, last.1)));

        let (mut now, mut given, mut judged) = (0, 0, 0);
        let mut taken = took.into_iter().chain(std::iter::repeat(9));
        let mut looks = looks.into_iter();
        let outcome = loop {
            match playback.next(ms(now), most) {
                Step::Send(range) => {
                    prop_assert_eq!(range.start, given);
                    prop_assert!(range.len() <= most);
                    given = range.end;
                    let due = writes.iter().rfind(|write| write.0 <= now);
                    prop_assert!(given <= due.map_or(0, |write| write.1));
                    let mut left = range.len();
                    while left > 0 {
                        let part = taken.next().expect("endless").min(left);
                        playback.sent(part, ms(now), |_| judged += 1);
                        left -= part;
                    }
                }
                Step::Wait(until) => {
                    prop_assert!(until > ms(now));
                    now = looks.next().map_or(until.as_millis() as u64, |look| now + look);
                }
                Step::Cut => break End::Cut,
                Step::Done => break End::Delivered,
            }
        };
        prop_assert_eq!(outcome == End::Cut, cut.is_some());
        prop_assert_eq!(given, last.1);
        prop_assert_eq!(judged, writes.len());
        prop_assert_eq!(playback.finish(outcome, ms(now)).bytes, given);
    }
}
