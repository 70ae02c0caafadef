//! When a fixture answers, and how fast.

use std::sync::Arc;

use crate::agent::Agent;
use crate::criteria::Criteria;
use crate::error::Invalid;
use crate::timing::{Timing, delay};

/// When a fixture answers, and how fast. What it says is a [`crate::Plan`], made when it is needed.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it asks of a request.
    pub criteria: Criteria,
    /// How many requests of the session its siblings answered before; any number where absent.
    pub sequence_index: Option<u32>,
    /// At which count of assistant messages it is meant to answer.
    pub turn_index: Option<u32>,
    /// What the fixture is, wherever it stands: equal for fixtures that are alike. Draws follow from
    /// it. Where it is absent, they follow from the rule's index.
    pub identity: Option<u128>,
    /// What messages call it.
    pub name: String,
    /// Where it stands: its file, and its path there.
    pub place: Option<Arc<str>>,
    /// One weight for each variant of its answer.
    pub weights: Vec<f64>,
    /// The answer depends on the request.
    pub dynamic: bool,
    /// On the whole of it: a dynamic answer is made with the body, too.
    pub whole: bool,
    /// For each variant, the automatic agent that it is, if it is one; may be shorter.
    pub agents: Vec<Option<Agent>>,
    /// Its own pace.
    pub timing: Option<Timing>,
    /// For each variant, its own pace instead of the rule's, if it has one; may be shorter.
    pub variant_timings: Vec<Option<Timing>>,
    /// Where its connection is cut.
    pub cut: Cut,
}

/// Where a connection is cut. The earlier one holds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cut {
    /// Right after that many frames of a stream.
    pub after_frames: Option<u32>,
    /// At that time, in milliseconds after the request arrived, if the answer is not over by then.
    pub after_ms: Option<f64>,
}

impl Rule {
    /// A rule that always answers with its one variant.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            criteria: Criteria::default(),
            sequence_index: None,
            turn_index: None,
            identity: None,
            name: name.into(),
            place: None,
            weights: vec![1.0],
            dynamic: false,
            whole: false,
            agents: Vec::new(),
            timing: None,
            variant_timings: Vec::new(),
            cut: Cut::default(),
        }
    }

    /// The pace of a variant.
    pub fn timing_of(&self, variant: usize) -> Option<&Timing> {
        let own = self.variant_timings.get(variant).and_then(Option::as_ref);
        own.or(self.timing.as_ref())
    }

    /// Check the figures.
    ///
    /// # Errors
    ///
    /// No weight is above zero, one is negative or not finite, or a time is out of range.
    pub fn check(&self) -> Result<(), Invalid> {
        let sum: f64 = self.weights.iter().sum();
        if self.weights.iter().any(|weight| *weight < 0.0) || !(sum > 0.0 && sum.is_finite()) {
            return Err(Invalid::new(format!(
                "weights must be finite, not negative, and not all zero, got {:?}",
                self.weights
            )));
        }
        self.cut.after_ms.map_or(Ok(()), |ms| delay("disconnect_after_ms", ms))
    }
}
