//! The closed loop: each user's next request starts when its last one has ended.

use std::rc::Rc;
use std::time::Duration;

use super::worker::Worker;
use crate::measure::ns;
use crate::options::Arrivals;

/// A pause after a failed connection: an endpoint that refuses is not to be hammered.
const PAUSE: Duration = Duration::from_millis(20);

/// Start this thread's users.
pub(super) fn drive(worker: &Rc<Worker>) {
    let options = &worker.plan().options;
    let Arrivals::Closed { concurrency } = options.arrivals else { return };
    let (index, of) = options.share;
    let (index, of) = (index as usize, of as usize);
    let first = index + of * worker.thread;
    for user in (first..concurrency).step_by(of * options.threads) {
        // Users that ramp up are spread evenly.
        #[allow(clippy::cast_precision_loss, reason = "users are few")]
        let start = ns(options.ramp_s * user as f64 / concurrency as f64);
        worker.begin();
        tokio::task::spawn_local(run_user(Rc::clone(worker), start));
    }
}

async fn run_user(worker: Rc<Worker>, start: u64) {
    if start > 0 {
        worker.sleep_until(start).await;
    }
    while !worker.is_over() {
        let Some(ordinal) = worker.shared.claim() else { break };
        let ended = worker.session(ordinal, worker.clock.now()).await;
        if ended.is_err_and(|failure| failure.is_of_the_connection()) {
            tokio::time::sleep(PAUSE).await;
        }
    }
    worker.end();
}
