//! Headers encoded once, for many messages that differ in their payload alone.

use std::mem::MaybeUninit;
use std::sync::OnceLock;

use crate::crc;
use crate::error::Error;
use crate::frame::{self, CRC_LEN, PRELUDE_LEN};
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
        let mut block = vec![0; header::block_len(headers)?];
        header::fill(headers, &mut block);
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
        let (prelude, crc) = self.ends(payload)?;
        out.reserve(self.frame_len(payload));
        out.extend_from_slice(&prelude);
        out.extend_from_slice(&self.block);
        out.extend_from_slice(payload);
        out.extend_from_slice(&crc);
        Ok(())
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
        let (prelude, crc) = self.ends(payload)?;
        frame::fill([&prelude, &self.block, payload, &crc], out, <[u8]>::copy_from_slice);
        Ok(())
    }

    /// As [`Self::write`], into bytes that were not written before; return how many are now: all.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    #[inline]
    pub fn write_uninit(
        &self,
        payload: &[u8],
        out: &mut [MaybeUninit<u8>],
    ) -> Result<usize, Error> {
        let (prelude, crc) = self.ends(payload)?;
        Ok(frame::fill([&prelude, &self.block, payload, &crc], out, frame::write_part))
    }

    /// What stands before the headers and after the payload.
    #[inline]
    fn ends(&self, payload: &[u8]) -> Result<([u8; PRELUDE_LEN], [u8; CRC_LEN]), Error> {
        let frame_len = self.frame_len(payload);
        let prelude = frame::prelude(frame_len, self.block.len())?;
        let summed = if frame_len < Prefix::MAX_FRAME_LEN {
            self.prefix.get_or_init(|| Box::new(Prefix::of(&self.block))).crc(frame_len)
        } else {
            crc::continued(crc::continued(0, &prelude), &self.block)
        };
        // The payload is summed where it came from: reading back a copy that was written this
        // moment waits for it to reach the cache.
        Ok((prelude, crc::continued(summed, payload).to_be_bytes()))
    }
}

impl From<Headers<'_>> for Template {
    fn from(headers: Headers<'_>) -> Self {
        Self { block: headers.as_bytes().to_vec(), prefix: OnceLock::new() }
    }
}
