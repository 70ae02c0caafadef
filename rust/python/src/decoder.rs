//! `Decoder`.

use std::sync::{Mutex, MutexGuard, TryLockError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::block::Blocks;
use crate::errors;
use crate::input::Input;
use crate::limits::Limits;

/// Decode a stream that arrives in chunks of any size.
#[pyclass(module = "bedrock_frames", frozen)]
pub(crate) struct Decoder(Mutex<State>);

struct State {
    decoder: eventstream::Decoder,
    blocks: Blocks,
}

impl Decoder {
    /// Never waits: the holder may be this very thread, in a finaliser that ran while `feed` made
    /// its messages, and a stream that two threads feed has no order anyway.
    fn state(&self) -> PyResult<MutexGuard<'_, State>> {
        match self.0.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::Poisoned(state)) => Ok(state.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "this Decoder is in use by another thread; one stream has one reader",
            )),
        }
    }
}

#[pymethods]
impl Decoder {
    #[new]
    #[pyo3(signature = (*, limits=None))]
    fn new(limits: Option<&Limits>) -> Self {
        let decoder = eventstream::Decoder::new(Limits::or_client(limits));
        Self(Mutex::new(State { decoder, blocks: Blocks::default() }))
    }

    fn feed<'py>(&self, chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = chunk.py();
        let chunk = Input::of(chunk, "chunk")?;
        let State { decoder, blocks } = &mut *self.state()?;
        let mut frames = decoder.feed(&chunk);
        let messages = match frames.next() {
            // A list of one, made as such: most chunks of a network have a frame or less.
            Ok(Some(frame)) => PyList::new(py, [blocks.message(py, &frame)?])?,
            Ok(None) => return Ok(PyList::empty(py)),
            Err(error) => return Err(errors::decoding(py, &error)),
        };
        // The good messages before a fault go out first; the next call meets it again.
        while let Ok(Some(frame)) = frames.next() {
            messages.append(blocks.message(py, &frame)?)?;
        }
        Ok(messages)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.state()?.decoder.finish().map_err(|error| errors::decoding(py, &error))
    }

    #[getter]
    fn error(&self, py: Python<'_>) -> PyResult<Option<PyErr>> {
        Ok(self.state()?.decoder.error().map(|error| errors::decoding(py, error)))
    }

    #[getter]
    fn frames(&self) -> PyResult<u64> {
        Ok(self.state()?.decoder.frames())
    }

    #[getter]
    fn buffered(&self) -> PyResult<usize> {
        Ok(self.state()?.decoder.buffered())
    }

    #[getter]
    fn limits(&self) -> PyResult<Limits> {
        Ok(Limits(self.state()?.decoder.limits()))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type, exc, traceback))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<&Bound<'_, PyAny>>,
        exc: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = (exc, traceback);
        // An exception on its way out says more than the torn stream that it leaves behind.
        if exc_type.is_some() { Ok(()) } else { self.finish(py) }
    }
}
