//! What the crate promises, held against vector files, recordings, an independent implementation
//! and chance.
//!
//! # Layout
//!
//! - `message`: a message and the outcome of a stream as values that own their bytes.
//! - `vectors`: the vector files and the recordings.
//! - `strategies`: random messages and hostile frames.
//! - `decode`, `encode`, `splits`, `stream`, `scan`, `cache`, `names`, `limits`, `sniff`: a promise
//!   each.
//! - `chance`: what holds of any bytes.
//! - `differential`: agreement with `aws-smithy-eventstream`, and where it is not wanted.

mod cache;
mod chance;
mod decode;
mod differential;
mod encode;
mod limits;
mod message;
mod names;
mod scan;
mod sniff;
mod splits;
mod strategies;
mod stream;
mod vectors;
