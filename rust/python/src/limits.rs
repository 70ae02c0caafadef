//! `Limits`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt};

/// Upper bounds that a decoder enforces before it buffers anything.
#[pyclass(module = "bedrock_frames", frozen, eq, hash, from_py_object)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Limits(pub(crate) eventstream::Limits);

impl Limits {
    /// The limits of an argument that may be left out.
    pub(crate) fn or_client(limits: Option<&Self>) -> eventstream::Limits {
        limits.map_or(eventstream::Limits::CLIENT, |limits| limits.0)
    }
}

fn bytes(name: &str, value: Option<&Bound<'_, PyInt>>) -> PyResult<u32> {
    let Some(value) = value else { return Ok(u32::MAX) };
    value.extract().map_err(|_| {
        let most = u32::MAX;
        PyValueError::new_err(format!("{name} is a number of bytes from 0 to {most}, not {value}"))
    })
}

#[pymethods]
impl Limits {
    #[classattr]
    const SERVICE: Self = Self(eventstream::Limits::SERVICE);

    #[classattr]
    const CLIENT: Self = Self(eventstream::Limits::CLIENT);

    #[new]
    #[pyo3(signature = (*, max_message_bytes=None, max_headers_bytes=None, max_payload_bytes=None))]
    fn new(
        max_message_bytes: Option<&Bound<'_, PyInt>>,
        max_headers_bytes: Option<&Bound<'_, PyInt>>,
        max_payload_bytes: Option<&Bound<'_, PyInt>>,
    ) -> PyResult<Self> {
        Ok(Self(eventstream::Limits {
            max_message: bytes("max_message_bytes", max_message_bytes)?,
            max_headers: bytes("max_headers_bytes", max_headers_bytes)?,
            max_payload: bytes("max_payload_bytes", max_payload_bytes)?,
        }))
    }

    #[getter]
    fn max_message_bytes(&self) -> u32 {
        self.0.max_message
    }

    #[getter]
    fn max_headers_bytes(&self) -> u32 {
        self.0.max_headers
    }

    #[getter]
    fn max_payload_bytes(&self) -> u32 {
        self.0.max_payload
    }

    fn __repr__(&self) -> String {
        let eventstream::Limits { max_message, max_headers, max_payload } = self.0;
        format!(
            "Limits(max_message_bytes={max_message}, max_headers_bytes={max_headers}, \
             max_payload_bytes={max_payload})"
        )
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((), Bound<'py, PyDict>)> {
        let arguments = PyDict::new(py);
        arguments.set_item("max_message_bytes", self.0.max_message)?;
        arguments.set_item("max_headers_bytes", self.0.max_headers)?;
        arguments.set_item("max_payload_bytes", self.0.max_payload)?;
        Ok(((), arguments))
    }
}
