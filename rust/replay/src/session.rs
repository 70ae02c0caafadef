//! Where each session stands in its sequences, and which attempt was given which step.
//!
//! A session costs nothing until it takes a step. Sessions are spread over shards by their name; a
//! choice and the step it takes happen under the lock of one shard, so that no two requests get the
//! same step. An SDK repeats a call under the same invocation id: it is counted as it was the first
//! time, and takes no step.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::matching::{Count, FamilyId};
use crate::recent::Recent;

const MAX_SHARDS: usize = 16;
/// So few sessions need no second shard. Within a shard, who goes for lack of room is exact.
const SESSIONS_PER_SHARD: usize = 64;
/// How many invocations are remembered, over all shards.
const MAX_INVOCATIONS: usize = 65_536;

/// The sequence state of all sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    shards: Box<[Mutex<Shard>]>,
    held: AtomicUsize,
    room: usize,
    evicted: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    /// For each session, how many steps of each family it took.
    counts: Recent<HashMap<FamilyId, u32>>,
    /// For each invocation, the family that it took a step of, and the count before.
    invocations: Recent<(FamilyId, u32)>,
}

impl Shard {
    fn new() -> Self {
        Self {
            counts: Recent::new(usize::MAX),
            invocations: Recent::new(MAX_INVOCATIONS / MAX_SHARDS),
        }
    }
}

impl Sessions {
    pub(crate) fn new(max_sessions: usize) -> Self {
        let shards = (max_sessions / SESSIONS_PER_SHARD).clamp(1, MAX_SHARDS);
        Self {
            shards: (0..shards).map(|_| Mutex::new(Shard::new())).collect(),
            held: AtomicUsize::new(0),
            room: max_sessions.max(1),
            evicted: AtomicU64::new(0),
        }
    }

    /// Let `choose` choose by the session's counts, and take the step of the family that it names.
    pub(crate) fn choose<T>(
        &self,
        session: &str,
        invocation: Option<&[u8]>,
        choose: impl FnOnce(Count<'_>) -> (T, Option<FamilyId>),
    ) -> T {
        let at = self.shard_of(session);
        let mut shard = self.lock(at);
        let Shard { counts, invocations } = &mut *shard;
        let attempt = invocation.map(|id| [session.as_bytes(), b"\0", id].concat());
        let given = attempt.as_ref().and_then(|id| invocations.get(id).copied());
        let own = counts.get(session.as_bytes());
        let count = |family: FamilyId| match given {
            Some((of, count)) if of == family => count,
            _ => own.as_ref().and_then(|own| own.get(&family)).copied().unwrap_or(0),
        };
        let (chosen, step_of) = choose(&count);
        let Some(family) = step_of.filter(|family| given.is_none_or(|(of, _)| of != *family))
        else {
            return chosen;
        };
        let before = count(family);
        if let Some(id) = attempt {
            invocations.insert(&id, (family, before), 1);
        }
        if let Some(own) = counts.get(session.as_bytes()) {
            own.insert(family, before.saturating_add(1));
            return chosen;
        }
        if self.held.fetch_add(1, Ordering::Relaxed) >= self.room {
            self.make_room(at, counts);
        }
        counts.insert(session.as_bytes(), HashMap::from([(family, before + 1)]), 1);
        chosen
    }

    /// Give up one session: of this shard, or of another that nobody holds just now.
    fn make_room(&self, at: usize, counts: &mut Recent<HashMap<FamilyId, u32>>) {
        let evicted = counts.evict().is_some()
            || (1..self.shards.len()).any(|step| {
                let other = self.shards[(at + step) % self.shards.len()].try_lock();
                other.is_ok_and(|mut other| other.counts.evict().is_some())
            });
        if evicted {
            self.held.fetch_sub(1, Ordering::Relaxed);
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many sessions have state.
    pub(crate) fn len(&self) -> usize {
        (0..self.shards.len()).map(|at| self.lock(at).counts.len()).sum()
    }

    /// How many sessions were given up for lack of room.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Forget the steps of all other families.
    pub(crate) fn retain(&self, families: &HashSet<FamilyId>) {
        for at in 0..self.shards.len() {
            let mut shard = self.lock(at);
            let gone = shard.counts.retain(|_, counts| {
                counts.retain(|family, _| families.contains(family));
                !counts.is_empty()
            });
            self.held.fetch_sub(gone.len(), Ordering::Relaxed);
        }
    }

    /// Forget everything.
    pub(crate) fn clear(&self) {
        for at in 0..self.shards.len() {
            let old = std::mem::replace(&mut *self.lock(at), Shard::new());
            self.held.fetch_sub(old.counts.len(), Ordering::Relaxed);
        }
    }

    fn lock(&self, at: usize) -> std::sync::MutexGuard<'_, Shard> {
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard_of(&self, session: &str) -> usize {
        let mut hasher = DefaultHasher::new();
        session.hash(&mut hasher);
        hasher.finish() as usize % self.shards.len()
    }
}
