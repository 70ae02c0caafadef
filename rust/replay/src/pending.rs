//! An answer that waits for its plan: all that is known of it, without the request.

use std::fmt;
use std::sync::Arc;

use crate::agent::{Class, Drawn};
use crate::answer::{Answer, RequestId};
use crate::body::Format;
use crate::compile::{Ask, Values};
use crate::engine::{AnswerPace, Engine, Said};
use crate::journal::Entry;
use crate::operation::Operation;
use crate::refusal::Refusal;
use crate::rng::Rng;
use crate::rule_set::RuleSet;

/// An answer whose plan is still to be made. That may take long, and may be done by any thread.
pub struct Pending {
    opening: Opening,
    unmade: Unmade,
}

/// What is known of an answer before what it says.
pub(crate) struct Opening {
    pub(crate) request_id: RequestId,
    pub(crate) operation: Option<Operation>,
    pub(crate) entry: Option<Entry>,
}

/// What a plan is made from.
pub(crate) struct Unmade {
    rules: Arc<RuleSet>,
    fixture: usize,
    kept_by: (u64, u128),
    variant: usize,
    operation: Operation,
    model: String,
    format: Format,
    class: Option<Class>,
    values: Option<Owned>,
    pace: AnswerPace,
    rng: Rng,
}

/// [`Values`] that outlive their request.
struct Owned {
    user_message: Option<String>,
    system_message: Option<String>,
    tool_result: Option<String>,
    turn: u32,
    session: String,
    body: Option<Vec<u8>>,
    drawn: Option<Drawn>,
}

impl Pending {
    pub(crate) fn new(opening: Opening, unmade: Unmade) -> Self {
        Self { opening, unmade }
    }

    /// The id that its answer will have.
    pub fn request_id(&self) -> RequestId {
        self.opening.request_id
    }

    /// Whether its plan is made for this request alone: from a template, or by a callable, which may
    /// wait for whatever it likes.
    pub fn is_for_one(&self) -> bool {
        self.unmade.ask().is_for_one()
    }

    /// Equal for answers that have the same plan; `None` for one that is made for this request alone.
    pub fn plan_key(&self) -> Option<Vec<u8>> {
        (!self.is_for_one()).then(|| self.unmade.ask().key())
    }

    /// Make the plan, and answer. `engine` is the one that it is from.
    pub fn finish(self, engine: &Engine) -> Answer {
        let Self { opening, unmade } = self;
        let said = unmade.say(engine).unwrap_or_else(|refusal| Said::at_once(refusal.plan()));
        engine.close(opening, said)
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("request_id", &self.request_id()).finish_non_exhaustive()
    }
}

impl Unmade {
    pub(crate) fn new(ask: &Ask<'_>, rules: Arc<RuleSet>, pace: AnswerPace, rng: Rng) -> Self {
        Self {
            rules,
            fixture: ask.fixture,
            kept_by: ask.kept_by,
            variant: ask.variant,
            operation: ask.operation,
            model: ask.model.to_owned(),
            format: ask.format,
            class: ask.class,
            values: ask.values.map(Owned::from),
            pace,
            rng,
        }
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            fixture: self.fixture,
            kept_by: self.kept_by,
            variant: self.variant,
            operation: self.operation,
            model: &self.model,
            format: self.format,
            class: self.class,
            values: self.values.as_ref().map(Owned::view),
        }
    }

    fn say(mut self, engine: &Engine) -> Result<Said, Refusal> {
        let (rules, fixture) = (&self.rules, self.fixture);
        let rule = &rules.rules[fixture];
        let compile =
            rules.compile.as_deref().ok_or_else(|| Refusal::validation("No compiler."))?;
        let plan = engine.plans.make(&self.ask(), compile).map_err(|why| {
            Refusal::validation(format!("Fixture {fixture} ({:?}): {why}", rule.name))
        })?;
        Ok(engine.said(plan, rule, fixture, &self.pace, &mut self.rng))
    }
}

impl From<Values<'_>> for Owned {
    fn from(values: Values<'_>) -> Self {
        Self {
            user_message: values.user_message.map(str::to_owned),
            system_message: values.system_message.map(str::to_owned),
            tool_result: values.tool_result.map(str::to_owned),
            turn: values.turn,
            session: values.session.to_owned(),
            body: values.body.map(<[u8]>::to_vec),
            drawn: values.drawn,
        }
    }
}

impl Owned {
    fn view(&self) -> Values<'_> {
        Values {
            user_message: self.user_message.as_deref(),
            system_message: self.system_message.as_deref(),
            tool_result: self.tool_result.as_deref(),
            turn: self.turn,
            session: &self.session,
            body: self.body.as_deref(),
            drawn: self.drawn,
        }
    }
}
