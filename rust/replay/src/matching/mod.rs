//! From a request to the fixture that answers it.
//!
//! ```text
//! request ─▶ index: candidates ─▶ criteria, in order ─▶ matching shapes ─▶ sequences, turns ─▶ fixture
//! ```
//!
//! Fixtures of the same criteria are one *shape*, so that a long sequence is matched once.
//!
//! # Layout
//!
//! - `asked`: one request, as criteria see it.
//! - `index`: from a request to the few shapes that could match it.
//! - `shape`: fixtures of the same criteria, by turn and sequence index.
//! - `select`: one fixture of those that match.
//! - `nearest`: the fixture that came closest, for a miss.

mod asked;
mod index;
mod nearest;
mod select;
mod shape;

use std::collections::{HashMap, HashSet};

pub(crate) use asked::{Asked, Key};
use index::Index;
use nearest::ByWord;
pub(crate) use nearest::why;
pub(crate) use select::{Choice, select};
use shape::Numbers;
pub(crate) use shape::{Count, FamilyId, Shape};

use crate::rule::Rule;

/// All fixtures, ready to be matched.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// By the earliest fixture of each.
    shapes: Vec<Shape>,
    index: Index,
    by_word: ByWord,
    /// The number of the next family that is new.
    next_family: FamilyId,
}

impl Matcher {
    #[allow(clippy::mutable_key_type, reason = "a regex is hashed by its pattern")]
    pub(crate) fn new<'a>(rules: impl Iterator<Item = &'a Rule>, before: Option<&Self>) -> Self {
        let mut shapes: Vec<Shape> = Vec::new();
        let mut numbers = before.map_or_else(
            || Numbers::new(&[], 0),
            |before| Numbers::new(&before.shapes, before.next_family),
        );
        let mut known = HashMap::new();
        for (fixture, rule) in (0..).zip(rules) {
            let at = *known.entry(&rule.criteria).or_insert_with(|| {
                shapes.push(Shape::new(rule.criteria.clone(), fixture));
                shapes.len() - 1
            });
            shapes[at].add(fixture, rule, &mut numbers);
        }
        let index = Index::new(shapes.iter().map(|shape| &shape.criteria));
        let by_word = ByWord::new(&shapes);
        let next_family = numbers.next;
        Self { shapes, index, by_word, next_family }
    }

    /// The numbers of the families whose steps are counted.
    pub(crate) fn sequences(&self) -> HashSet<FamilyId> {
        let families = self.shapes.iter().flat_map(Shape::families);
        families.filter(|family| !family.steps.is_empty()).map(|family| family.id).collect()
    }

    /// The shapes that the choice is among: all that match, but for those whose fixtures all come
    /// after one that matches anyway and that no turn can lift above it.
    pub(crate) fn matching(&self, asked: &Asked<'_>) -> Vec<&Shape> {
        let mut bound = u32::MAX;
        let mut matching = Vec::new();
        for id in self.index.candidates(asked) {
            let shape = &self.shapes[id as usize];
            if (shape.first > bound && shape.turns.is_empty()) || !shape.criteria.hold(asked) {
                continue;
            }
            if let Some(free) = shape.plain.as_ref().and_then(|family| family.free) {
                bound = bound.min(free);
            }
            matching.push(shape);
        }
        matching
    }
}
