//! The exceptions, and the one mapping to them.

use std::io;

use eventstream::{Error, ErrorKind};
use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

macro_rules! exceptions {
    ($($name:ident($base:ty), $doc:literal;)*) => {
        $(create_exception!(bedrock_frames, $name, $base, $doc);)*

        /// Add the exceptions to the module.
        pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
            let py = module.py();
            let base = py.get_type::<EventStreamError>();
            base.setattr("kind", "")?;
            for field in FIELDS {
                base.setattr(field, py.None())?;
            }
            $(module.add(stringify!($name), py.get_type::<$name>())?;)*
            Ok(())
        }
    };
}

exceptions! {
    EventStreamError(PyValueError), "A byte stream or a message that the format does not allow.";
    ChecksumMismatch(EventStreamError), "A stored CRC-32 differs from the computed one.";
    PreludeChecksumMismatch(ChecksumMismatch), "A prelude does not match the prelude CRC.";
    MessageChecksumMismatch(ChecksumMismatch), "A frame does not match the message CRC.";
    InvalidLength(EventStreamError), "A length that cannot be true.";
    InvalidHeader(EventStreamError), "A header that breaks the format.";
    DuplicateHeader(InvalidHeader), "A header name that occurs twice in one message.";
    Truncated(EventStreamError), "The stream ended inside a frame.";
    MessageTooLarge(EventStreamError), "A length above a limit.";
    NotEventStream(EventStreamError), "The stream begins with something else.";
}

/// The fields of every error, `None` where they do not apply. `kind` is always a string.
const FIELDS: [&str; 7] =
    ["offset", "frame_index", "position", "stored", "computed", "found", "limit"];

/// The `OSError` for a file or an address: with its number and its place, as Python's own have.
#[cold]
pub(crate) fn io(place: &str, error: &io::Error) -> PyErr {
    let said = error.to_string();
    match error.raw_os_error() {
        Some(number) => {
            let reason = said.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((number, reason, place.to_owned()))
        }
        None => PyOSError::new_err(format!("{place}: {said}")),
    }
}

/// The exception for an error in bytes that were read.
#[cold]
pub(crate) fn decoding(py: Python<'_>, error: &Error) -> PyErr {
    let exception = exception_of(py, &error.kind, error.to_string());
    let place = || -> PyResult<()> {
        let value = exception.value(py);
        value.setattr("offset", error.offset)?;
        value.setattr("frame_index", error.frame_index)?;
        value.setattr("position", error.position)
    };
    place().map_or_else(|error| error, |()| exception)
}

/// The exception for a message that cannot be written; `subject` is what of it, such as a header.
#[cold]
pub(crate) fn encoding(py: Python<'_>, subject: &str, error: &Error) -> PyErr {
    exception_of(py, &error.kind, format!("{subject}: {}", error.kind))
}

/// The exception for a Python value that no header can hold.
#[cold]
pub(crate) fn invalid_header(py: Python<'_>, kind: &str, message: String) -> PyErr {
    let exception = InvalidHeader::new_err(message);
    match exception.value(py).setattr("kind", kind) {
        Ok(()) => exception,
        Err(error) => error,
    }
}

fn exception_of(py: Python<'_>, kind: &ErrorKind, message: String) -> PyErr {
    let build = || -> PyResult<PyErr> {
        let exception = class_of(py, kind).call1((message,))?;
        exception.setattr("kind", kind.name())?;
        set_numbers(&exception, kind)?;
        Ok(PyErr::from_value(exception))
    };
    build().unwrap_or_else(|error| error)
}

fn class_of<'py>(py: Python<'py>, kind: &ErrorKind) -> Bound<'py, PyType> {
    match kind {
        ErrorKind::PreludeChecksum { .. } => py.get_type::<PreludeChecksumMismatch>(),
        ErrorKind::MessageChecksum { .. } => py.get_type::<MessageChecksumMismatch>(),
        ErrorKind::MessageLength { .. }
        | ErrorKind::HeadersLength { .. }
        | ErrorKind::TrailingBytes { .. } => py.get_type::<InvalidLength>(),
        ErrorKind::HeadersTooLarge { .. }
        | ErrorKind::PayloadTooLarge { .. }
        | ErrorKind::MessageTooLarge { .. } => py.get_type::<MessageTooLarge>(),
        ErrorKind::HeaderNameLength { .. }
        | ErrorKind::HeaderNameUtf8
        | ErrorKind::HeaderType { .. }
        | ErrorKind::HeaderValueUtf8
        | ErrorKind::HeaderValueLength { .. }
        | ErrorKind::HeaderOverrun { .. } => py.get_type::<InvalidHeader>(),
        ErrorKind::DuplicateHeader { .. } => py.get_type::<DuplicateHeader>(),
        ErrorKind::Truncated { .. } => py.get_type::<Truncated>(),
        ErrorKind::NotEventStream { .. } => py.get_type::<NotEventStream>(),
        // The core may learn new kinds; they are event-stream errors all the same.
        _ => py.get_type::<EventStreamError>(),
    }
}

fn set_numbers(exception: &Bound<'_, PyAny>, kind: &ErrorKind) -> PyResult<()> {
    match *kind {
        ErrorKind::PreludeChecksum { stored, computed }
        | ErrorKind::MessageChecksum { stored, computed } => {
            exception.setattr("stored", stored)?;
            exception.setattr("computed", computed)
        }
        ErrorKind::MessageLength { found, limit } | ErrorKind::HeadersLength { found, limit } => {
            exception.setattr("found", found)?;
            exception.setattr("limit", limit)
        }
        ErrorKind::TrailingBytes { found, limit }
        | ErrorKind::HeadersTooLarge { found, limit }
        | ErrorKind::PayloadTooLarge { found, limit }
        | ErrorKind::MessageTooLarge { found, limit }
        | ErrorKind::HeaderNameLength { found, limit }
        | ErrorKind::HeaderValueLength { found, limit }
        | ErrorKind::HeaderOverrun { found, limit }
        | ErrorKind::Truncated { found, limit } => {
            exception.setattr("found", found)?;
            exception.setattr("limit", limit)
        }
        ErrorKind::HeaderType { found } => exception.setattr("found", found),
        ErrorKind::NotEventStream { looks_like, ref head } => {
            exception.setattr("looks_like", looks_like.to_string())?;
            exception.setattr("head", PyBytes::new(exception.py(), head))
        }
        _ => Ok(()),
    }
}
