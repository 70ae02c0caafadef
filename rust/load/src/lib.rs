//! A load generator for Bedrock Runtime endpoints.
//!
//! ```text
//!  arrivals ─▶ request ─▶ connection ─▶ answer ─▶ facts ─▶ tally ─▶ result
//!   when        what       sockets       read,     of one    of all
//!                                        verified  request
//! ```
//!
//! One thread a core, each with its own runtime, connections and tally; nothing is shared on the
//! way of a frame but a lock that nobody else holds. Everything that decides anything is without
//! I/O and without a clock: times are arguments, in nanoseconds since the run began. In an open loop
//! a request's latency runs from the moment it was *meant* to start, so that a server that stalls
//! is charged with everyone it kept waiting.
//!
//! # Layout
//!
//! `docs/architecture.md` shows the whole, of which this is a part.
//!
//! - [`options`], `check`: what is asked for, and what of it makes sense.
//! - [`arrive`]: when requests start.
//! - [`request`], [`sigv4`], [`session`]: what is sent.
//! - [`wire`]: HTTP: heads and bodies of answers, connections, TLS.
//! - [`answer`]: an answer read, timed and verified; [`failure`]: what can be wrong with it.
//! - [`measure`]: histograms, counters, time series, records.
//! - [`drive`]: the threads that do it.

#![deny(unsafe_code)]

pub mod answer;
pub mod arrive;
mod check;
pub mod drive;
pub mod failure;
pub mod measure;
pub mod options;
pub mod request;
pub mod session;
pub mod sigv4;
pub mod wire;

pub use drive::Run;
pub use failure::Failure;
pub use options::{Operation, Options};
