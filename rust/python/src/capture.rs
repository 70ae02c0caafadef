//! Capture files: written and read a record a call.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use replay::capture::{CaptureFile, Damage, Head, Item, Reader};

use crate::errors;

/// Add the classes to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CaptureWriter>()?;
    module.add_class::<CaptureReader>()?;
    module.add_class::<CaptureDamage>()
}

/// A capture that is being written.
#[pyclass(module = "bedrock_frames._core", frozen)]
struct CaptureWriter {
    path: PathBuf,
    /// `None` once it is finished.
    file: Mutex<Option<CaptureFile>>,
}

type Headers = Vec<(String, Vec<u8>)>;

#[pymethods]
impl CaptureWriter {
    #[new]
    #[pyo3(signature = (path, *, generation, created_ns, creator))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        generation: u32,
        created_ns: u64,
        creator: &str,
    ) -> PyResult<Self> {
        let file = py
            .detach(|| CaptureFile::create(&path, generation, created_ns, creator))
            .map_err(|error| failed(&path, &error))?;
        Ok(Self { path, file: Mutex::new(Some(file)) })
    }

    #[pyo3(signature = (exchange, time_ns, *, method, target, version, headers))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments")]
    fn request(
        &self,
        py: Python<'_>,
        exchange: u64,
        time_ns: u64,
        method: String,
        target: String,
        version: String,
        headers: Headers,
    ) -> PyResult<()> {
        let head = Head { method, target, status: 0, version, headers };
        self.write(py, |file| file.request(exchange, time_ns, &head))
    }

    #[pyo3(signature = (exchange, time_ns, *, status, version, headers))]
    fn response(
        &self,
        py: Python<'_>,
        exchange: u64,
        time_ns: u64,
        status: u16,
        version: String,
        headers: Headers,
    ) -> PyResult<()> {
        if !(100..=999).contains(&status) {
            let message = format!("status must be between 100 and 999, got {status}");
            return Err(PyValueError::new_err(message));
        }
        let head = Head { status, version, headers, ..Head::default() };
        self.write(py, |file| file.response(exchange, time_ns, &head))
    }

    fn request_body(
        &self,
        py: Python<'_>,
        exchange: u64,
        time_ns: u64,
        body: &[u8],
    ) -> PyResult<()> {
        self.write(py, |file| file.request_body(exchange, time_ns, body))
    }

    fn response_body(
        &self,
        py: Python<'_>,
        exchange: u64,
        time_ns: u64,
        body: &[u8],
    ) -> PyResult<()> {
        self.write(py, |file| file.response_body(exchange, time_ns, body))
    }

    #[pyo3(signature = (exchange, time_ns, outcome, error=None))]
    fn end(
        &self,
        py: Python<'_>,
        exchange: u64,
        time_ns: u64,
        outcome: &str,
        error: Option<&str>,
    ) -> PyResult<()> {
        self.write(py, |file| file.end(exchange, time_ns, outcome, error))
    }

    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        self.write(py, CaptureFile::sync)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A second one has nothing left to do, as with any file.
        let Some(file) = file else { return Ok(()) };
        py.detach(|| file.finish()).map_err(|error| failed(&self.path, &error))
    }
}

impl CaptureWriter {
    fn write(
        &self,
        py: Python<'_>,
        write: impl FnOnce(&mut CaptureFile) -> io::Result<()> + Send,
    ) -> PyResult<()> {
        py.detach(|| {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.as_mut().map(write)
        })
        .ok_or_else(|| PyValueError::new_err("the capture is finished"))?
        .map_err(|error| failed(&self.path, &error))
    }
}

/// Bytes of a capture that hold no whole record.
#[pyclass(module = "bedrock_frames._core", frozen, get_all)]
struct CaptureDamage {
    offset: u64,
    length: u64,
    reason: String,
    lost: Option<u32>,
    torn_tail: bool,
}

impl From<Damage> for CaptureDamage {
    fn from(damage: Damage) -> Self {
        let Damage { offset, length, reason, lost, torn_tail } = damage;
        Self { offset, length, reason: reason.to_string(), lost, torn_tail }
    }
}

/// Reads a capture.
#[pyclass(module = "bedrock_frames._core", frozen)]
struct CaptureReader {
    path: PathBuf,
    reader: Mutex<Reader<BufReader<File>>>,
}

/// What a reader yields.
#[derive(IntoPyObject)]
enum Found<'py> {
    Record((u8, u64, Bound<'py, PyBytes>)),
    Damage(CaptureDamage),
}

#[pymethods]
impl CaptureReader {
    #[new]
    fn new(path: PathBuf) -> PyResult<Self> {
        let file = File::open(&path).map_err(|error| failed(&path, &error))?;
        Ok(Self { path, reader: Mutex::new(Reader::new(BufReader::new(file))) })
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Found<'py>>> {
        let item = py
            .detach(|| self.reader.lock().unwrap_or_else(PoisonError::into_inner).next_item())
            .map_err(|error| failed(&self.path, &error))?;
        Ok(item.map(|item| match item {
            Item::Record(record) => {
                Found::Record((record.kind, record.offset, PyBytes::new(py, &record.payload)))
            }
            Item::Damage(damage) => Found::Damage(damage.into()),
        }))
    }
}

fn failed(path: &Path, error: &io::Error) -> PyErr {
    errors::io(&path.display().to_string(), error)
}
