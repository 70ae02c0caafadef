//! The ordinal of each request within its session: what is drawn for it follows from that, whichever
//! threads serve the requests of other sessions meanwhile.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::head::DEFAULT_SESSION;
use crate::recent::Recent;

const SHARDS: usize = 16;
/// How many sessions are counted, over all shards. One that is given up for others begins at 0.
const MAX_SESSIONS: usize = 65_536;

/// How many requests each session has sent.
#[derive(Debug)]
pub(crate) struct Ordinals {
    /// Of requests without a session: many, so that they need no lock.
    default: AtomicU64,
    others: [Mutex<Recent<u64>>; SHARDS],
}

impl Ordinals {
    pub(crate) fn new() -> Self {
        let others = std::array::from_fn(|_| Mutex::new(Recent::new(MAX_SESSIONS / SHARDS)));
        Self { default: AtomicU64::new(0), others }
    }

    /// The ordinal of a session's next request, from 0.
    pub(crate) fn next(&self, session: &str) -> u64 {
        if session == DEFAULT_SESSION {
            return self.default.fetch_add(1, Ordering::Relaxed);
        }
        let mut hasher = DefaultHasher::new();
        session.hash(&mut hasher);
        let shard = &self.others[hasher.finish() as usize % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = shard.get(session.as_bytes()) {
            *next += 1;
            return *next - 1;
        }
        shard.insert(session.as_bytes(), 1, 1);
        0
    }

    /// Begin all sessions at 0.
    pub(crate) fn clear(&self) {
        self.default.store(0, Ordering::Relaxed);
        for shard in &self.others {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, _| false);
        }
    }
}
