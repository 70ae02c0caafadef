//! A map that holds so much and forgets what was not used for long.
//!
//! Second chance: entries stand in a ring; the oldest one goes, unless it was used since it was last
//! looked at, and then it goes to the end. Using an entry costs one flag.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A bounded map. Each entry has a weight; the sum of them stays within the room.
#[derive(Debug)]
pub(crate) struct Recent<V> {
    slots: HashMap<Arc<[u8]>, Slot<V>>,
    ring: VecDeque<Arc<[u8]>>,
    room: usize,
    used: usize,
}

#[derive(Debug)]
struct Slot<V> {
    value: V,
    weight: usize,
    touched: bool,
}

impl<V> Recent<V> {
    pub(crate) fn new(room: usize) -> Self {
        Self { slots: HashMap::new(), ring: VecDeque::new(), room, used: 0 }
    }

    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&mut V> {
        let slot = self.slots.get_mut(key)?;
        slot.touched = true;
        Some(&mut slot.value)
    }

    /// Put an entry in, and return what had to go for it. What is heavier than all the room is
    /// not put in, and is returned itself.
    pub(crate) fn insert(&mut self, key: &[u8], value: V, weight: usize) -> Vec<V> {
        if weight > self.room {
            return vec![value];
        }
        if let Some(slot) = self.slots.get_mut(key) {
            self.used = self.used - slot.weight + weight;
            slot.weight = weight;
            return vec![std::mem::replace(&mut slot.value, value)];
        }
        let mut gone = Vec::new();
        while self.used + weight > self.room {
            gone.extend(self.evict());
        }
        let key: Arc<[u8]> = key.into();
        self.ring.push_back(Arc::clone(&key));
        self.slots.insert(key, Slot { value, weight, touched: false });
        self.used += weight;
        gone
    }

    /// Give up the entry that was not used for longest.
    pub(crate) fn evict(&mut self) -> Option<V> {
        self.evict_other(None)
    }

    /// The same, but never the entry of that key.
    pub(crate) fn evict_other(&mut self, kept: Option<&[u8]>) -> Option<V> {
        loop {
            let key = self.ring.pop_front()?;
            let slot = self.slots.get_mut(&key)?;
            let is_kept = kept == Some(&*key);
            if std::mem::take(&mut slot.touched) || is_kept {
                self.ring.push_back(key);
                if is_kept && self.ring.len() == 1 {
                    return None;
                }
                continue;
            }
            let slot = self.slots.remove(&key)?;
            self.used -= slot.weight;
            return Some(slot.value);
        }
    }

    /// Keep some entries alone, and return the others.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8], &mut V) -> bool) -> Vec<V> {
        let gone = self.slots.extract_if(|key, slot| !keep(key, &mut slot.value));
        let gone: Vec<_> = gone.map(|(_, slot)| slot).collect();
        if !gone.is_empty() {
            self.used -= gone.iter().map(|slot| slot.weight).sum::<usize>();
            self.ring.retain(|key| self.slots.contains_key(key));
        }
        gone.into_iter().map(|slot| slot.value).collect()
    }

    /// The weights of all entries.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}
