//! Requests that no rule answered, until they are written to a log: a few, and how many more.

use std::sync::{Mutex, PoisonError};

/// How many lines are kept.
const MAX_LINES: usize = 10;

/// Lines that wait to be taken. Threads that serve only add to them: writing a log may block.
#[derive(Debug, Default)]
pub(crate) struct Misses(Mutex<(Vec<String>, u64)>);

impl Misses {
    /// Keep the line of one miss, or count it where enough wait.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.0.len() < MAX_LINES {
            waiting.0.push(line());
        } else {
            waiting.1 += 1;
        }
    }

    /// Take what waits.
    pub(crate) fn take(&self) -> (Vec<String>, u64) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
