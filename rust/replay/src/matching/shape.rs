//! Fixtures of the same criteria: sequences and turns among them are looked up, not tried.

use std::collections::HashMap;

use crate::criteria::Criteria;
use crate::rule::Rule;

/// Fixtures of the same criteria.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) criteria: Criteria,
    /// The earliest of its fixtures.
    pub(crate) first: u32,
    /// The fixtures without a turn.
    pub(crate) plain: Option<Family>,
    /// The fixtures with one, by turn.
    pub(crate) turns: Vec<(u32, Family)>,
    /// Whether any of its fixtures has a sequence index.
    pub(crate) sequenced: bool,
}

/// The number of a family. It is the same in every set of rules that the family is part of, and is
/// never given again: so counts outlive a set, and those of a family that is gone mean nothing.
pub(crate) type FamilyId = u64;

/// Fixtures of the same criteria and turn: they share one counter in each session.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) id: FamilyId,
    /// The earliest fixture without a sequence index: it answers at any count.
    pub(crate) free: Option<u32>,
    /// (sequence index, fixture), sorted.
    pub(crate) steps: Vec<(u32, u32)>,
}

/// How often the sequenced fixtures of a family have answered in this session.
pub(crate) type Count<'a> = &'a dyn Fn(FamilyId) -> u32;

/// Numbers families: as they were numbered before, and on from there.
#[derive(Debug)]
pub(super) struct Numbers<'a> {
    before: HashMap<&'a Criteria, &'a Shape>,
    pub(super) next: FamilyId,
}

impl<'a> Numbers<'a> {
    #[allow(clippy::mutable_key_type, reason = "a regex is hashed by its pattern")]
    pub(super) fn new(before: &'a [Shape], next: FamilyId) -> Self {
        let before = before.iter().map(|shape| (&shape.criteria, shape)).collect();
        Self { before, next }
    }

    fn of(&mut self, criteria: &Criteria, turn: Option<u32>) -> FamilyId {
        let before = self.before.get(criteria).and_then(|shape| shape.family(turn));
        before.map_or_else(
            || {
                self.next += 1;
                self.next - 1
            },
            |family| family.id,
        )
    }
}

impl Shape {
    pub(crate) fn new(criteria: Criteria, first: u32) -> Self {
        Self { criteria, first, plain: None, turns: Vec::new(), sequenced: false }
    }

    /// Take a fixture in. Fixtures come in order; `numbers` numbers the families of all shapes.
    pub(super) fn add(&mut self, fixture: u32, rule: &Rule, numbers: &mut Numbers<'_>) {
        self.sequenced |= rule.sequence_index.is_some();
        let criteria = &self.criteria;
        let mut new_family = || {
            let id = numbers.of(criteria, rule.turn_index);
            Family { id, free: None, steps: Vec::new() }
        };
        let family = match rule.turn_index {
            None => self.plain.get_or_insert_with(new_family),
            Some(turn) => {
                let at = match self.turns.binary_search_by_key(&turn, |(turn, _)| *turn) {
                    Ok(at) => at,
                    Err(at) => {
                        self.turns.insert(at, (turn, new_family()));
                        at
                    }
                };
                &mut self.turns[at].1
            }
        };
        match rule.sequence_index {
            None => family.free = family.free.or(Some(fixture)),
            Some(index) => {
                let at = family.steps.partition_point(|step| *step < (index, fixture));
                family.steps.insert(at, (index, fixture));
            }
        }
    }

    /// The family of its fixtures with that turn, or without one.
    fn family(&self, turn: Option<u32>) -> Option<&Family> {
        let Some(turn) = turn else { return self.plain.as_ref() };
        let at = self.turns.binary_search_by_key(&turn, |(turn, _)| *turn).ok()?;
        Some(&self.turns[at].1)
    }

    /// All its families.
    pub(crate) fn families(&self) -> impl Iterator<Item = &Family> {
        self.plain.iter().chain(self.turns.iter().map(|(_, family)| family))
    }
}

impl Family {
    /// The earliest fixture that answers at this count.
    pub(crate) fn eligible(&self, count: Count<'_>) -> Option<u32> {
        if self.steps.is_empty() {
            return self.free;
        }
        let count = count(self.id);
        let at = self.steps.partition_point(|(index, _)| *index < count);
        let step = self.steps.get(at).filter(|(index, _)| *index == count);
        match (self.free, step) {
            (Some(free), Some((_, fixture))) => Some(free.min(*fixture)),
            (free, step) => free.or(step.map(|(_, fixture)| *fixture)),
        }
    }

    /// How many of its fixtures do not answer at this count.
    pub(crate) fn skipped(&self, count: Count<'_>) -> usize {
        if self.steps.is_empty() {
            return 0;
        }
        let count = count(self.id);
        let before = self.steps.partition_point(|(index, _)| *index < count);
        let after = self.steps.partition_point(|(index, _)| *index <= count);
        self.steps.len() - (after - before)
    }
}
