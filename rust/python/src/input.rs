//! Bytes-like arguments.

use std::ops::Deref;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

/// The bytes of an argument.
///
/// `bytes` cannot change and are borrowed. Any other buffer is copied: while Python objects are
/// made from it, Python code may run (a finaliser, another thread) and write into it.
pub(crate) enum Input<'a> {
    Borrowed(&'a [u8]),
    Copied(Vec<u8>),
}

impl<'a> Input<'a> {
    /// The bytes of `value`; `what` it is, for the error.
    #[inline]
    pub(crate) fn of(value: &'a Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        match value.cast::<PyBytes>() {
            Ok(bytes) => Ok(Self::Borrowed(bytes.as_bytes())),
            Err(_) => Self::copied(value, what),
        }
    }

    #[cold]
    fn copied(value: &Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        let view = PyMemoryView::from(value).map_err(|_| {
            let class = value.get_type();
            let found = class.name().map_or_else(|_| "?".into(), |name| name.to_string());
            PyTypeError::new_err(format!("{what} must be bytes or another buffer, got {found}"))
        })?;
        // Python's own constructor takes every layout that a view can have.
        let bytes = view.py().get_type::<PyBytes>().call1((view,))?;
        Ok(Self::Copied(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
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

/// A payload argument, which may be left out.
pub(crate) struct Payload<'a>(pub(crate) Input<'a>);

impl Payload<'_> {
    pub(crate) const EMPTY: Self = Self(Input::Borrowed(b""));

    pub(crate) fn into_bytes(self, py: Python<'_>) -> Bound<'_, PyBytes> {
        PyBytes::new(py, &self.0)
    }
}

impl<'a> FromPyObject<'a, '_> for Payload<'a> {
    type Error = PyErr;

    #[inline]
    fn extract(value: Borrowed<'a, '_, PyAny>) -> PyResult<Self> {
        match <&[u8]>::extract(value) {
            Ok(bytes) => Ok(Self(Input::Borrowed(bytes))),
            Err(_) => Input::copied(&value, "payload").map(Self),
        }
    }
}
