//! How the load generator behaves, without sockets and with a clock that the tests turn.

mod answers;
mod arrivals;
mod http;
mod metrics;
mod native;
mod omission;
mod options;
mod paced;
mod requests;
mod schedules;
mod sessions;
mod signatures;
mod support;
mod traces;
