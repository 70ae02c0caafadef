//! One set of rules with what lives and dies with it: its index and its compiler.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use crate::compile::Compile;
use crate::head::Head;
use crate::matching::{Asked, Choice, FamilyId, Matcher, select};
use crate::rule::Rule;
use crate::session::Sessions;

/// A set of rules.
pub(crate) struct RuleSet {
    pub(crate) rules: Vec<Arc<Rule>>,
    matcher: Matcher,
    pub(crate) compile: Option<Arc<dyn Compile>>,
    /// Sets of the same generation have the same plan for the same fixture.
    pub(crate) generation: u64,
}

/// Why no rule answers.
#[derive(Debug)]
pub(crate) struct Miss {
    /// Rules that match but for their place in a sequence.
    skipped: usize,
}

impl RuleSet {
    /// The set without rules that an engine begins with.
    pub(crate) fn empty() -> Self {
        let matcher = Matcher::new(std::iter::empty(), None);
        Self { rules: Vec::new(), matcher, compile: None, generation: 0 }
    }

    /// The set that comes after this one. `keep_plans`: it has the same plans for the same fixtures.
    pub(crate) fn followed_by(
        &self,
        rules: Vec<Arc<Rule>>,
        compile: Arc<dyn Compile>,
        keep_plans: bool,
    ) -> Self {
        let matcher = Matcher::new(rules.iter().map(AsRef::as_ref), Some(&self.matcher));
        let known = rules.iter().all(|rule| rule.identity.is_some());
        let generation = self.generation + u64::from(!(keep_plans && known));
        Self { rules, matcher, compile: Some(compile), generation }
    }

    /// What a fixture is, for draws and plans.
    pub(crate) fn identity(&self, fixture: usize) -> u128 {
        self.rules[fixture].identity.unwrap_or(fixture as u128)
    }

    /// The families whose steps are counted.
    pub(crate) fn sequences(&self) -> HashSet<FamilyId> {
        self.matcher.sequences()
    }

    /// Choose the rule that answers, and take its step.
    pub(crate) fn choose(
        &self,
        asked: &Asked<'_>,
        head: &Head<'_>,
        sessions: &Sessions,
    ) -> Result<usize, Miss> {
        let shapes = self.matcher.matching(asked);
        let turn = asked.features.assistant_messages;
        let choice = if shapes.iter().any(|shape| shape.sequenced) {
            sessions.choose(&head.session, head.invocation, |count| {
                let choice = select(&shapes, turn, count);
                let skipped = || {
                    let families = shapes.iter().flat_map(|shape| shape.families());
                    families.map(|family| family.skipped(count)).sum()
                };
                let step_of = choice.and_then(|choice: Choice| choice.step_of);
                (choice.ok_or_else(|| Miss { skipped: skipped() }), step_of)
            })
        } else {
            select(&shapes, turn, &|_| 0).ok_or(Miss { skipped: 0 })
        };
        choice.map(|choice| choice.fixture as usize)
    }

    /// Say why no rule answers.
    pub(crate) fn explain(&self, miss: &Miss, asked: &Asked<'_>, strict: bool) -> String {
        let what: Cow<'_, str> = match (strict, miss.skipped) {
            (true, 0) => "Strict mode: no fixture matched.".into(),
            (true, skipped) => format!(
                "Strict mode: {skipped} candidate fixture(s) skipped by sequence/turn state."
            )
            .into(),
            (false, 0) => {
                format!("No fixture matched this {} request.", asked.operation.name()).into()
            }
            (false, skipped) => format!(
                "No fixture matched this {} request: {skipped} would, but for their place in a \
                 sequence (sequenceIndex).",
                asked.operation.name()
            )
            .into(),
        };
        if miss.skipped > 0 {
            return what.into_owned();
        }
        format!("{what} {}", self.matcher.describe_nearest(asked, &self.rules))
    }
}
