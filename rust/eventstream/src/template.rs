//! Headers encoded once, for many messages that differ in their payload alone.

use std::sync::OnceLock;

use crate::error::Error;
use crate::frame;
use crate::header::{self, Header, Headers};
use crate::prefix::Prefix;

/// A headers block that is written as it stands into every frame.
#[derive(Debug, Clone)]
pub struct Template {
    block: Vec<u8>,
    /// Made for the first frame.
    prefix: OnceLock<Box<Prefix>>,
}

impl Template {
    /// Encode headers.
    ///
    /// # Errors
    ///
    /// A header cannot be written, or a name occurs twice.
    pub fn new(headers: &[Header<'_>]) -> Result<Self, Error> {
        let mut block = Vec::new();
        header::write_all(headers, &mut block)?;
        Ok(Self { block, prefix: OnceLock::new() })
    }

    /// The headers, valid and in wire order.
    pub fn headers(&self) -> Headers<'_> {
        Headers::trusted(&self.block)
    }

    /// The length of the frame around a payload, in bytes.
    #[inline]
    pub fn frame_len(&self, payload: &[u8]) -> usize {
        frame::frame_len(self.headers(), payload)
    }

    /// Append the frame around a payload to `out`. On an error, `out` is as it was.
    ///
    /// # Errors
    ///
    /// The frame is longer than a `u32` can say.
    #[inline]
    pub fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        out.resize(start + self.frame_len(payload), 0);
        self.write(payload, &mut out[start..]).inspect_err(|_| out.truncate(start))
    }

    /// Write the frame around a payload into `out`, which is [`Self::frame_len`] bytes long.
    ///
    /// # Errors
    ///
    /// The frame is longer than a `u32` can say.
    ///
    /// # Panics
    ///
    /// `out` has another length.
    #[inline]
    pub fn write(&self, payload: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let prefix = self.prefix.get_or_init(|| Box::new(Prefix::of(&self.block)));
        frame::write_known(&self.block, prefix, payload, out)
    }
}

impl From<Headers<'_>> for Template {
    fn from(headers: Headers<'_>) -> Self {
        Self { block: headers.as_bytes().to_vec(), prefix: OnceLock::new() }
    }
}
