//! `Plan`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyBytesMethods, PyList};
use replay::{Hole, Parts};

use super::invalid;
use crate::held::Held;

/// What one response says.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(crate) struct Plan(pub(crate) Arc<replay::Plan>);

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (
        *, status=200, headers, frames, steps, stream_frames=None, first_content=0, ids=Vec::new(),
        tokens=Vec::new(), latency=None, first_byte=None,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keywords of a Python constructor")]
    fn new(
        status: u16,
        headers: Vec<(String, String)>,
        frames: Vec<Bound<'_, PyBytes>>,
        steps: Vec<u32>,
        stream_frames: Option<u32>,
        first_content: u32,
        ids: Vec<String>,
        tokens: Vec<(u64, u64)>,
        latency: Option<u64>,
        first_byte: Option<u64>,
    ) -> PyResult<Self> {
        let frames = frames.iter().map(PyBytesMethods::as_bytes).collect();
        let tokens = tokens.into_iter().map(|(marker, more)| Hole::Tokens { marker, more });
        let latencies = latency.map(Hole::Latency).into_iter();
        let holes = ids.into_iter().map(Hole::Id).chain(tokens).chain(latencies);
        let holes = holes.chain(first_byte.map(Hole::FirstByte)).collect();
        let parts = Parts { status, headers, frames, steps, stream_frames, first_content, holes };
        replay::Plan::new(parts).map(|plan| Self(Arc::new(plan))).map_err(|error| invalid(&error))
    }

    #[staticmethod]
    #[pyo3(signature = (name, message, *, status=None, headers=Vec::new()))]
    fn error(
        name: &str,
        message: &str,
        status: Option<u16>,
        headers: Vec<(String, String)>,
    ) -> PyResult<Self> {
        replay::Plan::error(name, message, status, &headers)
            .map(|plan| Self(Arc::new(plan)))
            .map_err(|error| invalid(&error))
    }

    #[getter]
    fn status(&self) -> u16 {
        self.0.status()
    }

    #[getter]
    fn headers(&self) -> Vec<(String, String)> {
        self.0.headers().to_vec()
    }

    #[getter]
    fn frames<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let starts = std::iter::once(0).chain(self.0.ends().iter().copied());
        let frames = starts.zip(self.0.ends()).map(|(start, &end)| &self.0.body()[start..end]);
        PyList::new(py, frames.map(|frame| PyBytes::new(py, frame)).collect::<Vec<_>>())
    }

    #[getter]
    fn steps(&self) -> Vec<u32> {
        self.0.steps().to_vec()
    }

    #[getter]
    fn stream_frames(&self) -> Option<u32> {
        self.0.stream_frames()
    }

    #[getter]
    fn body(&self, py: Python<'_>) -> Py<PyBytes> {
        body_of(py, &self.0)
    }

    fn __repr__(&self) -> String {
        let (status, frames, bytes) = (self.0.status(), self.0.ends().len(), self.0.body().len());
        format!("Plan(status={status}, {frames} frames, {bytes} bytes)")
    }
}

/// The body of a plan, copied into Python once for all the requests that it answers.
pub(super) fn body_of(py: Python<'_>, plan: &replay::Plan) -> Py<PyBytes> {
    let make = || PyBytes::new(py, plan.body()).unbind();
    let kept = plan.host(|| Held::new(make()));
    kept.map_or_else(make, |body: &Held<PyBytes>| body.clone_ref(py))
}
