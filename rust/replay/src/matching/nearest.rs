//! The fixture that came closest, so that a miss can say what was missing.
//!
//! Only fixtures that share a word with the request are looked at, and a few others, so that a miss
//! among thousands costs what it does among ten.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::Matcher;
use super::asked::{Asked, Key};
use super::shape::Shape;
use crate::criteria::{Model, Text};
use crate::rule::Rule;

/// How many shapes are found by one word; a word of more says little.
const MAX_BY_WORD: usize = 32;
/// How many shapes are looked at, whatever their words are.
const MAX_BY_ORDER: usize = 32;
/// How many words of a text are looked at, and in how much of it.
const MAX_WORDS: usize = 32;
const MAX_WORDS_BYTES: usize = 4096;
/// How much of a text a message quotes, in characters.
const MAX_QUOTE_CHARS: usize = 120;

/// The shapes that ask for a word.
#[derive(Debug, Default)]
pub(super) struct ByWord(HashMap<String, Vec<u32>>);

impl ByWord {
    pub(super) fn new(shapes: &[Shape]) -> Self {
        let mut by_word: HashMap<String, Vec<u32>> = HashMap::new();
        for (id, shape) in (0..).zip(shapes) {
            for word in asked_words(shape) {
                let shapes = by_word.entry(word).or_default();
                if shapes.len() < MAX_BY_WORD {
                    shapes.push(id);
                }
            }
        }
        Self(by_word)
    }
}

impl Matcher {
    /// Describe the fixture that came closest, and the key that failed.
    pub(crate) fn describe_nearest(&self, asked: &Asked<'_>, rules: &[impl AsRef<Rule>]) -> String {
        let texts = [Key::UserMessage, Key::ToolResult, Key::ToolCallId, Key::ToolName, Key::Model];
        let texts = texts.into_iter().flat_map(|key| asked.texts(key));
        let said: HashSet<String> = texts.flat_map(|text| words(text.lines())).collect();
        let by_word = said.iter().filter_map(|word| self.by_word.0.get(word)).flatten();
        let by_order = 0..self.shapes.len().min(MAX_BY_ORDER) as u32;
        let near: HashSet<u32> = by_word.copied().chain(by_order).collect();
        let scored = near.into_iter().filter_map(|id| {
            let shape = &self.shapes[id as usize];
            let failed = |key: &Key| !shape.criteria.holds(*key, asked);
            let key = Key::ALL.into_iter().find(failed)?;
            let failed = Key::ALL.iter().filter(|key| failed(key)).count();
            let passed = Key::ALL.iter().filter(|key| shape.criteria.asks(**key)).count() - failed;
            let common = asked_words(shape).filter(|word| said.contains(word)).count();
            Some(((failed, Reverse(common), Reverse(passed), id), shape, key))
        });
        let Some((_, shape, key)) = scored.min_by_key(|(score, ..)| *score) else {
            return "There are no fixtures.".into();
        };
        let name = &rules[shape.first as usize].as_ref().name;
        let why = why(shape, key, asked);
        format!("Closest: fixture {} ({name:?}), whose {} {why}.", shape.first, key.name())
    }
}

/// Reads on from the name of the key.
pub(crate) fn why(shape: &Shape, key: Key, asked: &Asked<'_>) -> String {
    let criteria = &shape.criteria;
    match key {
        Key::Operation if criteria.operations.is_empty() => {
            format!("does not name {}", asked.operation.name())
        }
        Key::Operation => {
            let names: Vec<_> = criteria.operations.iter().map(|one| one.name()).collect();
            format!("is {}, not {}", names.join(", "), asked.operation.name())
        }
        Key::Embedding if criteria.embedding == Some(true) => {
            "is embedding, and the request is not for one".into()
        }
        Key::Embedding => "is chat, and the request is for an embedding".into(),
        Key::HasToolResult | Key::HasImage | Key::HasDocument => match criteria.flag(key) {
            Some(true) => "is true, and the current turn has none".into(),
            _ => "is false, and the current turn has one".into(),
        },
        Key::Attempt => counted(criteria.attempt, asked.attempt()),
        Key::TurnSinceUser => counted(criteria.turn_since_user, asked.features.turn_since_user),
        Key::Header => named(&criteria.headers, |name, text| asked.has_header(name, text)),
        Key::RequestMetadata => {
            named(&criteria.request_metadata, |name, text| asked.has_metadata(name, text))
        }
        Key::Model if matches!(criteria.model, Some(Model::Family(_))) => {
            let Some(Model::Family(family)) = &criteria.model else { unreachable!() };
            format!("{family:?} is not {:?}", asked.model)
        }
        _ => {
            let failed = criteria
                .text(key)
                .iter()
                .find(|text| !asked.texts(key).any(|found| found.meets(text)))
                .map(ToString::to_string)
                .unwrap_or_default();
            let found: Vec<_> = asked.texts(key).take(3).map(|text| quoted(text.lines())).collect();
            if found.is_empty() {
                format!("must {failed}, and the request has none")
            } else {
                format!("must {failed}, and is {}", found.join(", "))
            }
        }
    }
}

fn counted(wanted: Option<u32>, found: u32) -> String {
    format!("is {}, not {found}", wanted.unwrap_or_default())
}

fn named(wanted: &[(Box<str>, Text)], holds: impl Fn(&str, &Text) -> bool) -> String {
    let failed = wanted.iter().find(|(name, text)| !holds(name, text));
    failed.map_or_else(String::new, |(name, text)| format!("{name:?} must {text}"))
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The words of what a shape asks for.
fn asked_words(shape: &Shape) -> impl Iterator<Item = String> {
    let texts = Key::ALL.into_iter().flat_map(|key| shape.criteria.text(key));
    texts.flat_map(|text| words(text.pattern()))
}

/// The first words of a text, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut end = text.len().min(MAX_WORDS_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .map(str::to_lowercase)
}
