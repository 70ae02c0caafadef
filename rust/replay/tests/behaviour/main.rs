//! Behaviour of the engine through its public interface.
//!
//! What a user can see of it is told in the Python tests; here stands what needs Rust: the matcher
//! against one that is as simple as it can be, many threads at once, and capture files, bit by bit.

mod captures;
mod distributions;
mod oracle;
mod playback;
mod support;
mod threads;
mod times;
