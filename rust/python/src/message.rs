//! `Message`.

use std::hash::{DefaultHasher, Hash, Hasher};

use eventstream::{Headers, frame};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyMappingProxy, PyTuple, PyType};

use crate::block::Block;
use crate::errors;
use crate::headers;
use crate::input::Input;

/// Decoded headers and a payload.
#[pyclass(module = "bedrock_frames", frozen, freelist = 256)]
pub(crate) struct Message {
    pub(crate) block: Py<Block>,
    /// The block's, held here too: reading it is then a plain member access.
    #[pyo3(get)]
    pub(crate) event_type: Py<PyAny>,
    #[pyo3(get)]
    pub(crate) payload: Py<PyBytes>,
}

#[pymethods]
impl Message {
    #[new]
    #[pyo3(signature = (headers, payload=None))]
    fn new(
        py: Python<'_>,
        headers: &Bound<'_, PyAny>,
        payload: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let block = block_of(headers)?;
        let event_type = block.get().event_type.clone_ref(py);
        let payload = match payload {
            None => PyBytes::new(py, b"").unbind(),
            Some(payload) => match payload.cast_exact::<PyBytes>() {
                Ok(payload) => payload.clone().unbind(),
                Err(_) => PyBytes::new(py, &Input::of(payload, "payload")?).unbind(),
            },
        };
        Ok(Self { block, event_type, payload })
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        self.block.get().mapping(py).cloned()
    }

    #[getter]
    fn message_type(&self, py: Python<'_>) -> Py<PyAny> {
        self.block.get().message_type.clone_ref(py)
    }

    #[getter]
    fn exception_type(&self, py: Python<'_>) -> Py<PyAny> {
        self.block.get().exception_type.clone_ref(py)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        frame_of(py, self.block.get().headers(), self.payload.bind(py).as_bytes())
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else {
            return py.NotImplemented().into_bound(py);
        };
        let other = other.get();
        let equal = self.block.get().headers() == other.block.get().headers()
            && self.payload.bind(py).as_bytes() == other.payload.bind(py).as_bytes();
        pyo3::types::PyBool::new(py, equal).to_owned().into_any()
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.block.get().headers().hash(&mut hasher);
        self.payload.bind(py).as_bytes().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let headers = self.block.get().mapping(py)?.as_mapping().items()?;
        let payload = self.payload.bind(py);
        Ok(format!("Message({}, {})", headers.repr()?, payload.repr()?))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let headers: Bound<'py, PyList> = slf.get().headers(py)?.as_mapping().items()?;
        let arguments = (headers, slf.get().payload.bind(py)).into_pyobject(py)?;
        Ok((slf.get_type(), arguments))
    }
}

/// The block of Python headers, validated.
pub(crate) fn block_of(headers: &Bound<'_, PyAny>) -> PyResult<Py<Block>> {
    let py = headers.py();
    let mut block = Vec::new();
    headers::write(headers, &mut block)?;
    let headers =
        Headers::validate(&block).map_err(|error| errors::encoding(py, "headers", &error))?;
    Block::new(py, headers)
}

/// The frame around a headers block and a payload.
#[inline]
pub(crate) fn frame_of<'py>(
    py: Python<'py>,
    headers: Headers<'_>,
    payload: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, frame::frame_len(headers, payload), |out| {
        frame::write(headers, payload, out).map_err(|error| errors::encoding(py, "message", &error))
    })
}
