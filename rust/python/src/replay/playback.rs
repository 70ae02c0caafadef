//! `Playback` and `Settlement`.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat};
use replay::{End, Step};

use super::answer::Answer;
use super::plan::body_of;

/// One answer being sent: what of it is due, what was late, and how it ended.
#[pyclass(module = "bedrock_frames._core")]
pub(crate) struct Playback {
    inner: replay::Playback,
    is_cut: bool,
}

/// How a playback ended: the one account of it, for the journal and for metrics.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(crate) struct Settlement(pub(super) replay::Settlement);

#[pymethods]
impl Playback {
    #[new]
    fn new(answer: &Answer) -> Self {
        Self { inner: replay::Playback::new(answer.0.clone()), is_cut: false }
    }

    fn next(&mut self, py: Python<'_>, now: f64, most: usize) -> Option<Py<PyAny>> {
        match self.inner.next(seconds(now), most.max(1)) {
            Step::Send(range) => {
                let plan = &self.inner.answer().plan;
                let bytes = if range.len() == plan.body().len() {
                    body_of(py, plan)
                } else {
                    PyBytes::new(py, &plan.body()[range]).unbind()
                };
                Some(bytes.into_any())
            }
            Step::Wait(until) => Some(PyFloat::new(py, until.as_secs_f64()).into_any().unbind()),
            Step::Cut => {
                self.is_cut = true;
                None
            }
            Step::Done => None,
        }
    }

    #[getter]
    fn is_cut(&self) -> bool {
        self.is_cut
    }

    #[getter]
    fn is_complete(&self) -> bool {
        self.inner.is_complete()
    }

    #[getter]
    fn is_paced(&self) -> bool {
        self.inner.answer().schedule.is_paced()
    }

    fn sent(&mut self, count: usize, now: f64) -> Vec<f64> {
        let mut late = Vec::new();
        self.inner.sent(count, seconds(now), |lateness| late.push(lateness.as_secs_f64()));
        late
    }

    fn finish(&self, end: &str, now: f64) -> PyResult<Settlement> {
        let Some(end) = End::ALL.into_iter().find(|known| known.name() == end) else {
            let names = End::ALL.map(End::name).join(", ");
            return Err(PyValueError::new_err(format!("end must be one of {names}, got {end:?}")));
        };
        Ok(Settlement(self.inner.finish(end, seconds(now))))
    }
}

#[pymethods]
impl Settlement {
    #[getter]
    fn request_id(&self) -> String {
        self.0.request_id.to_string()
    }

    #[getter]
    fn end(&self) -> &'static str {
        self.0.end.name()
    }

    #[getter]
    fn outcome(&self) -> &'static str {
        self.0.end.outcome().name()
    }

    #[getter]
    fn frames(&self) -> usize {
        self.0.frames
    }

    #[getter]
    fn bytes(&self) -> usize {
        self.0.bytes
    }

    #[getter]
    fn is_stream(&self) -> bool {
        self.0.is_stream
    }

    #[getter]
    fn duration(&self) -> f64 {
        self.0.duration.as_secs_f64()
    }

    #[getter]
    fn lateness(&self) -> Option<f64> {
        self.0.lateness.map(|lateness| lateness.as_secs_f64())
    }

    fn __repr__(&self) -> String {
        let (end, frames, bytes) = (self.end(), self.0.frames, self.0.bytes);
        format!("Settlement({end}, {frames} frames, {bytes} bytes)")
    }
}

/// A time of Python's; one that is no duration is the beginning.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
