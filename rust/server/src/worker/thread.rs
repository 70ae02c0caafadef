//! One thread, its connections, and the loop that they live in.

use std::io;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::event::epoll::EventFlags;
use slab::Slab;

use super::connection::{Connection, READING};
use super::poller::{Events, Poller, WAKE, Waker};
use super::wheel::Wheel;
use crate::clock::{Clock, SECOND_NS, TICK_NS};
use crate::dispatcher::Dispatcher;
use crate::fallback::Handover;
use crate::listen::Socket;
use crate::making::{Made, Makers};
use crate::meter::{ConnectionGuard, Meter};
use crate::shared::{Shared, Shutdown};
use crate::wire::Date;

/// How much is read at a time.
const READ_BYTES: usize = 65_536;

/// A message to a worker from another thread.
pub(crate) enum Command {
    /// There is a new connection; or one of another worker's, with a request that was read of it.
    Arrived { socket: Socket, guard: ConnectionGuard, read: Vec<u8> },
    /// There is one connection too many.
    Refused { socket: Socket, guard: ConnectionGuard, why: String },
    /// An answer was made for the connection of that key, if it still waits for it.
    Made { key: usize, ticket: u64, made: Made },
}

/// One thread of the server.
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) meter: Arc<Meter>,
    pub(super) fallback: Handover,
    pub(super) makers: Makers,
    pub(super) dispatcher: Dispatcher,
    received: Receiver<Command>,
    /// Given to other threads that send commands.
    pub(super) commands: Sender<Command>,
    pub(super) poller: Poller,
    pub(super) connections: Slab<Connection>,
    pub(super) wheel: Wheel,
    pub(super) clock: Clock,
    pub(super) date: Date,
    pub(super) stage: Shutdown,
    next_sweep_ns: u64,
    /// How many answers it has had made.
    pub(super) tickets: u64,
    /// What was read from a socket, while it is looked at.
    pub(super) input: Box<[u8]>,
    /// What is being made for a socket.
    pub(super) output: Vec<u8>,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        meter: Arc<Meter>,
        fallback: Handover,
        makers: Makers,
        dispatcher: Dispatcher,
        waker: Waker,
    ) -> io::Result<Self> {
        let (commands, received) = channel();
        let date = Date::with(shared.options.cors.as_ref());
        Ok(Self {
            shared,
            meter,
            fallback,
            makers,
            dispatcher,
            received,
            commands,
            poller: Poller::new(waker)?,
            connections: Slab::new(),
            wheel: Wheel::new(),
            clock: Clock::new(),
            date,
            stage: Shutdown::Serving,
            next_sweep_ns: 0,
            tickets: 0,
            input: vec![0; READ_BYTES].into(),
            output: Vec::with_capacity(READ_BYTES),
        })
    }

    /// Returns a sender of commands to this worker.
    pub(crate) fn commands(&self) -> Sender<Command> {
        self.commands.clone()
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
                    self.on_commands();
                } else {
                    let key = key as usize;
                    self.guarded(key, |worker| worker.on_event(key, flags));
                }
            }
            self.on_ticks();
            let now = self.clock.now();
            if now >= self.next_sweep_ns {
                self.next_sweep_ns = now + SECOND_NS;
                self.date.renew();
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
            self.guarded(key, |worker| worker.on_tick(key));
        }
    }

    /// Do something for one connection. A fault of ours ends that one, and no other.
    pub(super) fn guarded(&mut self, key: usize, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            if self.input.is_empty() {
                // It was out on loan.
                self.input = vec![0; READ_BYTES].into();
            }
            self.abort(key);
        }
    }

    /// Hear what others have done, and see whether the end has come nearer.
    fn on_commands(&mut self) {
        while let Ok(command) = self.received.try_recv() {
            match command {
                Command::Arrived { socket, guard, read } => self.welcome(socket, guard, read),
                Command::Refused { socket, guard, why } => {
                    if let Some(key) = self.add(socket, guard) {
                        self.guarded(key, |worker| worker.refuse(key, 503, &why));
                    }
                }
                Command::Made { key, ticket, made } => {
                    self.guarded(key, |worker| worker.on_made(key, ticket, made));
                }
            }
        }
        let stage = self.shared.stage();
        if stage > self.stage {
            self.stage = stage;
            self.close_idle();
        }
    }

    fn welcome(&mut self, socket: Socket, guard: ConnectionGuard, read: Vec<u8>) {
        let is_new = read.is_empty();
        if !is_new {
            self.meter.came();
        }
        let Some(key) = self.add(socket, guard) else { return };
        if is_new {
            self.meter.accepted();
            if self.shared.stage() > Shutdown::Serving {
                self.guarded(key, |worker| worker.close_if_idle(key));
            }
        } else {
            self.guarded(key, |worker| worker.serve_inbox(key, read));
        }
    }

    /// Watch a connection from now on; none, where the system does not.
    fn add(&mut self, socket: Socket, guard: ConnectionGuard) -> Option<usize> {
        let connection = Connection::new(socket, guard, self.clock.now());
        let key = self.connections.insert(connection);
        if self.poller.add(&self.connections[key].socket, key, READING).is_err() {
            self.connections.remove(key);
            return None;
        }
        Some(key)
    }

    fn is_over(&self) -> bool {
        self.stage > Shutdown::Serving && self.connections.is_empty()
    }

    /// Have the next deadline of a connection's answer in the wheel.
    pub(super) fn set_alarm(&mut self, key: usize) {
        let active = self.connections[key].active.as_ref();
        if let Some(tick) = active.and_then(|active| active.next_tick()) {
            self.wheel.set(key, tick);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use replay::Engine;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::options::Options;

    fn worker() -> Worker {
        let engine = Arc::new(Engine::new(replay::Options::default()));
        let shared = Arc::new(Shared::new(engine, Options::default()));
        let makers = Makers::new(&shared, &channel().0);
        let fallback = Handover(unbounded_channel().0);
        let dispatcher = Dispatcher::default();
        let waker = Waker::new().unwrap();
        Worker::new(shared, Arc::default(), fallback, makers, dispatcher, waker).unwrap()
    }

    fn connect(worker: &mut Worker) -> UnixStream {
        let (theirs, ours) = UnixStream::pair().unwrap();
        let guard = ConnectionGuard::new(&worker.meter);
        worker.welcome(Socket::Unix(ours), guard, Vec::new());
        theirs
    }

    #[test]
    fn a_fault_while_a_connection_is_read_ends_that_one_and_no_other() {
        let mut worker = worker();
        let mut lost = connect(&mut worker);
        let mut other = connect(&mut worker);
        let request = b"POST /model/m/converse HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}";
        other.write_all(request).unwrap();

        worker.guarded(0, |worker| {
            let _lent = std::mem::take(&mut worker.input);
            worker.connections[0].admitted = worker.shared.enter().is_ok();
            worker.meter.began();
            panic!("as the test wants");
        });
        worker.guarded(1, |worker| worker.on_event(1, EventFlags::IN));

        let mut answer = [0; 12];
        other.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 400");
        assert_eq!(lost.read(&mut answer).unwrap(), 0);
        let mut figures = crate::Figures::default();
        worker.meter.add_to(&mut figures);
        assert_eq!((figures.connections, figures.in_flight, figures.failed), (1, 0, 1));
    }
}
