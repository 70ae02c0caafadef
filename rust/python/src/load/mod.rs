//! The load generator: options in and results out as JSON, once for each run.

use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

/// Add the class to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LoadRun>()
}

/// A run of the load generator.
#[pyclass(module = "bedrock_frames._core", frozen)]
struct LoadRun(load::Run);

fn failed(why: String) -> PyErr {
    PyRuntimeError::new_err(why)
}

#[pymethods]
impl LoadRun {
    #[new]
    fn new(py: Python<'_>, options: &str) -> PyResult<Self> {
        py.detach(|| load::Run::new(options)).map(Self).map_err(PyValueError::new_err)
    }

    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.start()).map_err(failed)
    }

    fn progress(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.progress()).map(|progress| progress.to_string()).map_err(failed)
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn cut(&self) {
        self.0.cut();
    }

    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let timeout = Duration::try_from_secs_f64(timeout).map_err(|error| {
            PyValueError::new_err(format!(
                "timeout must be seconds from 0 on, got {timeout}: {error}"
            ))
        })?;
        Ok(py.detach(|| self.0.wait(timeout)))
    }

    fn result(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.result().map(|result| result.to_string())).map_err(failed)
    }
}
