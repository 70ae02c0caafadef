//! How many requests were answered, by operation and status.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::operation::Operation;

const STATUSES: usize = 600;
const ROWS: usize = Operation::ALL.len() + 1;

/// Counters, one for each operation (or none) and status.
#[derive(Debug)]
pub(crate) struct Counts(Box<[AtomicU64]>);

impl Counts {
    pub(crate) fn new() -> Self {
        Self((0..ROWS * STATUSES).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn add(&self, operation: Option<Operation>, status: u16) {
        let row = operation.map_or(ROWS - 1, |operation| operation as usize);
        self.0[row * STATUSES + usize::from(status)].fetch_add(1, Ordering::Relaxed);
    }

    /// All that are not zero.
    pub(crate) fn all(&self) -> Vec<(Option<Operation>, u16, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed)).enumerate();
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(at, count)| {
                let operation = Operation::ALL.get(at / STATUSES).copied();
                (operation, (at % STATUSES) as u16, count)
            })
            .collect()
    }
}
