//! Everything that a worker does not serve: HTTP/2, TLS, the rarer parts of HTTP/1.1, and all paths
//! that belong to the app.
//!
//! A fallback is a thread with one tokio runtime. hyper alone decides what is HTTP here: nothing
//! reads the bytes before it does, since two parsers in series that disagree about where a request
//! ends are how request smuggling begins. What surrounds hyper keeps the time limits, by the first
//! byte of a head and by the call of the service. Deciding and pacing are the engine's, as in a
//! worker, with one timer a stream.
//!
//! # Layout
//!
//! - `serve`: the thread, and the connections that it is handed.
//! - `stream`: a socket or a TLS session as hyper sees it.
//! - `service`: a request to a response.
//! - `paced`: an answer of the engine as a body.
//! - `alarms`: when more of it is due.
//! - `activity`: what connections do, and whether they should not go on.
//! - `task`: the tasks of hyper.
//! - `admitted`: the place of a request that was let in.
//! - `app`: the way to the app.
//!
//! # What was tried, and left
//!
//! A turn of its own for each late frame of a stream, as workers have it: with 3,000 streams over
//! one thread the gaps' p99 went from 22 to 49 ms, on a machine that did other things too. Without
//! it the least gap of 20 ms was 8 ms.

mod activity;
mod admitted;
mod alarms;
mod app;
mod paced;
mod serve;
mod service;
mod stream;
mod task;

use tokio::sync::mpsc::UnboundedSender;

pub(crate) use serve::Fallback;

use crate::listen::Socket;
use crate::meter::ConnectionGuard;

/// A connection for a fallback.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) socket: Socket,
    pub(crate) guard: ConnectionGuard,
    /// What was read of it already.
    pub(crate) read: Vec<u8>,
    /// It speaks TLS.
    pub(crate) secure: bool,
}

/// Where connections are handed over.
#[derive(Debug, Clone)]
pub(crate) struct Handover(pub(crate) UnboundedSender<Handed>);

impl Handover {
    /// Hand a connection over. Where the fallback has ended, it is closed.
    pub(crate) fn hand(&self, handed: Handed) {
        let _ = self.0.send(handed);
    }
}
