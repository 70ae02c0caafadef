//! The compiler that an engine calls back.

use std::cell::{Cell, RefCell};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use replay::{Ask, Values};

use super::plan::Plan;
use crate::held::Held;

/// What came of a call: a plan, or why there is none.
type Made = Result<Arc<replay::Plan>, String>;

thread_local! {
    /// This thread is one of Python's own, or is called by one.
    static OF_PYTHON: Cell<bool> = const { Cell::new(false) };
    /// Where a thread that is not has compilers called.
    static TWIN: RefCell<Option<Twin>> = const { RefCell::new(None) };
}

/// A Python callable that makes plans.
pub(super) struct Callback(Held<PyAny>);

impl Callback {
    pub(super) fn new(callable: Py<PyAny>) -> Self {
        Self(Held::new(callable))
    }
}

/// Do what may call a compiler, in a thread of Python's own.
pub(super) fn calling<T>(act: impl FnOnce() -> T) -> T {
    let before = OF_PYTHON.replace(true);
    let done = act();
    OF_PYTHON.set(before);
    done
}

impl replay::Compile for Callback {
    fn compile(&self, ask: &Ask<'_>) -> Made {
        if OF_PYTHON.get() {
            return Python::attach(|py| {
                let callable = self.0.bind(py);
                let made = arguments(py, ask).and_then(|arguments| callable.call1(arguments));
                understood(callable, made)
            });
        }
        let (reply, made) = channel();
        let asked = Python::attach(|py| {
            self.ask_twin(py, ask, reply)
                // As text: an exception that is dropped outside would leak.
                .map_err(|error| format!("its compiler was not called: {error}"))
        });
        asked?;
        made.recv().unwrap_or_else(|_| Err("its compiler has ended its thread".to_owned()))
    }
}

impl Callback {
    fn ask_twin(&self, py: Python<'_>, ask: &Ask<'_>, reply: Sender<Made>) -> PyResult<()> {
        let job = Job {
            callable: self.0.clone_ref(py),
            arguments: arguments(py, ask)?.unbind(),
            reply: Mutex::new(Some(reply)),
        };
        TWIN.with_borrow_mut(|twin| {
            if twin.is_none() {
                *twin = Some(Twin::new(py)?);
            }
            let Some(Twin { jobs }) = twin else { return Ok(()) };
            jobs.call_method1(py, "put", (job,)).map(drop)
        })
    }
}

/// A thread of Python's own beside one that is not.
///
/// Compilers run Python code, callables of the user's among it, for as long as they like. When the
/// interpreter ends, it ends each thread that runs Python code by unwinding its stack; and Rust's
/// part of a stack aborts the process then. So none is below a compiler.
struct Twin {
    /// A queue of jobs; none is the last.
    jobs: Held<PyAny>,
}

impl Twin {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let jobs = py.import("bedrock_frames.fixtures.making")?.call_method0("start")?;
        Ok(Self { jobs: Held::new(jobs.unbind()) })
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        // Where the interpreter has ended, so has the thread.
        let _ = Python::try_attach(|py| self.jobs.call_method1(py, "put", (py.None(),)));
    }
}

/// One call of a compiler.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(super) struct Job {
    #[pyo3(get)]
    callable: Py<PyAny>,
    #[pyo3(get)]
    arguments: Py<PyTuple>,
    reply: Mutex<Option<Sender<Made>>>,
}

#[pymethods]
impl Job {
    fn returned(&self, py: Python<'_>, plan: Bound<'_, PyAny>) {
        self.answer(understood(self.callable.bind(py), Ok(plan)));
    }

    fn raised(&self, py: Python<'_>, error: Bound<'_, PyAny>) {
        self.answer(understood(self.callable.bind(py), Err(PyErr::from_value(error))));
    }
}

impl Job {
    fn answer(&self, made: Made) {
        let reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reply) = reply {
            // The request waits until there is an answer.
            let _ = reply.send(made);
        }
    }
}

/// What a compiler has returned, or raised.
fn understood(callable: &Bound<'_, PyAny>, made: PyResult<Bound<'_, PyAny>>) -> Made {
    let py = callable.py();
    let plan = made.and_then(|plan| Ok(Arc::clone(&plan.cast::<Plan>()?.get().0)));
    plan.map_err(|error| {
        if error.is_instance_of::<PyValueError>(py) {
            return error.value(py).to_string();
        }
        let text = format!("its compiler failed with {error}");
        error.write_unraisable(py, Some(callable));
        text
    })
}

fn arguments<'py>(py: Python<'py>, ask: &Ask<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let values = ask.values.map(|values| read(py, ask, &values)).transpose()?;
    let names = (ask.operation.name(), ask.model, ask.format.name());
    (ask.fixture, ask.variant, names.0, names.1, names.2, values).into_pyobject(py)
}

fn read<'py>(py: Python<'py>, ask: &Ask<'_>, values: &Values<'_>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("user_message", values.user_message)?;
    dict.set_item("system_message", values.system_message)?;
    dict.set_item("tool_result", values.tool_result)?;
    dict.set_item("turn", values.turn)?;
    dict.set_item("session", values.session)?;
    dict.set_item("model", ask.model)?;
    if let Some(drawn) = values.drawn {
        dict.set_item("drawn", (drawn.round, drawn.number))?;
    }
    if let Some(body) = values.body {
        dict.set_item("body", PyBytes::new(py, body))?;
    }
    Ok(dict)
}
