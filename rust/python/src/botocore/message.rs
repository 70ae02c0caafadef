//! `EventStreamMessage` as botocore has it: plain values in a dict of its own for each message.

use eventstream::cache::BlockId;
use eventstream::{Frame, Headers, Value};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};

/// The lengths and the checksum that a message begins with.
#[pyclass(name = "MessagePrelude", module = "bedrock_frames.botocore", frozen, get_all)]
pub(crate) struct Prelude {
    total_length: u32,
    headers_length: u32,
    crc: u32,
}

#[pymethods]
impl Prelude {
    #[getter]
    fn payload_length(&self) -> u32 {
        self.total_length - self.headers_length - 16
    }

    #[getter]
    fn payload_end(&self) -> u32 {
        self.total_length - 4
    }

    #[getter]
    fn headers_end(&self) -> u32 {
        self.headers_length + 12
    }
}

/// A headers block: what every message that carries it begins with.
#[pyclass(frozen)]
struct Block {
    headers: Py<PyDict>,
    failed: bool,
}

impl Block {
    fn new(py: Python<'_>, headers: Headers<'_>) -> PyResult<Py<Self>> {
        let plain = PyDict::new(py);
        for (name, value) in &headers {
            plain.set_item(PyString::intern(py, name), to_python(py, value)?)?;
        }
        let failed = matches!(headers.get_str(":message-type"), Some("error" | "exception"));
        Py::new(py, Self { headers: plain.unbind(), failed })
    }
}

fn to_python<'py>(py: Python<'py>, value: Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
        Value::Int8(value) => value.into_pyobject(py)?.into_any(),
        Value::Int16(value) => value.into_pyobject(py)?.into_any(),
        Value::Int32(value) => value.into_pyobject(py)?.into_any(),
        Value::Int64(value) | Value::Timestamp(value) => value.into_pyobject(py)?.into_any(),
        Value::Bytes(value) => PyBytes::new(py, value).into_any(),
        Value::String(value) => PyString::new(py, value).into_any(),
        Value::Uuid(value) => PyBytes::new(py, &value).into_any(),
    })
}

/// The blocks of a stream, found by the ids of the decoder's own cache.
#[derive(Default)]
pub(super) struct Blocks {
    slots: [Option<(BlockId, Py<Block>)>; BlockId::SLOTS],
}

impl Blocks {
    #[inline]
    fn of(&mut self, py: Python<'_>, frame: &Frame<'_>) -> PyResult<Py<Block>> {
        let Some(id) = frame.block_id() else {
            return Block::new(py, frame.headers());
        };
        let slot = &mut self.slots[id.slot()];
        if let Some((known, block)) = slot
            && *known == id
        {
            return Ok(block.clone_ref(py));
        }
        let block = Block::new(py, frame.headers())?;
        *slot = Some((id, block.clone_ref(py)));
        Ok(block)
    }

    /// The message of a frame.
    #[inline]
    pub(super) fn message<'py>(
        &mut self,
        py: Python<'py>,
        frame: &Frame<'_>,
    ) -> PyResult<Bound<'py, Message>> {
        let bytes = frame.as_bytes();
        let message = Message {
            block: self.of(py, frame)?,
            headers: PyOnceLock::new(),
            payload: PyBytes::new(py, frame.payload()).unbind(),
            total_length: bytes.len() as u32,
            headers_length: frame.headers().as_bytes().len() as u32,
            prelude_crc: word(&bytes[8..12]),
            crc: word(&bytes[bytes.len() - 4..]),
        };
        Bound::new(py, message)
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// A message of an event stream.
#[pyclass(name = "EventStreamMessage", module = "bedrock_frames.botocore", frozen)]
pub(crate) struct Message {
    block: Py<Block>,
    /// Made when it is first asked for; from then on it is the caller's to change.
    headers: PyOnceLock<Py<PyDict>>,
    #[pyo3(get)]
    payload: Py<PyBytes>,
    total_length: u32,
    headers_length: u32,
    prelude_crc: u32,
    #[pyo3(get)]
    crc: u32,
}

#[pymethods]
impl Message {
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyDict>> {
        let copy = || self.block.get().headers.bind(py).copy().map(Bound::unbind);
        Ok(self.headers.get_or_try_init(py, copy)?.bind(py))
    }

    #[getter]
    fn prelude(&self) -> Prelude {
        Prelude {
            total_length: self.total_length,
            headers_length: self.headers_length,
            crc: self.prelude_crc,
        }
    }

    #[pyo3(signature = (status_code=200))]
    fn to_response_dict<'py>(
        &self,
        py: Python<'py>,
        status_code: i64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let failed = self.failed(py)?;
        let headers = self.headers(py)?;
        let response = PyDict::new(py);
        let status_code = if failed { 400 } else { status_code };
        response.set_item(intern!(py, "status_code"), status_code)?;
        response.set_item(intern!(py, "headers"), headers)?;
        response.set_item(intern!(py, "body"), &self.payload)?;
        Ok(response)
    }
}

impl Message {
    /// Whether the headers say that this is an error. The caller may have changed them.
    fn failed(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(headers) = self.headers.get(py) else {
            return Ok(self.block.get().failed);
        };
        let Some(message_type) = headers.bind(py).get_item(intern!(py, ":message-type"))? else {
            return Ok(false);
        };
        Ok(message_type.eq("error")? || message_type.eq("exception")?)
    }
}
