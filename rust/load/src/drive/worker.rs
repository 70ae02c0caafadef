//! One thread of a run.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, watch};

use super::alarm::Alarm;
use super::audit::{Audit, thread_cpu};
use super::clock::Clock;
use super::exchange::{Turn, exchange};
use super::plan::Plan;
use super::pool::Pool;
use super::run::Shared;
use super::{closed, open};
use crate::answer::Reader;
use crate::failure::Failure;
use crate::measure::{Records, Tally, ns};
use crate::options::Arrivals;
use crate::request::{Rendered, Renderer, of_trace};
use crate::session::follow_up;

/// How often a thread looks how late it is.
const PROBE: Duration = Duration::from_millis(20);

/// What the tasks of a thread share.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) thread: usize,
    pub(super) clock: Clock,
    pub(super) pool: Pool,
    pub(super) open: bool,
    pub(super) readers: RefCell<Vec<Reader>>,
    pub(super) in_flight: Cell<usize>,
    /// Sessions that go on, between their requests too.
    pub(super) sessions: Cell<usize>,
    /// A request, or a session, has ended.
    pub(super) freed: Notify,
    pub(super) stopping: watch::Receiver<bool>,
    /// Arrivals that had to wait because as many requests were running as are allowed.
    pub(super) backlogged: Cell<u64>,
    /// Arrivals that were due and never started, because the run was over before they could.
    pub(super) unsent: Cell<u64>,
    /// Pauses of users whose requests failed.
    pub(super) paused: Cell<u64>,
    /// Sessions that were begun, and have not sent their first request.
    pub(super) starting: Cell<usize>,
    /// Those that nobody sleeps by now.
    alarms: RefCell<Vec<Alarm>>,
    renderer: RefCell<Renderer>,
}

/// Refuse a plan that a thread could not begin with.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    Renderer::new(&plan.options, plan.target.clone(), plan.bodies.clone())?;
    Pool::new(plan, 0).map(drop)
}

/// Run a thread to its end.
pub(super) fn run(shared: &Arc<Shared>, thread: usize) -> Result<(), String> {
    let failed = |error: io::Error| format!("thread {thread}: {error}");
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(failed)?;
    let plan = &shared.plan;
    let renderer = Renderer::new(&plan.options, plan.target.clone(), plan.bodies.clone())?;
    let worker = Rc::new(Worker {
        shared: Arc::clone(shared),
        thread,
        clock: shared.clock,
        pool: Pool::new(plan, thread)?,
        open: !matches!(plan.options.arrivals, Arrivals::Closed { .. }),
        readers: RefCell::default(),
        in_flight: Cell::new(0),
        sessions: Cell::new(0),
        freed: Notify::new(),
        stopping: shared.stopping.subscribe(),
        backlogged: Cell::new(0),
        unsent: Cell::new(0),
        paused: Cell::new(0),
        starting: Cell::new(0),
        alarms: RefCell::default(),
        renderer: RefCell::new(renderer),
    });
    let result = runtime.block_on(worker.drive()).map_err(failed);
    let counts = &worker.pool.counts;
    shared.note(Audit {
        cpu_s: thread_cpu(),
        opened: counts.opened.get(),
        out_of_ports: counts.out_of_ports.get(),
        out_of_files: counts.out_of_files.get(),
        backlogged: worker.backlogged.get(),
        unsent: worker.unsent.get(),
        paused: worker.paused.get(),
    });
    result
}

impl Worker {
    pub(super) fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.shared.tally(self.thread)
    }

    pub(super) fn records(&self) -> Option<&Records> {
        self.shared.records.as_ref()
    }

    /// Whether as many requests run as are allowed.
    pub(super) fn is_full(&self) -> bool {
        self.in_flight.get() + self.starting.get() >= self.shared.most_in_flight
    }

    /// Whether no new request may start.
    pub(super) fn is_over(&self) -> bool {
        *self.stopping.borrow() || self.clock.now() >= self.plan().window.end
    }

    async fn drive(self: &Rc<Self>) -> io::Result<()> {
        let mut alarm = Alarm::new()?;
        let mut stopping = self.stopping.clone();
        tokio::select! {
            begun = alarm.until(self.clock.instant(0)) => begun?,
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
        }
        tokio::task::spawn_local(Rc::clone(self).probe());
        match self.plan().schedule(self.thread) {
            Some(schedule) => open::drive(self, schedule, alarm).await?,
            None => closed::drive(self),
        }
        self.drain().await;
        Ok(())
    }

    /// Wait until everything that runs has ended, or may be cut.
    async fn drain(&self) {
        let end = self.plan().window.end;
        let grace = Duration::from_secs_f64(self.plan().options.grace_s);
        let mut stopping = self.stopping.clone();
        let cut = async {
            let stopped = stopping.wait_for(|stopping| *stopping);
            let ended = async {
                match end {
                    u64::MAX => std::future::pending().await,
                    end => tokio::time::sleep_until(self.clock.instant(end).into()).await,
                }
            };
            tokio::select! { _ = stopped => {}, () = ended => {} }
            if self.in_flight.get() > 0 {
                tokio::time::sleep(grace).await;
            }
        };
        let ended = async {
            while self.sessions.get() > 0 && !(self.is_over() && self.in_flight.get() == 0) {
                self.freed.notified().await;
            }
        };
        let mut cutting = self.shared.cutting.subscribe();
        tokio::select! {
            () = cut => {}
            () = ended => {}
            _ = cutting.wait_for(|cutting| *cutting) => {}
        }
    }

    /// Look again and again how late this thread is: a busy one reads clocks late.
    async fn probe(self: Rc<Self>) {
        let Ok(mut alarm) = Alarm::new() else { return };
        loop {
            let due = self.clock.now() + PROBE.as_nanos() as u64;
            if alarm.until(self.clock.instant(due)).await.is_err() {
                return;
            }
            let now = self.clock.now();
            if self.plan().window.holds(now) {
                self.tally().loop_delay.record(now - due);
            }
        }
    }

    /// Sleep until a time of the run: exactly, as long as there are files for it.
    pub(super) async fn sleep_until(&self, at: u64) {
        let at = self.clock.instant(at);
        let kept = self.alarms.borrow_mut().pop();
        if let Ok(mut alarm) = kept.map_or_else(Alarm::new, Ok)
            && alarm.until(at).await.is_ok()
        {
            self.alarms.borrow_mut().push(alarm);
        } else {
            tokio::time::sleep_until(at.into()).await;
        }
    }

    /// Note that a session, or a user, is about to begin: from now on the thread waits for it.
    pub(super) fn begin(&self) {
        self.sessions.set(self.sessions.get() + 1);
    }

    /// Note that it has ended.
    pub(super) fn end(&self) {
        self.sessions.set(self.sessions.get() - 1);
        self.freed.notify_one();
    }

    /// A session: a request, and those that follow from it. Why its last one failed.
    pub(super) async fn session(self: &Rc<Self>, ordinal: u64, at: u64) -> Result<(), Failure> {
        let plan = self.plan();
        let mut turn = Turn { ordinal, number: 0, intended: at };
        let Some(sessions) = &plan.options.sessions else {
            let request = self.request(ordinal);
            return exchange(self, turn, &request).await.map(drop);
        };
        let name = format!("bench-{}-{ordinal}", plan.options.seed);
        let header = sessions.header.as_deref().map(|header| (header, name.as_str()));
        let mut body = self.body(ordinal);
        loop {
            let request =
                self.renderer.borrow_mut().once(body.clone(), header, self.clock.unix_now());
            let said = exchange(self, turn, &request).await?;
            turn.number += 1;
            let next = follow_up(&body, &said, &sessions.tool_result);
            let Some(next) = next.filter(|_| turn.number < sessions.max_turns) else {
                self.tally().end_session(at, self.clock.now(), plan.window);
                return Ok(());
            };
            body = next.into();
            turn.intended = self.clock.now() + ns(sessions.think_time_ms / 1e3);
            self.sleep_until(turn.intended).await;
            if self.is_over() {
                return Ok(());
            }
        }
    }

    fn body(&self, ordinal: u64) -> Bytes {
        let plan = self.plan();
        let entry = plan.trace.as_ref().filter(|_| plan.traced_bodies);
        match entry.and_then(|entries| entries.get(ordinal as usize)) {
            Some(entry) => of_trace(plan.options.operation, entry).into(),
            None => plan.bodies.get(plan.bodies.index(ordinal)).clone(),
        }
    }

    fn request(&self, ordinal: u64) -> Rc<Rendered> {
        let mut renderer = self.renderer.borrow_mut();
        let unix = self.clock.unix_now();
        if self.plan().traced_bodies {
            return renderer.once(self.body(ordinal), None, unix);
        }
        renderer.kept(self.plan().bodies.index(ordinal), unix)
    }
}
