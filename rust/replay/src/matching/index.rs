//! From a request to the few shapes that could match it.
//!
//! Each shape hangs on one *anchor*: something it asks for that can be looked up. A whole text or
//! a model hangs in a hash map; a part of a text in an Aho-Corasick automaton, which finds all parts
//! in one pass over the text; a regex by the literals that one of its matches must begin with. Of
//! the anchors that a shape could hang on, the one it shares with the fewest others is taken. Shapes
//! that have none are looked at each time.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};
use regex_syntax::hir::literal::Extractor;

use super::asked::{Asked, Key};
use crate::criteria::{Criteria, Model, Text};

/// The most literals that a regex may hang on.
const MAX_LITERALS: usize = 64;

/// The keys whose texts can be anchors.
const TEXT_KEYS: [Key; 11] = [
    Key::UserMessage,
    Key::ToolCallId,
    Key::ToolResult,
    Key::InputText,
    Key::Session,
    Key::Context,
    Key::SystemMessage,
    Key::Model,
    Key::ToolName,
    Key::ToolChoice,
    Key::Guardrail,
];

type ShapeId = u32;

/// Something that a shape asks for and that can be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Anchor {
    Equals(Key, Box<str>),
    /// One of these is a part of a text of the key.
    Contains(Key, Vec<Vec<u8>>),
    Family(Box<str>),
}

/// Shapes by their anchors.
#[derive(Debug, Default)]
pub(super) struct Index {
    keys: Vec<(Key, KeyIndex)>,
    families: HashMap<Box<str>, Vec<ShapeId>>,
    rest: Vec<ShapeId>,
}

#[derive(Debug, Default)]
struct KeyIndex {
    equals: HashMap<Box<str>, Vec<ShapeId>>,
    contains: Option<Parts>,
}

/// Parts of texts, all sought at once.
#[derive(Debug)]
struct Parts {
    automaton: AhoCorasick,
    shapes: Vec<Vec<ShapeId>>,
}

impl Index {
    pub(super) fn new<'a>(shapes: impl Iterator<Item = &'a Criteria>) -> Self {
        let anchors: Vec<Vec<Anchor>> = shapes.map(anchors).collect();
        let mut shared: HashMap<&Anchor, usize> = HashMap::new();
        for anchor in anchors.iter().flatten() {
            *shared.entry(anchor).or_default() += 1;
        }
        let mut index = Self::default();
        let mut equals: HashMap<Key, HashMap<Box<str>, Vec<ShapeId>>> = HashMap::new();
        let mut contains: HashMap<Key, HashMap<&[u8], Vec<ShapeId>>> = HashMap::new();
        for (id, anchors) in (0..).zip(&anchors) {
            match anchors.iter().min_by_key(|anchor| shared[anchor]) {
                None => index.rest.push(id),
                Some(Anchor::Family(family)) => {
                    index.families.entry(family.clone()).or_default().push(id);
                }
                Some(Anchor::Equals(key, text)) => {
                    let texts = equals.entry(*key).or_default();
                    texts.entry(text.clone()).or_default().push(id);
                }
                Some(Anchor::Contains(key, parts)) => {
                    for part in parts {
                        contains.entry(*key).or_default().entry(part).or_default().push(id);
                    }
                }
            }
        }
        for key in TEXT_KEYS {
            let (equals, parts) = (equals.remove(&key), contains.remove(&key));
            if equals.is_none() && parts.is_none() {
                continue;
            }
            let contains = parts.and_then(|parts| {
                let automaton = Parts::new(&parts);
                if automaton.is_none() {
                    // More than an automaton can hold: looked at each time.
                    index.rest.extend(parts.into_values().flatten());
                }
                automaton
            });
            index.keys.push((key, KeyIndex { equals: equals.unwrap_or_default(), contains }));
        }
        index
    }

    /// The shapes that could match, each once, in no order. All others cannot.
    pub(super) fn candidates(&self, asked: &Asked<'_>) -> Vec<ShapeId> {
        let mut found = self.rest.clone();
        for (key, index) in &self.keys {
            for text in asked.texts(*key) {
                if !index.equals.is_empty() {
                    let equal = text.wholes().filter_map(|whole| index.equals.get(whole));
                    found.extend(equal.flatten());
                }
                if let Some(parts) = &index.contains {
                    text.searched().for_each(|text| parts.find(text, &mut found));
                }
            }
        }
        if !self.families.is_empty() {
            let families = asked.families().filter_map(|family| self.families.get(family));
            found.extend(families.flatten());
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Parts {
    fn new(parts: &HashMap<&[u8], Vec<ShapeId>>) -> Option<Self> {
        let (patterns, shapes): (Vec<&[u8]>, Vec<Vec<ShapeId>>) =
            parts.iter().map(|(part, shapes)| (*part, shapes.clone())).unzip();
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns).ok()?;
        Some(Self { automaton, shapes })
    }

    fn find(&self, text: &str, found: &mut Vec<ShapeId>) {
        // A part may occur as often as the text has bytes; its shapes are wanted once.
        let mut seen = Vec::new();
        let mut unseen = self.shapes.len();
        for occurrence in self.automaton.find_overlapping_iter(text) {
            let pattern = occurrence.pattern().as_usize();
            if seen.is_empty() {
                seen.resize(self.shapes.len(), false);
            }
            if !std::mem::replace(&mut seen[pattern], true) {
                found.extend_from_slice(&self.shapes[pattern]);
                unseen -= 1;
                if unseen == 0 {
                    break;
                }
            }
        }
    }
}

/// All that a shape could hang on.
fn anchors(criteria: &Criteria) -> Vec<Anchor> {
    let mut anchors = Vec::new();
    if let Some(Model::Family(family)) = &criteria.model {
        anchors.push(Anchor::Family(family.clone()));
    }
    for key in TEXT_KEYS {
        for text in criteria.text(key) {
            match text {
                Text::Equals(whole) => anchors.push(Anchor::Equals(key, whole.clone())),
                Text::Contains(part) if part.is_empty() => {}
                Text::Contains(part) => {
                    anchors.push(Anchor::Contains(key, vec![part.as_bytes().to_vec()]));
                }
                Text::Regex(regex) => {
                    anchors.extend(literals(regex.pattern()).map(|l| Anchor::Contains(key, l)));
                }
            }
        }
    }
    anchors
}

/// The literals that every match of a regex begins with one of.
fn literals(pattern: &str) -> Option<Vec<Vec<u8>>> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let sequence = Extractor::new().extract(&hir);
    let literals = sequence.literals()?;
    let usable = !literals.is_empty()
        && literals.len() <= MAX_LITERALS
        && literals.iter().all(|literal| !literal.is_empty());
    usable.then(|| literals.iter().map(|literal| literal.as_bytes().to_vec()).collect())
}
