//! Answers of the engine's own: typed errors that say what was wrong.

use std::sync::Arc;

use crate::error::{NOT_FOUND, UNAVAILABLE, UNKNOWN_OPERATION, VALIDATION};
use crate::plan::Plan;

/// A request that no fixture gets to see, or that none answers. Never a 500.
#[derive(Debug)]
pub(crate) struct Refusal {
    name: &'static str,
    status: u16,
    allow: Option<&'static str>,
    message: String,
}

impl Refusal {
    /// The request is not one that the operation takes.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self { name: VALIDATION, status: 400, allow: None, message: message.into() }
    }

    /// The path belongs to no operation, or to one that is not served.
    pub(crate) fn unknown_operation(message: impl Into<String>) -> Self {
        Self { name: UNKNOWN_OPERATION, status: 404, allow: None, message: message.into() }
    }

    /// The path is right and the method is not.
    pub(crate) fn method(allow: &'static str, message: impl Into<String>) -> Self {
        let allow = Some(allow);
        Self { name: UNKNOWN_OPERATION, status: 405, allow, message: message.into() }
    }

    /// No fixture matched.
    pub(crate) fn unmatched(strict: bool, message: String) -> Self {
        let (name, status) = if strict { (UNAVAILABLE, 503) } else { (NOT_FOUND, 404) };
        Self { name, status, allow: None, message }
    }

    /// As a plan.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        let allow: Vec<_> =
            self.allow.map(|allow| ("allow".to_owned(), allow.to_owned())).into_iter().collect();
        let plan = Plan::error(self.name, &self.message, Some(self.status), &allow);
        Arc::new(plan.expect("names and methods are header values"))
    }
}
