//! Counts by name, with a bound on the names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is counted where all names are taken.
const OTHER: &str = "other";
/// How much of a name is kept, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// How often each name came.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Mutex<HashMap<Arc<str>, u64>>,
    max_names: usize,
}

impl Tally {
    pub(crate) fn new(max_names: usize) -> Self {
        Self { counts: Mutex::default(), max_names }
    }

    pub(crate) fn add(&self, name: &str) {
        self.add_once(name);
    }

    /// Count a name; returns whether it was the first time.
    pub(crate) fn add_once(&self, name: &str) -> bool {
        let end = (0..=name.len().min(MAX_NAME_BYTES)).rev().find(|at| name.is_char_boundary(*at));
        let name = &name[..end.unwrap_or(0)];
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(name) {
            *count += 1;
            return false;
        }
        let name = if counts.len() < self.max_names { name } else { OTHER };
        let count = counts.entry(name.into()).or_default();
        *count += 1;
        *count == 1
    }

    /// All names, in order.
    pub(crate) fn all(&self) -> Vec<(Arc<str>, u64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> =
            counts.iter().map(|(name, count)| (Arc::clone(name), *count)).collect();
        drop(counts);
        all.sort();
        all
    }
}
