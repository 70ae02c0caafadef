//! Frames from chunks of any size.
//!
//! A frame that lies whole in a chunk is read where it lies. Only a frame that straddles chunks is
//! assembled in the decoder's buffer, so every byte is copied at most once and no frame pays for
//! the ones behind it.

use crate::cache::HeaderCache;
use crate::error::Error;
use crate::frame::{Frame, PRELUDE_LEN, Prelude, truncated};
use crate::limits::Limits;

/// A buffer above this is given back once its frame has been read.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Decodes one stream. After an error it stays failed.
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    cache: HeaderCache,
    /// Bytes not read yet, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// Where the next frame begins in the stream.
    offset: u64,
    frames: u64,
    error: Option<Error>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Take a chunk; read the frames it completes with [`Frames::next`].
    ///
    /// What is left of the chunk when the [`Frames`] is dropped is kept for the next call.
    #[inline]
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> Frames<'a> {
        Frames { decoder: self, chunk }
    }

    /// Say that the stream has ended. Frames that were not read are checked and dropped.
    ///
    /// # Errors
    ///
    /// It ended inside a frame, or is not valid.
    pub fn finish(&mut self) -> Result<(), Error> {
        let mut unread = self.feed(&[]);
        while unread.next()?.is_some() {}
        drop(unread);
        let rest = &self.buffer[self.start..];
        if rest.is_empty() {
            return Ok(());
        }
        let error = truncated(rest, &self.limits).unwrap_or_else(|error| error);
        let error = error.in_stream(self.offset, self.frames, rest);
        Err(self.fail(error))
    }

    /// The bounds that it enforces.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How many frames have been read.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Where the next frame begins, in bytes from the start of the stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes are held of what has not been read.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// The error that ended the stream.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        self.buffer = Vec::new();
        self.start = 0;
        self.error = Some(error.clone());
        error
    }

    /// Forget what has been read from the buffer.
    fn release(&mut self) {
        if self.start == self.buffer.len() && self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        } else {
            self.buffer.drain(..self.start);
        }
        self.start = 0;
    }

    /// Complete the buffer's first frame from `chunk` and return its prelude; `None` where the
    /// chunk is used up before.
    fn complete(&mut self, chunk: &mut &[u8]) -> Result<Option<Prelude>, Error> {
        if !self.top_up(PRELUDE_LEN, chunk) {
            return Ok(None);
        }
        let Some(prelude) = self.buffer[self.start..].first_chunk() else {
            return Ok(None);
        };
        let prelude = Prelude::read(prelude, &self.limits)?;
        Ok(self.top_up(prelude.frame_len, chunk).then_some(prelude))
    }

    /// Move bytes from `chunk` until the buffer holds `wanted`; whether it does.
    fn top_up(&mut self, wanted: usize, chunk: &mut &[u8]) -> bool {
        let held = self.buffer.len() - self.start;
        if held >= wanted {
            return true;
        }
        if self.start > 0 {
            self.release();
        }
        let (taken, rest) = chunk.split_at(chunk.len().min(wanted - held));
        self.buffer.extend_from_slice(taken);
        *chunk = rest;
        self.buffer.len() == wanted
    }
}

/// Reads the frames that a chunk completes.
#[derive(Debug)]
pub struct Frames<'a> {
    decoder: &'a mut Decoder,
    chunk: &'a [u8],
}

impl Frames<'_> {
    /// The next frame; `None` where more bytes are needed.
    ///
    /// # Errors
    ///
    /// The stream is not valid from here on; it stays so.
    #[inline]
    #[allow(
        clippy::should_implement_trait,
        reason = "the frame borrows from self, an Iterator's item can't"
    )]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Error> {
        let decoder = &mut *self.decoder;
        if decoder.start < decoder.buffer.len() || decoder.error.is_some() {
            return self.next_buffered();
        }
        if decoder.start > 0 {
            decoder.release();
        }
        match Frame::read(self.chunk, &decoder.limits, &mut decoder.cache) {
            Ok(Some(frame)) => {
                let length = frame.as_bytes().len();
                self.chunk = &self.chunk[length..];
                decoder.offset += length as u64;
                decoder.frames += 1;
                Ok(Some(frame))
            }
            Ok(None) => {
                decoder.buffer.extend_from_slice(self.chunk);
                self.chunk = &[];
                Ok(None)
            }
            Err(error) => {
                let error = error.in_stream(decoder.offset, decoder.frames, self.chunk);
                Err(decoder.fail(error))
            }
        }
    }

    /// As `next`, for a frame that began in an earlier chunk.
    fn next_buffered(&mut self) -> Result<Option<Frame<'_>>, Error> {
        let decoder = &mut *self.decoder;
        if let Some(error) = &decoder.error {
            return Err(error.clone());
        }
        let (offset, index) = (decoder.offset, decoder.frames);
        let prelude = match decoder.complete(&mut self.chunk) {
            Ok(None) => return Ok(None),
            Ok(Some(prelude)) => prelude,
            Err(error) => {
                let error = error.in_stream(offset, index, &decoder.buffer[decoder.start..]);
                return Err(decoder.fail(error));
            }
        };
        let end = decoder.start + prelude.frame_len;
        let bytes = &decoder.buffer[decoder.start..end];
        let block_id = match prelude.check_whole(bytes, &mut decoder.cache) {
            Ok(block_id) => block_id,
            Err(error) => {
                let error = error.in_stream(offset, index, bytes);
                return Err(decoder.fail(error));
            }
        };
        let frame = Frame::checked(&decoder.buffer[decoder.start..end], prelude, block_id);
        decoder.start = end;
        decoder.offset += prelude.frame_len as u64;
        decoder.frames += 1;
        Ok(Some(frame))
    }
}

impl Drop for Frames<'_> {
    fn drop(&mut self) {
        let decoder = &mut *self.decoder;
        if self.chunk.is_empty() || decoder.error.is_some() {
            return;
        }
        // A reader that is always some frames behind never empties the buffer. To wait until half
        // of it has been read keeps the cost of moving the rest linear.
        if decoder.start > decoder.buffered() {
            decoder.release();
        }
        decoder.buffer.extend_from_slice(self.chunk);
    }
}
