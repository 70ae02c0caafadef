//! The Python binding of `bedrock-frames`: conversion and error mapping only.
//!
//! Every function is: Python arguments in, one call of the core, its error mapped. What a caller
//! needs to know about a function stands in `_core.pyi`, once.
//!
//! # Layout
//!
//! `docs/architecture.md` shows the whole, of which this is a part.
//!
//! - `codec`: the functions, one frame or one buffer a call.
//! - `decoder`, `template`, `message`, `limits`: the classes.
//! - `block`: headers blocks as Python objects, made once for each distinct block.
//! - `headers`: Python headers to a headers block.
//! - `botocore`: the native half of `bedrock_frames.botocore`.
//! - `held`: references that threads without the GIL may drop.
//! - `input`: bytes-like arguments.
//! - `pieces`: frames of a text in pieces.
//! - `raw`: functions that Python calls without `PyO3`'s argument machinery.
//! - `recent`: headers that `encode` recognises.
//! - `replay`: the engine of the fixture server.
//! - `plane`: the sockets that it answers on.
//! - `load`: the load generator.
//! - `capture`: capture files.
//! - `errors`: the exceptions, and the one mapping to them.

mod block;
mod botocore;
mod capture;
mod codec;
mod decoder;
mod errors;
mod headers;
mod held;
mod input;
mod limits;
mod load;
mod message;
mod pieces;
mod plane;
mod raw;
mod recent;
mod replay;
mod template;

use pyo3::prelude::*;

/// `bedrock_frames._core`.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("BUILD_PROFILE", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    errors::add_to(module)?;
    botocore::add_to(module)?;
    module.add_class::<limits::Limits>()?;
    block::add_to(module)?;
    message::add_to(module)?;
    decoder::add_to(module)?;
    template::add_to(module)?;
    replay::add_to(module)?;
    plane::add_to(module)?;
    load::add_to(module)?;
    capture::add_to(module)?;
    codec::ENCODE.add_to(module)?;
    module.add_function(wrap_pyfunction!(codec::encode_all, module)?)?;
    module.add_function(wrap_pyfunction!(codec::decode, module)?)?;
    module.add_function(wrap_pyfunction!(codec::decode_all, module)?)?;
    module.add_function(wrap_pyfunction!(codec::scan, module)?)?;
    module.add_function(wrap_pyfunction!(pieces::encode_pieces, module)?)?;
    // PyO3 keeps a list of what was added; what is public is said by the package.
    module.delattr("__all__")
}
