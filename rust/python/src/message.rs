//! `Message`.

use std::hash::{DefaultHasher, Hash, Hasher};

use eventstream::{Headers, Template};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyMappingProxy, PyTuple, PyType};

use crate::block::Block;
use crate::errors;
use crate::headers;
use crate::input::Payload;

/// Decoded headers and a payload.
#[pyclass(module = "bedrock_frames", frozen)]
pub(crate) struct Message {
    pub(crate) block: Py<Block>,
    /// The block's, held here too: reading it is then a plain member access.
    #[pyo3(get)]
    pub(crate) event_type: Py<PyAny>,
    #[pyo3(get)]
    pub(crate) payload: Py<PyBytes>,
}

impl Message {
    pub(crate) fn parts<'a>(&'a self, py: Python<'a>) -> (&'a Template, &'a [u8]) {
        (&self.block.get().template, self.payload.bind(py).as_bytes())
    }
}

#[pymethods]
impl Message {
    #[new]
    #[pyo3(signature = (headers, payload=Payload::EMPTY), text_signature = "(headers, payload=b'')")]
    fn new(py: Python<'_>, headers: &Bound<'_, PyAny>, payload: Payload<'_>) -> PyResult<Self> {
        let block = block_of(headers)?;
        let event_type = block.get().event_type.clone_ref(py);
        let payload = payload.into_bytes(py).unbind();
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
        let (template, payload) = self.parts(py);
        frame_of(py, template, payload)
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else {
            return py.NotImplemented().into_bound(py);
        };
        let (ours, theirs) = (self.parts(py), other.get().parts(py));
        let equal = ours.0.headers() == theirs.0.headers() && ours.1 == theirs.1;
        pyo3::types::PyBool::new(py, equal).to_owned().into_any()
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        let (template, payload) = self.parts(py);
        (template.headers(), payload).hash(&mut hasher);
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

/// The frame around a payload.
#[inline]
pub(crate) fn frame_of<'py>(
    py: Python<'py>,
    template: &Template,
    payload: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, template.frame_len(payload), |out| {
        template.write(payload, out).map_err(|error| errors::encoding(py, "message", &error))
    })
}

/// The frames around several payloads, joined: one allocation of the exact size.
pub(crate) fn frames_of<'py, 'a>(
    py: Python<'py>,
    messages: impl Iterator<Item = (&'a Template, &'a [u8])> + Clone,
) -> PyResult<Bound<'py, PyBytes>> {
    let length = messages.clone().map(|(template, payload)| template.frame_len(payload)).sum();
    PyBytes::new_with(py, length, |mut out| {
        for (template, payload) in messages {
            let (frame, rest) = out.split_at_mut(template.frame_len(payload));
            template
                .write(payload, frame)
                .map_err(|error| errors::encoding(py, "message", &error))?;
            out = rest;
        }
        Ok(())
    })
}
