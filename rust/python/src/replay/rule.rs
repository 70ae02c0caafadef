//! `Rule`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyMapping;
use replay::{Agent, Cut};

use super::{criteria, invalid, timing};

/// When a fixture answers, and how fast.
#[pyclass(module = "bedrock_frames._core", frozen)]
pub(crate) struct Rule(pub(super) Arc<replay::Rule>);

#[pymethods]
impl Rule {
    #[new]
    #[pyo3(signature = (
        *, criteria, name, identity=None, place=None, weights=vec![1.0], dynamic=false, whole=false, agents=Vec::new(), timing=None,
        variant_timings=Vec::new(),
        truncate_after_frames=None, disconnect_after_ms=None,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keywords of a Python constructor")]
    fn new(
        criteria: &Bound<'_, PyMapping>,
        name: String,
        identity: Option<u128>,
        place: Option<String>,
        weights: Vec<f64>,
        dynamic: bool,
        whole: bool,
        agents: Vec<Option<(u32, bool)>>,
        timing: Option<&Bound<'_, PyMapping>>,
        variant_timings: Vec<Option<Bound<'_, PyMapping>>>,
        truncate_after_frames: Option<u32>,
        disconnect_after_ms: Option<f64>,
    ) -> PyResult<Self> {
        let mut rule = replay::Rule {
            identity,
            place: place.map(Into::into),
            weights,
            dynamic: dynamic || whole,
            whole,
            agents: agents
                .into_iter()
                .map(|agent| agent.map(|(rounds, echo)| Agent { rounds, echo }))
                .collect(),
            timing: timing.map(timing::read).transpose()?,
            variant_timings: variant_timings
                .iter()
                .map(|timing| timing.as_ref().map(timing::read).transpose())
                .collect::<PyResult<_>>()?,
            cut: Cut { after_frames: truncate_after_frames, after_ms: disconnect_after_ms },
            ..replay::Rule::named(name)
        };
        criteria::read(criteria, &mut rule)?;
        rule.check().map_err(|error| invalid(&error))?;
        Ok(Self(Arc::new(rule)))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    #[getter]
    fn regex_bytes(&self) -> usize {
        self.0.criteria.regex_bytes()
    }

    #[getter]
    fn identity(&self) -> Option<u128> {
        self.0.identity
    }

    #[getter]
    fn dynamic(&self) -> bool {
        self.0.dynamic
    }

    #[getter]
    fn weights(&self) -> Vec<f64> {
        self.0.weights.clone()
    }

    fn __repr__(&self) -> String {
        format!("Rule({:?})", self.0.name)
    }
}
