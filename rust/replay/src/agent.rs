//! Automatic agents: which requests share a set of answers, and which answer of the set is drawn.
//!
//! An agent's answer depends on the tools, the limits and the output format that a request states,
//! and on how many rounds of tool calls came since the user's last text; not on the rest of the
//! conversation. Requests that are alike in these are of one [`Class`], for which [`DRAWS`] answers
//! are compiled as they are drawn. So a long conversation costs no compiling.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::body::Features;
use crate::matching::Asked;
use crate::rng::Rng;

/// How many different answers each class of requests has.
pub const DRAWS: u32 = 32;

/// What the engine has to know of an automatic agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// After so many rounds of tool calls, one more makes no difference to its answers.
    pub rounds: u32,
    /// Its text repeats the user's.
    pub echo: bool,
}

/// What was drawn for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// How many rounds of tool calls came since the user's last text, at most [`Agent::rounds`].
    pub round: u32,
    /// Which of the answers of the class, below [`DRAWS`].
    pub number: u32,
}

/// What requests with the same answers have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) drawn: Drawn,
    /// Of the members that answers depend on.
    settings: u64,
}

impl Class {
    /// Draw one of the answers that a request can have.
    pub(crate) fn draw(agent: Agent, asked: &Asked<'_>, rng: &mut Rng) -> Self {
        let features = asked.features;
        let mut hasher = DefaultHasher::new();
        features.settings.hash(&mut hasher);
        if agent.echo {
            features.user_message.as_ref().map(crate::body::Blocks::lines).hash(&mut hasher);
        }
        #[allow(clippy::cast_possible_truncation, reason = "it is below a u32")]
        let number = (rng.draw() % u64::from(DRAWS)) as u32;
        let drawn = Drawn { round: rounds(features).min(agent.rounds), number };
        Self { drawn, settings: hasher.finish() }
    }

    /// What tells its answers from those of other classes.
    pub(crate) fn key(&self) -> [u8; 16] {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.settings.to_le_bytes());
        key[8..12].copy_from_slice(&self.drawn.round.to_le_bytes());
        key[12..].copy_from_slice(&self.drawn.number.to_le_bytes());
        key
    }
}

/// How many rounds of tool calls came since the user's last text. Cohere's native requests have no
/// messages for them: there, each result counts.
fn rounds(features: &Features<'_>) -> u32 {
    if features.turn_since_user > 0 || !features.has_tool_result {
        return features.turn_since_user;
    }
    u32::try_from(features.tool_results.len()).unwrap_or(u32::MAX)
}
