//! The functions: one frame or one buffer a call.

use std::sync::{Mutex, TryLockError};

use eventstream::{Frame, HeaderCache, frame};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use pyo3::{Borrowed, ffi};

use crate::block::{Blocks, block_in};
use crate::errors;
use crate::headers;
use crate::input::{Input, Payload};
use crate::limits::Limits;
use crate::message::{self, Message, frame_of, frames_of};
use crate::raw::{self, Arguments, Definition};
use crate::recent::Recent;

/// What single-frame calls remember between them: headers blocks repeat there as they do in streams.
#[derive(Default)]
struct Memory {
    cache: HeaderCache,
    blocks: Blocks,
    scratch: Vec<u8>,
    recent: Recent,
}

impl Memory {
    /// The frame of a dict of strings, if nothing about it is unusual: errors are for the caller's
    /// other way. May be called where `PyO3` has not counted the attachment.
    #[inline]
    fn frame<'py>(
        &mut self,
        headers: &Bound<'py, PyDict>,
        payload: &[u8],
    ) -> Option<Bound<'py, PyBytes>> {
        if cfg!(Py_GIL_DISABLED) {
            // Another thread may change the dict while it is read here.
            return None;
        }
        let py = headers.py();
        if self.recent.worth_looking()
            && let Some(template) = self.recent.find(headers)
        {
            return found(frame_of(py, template, payload));
        }
        self.scratch.clear();
        headers::write_strings(headers, &mut self.scratch)?;
        let (block, _) = self.cache.validate(&self.scratch).ok()?;
        self.recent.keep(headers, block);
        found(raw::bytes(py, frame::frame_len(block, payload), |out| {
            frame::write_uninit(block, payload, out).map_err(|error| message::refused(&error))
        }))
    }
}

/// A frame that could be written. An error is dropped where `PyO3` knows to be attached.
#[inline]
fn found(frame: PyResult<Bound<'_, PyBytes>>) -> Option<Bound<'_, PyBytes>> {
    frame.map_err(|error| raw::attached(|_| drop(error))).ok()
}

static MEMORY: Mutex<Option<Memory>> = Mutex::new(None);

/// Run with the shared memory, or with a fresh one where another call holds it: another thread, or
/// this one, inside the Python code that `work` has called.
fn with_memory<R>(work: impl FnOnce(&mut Memory) -> R) -> R {
    match MEMORY.try_lock() {
        Ok(mut memory) => work(memory.get_or_insert_default()),
        // What a call that panicked has left is not trusted.
        Err(TryLockError::Poisoned(memory)) => {
            MEMORY.clear_poison();
            work(memory.into_inner().insert(Memory::default()))
        }
        Err(TryLockError::WouldBlock) => work(&mut Memory::default()),
    }
}

/// `encode`. Headers that were given lately, with a payload of `bytes`, go straight on.
pub(crate) static ENCODE: Definition =
    Definition::new(c"encode", encode, c"encode(headers, payload=b'')\n--\n\nReturn one frame.");

unsafe extern "C" fn encode(
    _module: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls it attached, with the arguments of this call.
    unsafe {
        let arguments = Arguments::new(values, positional, keywords);
        raw::call(|py| {
            if let Some([headers, payload]) = arguments.plain(py)
                && let Ok(headers) = headers.cast_exact::<PyDict>()
                && let Ok(payload) = payload.cast_exact::<PyBytes>()
                && let Ok(mut memory) = MEMORY.try_lock()
                && let Some(frame) =
                    memory.get_or_insert_default().frame(&headers, payload.as_bytes())
            {
                return Ok(frame.into_any());
            }
            let frame = raw::attached(|py| encode_any(py, arguments).map(Bound::unbind));
            frame.map(|frame| frame.into_bound(py).into_any())
        })
    }
}

fn encode_any(py: Python<'_>, arguments: Arguments) -> PyResult<Bound<'_, PyBytes>> {
    let [headers, payload] = arguments.named(py, "encode", ["headers", "payload"], 1)?;
    let headers = headers.ok_or_else(|| PyTypeError::new_err("headers is missing"))?;
    let payload = payload.map_or(Ok(Payload::EMPTY), Borrowed::extract)?;
    with_memory(|memory| {
        memory.scratch.clear();
        headers::write(&headers, &mut memory.scratch)?;
        let (block, _) = memory
            .cache
            .validate(&memory.scratch)
            .map_err(|error| errors::encoding(py, "headers", &error))?;
        raw::bytes(py, frame::frame_len(block, &payload.0), |out| {
            frame::write_uninit(block, &payload.0, out).map_err(|error| message::refused(&error))
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
    frames_of(py, kept.iter().map(message::parts))
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
        let event_type = &block_in(block.as_borrowed()).event_type;
        found.append((scanned.offset, length, event_type))?;
    }
    Ok(found)
}
