//! Bytes-like arguments.

use std::ops::Deref;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The bytes of an argument.
///
/// `bytes` cannot change and are borrowed. Any other buffer is copied: while Python objects are
/// made from it, Python code may run (a finaliser, another thread) and write into it.
pub(crate) enum Input<'a> {
    Borrowed(&'a [u8]),
    Copied(Vec<u8>),
}

impl<'a> Input<'a> {
    #[inline]
    pub(crate) fn of(value: &'a Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        match value.cast::<PyBytes>() {
            Ok(bytes) => Ok(Self::Borrowed(bytes.as_bytes())),
            Err(_) => Self::copied(value, what),
        }
    }

    fn copied(value: &Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        let refused = |_| {
            let found =
                value.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
            PyTypeError::new_err(format!("{what} must be bytes or a buffer of bytes, got {found}"))
        };
        let buffer = PyBuffer::<u8>::get(value).map_err(refused)?;
        buffer.to_vec(value.py()).map(Self::Copied)
    }
}

impl Deref for Input<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}
