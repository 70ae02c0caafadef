//! Frames of a whole buffer: where each begins, how long it is, what it says it is.

use crate::cache::{BlockId, HeaderCache};
use crate::error::Error;
use crate::frame::{Frame, truncated};
use crate::limits::Limits;

/// Read every frame of `data`, both checksums and the headers checked.
///
/// The iterator ends after the first error; bytes that do not complete a frame are one.
pub fn scan(data: &[u8], limits: Limits) -> Scan<'_> {
    Scan {
        rest: data,
        limits,
        cache: HeaderCache::default(),
        event_types: [None; BlockId::SLOTS],
        offset: 0,
        index: 0,
    }
}

/// A frame and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// Where the frame begins, in bytes from the start of the data.
    pub offset: u64,
    /// `:event-type`, where it is there and a string.
    pub event_type: Option<&'a str>,
    /// The frame.
    pub frame: Frame<'a>,
}

/// The frames of a buffer.
#[derive(Debug)]
pub struct Scan<'a> {
    rest: &'a [u8],
    limits: Limits,
    cache: HeaderCache,
    event_types: [Option<(BlockId, Option<&'a str>)>; BlockId::SLOTS],
    offset: u64,
    index: u64,
}

impl<'a> Scan<'a> {
    fn event_type(&mut self, frame: &Frame<'a>) -> Option<&'a str> {
        let Some(id) = frame.block_id() else {
            return frame.headers().get_str(":event-type");
        };
        match self.event_types[id.slot()] {
            Some((known, event_type)) if known == id => event_type,
            _ => {
                let event_type = frame.headers().get_str(":event-type");
                self.event_types[id.slot()] = Some((id, event_type));
                event_type
            }
        }
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Result<Scanned<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = match Frame::read(self.rest, &self.limits, &mut self.cache) {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                let error = truncated(self.rest, &self.limits).unwrap_or_else(|error| error);
                return Some(Err(self.fail(error)));
            }
            Err(error) => return Some(Err(self.fail(error))),
        };
        let event_type = self.event_type(&frame);
        let scanned = Scanned { offset: self.offset, event_type, frame };
        let length = frame.as_bytes().len();
        self.rest = &self.rest[length..];
        self.offset += length as u64;
        self.index += 1;
        Some(Ok(scanned))
    }
}

impl Scan<'_> {
    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        let error = error.in_stream(self.offset, self.index, self.rest);
        self.rest = &[];
        error
    }
}
