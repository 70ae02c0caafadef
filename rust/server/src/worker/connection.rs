//! A socket, and what waits to go in and out.

use rustix::event::epoll::EventFlags;

use super::active_response::ActiveResponse;
use crate::listen::Socket;
use crate::meter::ConnectionGuard;

/// What a connection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of a request has come.
    Idle,
    /// A head is coming.
    Head,
    /// A body is coming.
    Body,
    /// An answer is being made.
    Making,
    /// An answer is on its way.
    Answering,
    /// All has been said. What still comes is thrown away: so much has been.
    Closing { discarded: usize },
}

/// An answer that is being made.
#[derive(Debug)]
pub(super) struct Making {
    /// Which: the connection of this key may be another by then.
    pub(super) ticket: u64,
    /// When its request was there.
    pub(super) began_ns: u64,
    /// The connection ends with it.
    pub(super) close: bool,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: Socket,
    /// What was read and not answered.
    pub(super) inbox: Vec<u8>,
    /// The inbox is not looked at before it has so many bytes.
    pub(super) wanted: usize,
    /// What the socket did not take. Bounded, because nothing is made while something is here.
    pub(super) outbox: Vec<u8>,
    /// A request of it was let in, and has not left.
    pub(super) admitted: bool,
    pub(super) making: Option<Making>,
    pub(super) active: Option<Box<ActiveResponse>>,
    pub(super) phase: Phase,
    /// When the phase began, or made progress.
    pub(super) since_ns: u64,
    pub(super) interest: EventFlags,
    pub(super) guard: ConnectionGuard,
}

/// What every connection is watched for.
pub(super) const READING: EventFlags = EventFlags::IN.union(EventFlags::RDHUP);

impl Connection {
    pub(super) fn new(socket: Socket, guard: ConnectionGuard, now_ns: u64) -> Self {
        Self {
            socket,
            inbox: Vec::new(),
            wanted: 0,
            outbox: Vec::new(),
            admitted: false,
            making: None,
            active: None,
            phase: Phase::Idle,
            since_ns: now_ns,
            interest: READING,
            guard,
        }
    }

    /// Whether a request of it is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.active.is_some() || self.making.is_some()
    }

    pub(super) fn enter(&mut self, phase: Phase, now_ns: u64) {
        self.phase = phase;
        self.since_ns = now_ns;
    }
}
