//! The functions: one frame or one buffer a call.

use std::sync::Mutex;

use eventstream::{Frame, HeaderCache};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::block::Blocks;
use crate::errors;
use crate::headers;
use crate::input::Input;
use crate::limits::Limits;
use crate::message::{Message, frame_of};

/// What single-frame calls remember between them: headers blocks repeat there as they do in streams.
#[derive(Default)]
struct Memory {
    cache: HeaderCache,
    blocks: Blocks,
    scratch: Vec<u8>,
}

static MEMORY: Mutex<Option<Memory>> = Mutex::new(None);

/// Run with the shared memory, or with a fresh one where another call holds it: another thread, or
/// this one, inside the Python code that `work` has called.
fn with_memory<R>(work: impl FnOnce(&mut Memory) -> R) -> R {
    match MEMORY.try_lock() {
        Ok(mut memory) => work(memory.get_or_insert_default()),
        Err(_) => work(&mut Memory::default()),
    }
}

#[pyfunction]
#[pyo3(signature = (headers, payload=None))]
pub(crate) fn encode<'py>(
    headers: &Bound<'py, PyAny>,
    payload: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = headers.py();
    let payload = match payload {
        Some(payload) => Input::of(payload, "payload")?,
        None => Input::Borrowed(b""),
    };
    with_memory(|memory| {
        memory.scratch.clear();
        headers::write(headers, &mut memory.scratch)?;
        let (headers, _) = memory
            .cache
            .validate(&memory.scratch)
            .map_err(|error| errors::encoding(py, "headers", &error))?;
        frame_of(py, headers, &payload)
    })
}

#[pyfunction]
pub(crate) fn encode_all<'py>(messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = messages.py();
    let mut out = Vec::new();
    for (index, message) in messages.try_iter()?.enumerate() {
        let message = message?;
        let message = message.cast::<Message>().map_err(|_| {
            let found = message.get_type();
            PyTypeError::new_err(format!(
                "messages must be Message objects; item {index} is {found}"
            ))
        })?;
        let message = message.get();
        message.block.get().append(py, message.payload.bind(py).as_bytes(), &mut out)?;
    }
    Ok(PyBytes::new(py, &out))
}

#[pyfunction]
#[pyo3(signature = (frame, *, limits=None))]
pub(crate) fn decode<'py>(
    frame: &Bound<'py, PyAny>,
    limits: Option<&Limits>,
) -> PyResult<Bound<'py, Message>> {
    let py = frame.py();
    let bytes = Input::of(frame, "frame")?;
    let limits = Limits::or_client(limits);
    with_memory(|memory| {
        let frame = Frame::read_exact(&bytes, &limits, &mut memory.cache)
            .map_err(|error| errors::decoding(py, &error))?;
        memory.blocks.message(py, &frame)
    })
}

#[pyfunction]
#[pyo3(signature = (data, *, limits=None))]
pub(crate) fn decode_all<'py>(
    data: &Bound<'py, PyAny>,
    limits: Option<&Limits>,
) -> PyResult<Bound<'py, PyList>> {
    let py = data.py();
    let data = Input::of(data, "data")?;
    let mut blocks = Blocks::default();
    let messages = PyList::empty(py);
    for scanned in eventstream::scan(&data, Limits::or_client(limits)) {
        let scanned = scanned.map_err(|error| errors::decoding(py, &error))?;
        messages.append(blocks.message(py, &scanned.frame)?)?;
    }
    Ok(messages)
}

#[pyfunction]
#[pyo3(signature = (data, *, limits=None))]
pub(crate) fn scan<'py>(
    data: &Bound<'py, PyAny>,
    limits: Option<&Limits>,
) -> PyResult<Bound<'py, PyList>> {
    let py = data.py();
    let data = Input::of(data, "data")?;
    let mut blocks = Blocks::default();
    let found = PyList::empty(py);
    for scanned in eventstream::scan(&data, Limits::or_client(limits)) {
        let scanned = scanned.map_err(|error| errors::decoding(py, &error))?;
        let block = blocks.of(py, &scanned.frame)?;
        let length = scanned.frame.as_bytes().len();
        found.append((scanned.offset, length, &block.get().event_type))?;
    }
    Ok(found)
}
