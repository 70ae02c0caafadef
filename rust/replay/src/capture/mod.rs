//! Capture files: HTTP exchanges and their times, in a format that survives crashes and damage.
//!
//! A file is a row of blocks of 32 KiB, and a block a row of fragments. No fragment crosses a
//! block, so that a reader can begin at any of them. All integers are little-endian.
//!
//! ```text
//!  0        4      6     7     8            12       16
//!  ├────────┼──────┼─────┼─────┼────────────┼────────┼─────────────┤
//!  │ crc32c │ len  │type │kind │ generation │  seq   │ len bytes   │
//!  └────────┴──────┴─────┴─────┴────────────┴────────┴─────────────┘
//!     masked CRC-32C of all that follows it, payload included
//! ```
//!
//! A record is one fragment of type `full`, or a `first`, any number of `middle` and a `last`.
//! `generation` is random for each file, so that bytes of other files are recognised; `seq` counts
//! fragments, so that missing ones can be counted. Fewer than 16 bytes at the end of a block are zero, and so is a
//! header after which the block holds nothing.
//!
//! # Layout
//!
//! - `fragment`: the header of a fragment and its checksum.
//! - [`writer`]: records to bytes. [`reader`]: bytes to records, skipping damage.
//! - [`record`]: the records of an HTTP exchange, without its secrets.
//! - [`file`]: a capture on disk.

pub mod file;
mod fragment;
pub mod reader;
pub mod record;
pub mod writer;

pub use file::CaptureFile;
pub use fragment::{BLOCK, MAX_RECORD_BYTES};
pub use reader::{Damage, Item, RawRecord, Reader};
pub use record::{Head, Kind, MAGIC, decode_place};
pub use writer::Writer;
