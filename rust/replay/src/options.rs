//! What an engine is made with.

use std::sync::Arc;

use crate::rules::Judge;
use crate::timing::Timing;

/// What is done about requests that the service refuses.
#[derive(Debug, Clone, Default)]
pub enum Requests {
    /// They are not looked for.
    #[default]
    Off,
    /// They are counted, noted in the journal, and answered.
    Warn(Arc<Judge>),
    /// They are refused as the service refuses them.
    Refuse(Arc<Judge>),
}

/// What an engine is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every draw follows from.
    pub seed: u64,
    /// A miss is a 503.
    pub strict: bool,
    /// The longest body that is read.
    pub max_body_bytes: usize,
    /// How many requests the journal keeps; none where it is zero.
    pub journal_entries: usize,
    /// How much of each body the journal keeps.
    pub journal_body_bytes: usize,
    /// How many sessions can be amid a sequence.
    pub max_sessions: usize,
    /// How many bytes of plans are remembered.
    pub max_plan_bytes: usize,
    /// The pace of fixtures that have none.
    pub timing: Option<Timing>,
    /// What is done about requests that the service refuses.
    pub requests: Requests,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            strict: false,
            max_body_bytes: 25_000_000,
            journal_entries: 1000,
            journal_body_bytes: 1_048_576,
            max_sessions: 10_000,
            max_plan_bytes: 256 << 20,
            timing: None,
            requests: Requests::Off,
        }
    }
}
