//! The closed loop: each user's next request starts when its last one has ended.

use std::rc::Rc;
use std::time::Duration;

use super::worker::Worker;
use crate::measure::ns;
use crate::options::Arrivals;

/// The first pause after failures: an endpoint that refuses is not to be hammered.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest.
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// How long a user waits after so many failures in a row. One that had a connection is followed at
/// once, as it may be an endpoint that throttles now and then; the next ones are not.
fn pause(failures: u32, connected: bool) -> Duration {
    match failures.saturating_sub(u32::from(connected)) {
        0 => Duration::ZERO,
        more => PAUSE.saturating_mul(1 << (more - 1).min(8)).min(MAX_PAUSE),
    }
}

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
    let mut failures = 0_u32;
    while !worker.is_over() {
        let Some(ordinal) = worker.shared.claim() else { break };
        let Err(failure) = worker.session(ordinal, worker.clock.now()).await else {
            failures = 0;
            continue;
        };
        failures = failures.saturating_add(1);
        let pause = pause(failures, !failure.is_of_the_connection());
        if !pause.is_zero() {
            worker.paused.set(worker.paused.get() + 1);
            tokio::time::sleep(pause).await;
        }
    }
    worker.end();
}
