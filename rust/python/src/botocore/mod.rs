//! The native half of `bedrock_frames.botocore`.
//!
//! botocore is the judge of what its users see. What is done here gives the same results, and what
//! is unusual in any way is left to botocore's own code: a [`plan::Plan`] answers `None` to it.
//!
//! # Layout
//!
//! - `buffer`: `EventStreamBuffer`, the framing.
//! - `message`: what comes out of it, with plain headers as botocore has them.
//! - `plan`: an event-stream shape, compiled once: from a response to the parsed event.
//! - `node`: the shapes within it.
//! - `parse`: a JSON payload to Python objects, as a node says.

mod buffer;
mod message;
mod node;
mod parse;
mod plan;

use pyo3::prelude::*;

/// Add the classes to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<buffer::Buffer>()?;
    module.add_class::<message::Message>()?;
    module.add_class::<message::Prelude>()?;
    module.add_class::<plan::Plan>()
}
