//! One fixture of those that match.
//!
//! Of the fixtures whose criteria and sequence index hold, the earliest wins. Turns stand above
//! that order, and never refuse:
//!
//! 1. the highest turn that is not ahead of the request wins,
//! 2. but at the request's very turn an earlier fixture without a turn wins over it;
//! 3. where all turns are ahead, the earliest fixture without one wins,
//! 4. and where there is none, the lowest turn.

use super::shape::{Count, Family, FamilyId, Shape};

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) fixture: u32,
    /// The family whose count it takes a step of.
    pub(crate) step_of: Option<FamilyId>,
}

/// A fixture that could answer, and its family.
type Candidate<'a> = (u32, &'a Family);

/// Choose among shapes whose criteria hold.
pub(crate) fn select(shapes: &[&Shape], turn: u32, count: Count<'_>) -> Option<Choice> {
    let mut fallback: Option<Candidate<'_>> = None;
    let mut behind: Option<(u32, Candidate<'_>)> = None;
    let mut ahead: Option<(u32, Candidate<'_>)> = None;
    for shape in shapes {
        let plain = shape.plain.as_ref().and_then(|family| candidate(family, count));
        fallback = earlier(fallback, plain);
        let split = shape.turns.partition_point(|(at, _)| *at <= turn);
        let (past, future) = shape.turns.split_at(split);
        let past = past.iter().rev().find_map(|entry| with_turn(entry, count));
        behind = better(behind, past, |new, old| new > old);
        let future = future.iter().find_map(|entry| with_turn(entry, count));
        ahead = better(ahead, future, |new, old| new < old);
    }
    let chosen = match (behind, fallback) {
        (Some((at, found)), Some(plain)) if at == turn && plain.0 < found.0 => Some(plain),
        (Some((_, found)), _) => Some(found),
        (None, Some(plain)) => Some(plain),
        (None, None) => ahead.map(|(_, found)| found),
    };
    chosen.map(|(fixture, family)| Choice {
        fixture,
        step_of: (family.free != Some(fixture)).then_some(family.id),
    })
}

fn candidate<'a>(family: &'a Family, count: Count<'_>) -> Option<Candidate<'a>> {
    family.eligible(count).map(|fixture| (fixture, family))
}

fn with_turn<'a>(
    (turn, family): &'a (u32, Family),
    count: Count<'_>,
) -> Option<(u32, Candidate<'a>)> {
    candidate(family, count).map(|found| (*turn, found))
}

fn earlier<'a>(old: Option<Candidate<'a>>, new: Option<Candidate<'a>>) -> Option<Candidate<'a>> {
    match (old, new) {
        (Some(old), Some(new)) => Some(if new.0 < old.0 { new } else { old }),
        (old, new) => old.or(new),
    }
}

/// The better turn of two; of equal turns the earlier fixture.
fn better<'a>(
    old: Option<(u32, Candidate<'a>)>,
    new: Option<(u32, Candidate<'a>)>,
    is_better: impl Fn(u32, u32) -> bool,
) -> Option<(u32, Candidate<'a>)> {
    match (old, new) {
        (Some(old), Some(new)) => {
            let wins = is_better(new.0, old.0) || (new.0 == old.0 && new.1.0 < old.1.0);
            Some(if wins { new } else { old })
        }
        (old, new) => old.or(new),
    }
}
