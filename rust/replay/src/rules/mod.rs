//! Requests that the service refuses: which rule a body breaks, and what the service says of it.
//!
//! The rules' texts, models and sources are a table that is given to [`Judge::new`]; the conditions
//! are here. First come the constraints of the service model, all in one message; then the rules of
//! Converse and of the models, of which the first one broken is named.
//!
//! # Layout
//!
//! - `tree`: a body as a bounded tree.
//! - `model`: the constraints of the service model.
//! - `converse`: the conditions of Converse and of its models.

mod converse;
mod model;
mod tree;

use serde_json::Value;

use self::model::Model;
use self::tree::Node;
use crate::error::Invalid;

/// How many findings of one body are kept.
const MAX_FINDINGS: usize = 20;

macro_rules! ids {
    ($($id:ident $name:literal),* $(,)?) => {
        /// A rule that has a condition here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Id { $($id),* }

        impl Id {
            const ALL: &[Self] = &[$(Self::$id),*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$id => $name),* }
            }
        }
    };
}

ids! {
    Required "required", Length "length", Range "range", Pattern "pattern", Enum "enum",
    ToolsEmpty "tools-empty", UnknownKey "unknown-key", Union "union", WrongType "wrong-type",
    EmptyContent "empty-content", EmptyBlock "empty-block", BlankText "blank-text",
    StartsAssistant "starts-assistant", LastNotUser "last-not-user",
    SystemUnsupported "system-unsupported", ToolconfigMissing "toolconfig-missing",
    SchemaType "schema-type", NotAnObject "not-an-object", UseDuplicate "use-duplicate",
    ResultDuplicate "result-duplicate", ResultSurplus "result-surplus",
    ResultMissing "result-missing", ResultErrorEmpty "result-error-empty",
    ResultEmpty "result-empty", MixedResult "mixed-result", MixedUse "mixed-use",
    StreamTools "stream-tools", DocDuplicate "doc-duplicate", DocName "doc-name",
    DocWithoutText "doc-without-text", WhitespaceText "whitespace-text", Prefill "prefill",
    TrailingSpace "trailing-space", TempAndTopP "temp-and-top-p",
    TempDeprecated "temp-deprecated", ThinkingTemp "thinking-temp", ThinkingMax "thinking-max",
    ThinkingMin "thinking-min", CacheFive "cache-five", BlankStop "blank-stop",
}

/// What a rule says, and of which models.
#[derive(Debug)]
struct Rule {
    message: String,
    /// Parts of model ids; none for all models.
    models: Vec<String>,
    refuses: bool,
}

/// One thing about a request that the service refuses, or may refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// Where in the body; empty for all of it.
    pub place: String,
    /// What the service says.
    pub message: String,
    /// Whether the service is known to refuse it, in these words.
    pub refuses: bool,
}

/// Judges request bodies.
#[derive(Debug)]
pub struct Judge {
    rules: Vec<Option<Rule>>,
    model: Model,
}

impl Judge {
    /// Read the table of rules and constraints, as JSON.
    ///
    /// # Errors
    ///
    /// It is not of the form that `bedrock_frames.bedrock.request_rules` makes, or has a rule that
    /// has no condition here.
    pub fn new(table: &str) -> Result<Self, Invalid> {
        let table: Value = serde_json::from_str(table)
            .map_err(|error| Invalid::new(format!("the table of request rules: {error}")))?;
        let mut rules: Vec<Option<Rule>> = Id::ALL.iter().map(|_| None).collect();
        for rule in table["rules"].as_array().into_iter().flatten() {
            let name = rule["id"].as_str().unwrap_or_default();
            let at = Id::ALL.iter().position(|id| id.name() == name);
            let at =
                at.ok_or_else(|| Invalid::new(format!("no request rule is named {name:?}")))?;
            let models = rule["models"].as_array().into_iter().flatten();
            rules[at] = Some(Rule {
                message: rule["message"].as_str().unwrap_or_default().to_owned(),
                models: models.filter_map(|part| Some(part.as_str()?.to_owned())).collect(),
                refuses: rule["refuses"].as_bool().unwrap_or(false),
            });
        }
        Ok(Self { rules, model: Model::new(&table["model"])? })
    }

    /// The ids of all rules that have a condition.
    pub fn ids() -> impl Iterator<Item = &'static str> {
        Id::ALL.iter().map(|id| id.name())
    }

    /// Judge a body of Converse, or of `ConverseStream`. Findings are in the order of the service's
    /// checks; the first one that refuses is its answer. A body that is not JSON, is too deep or
    /// has too many values has no findings.
    pub fn converse(&self, body: &str, model: &str, stream: bool) -> Vec<Finding> {
        let Some(body) = Node::read(body) else { return Vec::new() };
        let mut found = Found { judge: self, model, violations: Vec::new(), findings: Vec::new() };
        self.model.check(&body, &mut found);
        found.join_violations();
        converse::check(&body, stream, &mut found);
        found.findings
    }
}

/// What was found so far of one body.
struct Found<'a> {
    judge: &'a Judge,
    model: &'a str,
    violations: Vec<Finding>,
    findings: Vec<Finding>,
}

impl Found<'_> {
    /// Note that a rule is broken, unless it is off or not one of this model.
    fn report(&mut self, id: Id, place: &str, values: &[(&str, &str)]) {
        let Some(rule) = &self.judge.rules[id as usize] else { return };
        let fits = rule.models.is_empty()
            || rule.models.iter().any(|part| self.model.contains(part.as_str()));
        if !fits || self.findings.len() >= MAX_FINDINGS {
            return;
        }
        let mut message = rule.message.clone();
        for (name, value) in values {
            message = message.replace(&format!("{{{name}}}"), value);
        }
        let (rule, refuses, place) = (id.name(), rule.refuses, place.to_owned());
        self.findings.push(Finding { rule, place, message, refuses });
    }

    /// Note that a constraint of the service model is violated.
    fn violates(&mut self, id: Id, place: &str, message: String) {
        let Some(rule) = &self.judge.rules[id as usize] else { return };
        if self.violations.len() < MAX_FINDINGS {
            let (rule, refuses, place) = (id.name(), rule.refuses, place.to_owned());
            self.violations.push(Finding { rule, place, message, refuses });
        }
    }

    /// Violations are told together: each finding has the message of all.
    fn join_violations(&mut self) {
        let violations = std::mem::take(&mut self.violations);
        let (certain, others): (Vec<_>, Vec<_>) =
            violations.into_iter().partition(|violation| violation.refuses);
        let mut first = Vec::with_capacity(certain.len() + others.len());
        for group in [certain, others] {
            let texts: Vec<_> = group.iter().map(|violation| &*violation.message).collect();
            let plural = if texts.len() == 1 { "" } else { "s" };
            let all = texts.join("; ");
            let message = format!("{} validation error{plural} detected: {all}", texts.len());
            first.extend(group.into_iter().map(|one| Finding { message: message.clone(), ..one }));
        }
        // Before what else the model says, which only warns.
        first.append(&mut self.findings);
        self.findings = first;
    }
}
