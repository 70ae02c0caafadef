//! `JournalEntry`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// One request, and what became of it.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(crate) struct JournalEntry(pub(super) replay::Settled);

#[pymethods]
impl JournalEntry {
    #[getter]
    fn id(&self) -> u64 {
        self.0.entry.id
    }

    #[getter]
    fn request_id(&self) -> String {
        self.0.entry.request_id.to_string()
    }

    #[getter]
    fn arrived(&self) -> f64 {
        self.0.entry.arrived
    }

    #[getter]
    fn method(&self) -> &str {
        &self.0.entry.method
    }

    #[getter]
    fn path(&self) -> &str {
        &self.0.entry.path
    }

    #[getter]
    fn operation(&self) -> Option<&'static str> {
        self.0.entry.operation.map(replay::Operation::name)
    }

    #[getter]
    fn model(&self) -> Option<&str> {
        self.0.entry.model.as_deref()
    }

    #[getter]
    fn session(&self) -> &str {
        &self.0.entry.session
    }

    #[getter]
    fn attempt(&self) -> u32 {
        self.0.entry.attempt
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let headers = PyDict::new(py);
        for (name, value) in self.0.entry.headers.iter() {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            // A list in several headers is the same as one with commas (RFC 9110, 5.3).
            match headers.get_item(&*name)? {
                Some(first) => headers.set_item(name, format!("{first}, {value}"))?,
                None => headers.set_item(name, value)?,
            }
        }
        Ok(headers)
    }

    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.entry.body)
    }

    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (kept, bytes) = (self.0.entry.body.len(), self.0.entry.body_bytes);
        if kept < bytes {
            let reason = format!(
                "the journal has {kept} of the {bytes} bytes of this body: raise journal_body_bytes"
            );
            return Err(PyValueError::new_err(reason));
        }
        py.import("json")?.call_method1("loads", (self.body(py),))
    }

    #[getter]
    fn body_bytes(&self) -> usize {
        self.0.entry.body_bytes
    }

    #[getter]
    fn status(&self) -> u16 {
        self.0.entry.status
    }

    #[getter]
    fn fixture(&self) -> Option<usize> {
        self.0.entry.fixture
    }

    #[getter]
    fn place(&self) -> Option<&str> {
        self.0.entry.place.as_deref()
    }

    #[getter]
    fn broken_rules(&self) -> Vec<&'static str> {
        self.0.entry.broken_rules.clone()
    }

    #[getter]
    fn duration(&self) -> Option<f64> {
        self.0.took.map(|took| took.duration)
    }

    #[getter]
    fn lateness(&self) -> Option<f64> {
        self.0.took.and_then(|took| took.lateness)
    }

    #[getter]
    fn outcome(&self) -> &'static str {
        self.0.outcome.name()
    }

    #[getter]
    fn sent_frames(&self) -> usize {
        self.0.sent_frames
    }

    fn __repr__(&self) -> String {
        let entry = &self.0.entry;
        format!("JournalEntry({} {} -> {})", entry.method, entry.path, entry.status)
    }
}
