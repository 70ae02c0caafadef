//! Headers encoded once, for many messages that differ in their payload alone.

use crate::error::Error;
use crate::frame;
use crate::header::{self, Header, Headers};

/// A headers block that is written as it stands into every frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    block: Vec<u8>,
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
        Ok(Self { block })
    }

    /// The headers, valid and in wire order.
    pub fn headers(&self) -> Headers<'_> {
        Headers::trusted(&self.block)
    }

    /// Append the frame around a payload to `out`. On an error, `out` is as it was.
    ///
    /// # Errors
    ///
    /// The frame is longer than a `u32` can say.
    #[inline]
    pub fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        out.resize(start + frame::frame_len(self.headers(), payload), 0);
        frame::write(self.headers(), payload, &mut out[start..])
            .inspect_err(|_| out.truncate(start))
    }
}

impl From<Headers<'_>> for Template {
    fn from(headers: Headers<'_>) -> Self {
        Self { block: headers.as_bytes().to_vec() }
    }
}
