//! Answers that wait for the next request, whatever it is.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Invalid;
use crate::plan::Plan;

/// How many can wait.
const MAX_WAITING: usize = 1000;

/// Plans in line: first in, first out.
#[derive(Debug, Default)]
pub(crate) struct OneShots {
    plans: Mutex<VecDeque<Arc<Plan>>>,
    /// How many wait, to be read without the lock.
    waiting: AtomicUsize,
}

impl OneShots {
    pub(crate) fn push(&self, plan: &Arc<Plan>, times: usize) -> Result<(), Invalid> {
        self.with(|plans| {
            let waiting = plans.len();
            if times > MAX_WAITING - waiting {
                return Err(Invalid::new(format!(
                    "at most {MAX_WAITING} one-shot errors may wait, and {waiting} do already"
                )));
            }
            plans.extend(std::iter::repeat_n(plan, times).cloned());
            Ok(())
        })
    }

    pub(crate) fn pop(&self) -> Option<Arc<Plan>> {
        if self.waiting.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.with(VecDeque::pop_front)
    }

    pub(crate) fn clear(&self) {
        drop(self.with(std::mem::take));
    }

    fn with<T>(&self, change: impl FnOnce(&mut VecDeque<Arc<Plan>>) -> T) -> T {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut plans);
        self.waiting.store(plans.len(), Ordering::Release);
        result
    }
}
