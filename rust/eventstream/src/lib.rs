//! `application/vnd.amazon.eventstream`: encode, decode, scan.
//!
//! ```text
//!  0        4        8        12                12+H              T-4      T
//!  ├────────┼────────┼────────┼─────────────────┼─────────────────┼────────┤
//!  │ total  │ headers│ prelude│ headers block   │ payload         │ message│
//!  │ length │ length │ CRC    │ (H bytes)       │ (T-H-16 bytes)  │ CRC    │
//!  │ T, u32 │ H, u32 │ of 0..8│                 │                 │ 0..T-4 │
//!  └────────┴────────┴────────┴─────────────────┴─────────────────┴────────┘
//!  header = u8 name length │ name, UTF-8 │ u8 type │ value
//! ```
//!
//! Integers are big-endian; both checksums are CRC-32 (ISO-HDLC, as in zlib). The crate does no
//! I/O and knows no clock: bytes go in, [`Frame`]s that borrow them come out.
//!
//! ```
//! use eventstream::{Decoder, Limits, Value, encode};
//!
//! let mut bytes = Vec::new();
//! encode(&[(":event-type", Value::String("chunk"))], b"{}", &mut bytes)?;
//!
//! let mut decoder = Decoder::new(Limits::CLIENT);
//! let mut frames = decoder.feed(&bytes);
//! while let Some(frame) = frames.next()? {
//!     assert_eq!(frame.headers().get(":event-type"), Some(Value::String("chunk")));
//!     assert_eq!(frame.payload(), b"{}");
//! }
//! drop(frames);
//! decoder.finish()?;
//! # Ok::<(), eventstream::Error>(())
//! ```
//!
//! # Layout
//!
//! `docs/architecture.md` shows the whole, of which this is a part.
//!
//! - [`frame`]: one frame, decoded and encoded; the two are mirrors.
//! - [`header`]: the headers block: [`Value`], reading and writing.
//! - [`decoder`]: frames from chunks of any size.
//! - [`scan`]: frames of a whole buffer.
//! - [`template`]: headers encoded once, for many payloads.
//! - [`cache`]: headers blocks seen before need not be validated again.
//! - `prefix`: the checksum of headers that are known already.
//! - [`limits`]: upper bounds, by role.
//! - [`error`]: what can be wrong, and where.
//! - [`sniff`]: recognises bodies that are no event stream at all.
//! - `crc`: the checksum.

#![forbid(unsafe_code)]

pub mod cache;
mod crc;
pub mod decoder;
pub mod error;
pub mod frame;
pub mod header;
pub mod limits;
mod prefix;
pub mod scan;
pub mod sniff;
pub mod template;

pub use cache::HeaderCache;
pub use decoder::{Decoder, Frames};
pub use error::{Error, ErrorKind};
pub use frame::{Frame, MIN_FRAME_LEN, PRELUDE_LEN, encode};
pub use header::{Header, Headers, MAX_NAME_LEN, MAX_VALUE_LEN, Value};
pub use limits::Limits;
pub use scan::{Scan, Scanned, scan};
pub use sniff::LooksLike;
pub use template::Template;
