//! Whether a request of the journal meets what a test expects, by the conditions of fixtures.
//!
//! Each request is read again from what the journal kept, and judged by the code that matches
//! fixtures, so that the two cannot disagree.

use std::borrow::Cow;

use crate::body::{self, Features};
use crate::head::Head;
use crate::journal::{Entry, REDACTED};
use crate::matching::{Asked, Key, Shape, why};
use crate::operation::Operation;
use crate::rule::Rule;

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// All conditions hold.
    Fits,
    /// These do not, and why.
    Fails(Vec<String>),
    /// The journal did not keep enough of it.
    Unknown(String),
}

/// Conditions that the head of a request decides.
const OF_HEAD: [Key; 6] =
    [Key::Operation, Key::Attempt, Key::Session, Key::Context, Key::Header, Key::Model];

/// Judge one request. A `turn_index` must be the request's own; there is no sequence here.
pub(crate) fn fit(rule: &Rule, entry: &Entry) -> Fit {
    let (Some(operation), Some(model)) = (entry.operation, entry.model.as_deref()) else {
        return Fit::Fails(vec!["it does not call a model".into()]);
    };
    let raw: Vec<(&[u8], &[u8])> = entry.headers.iter().collect();
    let head = Head {
        raw: &raw,
        session: Cow::Borrowed(&*entry.session),
        names_session: false,
        invocation: None,
        attempt: entry.attempt,
        strict: None,
        context: context(entry),
    };
    let secret = |name: &str| raw.iter().any(|(n, v)| *n == name.as_bytes() && *v == REDACTED);
    if let Some((name, _)) = rule.criteria.headers.iter().find(|(name, _)| secret(name)) {
        return Fit::Unknown(format!("the journal does not keep what {name} says"));
    }
    let judging = Judging { rule, operation, model, head: &head, body: &entry.body };
    if entry.body.len() < entry.body_bytes {
        return judging.by_head(entry);
    }
    let Ok(text) = std::str::from_utf8(&entry.body) else {
        return Fit::Fails(vec!["its body is not UTF-8".into()]);
    };
    let read = if operation == Operation::CountTokens {
        body::counted(text).and_then(|counted| {
            let features = body::read(&counted.body, counted.operation, model)?;
            Ok(judging.by(&features, &Key::ALL))
        })
    } else {
        body::read(text, operation, model).map(|features| judging.by(&features, &Key::ALL))
    };
    read.unwrap_or_else(|why| Fit::Fails(vec![why]))
}

struct Judging<'a> {
    rule: &'a Rule,
    operation: Operation,
    model: &'a str,
    head: &'a Head<'a>,
    body: &'a [u8],
}

impl Judging<'_> {
    fn by(&self, features: &Features<'_>, keys: &[Key]) -> Fit {
        let asked = Asked::new(self.operation, self.model, self.head, features, self.body);
        let criteria = &self.rule.criteria;
        let shape = Shape::new(criteria.clone(), 0);
        let failed = keys.iter().filter(|key| !criteria.holds(**key, &asked));
        let mut failed: Vec<String> =
            failed.map(|key| format!("{} {}", key.name(), why(&shape, *key, &asked))).collect();
        let turn = features.assistant_messages;
        let wanted = self.rule.turn_index.filter(|wanted| *wanted != turn);
        if let Some(wanted) = wanted.filter(|_| keys.len() == Key::ALL.len()) {
            failed.push(format!("turnIndex must be {wanted}, and is {turn}"));
        }
        if failed.is_empty() { Fit::Fits } else { Fit::Fails(failed) }
    }

    /// Judge a request of whose body only the beginning was kept.
    fn by_head(&self, entry: &Entry) -> Fit {
        let criteria = &self.rule.criteria;
        let fit = match body::read("{\"messages\":[]}", Operation::Converse, self.model) {
            Ok(features) => self.by(&features, &OF_HEAD),
            Err(why) => return Fit::Unknown(why),
        };
        let asks_more = self.rule.turn_index.is_some()
            || Key::ALL.iter().any(|key| !OF_HEAD.contains(key) && criteria.asks(*key));
        if fit == Fit::Fits && asks_more {
            let (kept, whole) = (entry.body.len(), entry.body_bytes);
            return Fit::Unknown(format!("the journal kept {kept} of {whole} bytes of its body"));
        }
        fit
    }
}

fn context(entry: &Entry) -> Option<Cow<'_, str>> {
    let found = entry.headers.iter().filter(|(name, _)| *name == b"x-aimock-context").last();
    found.map(|(_, value)| String::from_utf8_lossy(value))
}
