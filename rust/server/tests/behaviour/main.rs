//! The plane on real sockets, with a compiler that does what a test wants.

mod making;
mod support;
