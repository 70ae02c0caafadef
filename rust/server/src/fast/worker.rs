//! One thread, its connections, and the loop that they live in.

use std::io;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use rustix::event::epoll::EventFlags;
use slab::Slab;

use super::clock::{Clock, SECOND_NS, TICK_NS};
use super::connection::{Connection, READING};
use super::poller::{Events, Poller, WAKE, Waker};
use super::wheel::Wheel;
use crate::lane::Handover;
use crate::listen::Socket;
use crate::meter::{Meter, Seat};
use crate::shared::{Shared, Stage};
use crate::wire::Date;

/// How much is read at a time.
const READ_BYTES: usize = 65_536;

/// A connection that is new to a worker.
pub(crate) type Arrival = (Socket, Seat);

/// One thread's share of the plane.
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) meter: Arc<Meter>,
    pub(super) lane: Handover,
    arrivals: Receiver<Arrival>,
    pub(super) poller: Poller,
    pub(super) connections: Slab<Connection>,
    pub(super) wheel: Wheel,
    pub(super) clock: Clock,
    pub(super) date: Date,
    pub(super) stage: Stage,
    next_sweep_ns: u64,
    /// What was read from a socket, while it is looked at.
    pub(super) input: Box<[u8]>,
    /// What is being made for a socket.
    pub(super) output: Vec<u8>,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        meter: Arc<Meter>,
        lane: Handover,
        arrivals: Receiver<Arrival>,
        waker: Waker,
    ) -> io::Result<Self> {
        Ok(Self {
            shared,
            meter,
            lane,
            arrivals,
            poller: Poller::new(waker)?,
            connections: Slab::new(),
            wheel: Wheel::new(),
            clock: Clock::new(),
            date: Date::now(),
            stage: Stage::Serving,
            next_sweep_ns: 0,
            input: vec![0; READ_BYTES].into(),
            output: Vec::with_capacity(READ_BYTES),
        })
    }

    /// Serve until it is over.
    ///
    /// # Errors
    ///
    /// The system refuses to wait for events; nothing else ends it.
    pub(crate) fn run(mut self) -> io::Result<()> {
        // The usual slack of 50 µs would show in every gap.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let mut events = Events::new();
        loop {
            self.poller.wait(&mut events, self.patience())?;
            for (key, flags) in events.iter() {
                if key == WAKE {
                    self.poller.rest();
                    self.welcome();
                } else {
                    self.on_event(key as usize, flags);
                }
            }
            self.on_ticks();
            let now = self.clock.now();
            if now >= self.next_sweep_ns {
                self.next_sweep_ns = now + SECOND_NS;
                self.date = Date::now();
                self.sweep(now);
            }
            if self.is_over() {
                return Ok(());
            }
        }
    }

    /// How long nothing is due.
    fn patience(&self) -> u64 {
        let now = self.clock.now();
        let tick = self.wheel.next().map_or(u64::MAX, |tick| tick.saturating_mul(TICK_NS));
        tick.min(self.next_sweep_ns).saturating_sub(now)
    }

    fn on_event(&mut self, key: usize, flags: EventFlags) {
        if flags.contains(EventFlags::OUT) {
            self.on_writable(key);
        }
        if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
        {
            self.on_readable(key, flags);
        }
    }

    /// Do what is due by now, tick by tick: frames of one stream that are due in different ticks
    /// stay apart even where this thread is late.
    fn on_ticks(&mut self) {
        let now = self.clock.now() / TICK_NS;
        while let Some(key) = self.wheel.pop(now) {
            self.on_tick(key);
        }
    }

    /// Take new connections, and see whether the end has come nearer.
    fn welcome(&mut self) {
        while let Ok((socket, seat)) = self.arrivals.try_recv() {
            let connection = Connection::new(socket, seat, self.clock.now());
            let key = self.connections.insert(connection);
            let socket = &self.connections[key].socket;
            if self.poller.add(socket, key, READING).is_err() {
                self.connections.remove(key);
                continue;
            }
            self.meter.accepted();
        }
        let stage = self.shared.stage();
        if stage > self.stage {
            self.stage = stage;
            self.part();
        }
    }

    fn is_over(&self) -> bool {
        self.stage > Stage::Serving && self.connections.is_empty()
    }

    /// Have the next deadline of a connection's answer in the wheel.
    pub(super) fn set_alarm(&mut self, key: usize) {
        let running = self.connections[key].running.as_ref();
        if let Some(tick) = running.and_then(|running| running.next_tick()) {
            self.wheel.set(key, tick);
        }
    }
}
