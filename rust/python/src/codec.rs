//! The functions: one frame or one buffer a call.

use std::sync::Mutex;

use eventstream::{Frame, HeaderCache, frame};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::block::Blocks;
use crate::errors;
use crate::headers;
use crate::input::{Input, Payload};
use crate::limits::Limits;
use crate::message::{Message, frames_of};

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
#[pyo3(signature = (headers, payload=Payload::EMPTY), text_signature = "(headers, payload=b'')")]
pub(crate) fn encode<'py>(
    headers: &Bound<'py, PyAny>,
    payload: Payload<'_>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (py, payload) = (headers.py(), payload.0);
    with_memory(|memory| {
        memory.scratch.clear();
        headers::write(headers, &mut memory.scratch)?;
        let (headers, _) = memory
            .cache
            .validate(&memory.scratch)
            .map_err(|error| errors::encoding(py, "headers", &error))?;
        PyBytes::new_with(py, frame::frame_len(headers, &payload), |out| {
            let written = frame::write(headers, &payload, out);
            written.map_err(|error| errors::encoding(py, "message", &error))
        })
    })
}

#[pyfunction]
pub(crate) fn encode_all<'py>(messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = messages.py();
    let mut kept = Vec::new();
    for (index, message) in messages.try_iter()?.enumerate() {
        kept.push(message?.cast_into::<Message>().map_err(|error| {
            let found = error.into_inner().get_type();
            PyTypeError::new_err(format!(
                "messages must be Message objects; item {index} is {found}"
            ))
        })?);
    }
    frames_of(py, kept.iter().map(|message| message.get().parts(py)))
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
