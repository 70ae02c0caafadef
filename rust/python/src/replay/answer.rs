//! `Answer`, and `Writes`, the schedule of one.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyList};

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
    fn writes(slf: &Bound<'_, Self>) -> Writes {
        Writes(slf.clone().unbind())
    }

    #[getter]
    fn abort_after(&self) -> Option<(f64, usize)> {
        self.0.schedule.abort
    }

    #[getter]
    fn paced(&self) -> bool {
        self.0.schedule.is_paced()
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

/// What is due when. A list of pairs would be made for every request, of which most are for later:
/// with a thousand streams the garbage collector has to look through all of them.
#[pyclass(module = "bedrock_frames._core", frozen, sequence)]
pub(crate) struct Writes(Py<Answer>);

impl Writes {
    fn all(&self) -> &[(f64, usize)] {
        &self.0.get().0.schedule.writes
    }
}

#[pymethods]
impl Writes {
    fn __len__(&self) -> usize {
        self.all().len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<(f64, usize)> {
        let at = if index < 0 { index + self.all().len().cast_signed() } else { index };
        let found = usize::try_from(at).ok().and_then(|at| self.all().get(at));
        found.copied().ok_or_else(|| PyIndexError::new_err("write index out of range"))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.all())?.try_iter()
    }

    fn __repr__(&self) -> String {
        format!("Writes({:?})", self.all())
    }
}
