//! `Template`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMappingProxy};

use crate::block::Block;
use crate::input::Input;
use crate::message::{block_of, frame_of, frames_of};

/// Headers encoded once, for many messages that differ in their payload alone.
#[pyclass(module = "bedrock_frames", frozen)]
pub(crate) struct Template(Py<Block>);

impl Template {
    /// What it encodes with.
    pub(crate) fn inner(&self) -> &eventstream::Template {
        &self.0.get().template
    }
}

#[pymethods]
impl Template {
    #[new]
    fn new(headers: &Bound<'_, PyAny>) -> PyResult<Self> {
        block_of(headers).map(Self)
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        self.0.get().mapping(py).cloned()
    }

    fn encode<'py>(&self, payload: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        frame_of(payload.py(), &self.0.get().template, &Input::of(payload, "payload")?)
    }

    fn encode_all<'py>(&self, payloads: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = payloads.py();
        let payloads: Vec<_> = payloads.try_iter()?.collect::<PyResult<_>>()?;
        let payloads: Vec<_> = payloads
            .iter()
            .map(|payload| Input::of(payload, "payload"))
            .collect::<PyResult<_>>()?;
        let template = &self.0.get().template;
        frames_of(py, payloads.iter().map(|payload| (template, &**payload)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let headers = self.0.get().mapping(py)?.as_mapping().items()?;
        Ok(format!("Template({})", headers.repr()?))
    }
}
