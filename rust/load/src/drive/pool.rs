//! The connections of a thread.

use std::cell::{Cell, RefCell};

use super::plan::Plan;
use crate::failure::Failure;
use crate::wire::{Dialer, H1, H2, Place, Refused};

/// Connections that carry no request now, and those that can carry more.
#[derive(Debug)]
pub(super) struct Pool {
    dialer: Dialer,
    prior_knowledge: bool,
    idle: RefCell<Vec<H1>>,
    shared: RefCell<Vec<H2>>,
    /// Held while an HTTP/2 connection is made, so that those who wait can share it.
    dialing: tokio::sync::Mutex<()>,
    /// Whether HTTP/2 is spoken; `None` until the first TLS session has negotiated it.
    speaks_h2: Cell<Option<bool>>,
    pub(super) counts: Counts,
}

/// What became of attempts to connect.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) opened: Cell<u64>,
    /// No port, or no address, was left.
    pub(super) out_of_ports: Cell<u64>,
    /// No file descriptor was left.
    pub(super) out_of_files: Cell<u64>,
}

/// A connection for one request.
#[derive(Debug)]
pub(super) enum Connection {
    /// HTTP/1.1; whether it carried another request before.
    H1(H1, bool),
    /// HTTP/2, the same.
    H2(Place, bool),
}

impl Pool {
    pub(super) fn new(plan: &Plan, thread: usize) -> Result<Self, String> {
        let sources = &plan.options.sources;
        let prior_knowledge = plan.prior_knowledge();
        let known = (prior_knowledge || plan.tls.is_none()).then_some(prior_knowledge);
        Ok(Self {
            dialer: Dialer::new(&plan.target, sources, plan.tls.clone(), thread)?,
            prior_knowledge,
            idle: RefCell::default(),
            shared: RefCell::default(),
            dialing: tokio::sync::Mutex::new(()),
            speaks_h2: Cell::new(known),
            counts: Counts::default(),
        })
    }

    /// A connection; one that was used before, unless `fresh` is asked for.
    pub(super) async fn get(&self, fresh: bool) -> Result<Connection, Refused> {
        if !fresh {
            if let Some(connection) = self.idle.borrow_mut().pop() {
                return Ok(Connection::H1(connection, true));
            }
            if let Some(place) = self.shared_place() {
                return Ok(Connection::H2(place, true));
            }
        }
        if self.speaks_h2.get() == Some(false) {
            return self.dial().await;
        }
        let dialing = self.dialing.lock().await;
        if self.speaks_h2.get() == Some(false) {
            drop(dialing);
            return self.dial().await;
        }
        if !fresh && let Some(place) = self.shared_place() {
            return Ok(Connection::H2(place, true));
        }
        self.dial().await
    }

    /// Give a connection back that can carry another request.
    pub(super) fn give_back(&self, connection: H1) {
        self.idle.borrow_mut().push(connection);
    }

    fn shared_place(&self) -> Option<Place> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(H2::is_open);
        shared.iter().find_map(H2::place)
    }

    async fn dial(&self) -> Result<Connection, Refused> {
        let stream = self.dialer.dial().await.inspect_err(|refused| self.note(&refused.failure))?;
        self.counts.opened.set(self.counts.opened.get() + 1);
        let speaks_h2 = self.prior_knowledge || stream.negotiated_h2();
        self.speaks_h2.set(Some(speaks_h2));
        if !speaks_h2 {
            return Ok(Connection::H1(H1::new(stream), false));
        }
        let connection = H2::new(stream).await?;
        let place = connection.place().ok_or_else(|| Refused {
            failure: Failure::Connect,
            why: "the HTTP/2 connection was closed at once".to_owned(),
        })?;
        self.shared.borrow_mut().push(connection);
        Ok(Connection::H2(place, false))
    }

    fn note(&self, failure: &Failure) {
        let counter = match failure {
            Failure::NoPort => &self.counts.out_of_ports,
            Failure::NoFile => &self.counts.out_of_files,
            _ => return,
        };
        counter.set(counter.get() + 1);
    }
}
