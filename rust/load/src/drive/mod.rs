//! The threads that drive a run.
//!
//! ```text
//!  Run ── thread ── open:   schedule ─▶ alarm ─▶ a task for each session
//!    │      │       closed: a task for each user
//!    │      └────── exchange: connection ─▶ request ─▶ answer ─▶ tally
//!    └─ control: running ─▶ stopping
//! ```

mod alarm;
mod audit;
mod clock;
mod closed;
mod exchange;
mod open;
mod plan;
mod pool;
mod run;
mod worker;

pub use clock::Clock;
pub use run::Run;
