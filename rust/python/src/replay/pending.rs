//! `Pending`.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::answer::Answer;
use super::compile::calling;

/// An answer whose plan is still to be made.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(crate) struct Pending {
    engine: Arc<replay::Engine>,
    pending: Mutex<Option<Box<replay::Pending>>>,
}

impl Pending {
    pub(super) fn new(engine: Arc<replay::Engine>, pending: Box<replay::Pending>) -> Self {
        Self { engine, pending: Mutex::new(Some(pending)) }
    }
}

#[pymethods]
impl Pending {
    fn finish(&self, py: Python<'_>) -> PyResult<Answer> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(pending) = pending else {
            return Err(PyRuntimeError::new_err("this answer was finished before"));
        };
        Ok(Answer(py.detach(|| calling(|| pending.finish(&self.engine)))))
    }
}
