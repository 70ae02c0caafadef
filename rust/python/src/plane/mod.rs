//! The data plane as Python classes: sockets that an engine answers on, and what they counted.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]

mod figures;

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use server::tls::{Identity, Pems};
use server::{Cors, Listener, Options, options, route};

use crate::errors;
use crate::replay::Engine;

/// Set, hyper serves every connection: to compare it with workers, and to test it alone.
const NO_WORKERS: &str = "BEDROCK_FRAMES_NO_WORKERS";

/// Serves an engine's answers on sockets.
#[pyclass(module = "bedrock_frames._core", frozen)]
struct Plane(server::Server);

#[pymethods]
impl Plane {
    #[new]
    #[pyo3(signature = (
        engine, *, host=None, port=0, uds=None, app=None, threads=None, tls=None,
        max_connections=None, max_in_flight=None, max_making=None, max_streams=None,
        head_timeout=None, stall_timeout=None, idle_timeout=None, cors=None,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments")]
    fn new(
        py: Python<'_>,
        engine: &Engine,
        host: Option<&str>,
        port: u16,
        uds: Option<PathBuf>,
        app: Option<PathBuf>,
        threads: Option<usize>,
        tls: Option<(String, String)>,
        max_connections: Option<usize>,
        max_in_flight: Option<usize>,
        max_making: Option<usize>,
        max_streams: Option<u32>,
        head_timeout: Option<f64>,
        stall_timeout: Option<f64>,
        idle_timeout: Option<f64>,
        cors: Option<String>,
    ) -> PyResult<Self> {
        let tls = tls.map(|(certificate, key)| Identity::new(&Pems { certificate, key }));
        let defaults = Options::default();
        let limit = |name, given: Option<f64>, default| {
            given.map_or(Ok(default), |value| seconds(name, value))
        };
        let options = Options {
            threads: threads.unwrap_or(defaults.threads),
            max_connections: max_connections.unwrap_or(defaults.max_connections),
            max_in_flight: max_in_flight.unwrap_or(defaults.max_in_flight),
            max_making: max_making.unwrap_or(defaults.max_making),
            max_streams: max_streams.unwrap_or(defaults.max_streams),
            head_timeout: limit("head_timeout", head_timeout, defaults.head_timeout)?,
            stall_timeout: limit("stall_timeout", stall_timeout, defaults.stall_timeout)?,
            idle_timeout: limit("idle_timeout", idle_timeout, defaults.idle_timeout)?,
            app,
            tls: tls.transpose()?,
            cors: cors.map(Cors::new).transpose().map_err(PyValueError::new_err)?,
            workers: env::var_os(NO_WORKERS).is_none_or(|value| value.is_empty()),
        };
        let engine = Arc::clone(&engine.0);
        py.detach(|| {
            let tcp = host.map(|host| {
                Listener::tcp(host, port)
                    .map_err(|error| errors::io(&format!("{host}:{port}"), &error))
            });
            let unix = uds.map(|path| {
                Listener::unix(&path)
                    .map_err(|error| errors::io(&path.display().to_string(), &error))
            });
            let listeners = tcp.into_iter().chain(unix).collect::<PyResult<Vec<_>>>()?;
            Ok(Self(server::Server::start(engine, listeners, options)?))
        })
    }

    #[getter]
    fn addresses(&self) -> Vec<(String, u16)> {
        let addresses = self.0.addresses().iter();
        addresses.map(|address| (address.ip().to_string(), address.port())).collect()
    }

    fn listening(&self) -> Vec<i32> {
        self.0.listening().to_vec()
    }

    fn figures(&self, py: Python<'_>) -> figures::Figures {
        figures::Figures(py.detach(|| self.0.figures()))
    }

    fn stop(&self, py: Python<'_>, drain_timeout: f64) -> PyResult<bool> {
        let drain = seconds("drain_timeout", drain_timeout)?;
        Ok(py.detach(|| self.0.stop(drain)))
    }
}

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| {
        let message = format!("{name} must be a duration in seconds, not negative, got {value}");
        PyValueError::new_err(message)
    })
}

/// Make a certificate that is signed by itself: (certificate, key), as PEM.
#[pyfunction]
fn self_signed(names: Vec<String>) -> PyResult<(String, String)> {
    let Pems { certificate, key } = Pems::self_signed(names)?;
    Ok((certificate, key))
}

/// Whether a certificate and its key, as PEM, can be served with: raises if not.
#[pyfunction]
fn check_pems(certificate: String, key: String) -> PyResult<()> {
    Identity::new(&Pems { certificate, key })?;
    Ok(())
}

/// How many threads a plane has by default.
#[pyfunction]
fn processors() -> usize {
    Options::default().threads
}

/// Raise the limit of open files to its hard limit: (soft, hard).
#[pyfunction]
fn raise_open_files() -> (Option<u64>, Option<u64>) {
    let limits = server::raise_open_files();
    (limits.soft, limits.hard)
}

#[pyfunction]
#[pyo3(signature = (connections, /))]
fn max_refused(connections: usize) -> usize {
    options::max_refused(connections)
}

/// Add the classes to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("BEDROCK_PREFIXES", PyTuple::new(module.py(), route::PREFIXES)?)?;
    module.add("DRAIN_FACTOR", options::DRAIN_FACTOR)?;
    module.add("IDLE_SECONDS", options::IDLE_TIMEOUT.as_secs())?;
    module.add("MAX_APP_BODIES_BYTES", options::MAX_APP_BODIES_BYTES)?;
    module.add("MAX_APP_BODY_BYTES", options::MAX_APP_BODY_BYTES)?;
    module.add("MAX_CONNECTIONS", options::MAX_CONNECTIONS)?;
    module.add("MAX_HEAD_BYTES", options::MAX_HEAD_BYTES)?;
    module.add("MAX_IN_FLIGHT", options::MAX_IN_FLIGHT)?;
    module.add_class::<Plane>()?;
    module.add_class::<figures::Figures>()?;
    module.add_class::<figures::Durations>()?;
    module.add_function(wrap_pyfunction!(self_signed, module)?)?;
    module.add_function(wrap_pyfunction!(check_pems, module)?)?;
    module.add_function(wrap_pyfunction!(max_refused, module)?)?;
    module.add_function(wrap_pyfunction!(processors, module)?)?;
    module.add_function(wrap_pyfunction!(raise_open_files, module)?)
}
