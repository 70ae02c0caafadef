//! What the engine asks of the compiler of plans, and the plans that it remembers.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::agent::{Class, Drawn};
use crate::body::{Blocks, Format};
use crate::matching::Asked;
use crate::operation::Operation;
use crate::plan::Plan;
use crate::recent::Recent;

/// Makes plans from fixtures. Called by the thread that finishes an answer. For an `ask` without
/// `values`, other requests for the same plan wait meanwhile: a thread that holds something that
/// compiling needs must not ask.
pub trait Compile: Send + Sync {
    /// Make the plan of one answer. The same question has the same answer, but for its `values`;
    /// for an automatic agent, values of the same class have the same answer.
    ///
    /// # Errors
    ///
    /// The fixture cannot be said in that format; the text goes to the client.
    fn compile(&self, ask: &Ask<'_>) -> Result<Arc<Plan>, String>;
}

/// Which plan is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The fixture's index.
    pub fixture: usize,
    /// The number of the rules that it is in, and what it is: its plans are remembered by these.
    pub(crate) kept_by: (u64, u128),
    /// Which of its variants.
    pub variant: usize,
    /// The operation that was called.
    pub operation: Operation,
    /// The model id, decoded.
    pub model: &'a str,
    /// The format of the request body.
    pub format: Format,
    /// For an automatic agent: what its plan is remembered by beside the rest.
    pub(crate) class: Option<Class>,
    /// For a dynamic fixture: what it may take from the request.
    pub values: Option<Values<'a>>,
}

/// What a dynamic fixture may take from a request.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// The last user message that has text.
    pub user_message: Option<&'a str>,
    /// All system text.
    pub system_message: Option<&'a str>,
    /// The first tool result of the last message.
    pub tool_result: Option<&'a str>,
    /// How many messages the assistant has sent.
    pub turn: u32,
    /// The session.
    pub session: &'a str,
    /// The whole body, for a rule that asks for it.
    pub body: Option<&'a [u8]>,
    /// What was drawn for an automatic agent.
    pub drawn: Option<Drawn>,
}

impl Ask<'_> {
    /// Whether its plan is made for this request alone.
    pub(crate) fn is_for_one(&self) -> bool {
        self.values.is_some() && self.class.is_none()
    }

    /// What its plan is remembered by.
    pub(crate) fn key(&self) -> Vec<u8> {
        let (generation, identity) = self.kept_by;
        let mut key = Vec::with_capacity(50 + self.model.len());
        key.extend_from_slice(&generation.to_le_bytes());
        key.extend_from_slice(&identity.to_le_bytes());
        key.extend_from_slice(&(self.variant as u64).to_le_bytes());
        key.extend_from_slice(&[self.operation as u8, self.format as u8]);
        if let Some(class) = &self.class {
            key.extend_from_slice(&class.key());
        }
        key.extend_from_slice(self.model.as_bytes());
        key
    }
}

impl<'a> Values<'a> {
    pub(crate) fn of(asked: &Asked<'a>, whole: bool) -> Self {
        let features = asked.features;
        Self {
            user_message: features.user_message.as_ref().map(Blocks::lines),
            system_message: features.system_message.as_ref().map(Blocks::lines),
            tool_result: features
                .tool_results
                .first()
                .map(|result| result.text.as_ref().map_or("", Blocks::lines)),
            turn: features.assistant_messages,
            session: asked.session,
            body: whole.then_some(asked.body),
            drawn: None,
        }
    }
}

/// What a plan weighs beside its body: its key, its frames' ends and steps.
const OVERHEAD_BYTES: usize = 512;
const SHARDS: usize = 16;

/// Plans that were made before. The bound is on all of them together, whichever shard they are in;
/// the one that was made last is kept even where it is above that alone.
#[derive(Debug)]
pub(crate) struct Plans {
    shards: [Mutex<Recent<Arc<Plan>>>; SHARDS],
    /// Plans that are being made. Many may ask at once for one that is not there: it is made once.
    flights: Mutex<HashMap<Vec<u8>, Flight>>,
    room: usize,
    used: AtomicUsize,
    /// The shard that gives up a plan next.
    hand: AtomicUsize,
}

/// A plan that is being made, and what came of it.
type Flight = Arc<OnceLock<Result<Arc<Plan>, String>>>;

impl Plans {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Recent::new(usize::MAX))),
            flights: Mutex::default(),
            room,
            used: AtomicUsize::new(0),
            hand: AtomicUsize::new(0),
        }
    }

    /// The plan that answers `ask`, if it was made before.
    pub(crate) fn find(&self, ask: &Ask<'_>) -> Option<Arc<Plan>> {
        if ask.is_for_one() {
            return None;
        }
        let key = ask.key();
        lock(self.shard(&key)).get(&key).map(|plan| Arc::clone(plan))
    }

    /// The plan that answers `ask`, made now if it was not before. Only those wait that ask for the
    /// same one.
    pub(crate) fn make(&self, ask: &Ask<'_>, compile: &dyn Compile) -> Result<Arc<Plan>, String> {
        if ask.is_for_one() {
            return compile.compile(ask);
        }
        let key = ask.key();
        let flight = Arc::clone(lock(&self.flights).entry(key.clone()).or_default());
        let made = flight.get_or_init(|| {
            // It may have been made since it was looked for.
            self.find(ask).map_or_else(
                || compile.compile(ask).inspect(|plan| self.keep(&key, Arc::clone(plan))),
                Ok,
            )
        });
        let mut flights = lock(&self.flights);
        if flights.get(&key).is_some_and(|current| Arc::ptr_eq(current, &flight)) {
            flights.remove(&key);
        }
        drop(flights);
        made.clone()
    }

    fn keep(&self, key: &[u8], plan: Arc<Plan>) {
        let weight = plan.weight() + OVERHEAD_BYTES;
        let mut gone = self.change(self.shard(key), |shard| shard.insert(key, plan, weight));
        let mut empty = 0;
        while self.used.load(Ordering::Relaxed) > self.room && empty < SHARDS {
            let at = self.hand.fetch_add(1, Ordering::Relaxed) % SHARDS;
            let evicted = self.change(&self.shards[at], |shard| shard.evict_other(Some(key)));
            empty = if evicted.is_some() { 0 } else { empty + 1 };
            gone.extend(evicted);
        }
        // Dropped here, not under a lock: a plan may hold what its host must clean up.
        drop(gone);
    }

    /// Forget all plans but those of these fixtures in that generation, and return them.
    pub(crate) fn retain(&self, generation: u64, identities: &HashSet<u128>) -> Vec<Arc<Plan>> {
        let kept = |key: &[u8]| {
            key.first_chunk().is_some_and(|of| u64::from_le_bytes(*of) == generation)
                && key[8..]
                    .first_chunk()
                    .is_some_and(|of| identities.contains(&u128::from_le_bytes(*of)))
        };
        let retain = |shard: &mut Recent<_>| shard.retain(|key, _| kept(key));
        self.shards.iter().flat_map(|shard| self.change(shard, retain)).collect()
    }

    /// Change a shard, and count what that takes or gives back.
    fn change<T>(
        &self,
        shard: &Mutex<Recent<Arc<Plan>>>,
        change: impl FnOnce(&mut Recent<Arc<Plan>>) -> T,
    ) -> T {
        let mut shard = lock(shard);
        let before = shard.used();
        let result = change(&mut shard);
        // A difference below zero wraps, as the sum does.
        self.used.fetch_add(shard.used().wrapping_sub(before), Ordering::Relaxed);
        result
    }

    fn shard(&self, key: &[u8]) -> &Mutex<Recent<Arc<Plan>>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        &self.shards[hasher.finish() as usize % SHARDS]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
