//! Headers blocks as Python objects.
//!
//! A stream repeats a handful of blocks, so their Python side (strings, the mapping) is made once for
//! each and shared by all messages that carry it.

use eventstream::cache::BlockId;
use eventstream::{Frame, Headers, Template, Value};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyMappingProxy, PyString};

use crate::headers::{classes, uuid_type};
use crate::message::Message;

/// A valid headers block.
#[pyclass(frozen)]
pub(crate) struct Block {
    pub(crate) template: Template,
    pub(crate) message_type: Py<PyAny>,
    pub(crate) event_type: Py<PyAny>,
    pub(crate) exception_type: Py<PyAny>,
    /// Made when it is first asked for: most readers want the types above and nothing else.
    mapping: PyOnceLock<Py<PyMappingProxy>>,
}

impl Block {
    pub(crate) fn new(py: Python<'_>, headers: Headers<'_>) -> PyResult<Py<Self>> {
        let text = |name| match headers.get_str(name) {
            Some(value) => string(py, value).into_any().unbind(),
            None => py.None(),
        };
        let block = Self {
            template: headers.into(),
            message_type: text(":message-type"),
            event_type: text(":event-type"),
            exception_type: text(":exception-type"),
            mapping: PyOnceLock::new(),
        };
        Py::new(py, block)
    }

    pub(crate) fn headers(&self) -> Headers<'_> {
        self.template.headers()
    }

    pub(crate) fn mapping<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyMappingProxy>> {
        let mapping = self.mapping.get_or_try_init(py, || {
            let headers = PyDict::new(py);
            for (name, value) in &self.headers() {
                headers.set_item(string(py, name), to_python(py, value)?)?;
            }
            PyResult::Ok(PyMappingProxy::new(py, headers.as_mapping()).unbind())
        })?;
        Ok(mapping.bind(py))
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
    slots: [Option<(BlockId, Py<Block>)>; BlockId::SLOTS],
}

impl Blocks {
    /// The block of a frame, made at most once for each that the cache keeps.
    #[inline]
    pub(crate) fn of<'py>(
        &mut self,
        py: Python<'py>,
        frame: &Frame<'_>,
    ) -> PyResult<Bound<'py, Block>> {
        let Some(id) = frame.block_id() else {
            return Ok(Block::new(py, frame.headers())?.into_bound(py));
        };
        let slot = &mut self.slots[id.slot()];
        if let Some((known, block)) = slot
            && *known == id
        {
            return Ok(block.bind(py).clone());
        }
        let block = Block::new(py, frame.headers())?;
        *slot = Some((id, block.clone_ref(py)));
        Ok(block.into_bound(py))
    }

    /// The message of a frame.
    #[inline]
    pub(crate) fn message<'py>(
        &mut self,
        py: Python<'py>,
        frame: &Frame<'_>,
    ) -> PyResult<Bound<'py, Message>> {
        let block = self.of(py, frame)?;
        let event_type = block.get().event_type.clone_ref(py);
        let payload = PyBytes::new(py, frame.payload()).unbind();
        Bound::new(py, Message { block: block.unbind(), event_type, payload })
    }
}
