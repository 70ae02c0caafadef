//! Deadlines of a fallback's answers, on the ticks that workers have: tokio's own timers are rounded
//! up to milliseconds, and so is its wait for them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::clock::{Clock, TICK_NS, Timer, tick_of};

/// All deadlines of one thread. Clones are one.
#[derive(Clone)]
pub(super) struct Alarms(Rc<Inner>);

struct Inner {
    timer: AsyncFd<Timer>,
    clock: Clock,
    waiting: RefCell<Waiting>,
}

/// Who waits, and until which tick.
#[derive(Default)]
struct Waiting {
    wakers: BTreeMap<(u64, u64), Waker>,
    /// The tick that the timer is set to.
    set: Option<u64>,
    /// How many alarms there have been.
    made: u64,
}

/// A deadline that can be moved. Dropping it removes the deadline.
pub(super) struct Alarm {
    alarms: Alarms,
    key: (u64, u64),
    is_set: bool,
}

impl Alarms {
    /// Create a set without deadlines.
    ///
    /// # Errors
    ///
    /// The system does not tell when the timer is over.
    // It is deprecated for types that close or replace their file while it is waited for. A timer
    // owns its file for as long as it lives, and lends it only.
    #[allow(deprecated, reason = "its successor differs in that it is unsafe, which we are not")]
    pub(super) fn new(timer: Timer) -> io::Result<Self> {
        Ok(Self(Rc::new(Inner {
            timer: AsyncFd::new(timer)?,
            clock: Clock::new(),
            waiting: RefCell::default(),
        })))
    }

    /// Make an alarm that rings at once.
    pub(super) fn alarm(&self) -> Alarm {
        let mut waiting = self.0.waiting.borrow_mut();
        waiting.made += 1;
        Alarm { alarms: self.clone(), key: (0, waiting.made), is_set: false }
    }

    /// Wake who waits, when it is time.
    ///
    /// # Errors
    ///
    /// The system refuses to wait for the timer; nothing else ends it.
    pub(super) async fn ring(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.timer.readable().await?;
            // Setting it again clears its expiration: there is no need to read it.
            ready.clear_ready();
            for waker in self.due()?.into_values() {
                waker.wake();
            }
        }
    }

    /// Take who need not wait any more, and set the timer to the next of all others.
    fn due(&self) -> io::Result<BTreeMap<(u64, u64), Waker>> {
        let mut waiting = self.0.waiting.borrow_mut();
        let now = self.0.clock.now();
        let later = waiting.wakers.split_off(&(now / TICK_NS + 1, 0));
        let due = std::mem::replace(&mut waiting.wakers, later);
        waiting.set = waiting.wakers.keys().next().map(|(tick, _)| *tick);
        if let Some(tick) = waiting.set {
            self.set(tick, now)?;
        }
        Ok(due)
    }

    fn set(&self, tick: u64, now: u64) -> io::Result<()> {
        // Zero would stop it.
        self.0.timer.get_ref().set(tick.saturating_mul(TICK_NS).saturating_sub(now).max(1))
    }
}

impl Alarm {
    /// Move it to the first tick that is not before a deadline.
    pub(super) fn set(&mut self, due: Instant) {
        let tick = tick_of(self.alarms.0.clock.at(due.into_std()));
        if self.key.0 != tick {
            self.unset();
            self.key.0 = tick;
        }
    }

    /// Wait for it. That takes a turn of the thread even where it is over.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let now = self.alarms.0.clock.now();
        if self.is_set && now >= self.key.0.saturating_mul(TICK_NS) {
            self.unset();
            return Poll::Ready(());
        }
        let mut waiting = self.alarms.0.waiting.borrow_mut();
        waiting.wakers.insert(self.key, context.waker().clone());
        self.is_set = true;
        if waiting.set.is_none_or(|set| self.key.0 < set) {
            waiting.set = Some(self.key.0);
            self.alarms.set(self.key.0, now).expect("a timer takes every time");
        }
        Poll::Pending
    }

    fn unset(&mut self) {
        if std::mem::take(&mut self.is_set) {
            self.alarms.0.waiting.borrow_mut().wakers.remove(&self.key);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.unset();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::task::LocalSet;
    use tokio::time::{sleep_until, timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);
    const LONG: Duration = Duration::from_secs(3600);

    async fn wait(alarm: &mut Alarm) -> Instant {
        poll_fn(|context| alarm.poll(context)).await;
        Instant::now()
    }

    fn with_alarms<F: Future<Output = ()>>(test: impl FnOnce(Alarms) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let alarms = Alarms::new(Timer::new().unwrap()).unwrap();
            tokio::select! {
                rung = alarms.ring() => rung.unwrap(),
                ended = timeout(PATIENCE, test(alarms.clone())) => ended.expect("an alarm rings"),
            }
            assert!(alarms.0.waiting.borrow().wakers.is_empty());
        });
    }

    #[test]
    fn alarms_ring_in_the_order_of_their_ticks_and_never_early() {
        with_alarms(|alarms| async move {
            let begin = Instant::now();
            let mut waits = Vec::new();
            for millis in [30, 3, 20, 3, 10] {
                let (due, mut alarm) = (begin + Duration::from_millis(millis), alarms.alarm());
                waits.push(tokio::task::spawn_local(async move {
                    alarm.set(due);
                    (due, wait(&mut alarm).await)
                }));
            }
            let mut rung = Vec::new();
            for wait in waits {
                rung.push(wait.await.unwrap());
            }
            assert!(rung.iter().all(|(due, at)| at >= due));
            rung.sort_by_key(|(_, at)| *at);
            assert!(rung.is_sorted_by_key(|(due, _)| *due));
        });
    }

    #[test]
    fn an_alarm_rings_again_and_a_past_one_takes_a_turn() {
        with_alarms(|alarms| async move {
            let mut alarm = alarms.alarm();
            for _ in 0..3 {
                let due = Instant::now() + Duration::from_millis(1);
                alarm.set(due);
                assert!(wait(&mut alarm).await >= due);
            }
            alarm.set(Instant::now());
            assert!(poll_fn(|context| Poll::Ready(alarm.poll(context))).await.is_pending());
            wait(&mut alarm).await;
        });
    }

    #[test]
    fn an_alarm_can_be_moved_and_one_that_is_dropped_is_forgotten() {
        with_alarms(|alarms| async move {
            let mut alarm = alarms.alarm();
            let mut dropped = alarms.alarm();
            for alarm in [&mut alarm, &mut dropped] {
                alarm.set(Instant::now() + LONG);
                assert!(poll_fn(|context| Poll::Ready(alarm.poll(context))).await.is_pending());
            }
            assert_eq!(alarms.0.waiting.borrow().wakers.len(), 2);
            drop(dropped);
            alarm.set(Instant::now() + Duration::from_millis(1));
            wait(&mut alarm).await;
            // The timer expires for a deadline that was removed, which wakes no task.
            let gone = Instant::now() + Duration::from_millis(1);
            let mut dropped = alarms.alarm();
            dropped.set(gone);
            assert!(poll_fn(|context| Poll::Ready(dropped.poll(context))).await.is_pending());
            drop(dropped);
            sleep_until(gone + Duration::from_millis(5)).await;
            alarm.set(Instant::now() + Duration::from_millis(1));
            wait(&mut alarm).await;
        });
    }
}
