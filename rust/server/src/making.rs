//! Making answers that take long: whose plans are not there yet, or whose requests are large. Threads
//! that may enter Python, so that no worker and no fallback ever does.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use replay::{Answer, End, Engine, Pending, Playback, Reply};

use crate::shared::{Shared, Shutdown};

/// How many there can be in a crew. Python lets one of them run at a time, but a callable may wait:
/// for another service, or for what another callable does.
const MAX_THREADS: usize = 16;

/// Requests above this are read elsewhere: that takes about a millisecond for each megabyte, in
/// which no stream of the thread goes on.
pub(crate) const LARGE_BYTES: usize = 131_072;

/// What came of it.
pub(crate) enum Made {
    Answer(AnswerGuard),
    /// Its plan is still to be made.
    Pending(Box<Pending>),
    /// The path is not one of Bedrock's.
    NoRoute,
    /// Making it has panicked.
    Panicked,
}

/// How the engine is asked.
pub(crate) type Ask = Box<dyn FnOnce(&Engine) -> Option<Reply> + Send>;

/// What is done with it.
pub(crate) type Then = Box<dyn FnOnce(Made) + Send>;

/// A handle to the threads. They end when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Makers {
    /// Make plans that are made once. They do not wait for the others' callables.
    once: Way,
    /// Make those that are for one request.
    for_one: Way,
    /// Read large requests. They wait for no plan.
    read: Way,
}

/// The way to one crew.
#[derive(Clone)]
struct Way {
    jobs: Sender<Job>,
    crew: Arc<Crew>,
    /// Let go by the last thread.
    ending: Sender<()>,
}

struct Job {
    work: Work,
    /// When it was asked for.
    since: Instant,
    then: Then,
}

enum Work {
    /// Ask the engine, which may already have the plan.
    Begin(Ask),
    Finish(Box<Pending>),
}

struct Crew {
    shared: Arc<Shared>,
    jobs: Mutex<Receiver<Job>>,
    /// Threads that do nothing, less the jobs that wait.
    spare: AtomicIsize,
    threads: AtomicUsize,
    /// Jobs of all crews that wait or are being done.
    unfinished: Arc<AtomicUsize>,
    /// Plans that are being made, and the jobs that wait for each: none of them takes a thread.
    waiting: Mutex<HashMap<Vec<u8>, Vec<Job>>>,
}

impl Makers {
    pub(crate) fn new(shared: &Arc<Shared>, ending: &Sender<()>) -> Self {
        let unfinished = Arc::default();
        let way = || Way::new(Arc::clone(shared), Arc::clone(&unfinished), ending.clone());
        Self { once: way(), for_one: way(), read: way() }
    }

    /// Have an answer made. `then` is called by another thread; it has to be quick.
    ///
    /// # Errors
    ///
    /// Too many are made or wait, or there is no thread for it; why, for the client.
    pub(crate) fn make(&self, pending: Box<Pending>, then: Then) -> Result<(), String> {
        let way = if pending.is_for_one() { &self.for_one } else { &self.once };
        way.make(Job { work: Work::Finish(pending), since: Instant::now(), then })
    }

    /// The same for a request that the engine has not seen.
    ///
    /// # Errors
    ///
    /// As above.
    pub(crate) fn begin(&self, ask: Ask, then: Then) -> Result<(), String> {
        self.read.make(Job { work: Work::Begin(ask), since: Instant::now(), then })
    }
}

impl Way {
    fn new(shared: Arc<Shared>, unfinished: Arc<AtomicUsize>, ending: Sender<()>) -> Self {
        let (jobs, waiting) = channel();
        let crew = Crew {
            shared,
            jobs: Mutex::new(waiting),
            spare: AtomicIsize::new(0),
            threads: AtomicUsize::new(0),
            unfinished,
            waiting: Mutex::default(),
        };
        Self { jobs, crew: Arc::new(crew), ending }
    }

    fn make(&self, job: Job) -> Result<(), String> {
        let (crew, limit) = (&self.crew, self.crew.shared.options.max_making);
        if crew.unfinished.fetch_add(1, Ordering::Relaxed) >= limit {
            crew.unfinished.fetch_sub(1, Ordering::Relaxed);
            return Err(format!("This server makes {limit} answers at a time."));
        }
        let spare = crew.spare.fetch_sub(1, Ordering::Relaxed);
        if (spare > 0 || self.has_hands()) && self.jobs.send(job).is_ok() {
            return Ok(());
        }
        crew.spare.fetch_add(1, Ordering::Relaxed);
        crew.unfinished.fetch_sub(1, Ordering::Relaxed);
        Err("This server has no thread to make an answer.".to_owned())
    }

    /// Start one more thread where there may be one; return whether there are any.
    fn has_hands(&self) -> bool {
        let count = &self.crew.threads;
        let more = |threads: usize| (threads < MAX_THREADS).then_some(threads + 1);
        let Ok(before) = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) else {
            return true;
        };
        let started = self.start(before).is_ok();
        if !started {
            count.fetch_sub(1, Ordering::Relaxed);
        }
        started || before > 0
    }

    fn start(&self, at: usize) -> io::Result<()> {
        let (crew, ending) = (Arc::clone(&self.crew), self.ending.clone());
        let run = move || {
            crew.work();
            drop(ending);
        };
        thread::Builder::new().name(format!("bedrock-make-{at}")).spawn(run).map(drop)
    }
}

impl Crew {
    fn work(&self) {
        loop {
            self.spare.fetch_add(1, Ordering::Relaxed);
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            let key = match &job.work {
                Work::Finish(pending) => pending.plan_key(),
                Work::Begin(_) => None,
            };
            let Some(key) = key else {
                if !self.finish(job) {
                    return;
                }
                continue;
            };
            let mut jobs = vec![job];
            match self.waiting().entry(key.clone()) {
                Entry::Occupied(mut others) => {
                    others.get_mut().append(&mut jobs);
                    continue;
                }
                Entry::Vacant(place) => place.insert(Vec::new()),
            };
            while !jobs.is_empty() {
                if !jobs.drain(..).all(|job| self.finish(job)) {
                    return;
                }
                jobs = self.done_with(&key);
            }
        }
    }

    /// The jobs that came meanwhile for the same plan; where there are none, it is not made any more.
    fn done_with(&self, key: &[u8]) -> Vec<Job> {
        let mut waiting = self.waiting();
        let jobs = waiting.get_mut(key).map(std::mem::take).unwrap_or_default();
        if jobs.is_empty() {
            waiting.remove(key);
        }
        jobs
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Vec<Job>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Do a job; return whether to go on with others.
    fn finish(&self, Job { work, since, then }: Job) -> bool {
        if self.shared.stage() == Shutdown::Stopped {
            return false;
        }
        let made = catch_unwind(AssertUnwindSafe(|| self.make(work, since)));
        self.unfinished.fetch_sub(1, Ordering::Relaxed);
        then(made.unwrap_or(Made::Panicked));
        true
    }

    fn make(&self, work: Work, since: Instant) -> Made {
        let engine = &self.shared.engine;
        let answer = match work {
            Work::Finish(pending) => pending.finish(engine),
            Work::Begin(ask) => match ask(engine) {
                None => return Made::NoRoute,
                Some(Reply::Ready(answer)) => answer,
                Some(Reply::Pending(pending)) => return Made::Pending(pending),
            },
        };
        Made::Answer(AnswerGuard::new(Arc::clone(&self.shared), since, answer))
    }
}

/// Guard for an answer that a connection waits for. If it is dropped before the connection takes the
/// answer, the client has left.
pub(crate) struct AnswerGuard {
    shared: Arc<Shared>,
    since: Instant,
    answer: Option<Answer>,
}

impl AnswerGuard {
    fn new(shared: Arc<Shared>, since: Instant, answer: Answer) -> Self {
        Self { shared, since, answer: Some(answer) }
    }

    pub(crate) fn take(mut self) -> Answer {
        self.answer.take().expect("it is taken once")
    }
}

impl Drop for AnswerGuard {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let playback = Playback::new(answer);
            let settlement = playback.finish(End::ClientLeft, self.since.elapsed());
            self.shared.engine.settle(&settlement);
        }
    }
}
