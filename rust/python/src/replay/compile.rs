//! The compiler that an engine calls back.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use replay::{Ask, Values};

use super::plan::Plan;

/// A Python callable that makes plans.
pub(super) struct Callback(pub(super) Py<PyAny>);

impl replay::Compile for Callback {
    fn compile(&self, ask: &Ask<'_>) -> Result<Arc<replay::Plan>, String> {
        Python::attach(|py| {
            let callable = self.0.bind(py);
            call(callable, ask).map_err(|error| {
                if error.is_instance_of::<PyValueError>(py) {
                    return error.value(py).to_string();
                }
                let text = format!("its compiler failed with {error}");
                error.write_unraisable(py, Some(callable));
                text
            })
        })
    }
}

fn call(callable: &Bound<'_, PyAny>, ask: &Ask<'_>) -> PyResult<Arc<replay::Plan>> {
    let values = ask.values.map(|values| read(callable.py(), ask, &values)).transpose()?;
    let plan = callable.call1((
        ask.fixture,
        ask.variant,
        ask.operation.name(),
        ask.model,
        ask.format.name(),
        values,
    ))?;
    Ok(Arc::clone(&plan.cast::<Plan>()?.get().0))
}

fn read<'py>(py: Python<'py>, ask: &Ask<'_>, values: &Values<'_>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("user_message", values.user_message)?;
    dict.set_item("system_message", values.system_message)?;
    dict.set_item("tool_result", values.tool_result)?;
    dict.set_item("turn", values.turn)?;
    dict.set_item("session", values.session)?;
    dict.set_item("model", ask.model)?;
    if let Some(body) = values.body {
        dict.set_item("body", PyBytes::new(py, body))?;
    }
    Ok(dict)
}
