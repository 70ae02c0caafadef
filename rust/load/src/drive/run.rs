//! A run: started, watched, stopped, waited for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::audit::{Audit, raise_open_files};
use super::clock::Clock;
use super::plan::Plan;
use super::worker;
use crate::measure::{Glance, Records, Tally, seconds, summary};
use crate::options::Options;

/// What the threads of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) clock: Clock,
    pub(super) stopping: watch::Sender<bool>,
    /// Whether what runs is to be cut, too.
    pub(super) cutting: watch::Sender<bool>,
    pub(super) records: Option<Records>,
    /// Requests that may run at once in each thread.
    pub(super) most_in_flight: usize,
    tallies: Vec<Mutex<Tally>>,
    claims: AtomicU64,
    failures: AtomicU64,
    audits: Mutex<Vec<Audit>>,
    ended: Mutex<Ended>,
    all_ended: Condvar,
}

#[derive(Debug, Default)]
struct Ended {
    threads: usize,
    at: u64,
    /// When it was told to.
    stopped: Option<u64>,
    /// Whether it was told so by its errors.
    by_errors: bool,
    failures: Vec<String>,
}

impl Shared {
    pub(super) fn tally(&self, thread: usize) -> MutexGuard<'_, Tally> {
        lock(&self.tallies[thread])
    }

    pub(super) fn note(&self, audit: Audit) {
        lock(&self.audits).push(audit);
    }

    /// The ordinal of a closed loop's next request, while there are any.
    pub(super) fn claim(&self) -> Option<u64> {
        let (index, of) = self.plan.options.share;
        let ordinal = self.claims.fetch_add(1, Ordering::Relaxed) * of + index;
        (ordinal < self.plan.options.requests.unwrap_or(u64::MAX)).then_some(ordinal)
    }

    /// Note that a request has failed. The last that may do so ends the run.
    pub(super) fn failed(&self) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if self.plan.options.max_errors.is_some_and(|most| failures >= most) {
            self.stop(true);
        }
    }

    fn stop(&self, by_errors: bool) {
        let mut ended = lock(&self.ended);
        if ended.stopped.is_none() {
            ended.stopped = Some(self.clock.now());
            ended.by_errors = by_errors;
        }
        drop(ended);
        self.stopping.send_replace(true);
    }

    fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in &self.tallies {
            total.add(&lock(tally));
        }
        total
    }

    fn run_thread(self: &Arc<Self>, thread: usize) {
        // Who waits for a thread must learn of its end, whatever that was.
        let ran = catch_unwind(AssertUnwindSafe(|| worker::run(self, thread)));
        let failure = match ran {
            Ok(ran) => ran.err(),
            Err(_) => Some(format!("thread {thread} panicked")),
        };
        self.end(1, failure);
    }

    fn end(&self, threads: usize, failure: Option<String>) {
        let mut ended = lock(&self.ended);
        ended.threads += threads;
        ended.at = ended.at.max(self.clock.now());
        ended.failures.extend(failure);
        self.all_ended.notify_all();
    }
}

/// A mutex's value; what a thread that panicked left behind is still the best there is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run of the load generator.
#[derive(Debug)]
pub struct Run {
    plan: Mutex<Option<Plan>>,
    shared: OnceLock<Arc<Shared>>,
}

impl Run {
    /// Plan a run.
    ///
    /// # Errors
    ///
    /// Which option makes no sense, and what is allowed.
    pub fn new(options: &str) -> Result<Self, String> {
        let plan = Plan::new(Options::from_json(options)?)?;
        // What only a thread would find out is found out now.
        worker::check(&plan)?;
        Ok(Self { plan: Mutex::new(Some(plan)), shared: OnceLock::new() })
    }

    /// Start its threads.
    ///
    /// # Errors
    ///
    /// It was started before, or the system refuses.
    pub fn start(&self) -> Result<(), String> {
        let plan = lock(&self.plan).take().ok_or("a run can be started once")?;
        let threads = plan.options.threads;
        let allowed = raise_open_files();
        let most = plan.options.max_in_flight.map_or(allowed, |most| most.min(allowed));
        let records = plan.options.requests_out.as_deref().map(|path| {
            Records::create(path).map_err(|error| format!("requests_out: {path}: {error}"))
        });
        let shared = Arc::new(Shared {
            clock: Clock::starting(plan.options.start_at),
            stopping: watch::Sender::new(false),
            cutting: watch::Sender::new(false),
            records: records.transpose()?,
            most_in_flight: most.div_ceil(threads).max(1),
            tallies: (0..threads).map(|_| Mutex::default()).collect(),
            claims: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            audits: Mutex::default(),
            ended: Mutex::default(),
            all_ended: Condvar::new(),
            plan,
        });
        let shared = self.shared.get_or_init(|| shared);
        for thread in 0..threads {
            let name = format!("load-{thread}");
            let own = Arc::clone(shared);
            let spawned = Builder::new().name(name).spawn(move || own.run_thread(thread));
            if let Err(error) = spawned {
                let failure = format!("threads: {error}");
                shared.stopping.send_replace(true);
                shared.end(threads - thread, Some(failure.clone()));
                return Err(failure);
            }
        }
        Ok(())
    }

    fn shared(&self) -> Result<&Arc<Shared>, String> {
        self.shared.get().ok_or_else(|| "the run was not started".to_owned())
    }

    /// A glance at it.
    ///
    /// # Errors
    ///
    /// It was not started.
    pub fn progress(&self) -> Result<Value, String> {
        let shared = self.shared()?;
        let mut glance = Glance::new(shared.clock.now());
        for tally in &shared.tallies {
            glance.add(&lock(tally));
        }
        Ok(glance.to_json())
    }

    /// Start no more requests; cut those that run when the grace is over.
    pub fn stop(&self) {
        if let Some(shared) = self.shared.get() {
            shared.stop(false);
        }
    }

    /// End it now: start no more requests, and cut those that run.
    pub fn cut(&self) {
        self.stop();
        if let Some(shared) = self.shared.get() {
            shared.cutting.send_replace(true);
        }
    }

    /// Wait for its end; whether it came.
    pub fn wait(&self, timeout: Duration) -> bool {
        let Some(shared) = self.shared.get() else { return false };
        let until = Instant::now().checked_add(timeout);
        let mut ended = lock(&shared.ended);
        while ended.threads < shared.tallies.len() {
            let left = until.map_or(Duration::from_secs(3600), |until| {
                until.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return false;
            }
            let waited = shared.all_ended.wait_timeout(ended, left);
            ended = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Its figures, after its end.
    ///
    /// # Errors
    ///
    /// It has not ended, or a thread of it failed.
    pub fn result(&self) -> Result<Value, String> {
        let shared = self.shared()?;
        let (at, stopped, by_errors, failures) = {
            let ended = lock(&shared.ended);
            if ended.threads < shared.tallies.len() {
                return Err("the run has not ended".to_owned());
            }
            (ended.at, ended.stopped, ended.by_errors, ended.failures.clone())
        };
        if let Some(failure) = failures.first() {
            return Err(failure.clone());
        }
        let (total, plan) = (shared.total(), &shared.plan);
        // Without an end of its own, a run is over with its last answer; not when the grace was.
        let early = stopped.is_some_and(|stopped| stopped < plan.window.end);
        let end = match stopped {
            Some(stopped) if early => at.min(stopped.max(total.last_end)),
            _ if plan.window.end == u64::MAX => total.last_end,
            _ => at,
        };
        let mut result = summary(&total, plan.window, plan.asked(end), end);
        let audits = lock(&shared.audits);
        let mut audit = Audit::default();
        audits.iter().for_each(|other| audit.add(*other));
        let threads: Vec<f64> = audits.iter().map(|audit| audit.cpu_s).collect();
        result["audit"] = audit.to_json(&total, &threads, seconds(at));
        result["audit"]["stopped_by_errors"] = json!(by_errors);
        result["started_at"] = json!(shared.clock.unix().as_secs_f64());
        if let Some(records) = &shared.records {
            let dropped = records.flush().map_err(|error| format!("requests_out: {error}"))?;
            result["audit"]["records_dropped"] = json!(dropped);
        }
        Ok(result)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.stop();
    }
}
