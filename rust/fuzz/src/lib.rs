//! What the fuzz targets share: the invariants, and the repair of checksums.
//!
//! # Layout
//!
//! - [`check`]: what holds of any bytes.
//! - [`frames`]: the frames of a mutated stream, and their repair.

pub mod check;
pub mod frames;
