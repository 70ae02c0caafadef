//! A timer wheel: one deadline for each key, set, moved and taken back in constant time.
//!
//! Deadlines are ticks. Each slot is a list, first in, first out: streams that share a tick keep
//! their order from tick to tick, and so their gaps even. A deadline further away than the wheel is
//! round stays in its slot until its own round comes.

const SLOTS: u64 = 4096;
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Link {
    before: u32,
    after: u32,
    /// The deadline; none where it is not in the wheel.
    tick: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

#[derive(Debug)]
pub(super) struct Wheel {
    slots: Box<[List]>,
    links: Vec<Link>,
    /// The tick whose list is being gone through.
    current: u64,
    /// The next in that list; none where it has been gone through.
    cursor: u32,
    count: usize,
}

impl Wheel {
    pub(super) fn new() -> Self {
        let slots = vec![List { first: NONE, last: NONE }; SLOTS as usize].into();
        Self { slots, links: Vec::new(), current: 0, cursor: NONE, count: 0 }
    }

    /// Set the deadline of a key that has none. One that is past comes in the next tick.
    pub(super) fn set(&mut self, key: usize, tick: u64) {
        if self.links.len() <= key {
            self.links.resize(key + 1, Link { before: NONE, after: NONE, tick: None });
        }
        debug_assert!(self.links[key].tick.is_none(), "a key has one deadline");
        let tick = tick.max(self.current + 1);
        let list = &mut self.slots[(tick % SLOTS) as usize];
        let before = std::mem::replace(&mut list.last, key as u32);
        match before {
            NONE => list.first = key as u32,
            before => self.links[before as usize].after = key as u32,
        }
        self.links[key] = Link { before, after: NONE, tick: Some(tick) };
        self.count += 1;
    }

    /// Take the deadline of a key back, if it has one.
    pub(super) fn unset(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else { return };
        let Some(tick) = link.tick.take() else { return };
        let Link { before, after, .. } = *link;
        let list = &mut self.slots[(tick % SLOTS) as usize];
        match before {
            NONE => list.first = after,
            before => self.links[before as usize].after = after,
        }
        match after {
            NONE => list.last = before,
            after => self.links[after as usize].before = before,
        }
        if self.cursor == key as u32 {
            self.cursor = after;
        }
        self.count -= 1;
    }

    /// Take out a key whose deadline is not after `now`: the earliest first.
    pub(super) fn pop(&mut self, now: u64) -> Option<usize> {
        if self.count == 0 {
            // No entry is due in the ticks between.
            self.current = self.current.max(now);
            return None;
        }
        loop {
            while self.cursor != NONE {
                let key = self.cursor;
                let Link { after, tick, .. } = self.links[key as usize];
                self.cursor = after;
                if tick.is_some_and(|tick| tick <= self.current) {
                    self.unset(key as usize);
                    return Some(key as usize);
                }
            }
            if self.current >= now {
                return None;
            }
            self.current += 1;
            self.cursor = self.slots[(self.current % SLOTS) as usize].first;
        }
    }

    /// The next tick at which there may be something to take out.
    pub(super) fn next(&self) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let ticks = self.current + 1..=self.current + SLOTS;
        ticks.into_iter().find(|tick| self.slots[(tick % SLOTS) as usize].first != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(wheel: &mut Wheel, now: u64) -> Vec<usize> {
        std::iter::from_fn(|| wheel.pop(now)).collect()
    }

    #[test]
    fn keys_come_at_their_ticks_in_the_order_they_were_set() {
        let mut wheel = Wheel::new();
        for (key, tick) in [(5, 10), (1, 3), (9, 10), (2, 4)] {
            wheel.set(key, tick);
        }
        assert_eq!(wheel.next(), Some(3));
        assert_eq!(due(&mut wheel, 2), [] as [usize; 0]);
        assert_eq!(due(&mut wheel, 4), [1, 2]);
        assert_eq!(due(&mut wheel, 100), [5, 9]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn deadlines_further_than_the_wheel_is_round_wait_for_their_round() {
        let mut wheel = Wheel::new();
        wheel.set(0, 7 + 2 * SLOTS);
        wheel.set(1, 7);
        assert_eq!(due(&mut wheel, 7), [1]);
        assert_eq!(due(&mut wheel, 6 + 2 * SLOTS), [] as [usize; 0]);
        assert_eq!(due(&mut wheel, 7 + 2 * SLOTS), [0]);
    }

    #[test]
    fn a_past_deadline_comes_in_the_next_tick() {
        let mut wheel = Wheel::new();
        wheel.pop(50);
        wheel.set(3, 10);
        assert_eq!(wheel.next(), Some(51));
        assert_eq!(wheel.pop(51), Some(3));
    }

    #[test]
    fn what_is_unset_does_not_come_even_amid_its_own_tick() {
        let mut wheel = Wheel::new();
        for key in 0..5 {
            wheel.set(key, 1);
        }
        wheel.unset(0);
        assert_eq!(wheel.pop(1), Some(1));
        wheel.unset(2);
        wheel.unset(4);
        wheel.unset(4);
        assert_eq!(due(&mut wheel, 1), [3]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn a_key_set_again_while_its_tick_is_gone_through_comes_in_a_later_one() {
        let mut wheel = Wheel::new();
        wheel.set(0, 1);
        assert_eq!(wheel.pop(3), Some(0));
        wheel.set(0, 1);
        assert_eq!(wheel.pop(3), Some(0));
    }
}
