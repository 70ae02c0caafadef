//! Headers blocks as Python objects.
//!
//! A stream repeats a handful of blocks, so their Python side (strings, the mapping) is made once for
//! each and shared by all messages that carry it.
//!
//! # Layout
//!
//! - `class`: the Python type.

mod class;

use eventstream::cache::BlockId;
use eventstream::{Frame, Headers, Template, Value};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::headers::{classes, uuid_type};
use crate::message::{self, Message};
use crate::raw;

pub(crate) use class::{HeaderMapping, add_to, block_in};

/// A valid headers block. The object around it is the mapping that `message.headers` is, so that
/// reading this attribute makes nothing.
pub(crate) struct Block {
    pub(crate) template: Template,
    pub(crate) message_type: Py<PyAny>,
    pub(crate) event_type: Py<PyAny>,
    pub(crate) exception_type: Py<PyAny>,
    /// Made when it is first asked for: most readers want the types above and nothing else.
    values: PyOnceLock<Py<PyDict>>,
}

impl Block {
    pub(crate) fn create(py: Python<'_>, headers: Headers<'_>) -> PyResult<Py<HeaderMapping>> {
        let text = |name| match headers.get_str(name) {
            Some(value) => string(py, value).into_any().unbind(),
            None => py.None(),
        };
        let block = Self {
            template: headers.into(),
            message_type: text(":message-type"),
            event_type: text(":event-type"),
            exception_type: text(":exception-type"),
            values: PyOnceLock::new(),
        };
        class::create(py, block).map(Bound::unbind)
    }

    pub(crate) fn headers(&self) -> Headers<'_> {
        self.template.headers()
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyDict>> {
        let values = self.values.get_or_try_init(py, || {
            let values = PyDict::new(py);
            for (name, value) in &self.headers() {
                values.set_item(string(py, name), to_python(py, value)?)?;
            }
            PyResult::Ok(values.unbind())
        })?;
        Ok(values.bind(py))
    }

    /// The headers as a list of pairs, in wire order.
    pub(crate) fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        Ok(self.values(py)?.items())
    }
}

/// What nearly every header says. Only these are interned: on Python 3.12 an interned string lives
/// for ever, and what a stream says must not.
const KNOWN: [&str; 16] = [
    ":event-type",
    ":content-type",
    ":message-type",
    ":exception-type",
    ":error-code",
    ":error-message",
    "application/json",
    "event",
    "exception",
    "chunk",
    "contentBlockDelta",
    "contentBlockStart",
    "contentBlockStop",
    "messageStart",
    "messageStop",
    "metadata",
];

fn string<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    if KNOWN.contains(&text) { PyString::intern(py, text) } else { PyString::new(py, text) }
}

fn to_python<'py>(py: Python<'py>, value: Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    let wrap = |class: &Py<pyo3::types::PyType>, number: i64| class.bind(py).call1((number,));
    match value {
        Value::Bool(value) => Ok(value.into_pyobject(py)?.to_owned().into_any()),
        Value::Int8(value) => wrap(&classes(py)?.int8, value.into()),
        Value::Int16(value) => wrap(&classes(py)?.int16, value.into()),
        Value::Int32(value) => wrap(&classes(py)?.int32, value.into()),
        Value::Int64(value) => wrap(&classes(py)?.int64, value),
        Value::Timestamp(value) => wrap(&classes(py)?.timestamp, value),
        Value::Bytes(value) => Ok(PyBytes::new(py, value).into_any()),
        Value::String(value) => Ok(string(py, value).into_any()),
        Value::Uuid(value) => {
            let arguments = PyDict::new(py);
            arguments.set_item("bytes", PyBytes::new(py, &value))?;
            uuid_type(py)?.call((), Some(&arguments))
        }
    }
}

/// The Python side of the blocks in a [`eventstream::HeaderCache`], found by the cache's own ids.
#[derive(Default)]
pub(crate) struct Blocks {
    slots: [Option<(BlockId, Py<HeaderMapping>)>; BlockId::SLOTS],
}

impl Blocks {
    /// The block of a frame, made at most once for each that the cache keeps.
    #[inline]
    pub(crate) fn of<'py>(
        &mut self,
        py: Python<'py>,
        frame: &Frame<'_>,
    ) -> PyResult<Bound<'py, HeaderMapping>> {
        if let Some(id) = frame.block_id()
            && let Some((known, block)) = &self.slots[id.slot()]
            && *known == id
        {
            return Ok(block.bind(py).clone());
        }
        // What is made here, and the block that it takes the place of, PyO3 must know to be attached.
        let block = raw::attached(|py| self.insert(py, frame))?;
        Ok(block.into_bound(py))
    }

    fn insert(&mut self, py: Python<'_>, frame: &Frame<'_>) -> PyResult<Py<HeaderMapping>> {
        let block = Block::create(py, frame.headers())?;
        if let Some(id) = frame.block_id() {
            self.slots[id.slot()] = Some((id, block.clone_ref(py)));
        }
        Ok(block)
    }

    /// The message of a frame.
    #[inline]
    pub(crate) fn message<'py>(
        &mut self,
        py: Python<'py>,
        frame: &Frame<'_>,
    ) -> PyResult<Bound<'py, Message>> {
        let block = self.of(py, frame)?;
        message::create(block.as_borrowed(), PyBytes::new(py, frame.payload()))
    }
}
