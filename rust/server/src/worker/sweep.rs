//! What takes too long, once a second; and the end.

use std::time::Duration;

use replay::End;
use rustix::event::epoll::EventFlags;

use super::connection::{Connection, Phase};
use super::thread::Worker;
use crate::head::{LATE, Rejection};
use crate::options::LAST_WORD;
use crate::shared::Shutdown;

impl Worker {
    /// End what has made no progress for too long.
    pub(super) fn sweep(&mut self, now_ns: u64) {
        let options = &self.shared.options;
        let most = if self.stage > Shutdown::Serving { LAST_WORD } else { Duration::MAX };
        let limit = |connection: &Connection| match connection.phase {
            Phase::Idle => Some(options.idle_timeout),
            Phase::Head => Some(options.head_timeout.min(most)),
            Phase::Making => None,
            Phase::Answering if connection.outbox.is_empty() => None,
            Phase::Body => Some(options.stall_timeout.min(most)),
            Phase::Answering => Some(options.stall_timeout),
            Phase::Closing { .. } => Some(LAST_WORD),
        };
        let late: Vec<(usize, Phase)> = self
            .connections
            .iter()
            .filter(|(_, connection)| {
                let age = Duration::from_nanos(now_ns.saturating_sub(connection.since_ns));
                limit(connection).is_some_and(|limit| age > limit)
            })
            .map(|(key, connection)| (key, connection.phase))
            .collect();
        for (key, phase) in late {
            self.guarded(key, |worker| worker.end(key, phase));
        }
    }

    fn end(&mut self, key: usize, phase: Phase) {
        match phase {
            Phase::Head | Phase::Body => {
                let Rejection(status, why) = LATE;
                self.refuse(key, status, why);
            }
            Phase::Making | Phase::Answering => self.close(key, End::Stalled),
            Phase::Idle | Phase::Closing { .. } => self.close(key, End::ClientLeft),
        }
    }

    /// Called when shutdown advances: closes idle connections, or all of them once it has stopped.
    pub(super) fn close_idle(&mut self) {
        let keys: Vec<usize> = self.connections.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.guarded(key, |worker| worker.close_if_idle(key));
        }
        for (_, connection) in &mut self.connections {
            if let Some(active) = &mut connection.active {
                active.close = true;
            }
        }
    }

    /// Closes an idle connection, or any once the server has stopped. A request that has arrived is
    /// still read.
    pub(super) fn close_if_idle(&mut self, key: usize) {
        let over = self.stage == Shutdown::Stopped;
        if !over && self.connections[key].phase == Phase::Idle {
            self.on_readable(key, EventFlags::empty());
        }
        let Some(connection) = self.connections.get(key) else { return };
        if over || matches!(connection.phase, Phase::Idle | Phase::Closing { .. }) {
            self.close(key, End::Stopped);
        }
    }
}
