//! `Decoder`.

use std::sync::{Mutex, MutexGuard, TryLockError};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use pyo3::{Borrowed, ffi};
use smallvec::SmallVec;

use crate::block::Blocks;
use crate::errors;
use crate::input::Input;
use crate::limits::Limits;
use crate::message::Message;
use crate::raw::{self, Arguments, Definition};

/// Messages that are gathered on the stack before their list is made; more of them take an allocation.
const GATHERED: usize = 128;

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

/// `Decoder.feed`. A chunk of `bytes` given by position goes straight on.
static FEED: Definition = Definition::new(
    c"feed",
    feed,
    c"feed($self, chunk)\n--\n\nTake a chunk, return the messages it completes.",
);

unsafe extern "C" fn feed(
    decoder: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls it attached, on a decoder (the method descriptor checks that), with the
    // arguments of this call.
    unsafe {
        let arguments = Arguments::new(values, positional, keywords);
        raw::call(|py| {
            let decoder = Borrowed::from_ptr(py, decoder).cast_unchecked::<Decoder>().get();
            if let Some([chunk]) = arguments.plain(py)
                && let Ok(chunk) = chunk.cast_exact::<PyBytes>()
            {
                return decoder.messages(py, chunk.as_bytes()).map(Bound::into_any);
            }
            let messages = raw::attached(|py| decoder.feed_any(py, arguments).map(Bound::unbind));
            messages.map(|messages| messages.into_bound(py).into_any())
        })
    }
}

/// Add the class to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Decoder>()?;
    FEED.add_to_class(&module.py().get_type::<Decoder>())
}

impl Decoder {
    /// The messages that a chunk completes. The good ones before a fault go out first; the next call
    /// meets the fault again.
    #[inline]
    fn messages<'py>(&self, py: Python<'py>, chunk: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let State { decoder, blocks } = &mut *self.state()?;
        let mut frames = decoder.feed(chunk);
        let mut messages = SmallVec::<[Bound<'py, Message>; GATHERED]>::new();
        loop {
            match frames.next() {
                Ok(Some(frame)) => messages.push(blocks.message(py, &frame)?),
                Err(error) if messages.is_empty() => {
                    return Err(raw::attached(|py| errors::decoding(py, &error)));
                }
                Ok(None) | Err(_) => return PyList::new(py, messages.drain(..)),
            }
        }
    }

    fn feed_any<'py>(&self, py: Python<'py>, arguments: Arguments) -> PyResult<Bound<'py, PyList>> {
        let [chunk] = arguments.named(py, "Decoder.feed", ["chunk"], 1)?;
        let chunk = chunk.ok_or_else(|| PyTypeError::new_err("chunk is missing"))?;
        self.messages(py, &Input::of(&chunk, "chunk")?)
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
