//! One set of rules with everything that lives and dies with it: index, plans, sequences.

use std::borrow::Cow;
use std::sync::Arc;

use crate::compile::{Compile, Plans};
use crate::head::Head;
use crate::matching::{Asked, Choice, Matcher, select};
use crate::rule::Rule;
use crate::session::Sessions;

/// A set of rules.
pub(crate) struct RuleSet {
    pub(crate) rules: Vec<Arc<Rule>>,
    matcher: Matcher,
    pub(crate) plans: Plans,
    pub(crate) sessions: Sessions,
    pub(crate) compile: Option<Arc<dyn Compile>>,
}

/// Why no rule answers.
#[derive(Debug)]
pub(crate) struct Miss {
    /// Rules that match but for their place in a sequence.
    skipped: usize,
}

impl RuleSet {
    pub(crate) fn new(
        rules: Vec<Arc<Rule>>,
        compile: Option<Arc<dyn Compile>>,
        max_sessions: usize,
    ) -> Self {
        let matcher = Matcher::new(rules.iter().map(AsRef::as_ref));
        let (plans, sessions) = (Plans::new(), Sessions::new(max_sessions));
        Self { rules, matcher, plans, sessions, compile }
    }

    /// Choose the rule that answers, and take its step.
    pub(crate) fn choose(&self, asked: &Asked<'_>, head: &Head<'_>) -> Result<usize, Miss> {
        let shapes = self.matcher.matching(asked);
        let turn = asked.features.assistant_messages;
        let choice = if shapes.iter().any(|shape| shape.sequenced) {
            self.sessions.choose(&head.session, head.invocation, |count| {
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
