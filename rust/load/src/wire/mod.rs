//! HTTP as far as a load generator needs it.
//!
//! HTTP/1.1 is read here, without I/O, from the buffer that the socket was read into; nothing of an
//! answer is copied but a frame that straddles two reads. HTTP/2 is hyper's.

mod dial;
mod h1;
mod h2;
mod head;
mod http1;
mod target;
mod tls;

pub use dial::{Dialer, Refused, Stream};
pub use h1::H1;
pub use h2::{H2, Place};
pub use head::{Head, Media};
pub use http1::{Http1, Piece};
pub use target::Target;
pub use tls::client_config;
