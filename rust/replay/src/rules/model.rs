//! The constraints of the service model, and what of a body violates them.

use std::fmt::Write;

use regex_automata::meta::Regex;
use serde_json::Value;

use super::tree::Node;
use super::{Found, Id};
use crate::error::Invalid;

/// All shapes of requests; they refer to each other by number.
#[derive(Debug)]
pub(super) struct Model {
    shapes: Vec<Shape>,
    converse: usize,
}

#[derive(Debug)]
enum Shape {
    Structure {
        members: Vec<(String, usize)>,
        required: Vec<String>,
        union: bool,
    },
    List {
        item: usize,
        limits: Limits,
    },
    Text {
        allowed: Vec<String>,
        pattern: Option<(Regex, String)>,
        limits: Limits,
    },
    Number {
        whole: bool,
        limits: Limits,
    },
    /// A document, a boolean, a map or bytes: not looked into.
    Any,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    least: Option<f64>,
    most: Option<f64>,
}

/// Where the service prints the value that it refuses.
fn shows_value(path: &str) -> bool {
    path.starts_with("toolConfig")
        || path.starts_with("inferenceConfig")
        || path.rsplit('.').next() == Some("role")
}

impl Model {
    /// Read the table that Python makes of botocore's model.
    pub(super) fn new(table: &Value) -> Result<Self, Invalid> {
        let fault = |what: &str| Invalid::new(format!("the request model has {what}"));
        let shapes = table["shapes"].as_array().ok_or_else(|| fault("no shapes"))?;
        let count = shapes.len();
        let number = |value: &Value| -> Result<usize, Invalid> {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
            number.filter(|number| *number < count).ok_or_else(|| fault("an unknown shape"))
        };
        let shapes = shapes.iter().map(|shape| {
            let limits = Limits { least: shape["min"].as_f64(), most: shape["max"].as_f64() };
            Ok(match shape["type"].as_str() {
                Some("structure") => Shape::Structure {
                    members: shape["members"].as_object().map_or(Ok(Vec::new()), |members| {
                        members.iter().map(|(name, at)| Ok((name.clone(), number(at)?))).collect()
                    })?,
                    required: texts(&shape["required"]),
                    union: shape["union"].as_bool().unwrap_or(false),
                },
                Some("list") => Shape::List { item: number(&shape["item"])?, limits },
                Some("string") => Shape::Text {
                    allowed: texts(&shape["enum"]),
                    pattern: match shape["pattern"].as_str() {
                        Some(pattern) => Some((
                            Regex::new(&format!("^(?:{pattern})$"))
                                .map_err(|_| fault("a pattern that is not a regex"))?,
                            pattern.to_owned(),
                        )),
                        None => None,
                    },
                    limits,
                },
                Some("integer") => Shape::Number { whole: true, limits },
                Some("number") => Shape::Number { whole: false, limits },
                _ => Shape::Any,
            })
        });
        let shapes = shapes.collect::<Result<_, Invalid>>()?;
        Ok(Self { shapes, converse: number(&table["converse"])? })
    }

    /// Check a body of Converse.
    pub(super) fn check(&self, body: &Node<'_>, found: &mut Found<'_>) {
        self.check_at(self.converse, body, &mut String::new(), found);
    }

    fn check_at(&self, at: usize, node: &Node<'_>, path: &mut String, found: &mut Found<'_>) {
        match (&self.shapes[at], node) {
            (Shape::Structure { members, required, union }, Node::Object(given)) => {
                for name in required.iter().filter(|name| node.get(name).is_none()) {
                    within(path, name, |path| {
                        let what = format!(
                            "Value null at '{path}' failed to satisfy constraint: Member must not \
                             be null"
                        );
                        found.violates(Id::Required, path, what);
                    });
                }
                let mut known = 0;
                for (name, value) in given {
                    if matches!(value, Node::Null) {
                        continue;
                    }
                    match members.iter().find(|(member, _)| member == name) {
                        Some((_, shape)) => {
                            known += 1;
                            within(path, name, |path| self.check_at(*shape, value, path, found));
                        }
                        None => within(path, name, |path| {
                            found.report(Id::UnknownKey, path, &[("path", path)]);
                        }),
                    }
                }
                let is_block = path.starts_with("messages.") && path.ends_with(".member");
                if *union && (known > 1 || known == 0 && !is_block) {
                    found.report(Id::Union, path, &[("path", path)]);
                }
            }
            (Shape::List { item, limits }, Node::List(items)) => {
                if let Some(bound) = length(*limits, items.len()) {
                    let id = if path == "toolConfig.tools" { Id::ToolsEmpty } else { Id::Length };
                    found.violates(id, path, violation(path, "[]", &bound));
                }
                let end = path.len();
                for (index, value) in items.iter().enumerate() {
                    let _ = write!(path, ".{}.member", index + 1);
                    self.check_at(*item, value, path, found);
                    path.truncate(end);
                }
            }
            (Shape::Text { allowed, pattern, limits }, Node::Text(text)) => {
                if !allowed.is_empty() && !allowed.iter().any(|value| value == text) {
                    let set = allowed.join(", ");
                    let bound = format!("Member must satisfy enum value set: [{set}]");
                    found.violates(Id::Enum, path, violation(path, text, &bound));
                }
                if (limits.least.is_some() || limits.most.is_some())
                    && let Some(bound) = length(*limits, text.encode_utf16().count())
                {
                    found.violates(Id::Length, path, violation(path, text, &bound));
                }
                if let Some((regex, pattern)) = pattern
                    && !regex.is_match(text.as_bytes())
                {
                    let bound =
                        format!("Member must satisfy regular expression pattern: {pattern}");
                    found.violates(Id::Pattern, path, violation(path, text, &bound));
                }
            }
            (Shape::Number { whole, limits }, Node::Whole(_) | Node::Real(_)) => {
                let value = node.number().unwrap_or_default();
                let bound = if limits.least.is_some_and(|least| value < least) {
                    ("greater", limits.least)
                } else if limits.most.is_some_and(|most| value > most) {
                    ("less", limits.most)
                } else {
                    return;
                };
                let bound = format!(
                    "Member must have value {} than or equal to {}",
                    bound.0,
                    bound.1.unwrap_or_default()
                );
                let shown = if *whole { format!("{value}") } else { format!("{value:?}") };
                found.violates(Id::Range, path, violation(path, &shown, &bound));
            }
            (Shape::Any, _) => {}
            _ => found.report(Id::WrongType, path, &[("path", path)]),
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}

fn within(path: &mut String, name: &str, then: impl FnOnce(&mut String)) {
    let end = path.len();
    if end > 0 {
        path.push('.');
    }
    path.push_str(name);
    then(path);
    path.truncate(end);
}

fn length(limits: Limits, length: usize) -> Option<String> {
    #[allow(clippy::cast_precision_loss, reason = "a length is below 2^52")]
    let length = length as f64;
    let (word, limit) = if limits.least.is_some_and(|least| length < least) {
        ("greater", limits.least)
    } else if limits.most.is_some_and(|most| length > most) {
        ("less", limits.most)
    } else {
        return None;
    };
    Some(format!("Member must have length {word} than or equal to {}", limit.unwrap_or_default()))
}

fn violation(path: &str, value: &str, bound: &str) -> String {
    if shows_value(path) {
        format!("Value '{value}' at '{path}' failed to satisfy constraint: {bound}")
    } else {
        format!("Value at '{path}' failed to satisfy constraint: {bound}")
    }
}
