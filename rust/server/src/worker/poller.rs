//! Readiness of sockets, and the alarm that ends a wait on time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::Timespec;
use rustix::io::Errno;

use crate::clock::Timer;

/// What a waker's event is marked with; sockets are marked with their keys.
pub(super) const WAKE: u64 = u64::MAX;
const ALARM: u64 = u64::MAX - 1;
const EVENTS_PER_WAIT: usize = 512;

pub(super) struct Poller {
    epoll: OwnedFd,
    alarm: Timer,
    waker: Waker,
}

/// What a wait ended with. Stays on one thread.
pub(super) struct Events(Vec<Event>);

impl Events {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(EVENTS_PER_WAIT))
    }

    /// Marks, and what happened; without alarms, which ring only to end the wait.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, EventFlags)> {
        let all = self.0.iter().map(|event| (event.data.u64(), event.flags));
        all.filter(|(mark, _)| *mark != ALARM)
    }
}

/// Ends a wait from another thread.
#[derive(Debug, Clone)]
pub(crate) struct Waker(Arc<OwnedFd>);

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(Arc::new(eventfd(0, flags)?)))
    }

    pub(crate) fn wake(&self) {
        // It fails where the counter is full: then a wake-up waits already.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }

    fn rest(&self) {
        let _ = rustix::io::read(&*self.0, &mut [0; 8]);
    }
}

impl Poller {
    pub(super) fn new(waker: Waker) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let alarm = Timer::new()?;
        epoll::add(&epoll, &*waker.0, EventData::new_u64(WAKE), EventFlags::IN)?;
        epoll::add(&epoll, &alarm, EventData::new_u64(ALARM), EventFlags::IN)?;
        Ok(Self { epoll, alarm, waker })
    }

    pub(super) fn add(&self, socket: impl AsFd, key: usize, of: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(key as u64), of)?)
    }

    pub(super) fn change(&self, socket: impl AsFd, key: usize, of: EventFlags) {
        // The socket is registered, so that nothing but a lack of kernel memory can fail.
        let _ = epoll::modify(&self.epoll, socket, EventData::new_u64(key as u64), of);
    }

    pub(super) fn remove(&self, socket: impl AsFd) {
        let _ = epoll::delete(&self.epoll, socket);
    }

    /// Wait for events, at most so long.
    pub(super) fn wait(&self, events: &mut Events, at_most_ns: u64) -> io::Result<()> {
        events.0.clear();
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = if at_most_ns == 0 {
            Some(&none)
        } else {
            self.alarm.set(at_most_ns)?;
            None
        };
        match epoll::wait(&self.epoll, spare_capacity(&mut events.0), timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What ends a wait from another thread.
    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Let the waker wake again.
    pub(super) fn rest(&self) {
        self.waker.rest();
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
