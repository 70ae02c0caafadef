//! Starting and stopping: the threads of a server.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use replay::Engine;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use crate::accept::Acceptor;
use crate::dispatcher::{Dispatcher, WorkerHandle};
use crate::fallback::{Fallback, Handover};
use crate::listen::Listener;
use crate::making::Makers;
use crate::meter::{Figures, Meter};
use crate::options::Options;
use crate::shared::{Shared, Shutdown};
use crate::worker::{Waker, Worker};

/// How long threads that were told to end at once may take before they are left behind.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A running server. Dropping it tells it to end at once without waiting: its threads may need a
/// lock that the caller holds.
pub struct Server {
    shared: Arc<Shared>,
    /// Of each worker and its fallback.
    meters: Vec<[Arc<Meter>; 2]>,
    /// Of the acceptor.
    acceptor: Arc<Meter>,
    wakers: Vec<Waker>,
    stage: watch::Sender<Shutdown>,
    addresses: Vec<SocketAddr>,
    listening: Vec<RawFd>,
    /// Closed when the last thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl Server {
    /// Serve what comes to these sockets, on threads of its own.
    ///
    /// # Errors
    ///
    /// The system has no more threads, or files.
    pub fn start(
        engine: Arc<Engine>,
        listeners: Vec<Listener>,
        options: Options,
    ) -> io::Result<Self> {
        let threads = options.threads.max(1);
        let (ending, ended) = channel();
        let mut server = Self {
            shared: Arc::new(Shared::new(engine, options)),
            meters: Vec::new(),
            acceptor: Arc::default(),
            wakers: Vec::new(),
            stage: watch::Sender::new(Shutdown::Serving),
            addresses: listeners.iter().filter_map(Listener::address).collect(),
            listening: listeners.iter().map(|one| one.as_fd().as_raw_fd()).collect(),
            ended: Mutex::new(ended),
        };
        let makers = Makers::new(&server.shared, &ending);
        let dispatcher = Dispatcher::default();
        let pair = |at| server.pair(at, &makers, &dispatcher, &ending);
        dispatcher.open((0..threads).map(pair).collect::<io::Result<_>>()?);
        drop(makers);
        let waker = Waker::new()?;
        server.wakers.push(waker.clone());
        let shared = Arc::clone(&server.shared);
        let meter = Arc::clone(&server.acceptor);
        let acceptor = Acceptor { shared, listeners, dispatcher, meter, waker };
        spawn("bedrock-accept", ending, move || acceptor.run())?;
        Ok(server)
    }

    /// Start a worker and its fallback.
    fn pair(
        &mut self,
        at: usize,
        makers: &Makers,
        dispatcher: &Dispatcher,
        ending: &Sender<()>,
    ) -> io::Result<WorkerHandle> {
        let (meter, fallback_meter) = (Arc::new(Meter::default()), Arc::new(Meter::default()));
        let waker = Waker::new()?;
        let (handing, handed) = unbounded_channel();
        let handover = Handover(handing);

        let fallback = Fallback::new(
            Arc::clone(&self.shared),
            Arc::clone(&fallback_meter),
            makers.clone(),
            handed,
            self.stage.subscribe(),
        )?;
        let worker = Worker::new(
            Arc::clone(&self.shared),
            Arc::clone(&meter),
            handover.clone(),
            makers.clone(),
            dispatcher.clone(),
            waker.clone(),
        )?;
        let commands = worker.commands();
        spawn(&format!("bedrock-fallback-{at}"), ending.clone(), || fallback.run())?;
        spawn(&format!("bedrock-work-{at}"), ending.clone(), || worker.run())?;
        self.wakers.push(waker.clone());
        self.meters.push([Arc::clone(&meter), Arc::clone(&fallback_meter)]);
        Ok(WorkerHandle { meter, fallback_meter, commands, waker, fallback: handover })
    }

    /// The TCP addresses that it listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The file descriptors of the sockets that it listens on, for a forked child to close.
    pub fn listening(&self) -> &[RawFd] {
        &self.listening
    }

    /// What happened so far.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        self.acceptor.add_to(&mut figures);
        for pair in &self.meters {
            let (connections, streams) = (figures.connections, figures.streams);
            for meter in pair {
                meter.add_to(&mut figures);
            }
            figures.connections_by_thread.push(figures.connections - connections);
            figures.streams_by_thread.push(figures.streams - streams);
        }
        figures
    }

    /// Take no more connections, answer what was asked for at most so long, and end. Returns
    /// whether everything was answered. A second call, from another thread, can only shorten it.
    pub fn stop(&self, drain: Duration) -> bool {
        self.advance(if drain.is_zero() { Shutdown::Stopped } else { Shutdown::Draining });
        // The first call holds the lock; a later one has done its part already.
        let Ok(ended) = self.ended.try_lock() else { return false };
        let drained = ends_within(&ended, drain);
        if !drained {
            self.advance(Shutdown::Stopped);
            ends_within(&ended, AT_ONCE);
        }
        drained && self.shared.stage() < Shutdown::Stopped
    }

    fn advance(&self, stage: Shutdown) {
        self.shared.advance(stage);
        // A later call from another thread does not take it back.
        self.stage.send_if_modified(|now| {
            *now < stage && {
                *now = stage;
                true
            }
        });
        for waker in &self.wakers {
            waker.wake();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.advance(Shutdown::Stopped);
    }
}

fn ends_within(ended: &Receiver<()>, time: Duration) -> bool {
    let begin = Instant::now();
    loop {
        match ended.recv_timeout(time.saturating_sub(begin.elapsed())) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// Run a thread that lets go of `ending` when it is done.
fn spawn(
    name: &str,
    ending: Sender<()>,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let name = name.to_owned();
    let run = {
        let name = name.clone();
        move || {
            if let Err(error) = run() {
                eprintln!("bedrock-frames: {name} has ended: {error}");
            }
            drop(ending);
        }
    };
    thread::Builder::new().name(name).spawn(run).map(drop)
}
