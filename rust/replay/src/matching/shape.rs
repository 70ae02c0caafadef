//! Fixtures of the same criteria: sequences and turns among them are looked up, not tried.

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

/// Fixtures of the same criteria and turn: they share one counter in each session.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) id: u32,
    /// The earliest fixture without a sequence index: it answers at any count.
    pub(crate) free: Option<u32>,
    /// (sequence index, fixture), sorted.
    pub(crate) steps: Vec<(u32, u32)>,
}

/// How often the sequenced fixtures of a family have answered in this session.
pub(crate) type Count<'a> = &'a dyn Fn(u32) -> u32;

impl Shape {
    pub(crate) fn new(criteria: Criteria, first: u32) -> Self {
        Self { criteria, first, plain: None, turns: Vec::new(), sequenced: false }
    }

    /// Take a fixture in. Fixtures come in order; `families` numbers the families of all shapes.
    pub(crate) fn add(&mut self, fixture: u32, rule: &Rule, families: &mut u32) {
        self.sequenced |= rule.sequence_index.is_some();
        let mut new_family = || {
            *families += 1;
            Family { id: *families - 1, free: None, steps: Vec::new() }
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
