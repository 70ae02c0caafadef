//! What a Bedrock Runtime fixture server says, and when.
//!
//! ```text
//!  request ─▶ route ─▶ head, body ─▶ matching ─▶ session ─▶ plan ─▶ schedule ─▶ Answer
//!             which    what it asks  which       which      its     when each
//!             model    for           rules       step       bytes   is due
//! ```
//!
//! Everything about *deciding* an answer is here, and nothing about what an answer says: plans are
//! made by a [`Compile`], once for each question that can be remembered. There are no sockets and
//! no clock: times are arguments, and come out as seconds after arrival. Whatever is left to chance
//! follows from a seed.
//!
//! # Layout
//!
//! `docs/architecture.md` shows the whole, of which this is a part.
//!
//! - [`engine`], `options`, `one_shot`: requests in, answers out.
//! - [`answer`]: what the engine is asked, and what it answers.
//! - [`pending`]: an answer that waits for its plan.
//! - [`operation`], `route`, `head`: the parts of a request outside its body.
//! - `body`: what a request body says, of all that fixtures can ask for.
//! - [`agent`]: which requests an automatic agent answers alike.
//! - [`criteria`], [`rule`]: what a fixture asks of a request, and how it answers.
//! - `matching`, `rule_set`: from a request to a rule.
//! - [`rules`]: requests that the service refuses.
//! - `ordinals`: the number of each request within its session.
//! - `session`: where each session stands in its sequences.
//! - [`plan`], [`compile`]: what an answer says, and who makes it.
//! - [`fill`]: the parts of a plan that differ for each request.
//! - [`timing`], [`distributions`], [`schedule`]: when it is said.
//! - [`playback`]: an answer being sent: what is due, what was late, how it ended.
//! - [`error`], `refusal`: typed errors, and answers of the engine's own.
//! - [`journal`], `counts`, `tally`, `misses`: what was asked, and what became of it.
//! - `verify`: whether requests of the journal meet what a test expects.
//! - [`capture`]: files of what went over a wire, and when.
//! - [`rng`], `recent`: seeded draws, a bounded map.

#![forbid(unsafe_code)]

pub mod agent;
pub mod answer;
mod body;
pub mod capture;
pub mod compile;
mod counts;
pub mod criteria;
pub mod distributions;
pub mod engine;
pub mod error;
pub mod fill;
mod head;
pub mod journal;
mod matching;
mod misses;
mod one_shot;
pub mod operation;
mod options;
mod ordinals;
pub mod pending;
pub mod plan;
pub mod playback;
mod recent;
mod refusal;
pub mod rng;
mod route;
pub mod rule;
mod rule_set;
pub mod rules;
pub mod schedule;
mod session;
mod tally;
pub mod timing;
mod verify;

pub use agent::{Agent, Drawn};
pub use answer::{Answer, Reply, Request, RequestId};
pub use body::Format;
pub use compile::{Ask, Compile, Values};
pub use criteria::{Criteria, Model, Text};
pub use distributions::{Circumstances, DrawnTiming};
pub use engine::Engine;
pub use error::Invalid;
pub use fill::Hole;
pub use head::RawHeaders;
pub use journal::{Entry, Filter, MAX_JOURNAL_BYTES, Outcome, Settled, Took};
pub use operation::Operation;
pub use options::{Options, Requests};
pub use pending::Pending;
pub use plan::{Parts, Plan};
pub use playback::{End, Playback, Settlement, Step};
pub use rng::Rng;
pub use rule::{Cut, Rule};
pub use rules::{Finding, Judge};
pub use schedule::{Dues, Schedule, Told};
pub use timing::{Pace, Timing};
pub use verify::Fit;
