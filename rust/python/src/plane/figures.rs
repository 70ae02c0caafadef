//! `Figures` and `Durations`.

use pyo3::prelude::*;

/// What happened on a plane's sockets up to a moment.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(super) struct Figures(pub(super) server::Figures);

/// A histogram of durations.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(super) struct Durations(server::Counts);

macro_rules! figures {
    (counts: $($count:ident)*; durations: $($durations:ident)*) => {
        #[pymethods]
        impl Figures {
            #[getter]
            fn connections_by_thread(&self) -> Vec<u64> {
                self.0.connections_by_thread.clone()
            }

            #[getter]
            fn streams_by_thread(&self) -> Vec<u64> {
                self.0.streams_by_thread.clone()
            }

            $(#[getter]
            fn $count(&self) -> u64 {
                self.0.$count
            })*

            $(#[getter]
            fn $durations(&self) -> Durations {
                Durations(self.0.$durations.clone())
            })*
        }
    };
}

figures! {
    counts: connections accepted in_flight streams frames body_bytes blocked client_left
        stalled cut stopped failed refused;
    durations: lateness first_frame duration
}

#[pymethods]
impl Durations {
    #[getter]
    fn total(&self) -> u64 {
        self.0.total()
    }

    #[getter]
    fn sum(&self) -> f64 {
        self.0.sum()
    }

    fn at_most(&self, seconds: f64) -> u64 {
        self.0.at_most(seconds)
    }

    fn quantile(&self, share: f64) -> PyResult<f64> {
        if (0.0..=1.0).contains(&share) {
            return Ok(self.0.quantile(share));
        }
        let message = format!("share must be between 0 and 1, got {share}");
        Err(pyo3::exceptions::PyValueError::new_err(message))
    }
}
