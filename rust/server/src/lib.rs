//! The native server: answers of a replay engine on sockets, on every core.
//!
//! ```text
//!              ┌─▶ worker ── Bedrock over plain HTTP/1.1: engine ─▶ timer wheel ─▶ send
//!  acceptor ───┤      │
//!              │      │ whatever else, with the bytes that were read
//!              │      ▼
//!              └─▶  fallback ── HTTP/2, TLS, HTTP/1.0, other paths: engine or app
//! ```
//!
//! Either of them has answers made by `making`, where their plans are not there yet.
//!
//! A worker is one thread with one epoll and one timer wheel. It knows one kind of request, the one
//! that a load test is made of, and hands every other connection to its fallback: a thread where
//! hyper does the rest of HTTP. A frame that is due costs a worker one `send`: no task, no lock, no
//! allocation. Its bytes lie in the plan, shared by all streams; a stream is an offset into them.
//!
//! # Layout
//!
//! `docs/architecture.md` shows the whole, of which this is a part.
//!
//! - [`server`], [`options`]: starting and stopping; bounds.
//! - `accept`, [`listen`]: sockets that listen.
//! - `dispatcher`: who gets a new connection, or an old one that asks for a stream more.
//! - `worker`: the workers.
//! - `fallback`: what hyper serves, and the way to the app.
//! - [`meter`], [`histogram`]: what is counted.
//! - `making`: answers whose plans have to be made first.
//! - `clock`, `head`, [`route`], `wire`, `shared`, `limits`: what both kinds of thread need.
//! - `tls`: certificates. `cors`: whose pages may read answers.

#![forbid(unsafe_code)]

mod accept;
mod clock;
mod cors;
mod dispatcher;
mod fallback;
mod head;
pub mod histogram;
mod limits;
pub mod listen;
mod making;
pub mod meter;
pub mod options;
pub mod route;
pub mod server;
mod shared;
pub mod tls;
mod wire;
#[cfg(target_os = "linux")]
mod worker;

pub use cors::Cors;
pub use histogram::Counts;
pub use limits::{OpenFiles, raise_open_files};
pub use listen::Listener;
pub use meter::Figures;
pub use options::Options;
pub use server::Server;
