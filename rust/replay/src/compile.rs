//! What the engine asks of whoever makes plans from fixtures, and the plans that it remembers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::body::{Blocks, Format};
use crate::matching::Asked;
use crate::operation::Operation;
use crate::plan::Plan;
use crate::recent::Recent;

/// Makes plans from fixtures. Called by whichever thread finishes an answer. For an `ask` without
/// `values`, others wait meanwhile that ask for the same: whoever holds something that compiling
/// needs must not.
pub trait Compile: Send + Sync {
    /// Make the plan of one answer. The same question has the same answer, but for its `values`.
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
        }
    }
}

/// How much the remembered plans may weigh, over all shards, in bytes.
const ROOM_BYTES: usize = 256 << 20;
/// What a plan weighs beside its body: its key, its frames' ends and steps.
const OVERHEAD_BYTES: usize = 512;
const SHARDS: usize = 16;

/// Plans that were made before.
#[derive(Debug)]
pub(crate) struct Plans([Shard; SHARDS]);

#[derive(Debug)]
struct Shard {
    recent: Mutex<Recent<Arc<Plan>>>,
    /// Held while a plan is made. Many may ask at once for one that is not there: it is made once,
    /// for a large one takes seconds and hundreds of megabytes.
    making: Mutex<()>,
}

impl Plans {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Shard {
            recent: Mutex::new(Recent::new(ROOM_BYTES / SHARDS)),
            making: Mutex::new(()),
        }))
    }

    /// The plan that answers `ask`, if it was made before.
    pub(crate) fn find(&self, ask: &Ask<'_>) -> Option<Arc<Plan>> {
        if ask.values.is_some() {
            return None;
        }
        lock(&self.shard(ask).recent).get(&key_of(ask)).map(|plan| Arc::clone(plan))
    }

    /// The plan that answers `ask`, made now if it was not before.
    pub(crate) fn make(&self, ask: &Ask<'_>, compile: &dyn Compile) -> Result<Arc<Plan>, String> {
        if ask.values.is_some() {
            return compile.compile(ask);
        }
        let _making = lock(&self.shard(ask).making);
        // Whoever comes after the first finds what that one made.
        if let Some(plan) = self.find(ask) {
            return Ok(plan);
        }
        let plan = compile.compile(ask)?;
        let weight = plan.body().len() + plan.ends().len() * 16 + OVERHEAD_BYTES;
        let gone = lock(&self.shard(ask).recent).insert(&key_of(ask), Arc::clone(&plan), weight);
        // Dropped here, not under the lock: a plan may hold what its host must clean up.
        drop(gone);
        Ok(plan)
    }

    /// Forget all plans but those of these fixtures in that generation, and return them.
    pub(crate) fn retain(&self, generation: u64, identities: &HashSet<u128>) -> Vec<Arc<Plan>> {
        let kept = |key: &[u8]| {
            key.first_chunk().is_some_and(|of| u64::from_le_bytes(*of) == generation)
                && key[8..]
                    .first_chunk()
                    .is_some_and(|of| identities.contains(&u128::from_le_bytes(*of)))
        };
        let gone = self.0.iter().flat_map(|shard| lock(&shard.recent).retain(|key, _| kept(key)));
        gone.collect()
    }

    fn shard(&self, ask: &Ask<'_>) -> &Shard {
        &self.0[ask.kept_by.1 as usize % SHARDS]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key_of(ask: &Ask<'_>) -> Vec<u8> {
    let (generation, identity) = ask.kept_by;
    let mut key = Vec::with_capacity(34 + ask.model.len());
    key.extend_from_slice(&generation.to_le_bytes());
    key.extend_from_slice(&identity.to_le_bytes());
    key.extend_from_slice(&(ask.variant as u64).to_le_bytes());
    key.extend_from_slice(&[ask.operation as u8, ask.format as u8]);
    key.extend_from_slice(ask.model.as_bytes());
    key
}
