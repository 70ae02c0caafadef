//! What happens on the sockets, counted by each thread for itself and merged on request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use replay::{End, Settlement};

use crate::histogram::{Counts, Histogram, add};

/// The counters of one thread, which alone writes them; but for what others bring to it.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    connections: AtomicUsize,
    accepted: AtomicU64,
    in_flight: AtomicU64,
    streams: AtomicU64,
    /// Requests that another worker has passed on to this one, and that have not arrived.
    coming: AtomicUsize,
    frames: AtomicU64,
    body_bytes: AtomicU64,
    blocked: AtomicU64,
    client_left: AtomicU64,
    stalled: AtomicU64,
    cut: AtomicU64,
    stopped: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    lateness: Histogram,
    first_frame: Histogram,
    duration: Histogram,
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionGuard(Arc<Meter>);

impl ConnectionGuard {
    pub(crate) fn new(meter: &Arc<Meter>) -> Self {
        meter.connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(meter))
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Meter {
    pub(crate) fn accepted(&self) {
        add(&self.accepted, 1);
    }

    /// A request is about to be answered.
    pub(crate) fn began(&self) {
        add(&self.in_flight, 1);
    }

    /// Its answer begins; `paced` where not all of it is due at once.
    pub(crate) fn answers(&self, paced: bool) {
        add(&self.streams, u64::from(paced));
    }

    /// It ends without an answer of the engine's.
    pub(crate) fn ended(&self, end: End) {
        add(&self.in_flight, u64::MAX);
        match end {
            End::Delivered => {}
            End::ClientLeft => add(&self.client_left, 1),
            End::Stalled => add(&self.stalled, 1),
            End::Cut => add(&self.cut, 1),
            End::Stopped => add(&self.stopped, 1),
            End::Failed => self.failed(),
        }
    }

    /// Its answer has ended.
    pub(crate) fn settled(&self, settlement: &Settlement) {
        self.ended(settlement.end);
        add(&self.streams, if settlement.is_paced { u64::MAX } else { 0 });
        add(&self.body_bytes, settlement.bytes as u64);
        if settlement.is_stream {
            add(&self.frames, settlement.frames as u64);
            if settlement.end == End::Delivered {
                self.duration.record(settlement.duration.as_micros() as u64);
            }
        }
    }

    /// The call that took the last byte of a paced write returned so long after that was due.
    pub(crate) fn wrote(&self, lateness: Duration) {
        self.lateness.record(lateness.as_micros() as u64);
    }

    pub(crate) fn first_frame(&self, after: Duration) {
        self.first_frame.record(after.as_micros() as u64);
    }

    /// A socket took less than it was given.
    pub(crate) fn blocked(&self) {
        add(&self.blocked, 1);
    }

    /// An internal error ended an answer, or a connection.
    pub(crate) fn failed(&self) {
        add(&self.failed, 1);
    }

    /// A request is passed on to this thread, by another.
    pub(crate) fn comes(&self) {
        self.coming.fetch_add(1, Ordering::Relaxed);
    }

    /// It has arrived.
    pub(crate) fn came(&self) {
        self.coming.fetch_sub(1, Ordering::Relaxed);
    }

    /// Answers under way, and requests on their way here.
    pub(crate) fn answers_ahead(&self) -> usize {
        let here = self.in_flight.load(Ordering::Relaxed) as usize;
        here + self.coming.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections, and answers under way.
    pub(crate) fn load(&self) -> usize {
        self.connections() + self.answers_ahead()
    }

    /// A request is none, does not come to its end, or is beyond a bound.
    pub(crate) fn refused(&self) {
        add(&self.refused, 1);
    }

    pub(crate) fn add_to(&self, figures: &mut Figures) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        figures.connections += self.connections.load(Ordering::Relaxed) as u64;
        figures.accepted += get(&self.accepted);
        figures.in_flight += get(&self.in_flight);
        figures.streams += get(&self.streams);
        figures.frames += get(&self.frames);
        figures.body_bytes += get(&self.body_bytes);
        figures.blocked += get(&self.blocked);
        figures.client_left += get(&self.client_left);
        figures.stalled += get(&self.stalled);
        figures.cut += get(&self.cut);
        figures.stopped += get(&self.stopped);
        figures.failed += get(&self.failed);
        figures.refused += get(&self.refused);
        self.lateness.add_to(&mut figures.lateness);
        self.first_frame.add_to(&mut figures.first_frame);
        self.duration.add_to(&mut figures.duration);
    }
}

/// What all threads counted.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Connections that are open.
    pub connections: u64,
    /// Of these, each thread's.
    pub connections_by_thread: Vec<u64>,
    /// Connections that ever were.
    pub accepted: u64,
    /// Answers under way.
    pub in_flight: u64,
    /// Of these, paced ones.
    pub streams: u64,
    /// Of these, each thread's.
    pub streams_by_thread: Vec<u64>,
    /// Event-stream frames of answers that have ended.
    pub frames: u64,
    /// Bytes of their bodies.
    pub body_bytes: u64,
    /// Writes of which the socket took a part.
    pub blocked: u64,
    /// Answers whose client left.
    pub client_left: u64,
    /// Answers whose client did not read on for too long.
    pub stalled: u64,
    /// Answers cut as their fixture asks.
    pub cut: u64,
    /// Answers that a stop of the server cut.
    pub stopped: u64,
    /// Answers and connections that an internal error ended.
    pub failed: u64,
    /// Requests that are none, that do not come to their end, or that are beyond a bound.
    pub refused: u64,
    /// From when a paced write was due to when the call that took its last byte returned.
    pub lateness: Counts,
    /// From a request to the first bytes of its stream.
    pub first_frame: Counts,
    /// From a request to the last bytes of its stream.
    pub duration: Counts,
}
