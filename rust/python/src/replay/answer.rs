//! `Answer`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::plan::body_of;

/// One response, with the times when its bytes are due.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(crate) struct Answer(pub(super) replay::Answer);

#[pymethods]
impl Answer {
    #[getter]
    fn status(&self) -> u16 {
        self.0.plan.status()
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let id = self.0.request_id.to_string();
        let own = ("x-amzn-requestid", id.as_str());
        let headers = self.0.plan.headers();
        let all = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = all.chain(std::iter::once(own)).map(|(name, value)| {
            (PyBytes::new(py, name.as_bytes()), PyBytes::new(py, value.as_bytes()))
        });
        PyList::new(py, pairs.collect::<Vec<_>>())
    }

    #[getter]
    fn body(&self, py: Python<'_>) -> Py<PyBytes> {
        body_of(py, &self.0.plan)
    }

    #[getter]
    fn stream(&self) -> bool {
        self.0.plan.is_stream()
    }

    #[getter]
    fn fixture(&self) -> Option<usize> {
        self.0.fixture
    }

    #[getter]
    fn operation(&self) -> Option<&'static str> {
        self.0.operation.map(replay::Operation::name)
    }

    #[getter]
    fn request_id(&self) -> String {
        self.0.request_id.to_string()
    }

    #[getter]
    fn writes(&self) -> Vec<(f64, usize)> {
        self.0.schedule.writes.clone()
    }

    #[getter]
    fn abort_after(&self) -> Option<(f64, usize)> {
        self.0.schedule.abort
    }

    #[getter]
    fn frames(&self) -> usize {
        self.0.schedule.frames
    }

    fn __repr__(&self) -> String {
        let (status, bytes) = (self.status(), self.0.plan.body().len());
        format!("Answer(status={status}, {bytes} bytes, request_id='{}')", self.0.request_id)
    }
}
