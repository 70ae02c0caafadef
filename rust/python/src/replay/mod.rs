//! The engine and what goes into it and out of it, as Python classes.
//!
//! # Layout
//!
//! - `plan`, `rule`: what fixtures are made into.
//! - `criteria`, `timing`: the mappings that a rule is given, read.
//! - `engine`, `compile`: the engine, and the compiler that it calls back.
//! - `answer`, `pending`, `journal`: what comes out.
//! - `playback`: an answer being sent.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]

mod answer;
mod compile;
mod criteria;
mod engine;
mod journal;
mod pending;
mod plan;
mod playback;
mod rule;
mod timing;

pub(crate) use engine::Engine;

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

create_exception!(
    bedrock_frames._core,
    UnsupportedModel,
    PyValueError,
    "A model family cannot carry the content of a fixture."
);

/// Add the classes to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("UnsupportedModel", module.py().get_type::<UnsupportedModel>())?;
    module.add("MAX_JOURNAL_BYTES", replay::MAX_JOURNAL_BYTES)?;
    module.add("MAX_REGEXES_BYTES", replay::criteria::MAX_REGEXES_BYTES)?;
    module.add_function(wrap_pyfunction!(timing::check_timing, module)?)?;
    module.add_class::<plan::Plan>()?;
    module.add_class::<rule::Rule>()?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<compile::Job>()?;
    module.add_class::<answer::Answer>()?;
    module.add_class::<answer::Writes>()?;
    module.add_class::<playback::Playback>()?;
    module.add_class::<playback::Settlement>()?;
    module.add_class::<pending::Pending>()?;
    module.add_class::<journal::JournalEntry>()?;
    Ok(())
}

/// The exception for an argument that makes no sense.
#[cold]
fn invalid(error: &replay::Invalid) -> PyErr {
    PyValueError::new_err(error.to_string())
}
