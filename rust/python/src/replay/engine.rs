//! `Engine`.

use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping};
use replay::{Filter, Fit, Judge, Options, Reply, Request, Requests};

use super::answer::Answer;
use super::compile::{Callback, calling};
use super::journal::JournalEntry;
use super::pending::Pending;
use super::plan::Plan;
use super::playback::Settlement;
use super::rule::Rule;
use super::{invalid, timing};

/// Bodies above this are read without the GIL: other threads get on meanwhile.
const LARGE_BODY_BYTES: usize = 65_536;

/// Answers Bedrock Runtime requests.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(crate) struct Engine(pub(crate) Arc<replay::Engine>);

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (
        *, seed=0, strict=false, max_body_bytes=25_000_000, journal_entries=1000,
        journal_body_bytes=1_048_576, max_sessions=10_000, max_plan_bytes=268_435_456, timing=None,
        requests="off", request_rules=None,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keywords of a Python constructor")]
    fn new(
        seed: u64,
        strict: bool,
        max_body_bytes: usize,
        journal_entries: usize,
        journal_body_bytes: usize,
        max_sessions: usize,
        max_plan_bytes: usize,
        timing: Option<&Bound<'_, PyMapping>>,
        requests: &str,
        request_rules: Option<&str>,
    ) -> PyResult<Self> {
        let requests = what_to_do(requests, request_rules)?;
        Ok(Self(Arc::new(replay::Engine::new(Options {
            seed,
            strict,
            max_body_bytes,
            journal_entries,
            journal_body_bytes,
            max_sessions,
            max_plan_bytes,
            timing: timing.map(timing::read).transpose()?,
            requests,
        }))))
    }

    #[pyo3(signature = (rules, compile, *, keep_plans=false))]
    fn load(
        &self,
        py: Python<'_>,
        rules: Vec<Py<Rule>>,
        compile: Py<PyAny>,
        keep_plans: bool,
    ) -> PyResult<()> {
        if !compile.bind(py).is_callable() {
            return Err(PyTypeError::new_err("compile must be callable"));
        }
        let rules: Vec<_> = rules.iter().map(|rule| Arc::clone(&rule.get().0)).collect();
        py.detach(|| self.0.load(rules, Arc::new(Callback::new(compile)), keep_plans));
        Ok(())
    }

    #[pyo3(signature = (method, target, headers, body, *, arrived))]
    fn answer(
        &self,
        py: Python<'_>,
        method: &str,
        target: &[u8],
        headers: Vec<(Bound<'_, PyBytes>, Bound<'_, PyBytes>)>,
        body: &[u8],
        arrived: f64,
    ) -> Option<Answer> {
        Some(match self.ask(py, method, target, &headers, body, arrived)? {
            Reply::Ready(answer) => Answer(answer),
            Reply::Pending(pending) => Answer(py.detach(|| calling(|| pending.finish(&self.0)))),
        })
    }

    #[pyo3(signature = (method, target, headers, body, *, arrived))]
    fn begin<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        target: &[u8],
        headers: Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>,
        body: &[u8],
        arrived: f64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let reply = self.ask(py, method, target, &headers, body, arrived);
        let reply = reply.map(|reply| match reply {
            Reply::Ready(answer) => Ok(Bound::new(py, Answer(answer))?.into_any()),
            Reply::Pending(pending) => {
                Ok(Bound::new(py, Pending::new(Arc::clone(&self.0), pending))?.into_any())
            }
        });
        reply.transpose()
    }

    fn set_timing(&self, timing: Option<&Bound<'_, PyMapping>>) -> PyResult<()> {
        self.0.set_timing(timing.map(timing::read).transpose()?);
        Ok(())
    }

    fn refuses(&self, method: &str, target: &[u8]) -> bool {
        self.0.refuses(method, target)
    }

    #[pyo3(signature = (method, target, headers, body, *, arrived, status))]
    #[allow(clippy::too_many_arguments, reason = "the parts of a request")]
    fn note_foreign(
        &self,
        method: &str,
        target: &[u8],
        headers: Vec<(Bound<'_, PyBytes>, Bound<'_, PyBytes>)>,
        body: &[u8],
        arrived: f64,
        status: u16,
    ) -> PyResult<String> {
        if !(100..600).contains(&status) {
            return Err(PyValueError::new_err(format!("status is 100 to 599, not {status}")));
        }
        let headers: Vec<(&[u8], &[u8])> =
            headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let request = Request { method, target, headers: &headers, body, arrived };
        Ok(self.0.note_foreign(&request, status).to_string())
    }

    fn take_misses(&self) -> (Vec<String>, u64) {
        self.0.take_misses()
    }

    fn take_warnings(&self) -> (Vec<String>, u64) {
        self.0.take_warnings()
    }

    #[getter]
    fn broken_rules<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tally(py, &self.0.broken_rules())
    }

    #[pyo3(signature = (*, journal=true, sequences=true))]
    fn reset(&self, journal: bool, sequences: bool) {
        self.0.reset(journal, sequences);
    }

    #[pyo3(signature = (plan, times=1))]
    fn next_error(&self, plan: &Plan, times: usize) -> PyResult<()> {
        self.0.next_error(&plan.0, times).map_err(|error| invalid(&error))
    }

    #[pyo3(signature = (
        *, offset=0, limit=100, session=None, path=None, method=None, status=None, newest=false,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments")]
    fn journal(
        &self,
        offset: usize,
        limit: usize,
        session: Option<&str>,
        path: Option<&str>,
        method: Option<&str>,
        status: Option<u16>,
        newest: bool,
    ) -> (usize, Vec<JournalEntry>) {
        let filter = Filter { session, path, method, status };
        let (total, page) = self.0.journal(&filter, offset, limit, newest);
        (total, page.into_iter().map(JournalEntry).collect())
    }

    #[allow(clippy::type_complexity, reason = "a tuple for Python")]
    fn verify(
        &self,
        py: Python<'_>,
        rule: &Rule,
    ) -> Vec<(JournalEntry, Option<bool>, Vec<String>)> {
        let judged = py.detach(|| self.0.verify(&rule.0));
        let judged = judged.into_iter().map(|(settled, fit)| match fit {
            Fit::Fits => (JournalEntry(settled), Some(true), Vec::new()),
            Fit::Fails(why) => (JournalEntry(settled), Some(false), why),
            Fit::Unknown(why) => (JournalEntry(settled), None, vec![why]),
        });
        judged.collect()
    }

    fn settle(&self, settlement: &Settlement) {
        self.0.settle(&settlement.0);
    }

    #[getter]
    fn requests<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let requests = PyDict::new(py);
        for (operation, status, count) in self.0.requests() {
            let operation = operation.map_or("unknown", replay::Operation::name);
            requests.set_item((operation, status), count)?;
        }
        Ok(requests)
    }

    #[getter]
    fn models<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tally(py, &self.0.models())
    }

    #[getter]
    fn answered<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tally(py, &self.0.answered())
    }

    #[getter]
    fn unmatched(&self) -> u64 {
        self.0.unmatched()
    }

    #[getter]
    fn fixtures(&self) -> usize {
        self.0.fixtures()
    }

    #[getter]
    fn sessions(&self) -> usize {
        self.0.sessions()
    }

    #[getter]
    fn evicted_sessions(&self) -> u64 {
        self.0.evicted_sessions()
    }

    #[getter]
    fn evicted_requests(&self) -> Option<u64> {
        self.0.evicted_requests()
    }

    fn __repr__(&self) -> String {
        format!("Engine(fixtures={})", self.0.fixtures())
    }
}

/// What is done about requests that the service refuses: `off`, `warn` or `refuse`, by a table.
fn what_to_do(requests: &str, table: Option<&str>) -> PyResult<Requests> {
    let judge = || {
        let table = table.ok_or_else(|| {
            PyValueError::new_err(format!("requests={requests:?} needs request_rules"))
        })?;
        Judge::new(table).map(Arc::new).map_err(|error| invalid(&error))
    };
    match requests {
        "off" => Ok(Requests::Off),
        "warn" => Ok(Requests::Warn(judge()?)),
        "refuse" => Ok(Requests::Refuse(judge()?)),
        _ => {
            Err(PyValueError::new_err(format!("requests is off, warn or refuse, not {requests:?}")))
        }
    }
}

fn tally<'py>(py: Python<'py>, counts: &[(Arc<str>, u64)]) -> PyResult<Bound<'py, PyDict>> {
    let tally = PyDict::new(py);
    for (name, count) in counts {
        tally.set_item(&**name, count)?;
    }
    Ok(tally)
}

impl Engine {
    fn ask(
        &self,
        py: Python<'_>,
        method: &str,
        target: &[u8],
        headers: &[(Bound<'_, PyBytes>, Bound<'_, PyBytes>)],
        body: &[u8],
        arrived: f64,
    ) -> Option<Reply> {
        let headers: Vec<(&[u8], &[u8])> =
            headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let request = Request { method, target, headers: &headers, body, arrived };
        if body.len() > LARGE_BODY_BYTES {
            py.detach(|| self.0.begin(&request))
        } else {
            self.0.begin(&request)
        }
    }
}
