//! The open loop: requests start when they are meant to, whatever became of those before.

use std::io;
use std::rc::Rc;

use super::alarm::Alarm;
use super::worker::Worker;
use crate::arrive::{Arrival, Due, Schedule};
use crate::measure::ns;

/// Starts without a pause, after which answers are looked after.
const STARTS: u32 = 32;

/// Start a schedule's requests, all that can be before the run is over.
pub(super) async fn drive(
    worker: &Rc<Worker>,
    mut schedule: Schedule,
    mut alarm: Alarm,
) -> io::Result<()> {
    let options = &worker.plan().options;
    // Arrivals that had to wait may start as long as those before them may run.
    let last = worker.plan().window.end.saturating_add(ns(options.grace_s));
    let mut stopping = worker.stopping.clone();
    let mut starts = 0;
    while !*worker.stopping.borrow() && worker.clock.now() < last {
        if worker.is_full() {
            worker.backlogged.set(worker.backlogged.get() + 1);
            tokio::select! {
                () = has_room(worker) => {}
                _ = stopping.changed() => {}
                woken = alarm.until(worker.clock.instant(last)) => woken?,
            }
            continue;
        }
        match schedule.due(worker.clock.now()) {
            Due::Never => return Ok(()),
            Due::Later(at) => {
                starts = 0;
                tokio::select! {
                    woken = alarm.until(worker.clock.instant(at)) => woken?,
                    _ = stopping.changed() => {}
                }
            }
            Due::Now(arrival) => {
                begin(worker, arrival);
                starts += 1;
                if starts % STARTS == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    let over = worker.clock.now();
    while let Due::Now(_) = schedule.due(over) {
        worker.unsent.set(worker.unsent.get() + 1);
    }
    Ok(())
}

async fn has_room(worker: &Worker) {
    while worker.is_full() {
        worker.freed.notified().await;
    }
}

fn begin(worker: &Rc<Worker>, arrival: Arrival) {
    let task = Rc::clone(worker);
    worker.begin();
    worker.starting.set(worker.starting.get() + 1);
    tokio::task::spawn_local(async move {
        task.starting.set(task.starting.get() - 1);
        // How it ended stands in the tally.
        drop(task.session(arrival.ordinal, arrival.at).await);
        task.end();
    });
}
