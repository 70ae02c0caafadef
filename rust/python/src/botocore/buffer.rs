//! `BotocoreBuffer`, of which `bedrock_frames.botocore.EventStreamBuffer` is made.

use std::sync::{Mutex, MutexGuard, TryLockError};

use eventstream::{Decoder, Error, ErrorKind, Limits};
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use super::message::{Blocks, Message};
use crate::errors;
use crate::input::Input;

/// Messages from chunks of any size, one at a time.
#[pyclass(name = "BotocoreBuffer", module = "bedrock_frames._core", frozen, subclass)]
pub(crate) struct Buffer(Mutex<State>);

struct State {
    decoder: Decoder,
    blocks: Blocks,
}

impl Buffer {
    /// Never waits, as `Decoder`: the holder may be this very thread, inside a finaliser.
    fn state(&self) -> PyResult<MutexGuard<'_, State>> {
        match self.0.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::Poisoned(state)) => Ok(state.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "this EventStreamBuffer is in use by another thread; one stream has one reader",
            )),
        }
    }
}

#[pymethods]
impl Buffer {
    #[new]
    fn new() -> Self {
        let decoder = Decoder::new(Limits::SERVICE);
        Self(Mutex::new(State { decoder, blocks: Blocks::default() }))
    }

    fn add_data(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let data = Input::of(data, "data")?;
        // What is not read of a chunk stays in the decoder; frames are read one at a time below.
        drop(self.state()?.decoder.feed(&data));
        Ok(())
    }

    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Message>> {
        self.__next__(py)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Message>>> {
        let State { decoder, blocks } = &mut *self.state()?;
        match decoder.feed(&[]).next() {
            Ok(Some(frame)) => blocks.message(py, &frame).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(raised(py, &error)),
        }
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }
}

/// The longest headers block that botocore takes.
const MAX_HEADERS: u32 = Limits::SERVICE.max_headers;

/// The exception that botocore's callers expect, with the codec's own as its cause.
#[cold]
fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let class = |name| py.import("bedrock_frames.botocore")?.getattr(name);
    let build = || -> PyResult<PyErr> {
        let exception = match &error.kind {
            ErrorKind::PreludeChecksum { stored, computed }
            | ErrorKind::MessageChecksum { stored, computed } => {
                class("ChecksumMismatch")?.call1((*stored, *computed))
            }
            ErrorKind::NotEventStream { head, .. } if head.len() == 12 => {
                let stored = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
                class("ChecksumMismatch")?.call1((stored, crc32fast::hash(&head[..8])))
            }
            ErrorKind::HeadersTooLarge { found, .. } => {
                class("InvalidHeadersLength")?.call1((*found,))
            }
            // botocore looks at this limit before anything else can be wrong with the length.
            ErrorKind::HeadersLength { found, .. } if *found > MAX_HEADERS => {
                class("InvalidHeadersLength")?.call1((*found,))
            }
            ErrorKind::PayloadTooLarge { found, .. } => {
                class("InvalidPayloadLength")?.call1((*found,))
            }
            ErrorKind::DuplicateHeader { name } => class("DuplicateHeader")?.call1((name,)),
            _ => class("MalformedMessage")?.call1((error.to_string(),)),
        }?;
        Ok(PyErr::from_value(exception))
    };
    match build() {
        Ok(exception) => {
            exception.set_cause(py, Some(errors::decoding(py, error)));
            exception
        }
        Err(failure) => failure,
    }
}
