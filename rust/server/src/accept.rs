//! Who gets a new connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{SendFlags, send};

use crate::dispatcher::Dispatcher;
use crate::fallback::Handed;
use crate::listen::{Listener, Socket};
use crate::meter::{ConnectionGuard, Meter};
use crate::options::max_refused;
use crate::shared::{Shared, Shutdown};
use crate::wire::{self, Date};
use crate::worker::{Command, Waker};

/// How long accepting rests where the system has no file for a connection.
const REST: Duration = Duration::from_millis(10);

/// One thread that accepts, and gives each connection to the least busy thread.
pub(crate) struct Acceptor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) dispatcher: Dispatcher,
    /// Counts the connections that are refused.
    pub(crate) meter: Arc<Meter>,
    pub(crate) waker: Waker,
}

impl Acceptor {
    /// Accept until the end comes nearer; then close the listeners.
    ///
    /// # Errors
    ///
    /// The system refuses to wait for connections.
    pub(crate) fn run(self) -> io::Result<()> {
        while self.shared.stage() == Shutdown::Serving {
            let mut watched: Vec<_> = self
                .listeners
                .iter()
                .map(|listener| PollFd::new(listener, PollFlags::IN))
                .chain([PollFd::new(&self.waker, PollFlags::IN)])
                .collect();
            match poll(&mut watched, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for listener in &self.listeners {
                self.accept_all(listener);
            }
        }
        Ok(())
    }

    fn accept_all(&self, listener: &Listener) {
        while self.shared.stage() == Shutdown::Serving {
            match listener.accept() {
                Ok(socket) => self.dispatch(socket),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => match error.kind() {
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => {
                        // Out of files. Those who wait are still there when one is free.
                        std::thread::sleep(REST);
                        return;
                    }
                },
            }
        }
    }

    fn dispatch(&self, socket: Socket) {
        let Some(handle) = self.dispatcher.least_busy() else { return };
        let limit = self.shared.options.max_connections;
        let secure = self.shared.options.tls.is_some() && matches!(socket, Socket::Tcp(_));
        if self.dispatcher.connections() >= limit {
            let why = format!("This server has {limit} connections at a time.");
            if !secure && self.meter.connections() < max_refused(limit) {
                let guard = ConnectionGuard::new(&self.meter);
                handle.send(Command::Refused { socket, guard, why });
                return;
            }
            self.meter.refused();
            if !secure {
                refuse(&socket, &why);
            }
            return;
        }
        let guard = ConnectionGuard::new(&handle.meter);
        if secure || !self.shared.options.workers {
            handle.fallback.hand(Handed { socket, guard, read: Vec::new(), secure });
        } else {
            handle.send(Command::Arrived { socket, guard, read: Vec::new() });
        }
    }
}

/// Say that there are too many. It fits into the buffer of any new socket.
fn refuse(socket: &Socket, why: &str) {
    let bytes = wire::refusal(503, why, &Date::now());
    let _ = send(socket, &bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}
