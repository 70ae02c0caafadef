//! One request, from its intended start to its place in the tally.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::pool::Connection;
use super::worker::Worker;
use crate::answer::{Answer, Facts, Reader};
use crate::failure::Failure;
use crate::measure::{Outcome, Settled, cut_line, line};
use crate::options::Bursts;
use crate::request::Rendered;
use crate::session::Said;
use crate::wire::Refused;

/// A request that is about to start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) ordinal: u64,
    pub(super) number: u32,
    pub(super) intended: u64,
}

/// A request that runs. Dropped before its end, as the run is over, it leaves a record.
struct Running<'a> {
    worker: &'a Worker,
    turn: Turn,
    started: u64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Turn { ordinal, number, intended } = self.turn;
        let measured = intended >= self.worker.plan().window.start;
        if let Some(records) = self.worker.records() {
            records.push(cut_line(ordinal, number, intended, self.started, measured));
        }
    }
}

/// Send a request, and count it. What it said, where it completed.
pub(super) async fn exchange(
    worker: &Rc<Worker>,
    turn: Turn,
    request: &Rendered,
) -> Result<Said, Failure> {
    let (plan, clock) = (worker.plan(), worker.clock);
    let started = clock.now();
    let open = worker.open;
    worker.tally().send(turn.intended, started, plan.window, open);
    worker.in_flight.set(worker.in_flight.get() + 1);
    let running = Running { worker, turn, started };

    let mut reader = worker.readers.borrow_mut().pop().unwrap_or_default();
    let until = Instant::now() + Duration::from_secs_f64(plan.options.timeout_s);
    let (mut facts, said, ended) = attempts(worker, turn, request, &mut reader, until).await;
    worker.readers.borrow_mut().push(reader);
    let ended = match ended {
        Ok(()) if plan.options.bursts == Bursts::Fail && facts.is_burst() => Err(Failure::Burst),
        ended => ended,
    };
    if let Err(failure) = &ended {
        facts.because(usual(failure, &facts));
    }
    let outcome = ended.as_ref().err().cloned().map_or(Outcome::Completed, Outcome::Failed);
    let now = clock.now();
    let settled = Settled {
        ordinal: turn.ordinal,
        turn: turn.number,
        intended: turn.intended,
        started,
        // The end of the body is when its last bytes were read, not when this task came to say so.
        ended: if ended.is_ok() { facts.end } else { now },
        facts: &facts,
        outcome: &outcome,
    };
    std::mem::forget(running);
    worker.tally().settle(&settled, plan.window, &plan.options.goodput);
    if let Some(records) = worker.records() {
        records.push(line(&settled, turn.intended >= plan.window.start));
    }
    if ended.is_err() {
        worker.shared.failed();
    }
    worker.in_flight.set(worker.in_flight.get() - 1);
    worker.freed.notify_one();
    ended.map(|()| said)
}

/// What there is to say of a failure for which the wire said nothing.
fn usual(failure: &Failure, facts: &Facts) -> String {
    let frames = facts.frames;
    match failure {
        Failure::Timeout if facts.first_byte.is_none() => "not a byte in time".to_owned(),
        Failure::Timeout => format!("no end in time, after {frames} frames"),
        Failure::Burst => format!("all {} content events at once", facts.contents),
        Failure::Reset | Failure::Truncated if facts.first_byte.is_none() => {
            "the connection was closed before an answer".to_owned()
        }
        Failure::Truncated => format!("the body ended after {frames} frames"),
        Failure::Reset => format!("the connection was cut after {frames} frames"),
        Failure::BadHttp => "the answer is not HTTP".to_owned(),
        other => other.kind().into_owned(),
    }
}

type Ended = (Facts, Said, Result<(), Failure>);

/// Ask once; and once more where a connection turned out to have been closed while it was idle.
async fn attempts(
    worker: &Worker,
    turn: Turn,
    request: &Rendered,
    reader: &mut Reader,
    until: Instant,
) -> Ended {
    let mut fresh = false;
    loop {
        let connection = timeout_at(until, worker.pool.get(fresh)).await;
        let refused = match connection {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(refused)) => Err(refused),
            Err(_) => {
                Err(Refused { failure: Failure::Timeout, why: "no connection in time".to_owned() })
            }
        };
        let connection = match refused {
            Ok(connection) => connection,
            Err(Refused { failure, why }) => {
                let mut facts = Facts::default();
                facts.because(why);
                return (facts, Said::default(), Err(failure));
            }
        };
        let used = matches!(&connection, Connection::H1(_, true) | Connection::H2(_, true));
        let ended = attempt(worker, turn, request, reader, connection, until).await;
        let untouched = ended.2 == Err(Failure::Reset) && ended.0.first_byte.is_none();
        if !(used && untouched && !fresh) {
            return ended;
        }
        fresh = true;
    }
}

async fn attempt(
    worker: &Worker,
    turn: Turn,
    request: &Rendered,
    reader: &mut Reader,
    connection: Connection,
    until: Instant,
) -> Ended {
    let window = worker.plan().window;
    let measured = turn.intended >= window.start;
    let clock = || worker.clock.now();
    let beat = |answer: &mut Answer<'_>, now| {
        worker.tally().beat(answer.beat(), now, window, measured);
    };
    let mut answer = Answer::new(&worker.plan().want, reader);
    let ended = match connection {
        Connection::H1(mut connection, _) => {
            let exchange = connection.exchange(&request.h1, &mut answer, clock, beat);
            let ended = timeout_at(until, exchange).await.unwrap_or(Err(Failure::Timeout));
            if ended == Ok(true) {
                worker.pool.give_back(connection);
            }
            ended.map(drop)
        }
        Connection::H2(mut place, _) => match request.h2() {
            Ok(request) => {
                let exchange = place.exchange(request, &mut answer, clock, beat);
                timeout_at(until, exchange).await.unwrap_or(Err(Failure::Timeout))
            }
            Err(_) => Err(Failure::BadHttp),
        },
    };
    let (facts, said) = answer.into_parts();
    (facts, said, ended)
}
