//! One frame, decoded and encoded.

use std::mem::MaybeUninit;

use crate::cache::{BlockId, HeaderCache, Known};
use crate::crc;
use crate::error::{Error, ErrorKind};
use crate::header::{self, Header, Headers};
use crate::limits::Limits;
use crate::prefix::Prefix;

/// Total length, headers length and prelude CRC, in bytes.
pub const PRELUDE_LEN: usize = 12;

/// A frame without headers and payload, in bytes: a prelude and a message CRC.
pub const MIN_FRAME_LEN: usize = PRELUDE_LEN + CRC_LEN;

pub(crate) const CRC_LEN: usize = 4;

/// The lengths of a frame, as far as they can be trusted before the frame is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prelude {
    pub(crate) frame_len: usize,
    headers_len: usize,
    crc: u32,
}

impl Prelude {
    /// Read and check a prelude: checksum, minimum, headers, limits, in this order.
    #[inline]
    pub(crate) fn read(bytes: &[u8; PRELUDE_LEN], limits: &Limits) -> Result<Self, Error> {
        let [lengths @ .., c0, c1, c2, c3] = *bytes;
        let stored = u32::from_be_bytes([c0, c1, c2, c3]);
        let computed = crc::of_lengths(lengths);
        if stored != computed {
            return Err(ErrorKind::PreludeChecksum { stored, computed }.at(8));
        }
        let [t0, t1, t2, t3, h0, h1, h2, h3] = lengths;
        let total = u32::from_be_bytes([t0, t1, t2, t3]);
        let headers = u32::from_be_bytes([h0, h1, h2, h3]);
        let Some(room) = total.checked_sub(MIN_FRAME_LEN as u32) else {
            let limit = MIN_FRAME_LEN as u32;
            return Err(ErrorKind::MessageLength { found: total, limit }.at(0));
        };
        if headers > room {
            return Err(ErrorKind::HeadersLength { found: headers, limit: room }.at(4));
        }
        check_limits(total, headers, room - headers, limits)?;
        Ok(Self { frame_len: total as usize, headers_len: headers as usize, crc: stored })
    }

    #[inline]
    fn payload_start(self) -> usize {
        PRELUDE_LEN + self.headers_len
    }

    /// Check the rest of the frame, which `bytes` is: the message CRC, then the headers.
    #[inline]
    pub(crate) fn check_whole(
        self,
        bytes: &[u8],
        cache: &mut HeaderCache,
    ) -> Result<Option<BlockId>, Error> {
        let (checked, stored) = bytes.split_at(self.frame_len - CRC_LEN);
        let mut crc = [0; CRC_LEN];
        crc.copy_from_slice(stored);
        let stored = u32::from_be_bytes(crc);
        let (head, payload) = checked.split_at(self.payload_start());
        let block = &head[PRELUDE_LEN..];
        let known = cache.find(block);
        let computed = match known {
            Some(Known { prefix: Some(prefix), .. }) if self.frame_len < Prefix::MAX_FRAME_LEN => {
                crc::continued(prefix.crc(self.frame_len), payload)
            }
            // The CRC of the first 8 bytes is the prelude CRC itself, so the sum goes on from there.
            _ => crc::continued(self.crc, &checked[PRELUDE_LEN - CRC_LEN..]),
        };
        if stored != computed {
            return Err(ErrorKind::MessageChecksum { stored, computed }.at(checked.len()));
        }
        if let Some(known) = known {
            return Ok(Some(known.id));
        }
        cache.insert(block).map_err(|mut error| {
            error.position += PRELUDE_LEN;
            error
        })
    }
}

#[inline]
fn check_limits(total: u32, headers: u32, payload: u32, limits: &Limits) -> Result<(), Error> {
    if headers > limits.max_headers {
        let (found, limit) = (headers.into(), limits.max_headers.into());
        return Err(ErrorKind::HeadersTooLarge { found, limit }.at(4));
    }
    if payload > limits.max_payload {
        let (found, limit) = (payload.into(), limits.max_payload.into());
        return Err(ErrorKind::PayloadTooLarge { found, limit }.at(0));
    }
    if total > limits.max_message {
        let (found, limit) = (total.into(), limits.max_message.into());
        return Err(ErrorKind::MessageTooLarge { found, limit }.at(0));
    }
    Ok(())
}

/// A valid frame. Everything about it has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    headers: Headers<'a>,
    block_id: Option<BlockId>,
}

impl<'a> Frame<'a> {
    /// Decode the frame that `bytes` begins with. "Not all there yet" is `None`.
    ///
    /// # Errors
    ///
    /// The first fault, as soon as the bytes show it: a prelude is checked as soon as it is there.
    #[inline]
    pub fn read(
        bytes: &'a [u8],
        limits: &Limits,
        cache: &mut HeaderCache,
    ) -> Result<Option<Self>, Error> {
        let Some(prelude) = bytes.first_chunk() else {
            return Ok(None);
        };
        let prelude = Prelude::read(prelude, limits)?;
        match bytes.get(..prelude.frame_len) {
            None => Ok(None),
            Some(frame) => {
                let block_id = prelude.check_whole(frame, cache)?;
                Ok(Some(Self::checked(frame, prelude, block_id)))
            }
        }
    }

    /// Decode `bytes`, which are exactly one frame.
    ///
    /// # Errors
    ///
    /// The frame is not valid, not complete, or bytes follow it.
    #[inline]
    pub fn read_exact(
        bytes: &'a [u8],
        limits: &Limits,
        cache: &mut HeaderCache,
    ) -> Result<Self, Error> {
        let error = match Self::read(bytes, limits, cache) {
            Ok(Some(frame)) if frame.bytes.len() == bytes.len() => return Ok(frame),
            Ok(Some(frame)) => {
                let (found, limit) = (bytes.len() as u64, frame.bytes.len() as u64);
                ErrorKind::TrailingBytes { found, limit }.at(frame.bytes.len())
            }
            Ok(None) => truncated(bytes, limits).unwrap_or_else(|error| error),
            Err(error) => error,
        };
        Err(error.in_stream(0, 0, bytes))
    }

    /// A frame that [`Prelude::check_whole`] has found valid.
    #[inline]
    pub(crate) fn checked(bytes: &'a [u8], prelude: Prelude, block_id: Option<BlockId>) -> Self {
        let block = &bytes[PRELUDE_LEN..prelude.payload_start()];
        Self { bytes, headers: Headers::trusted(block), block_id }
    }

    /// The frame's bytes.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The headers.
    pub fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// The headers block's name in the cache it was read with: equal ids, equal bytes.
    pub fn block_id(&self) -> Option<BlockId> {
        self.block_id
    }

    /// The payload.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        let start = PRELUDE_LEN + self.headers.as_bytes().len();
        &self.bytes[start..self.bytes.len() - CRC_LEN]
    }
}

/// The error of a stream that ends with `rest`, which begins with a frame and does not complete it.
///
/// # Errors
///
/// The prelude is there and not valid.
pub(crate) fn truncated(rest: &[u8], limits: &Limits) -> Result<Error, Error> {
    let needed = match rest.first_chunk() {
        None => PRELUDE_LEN,
        Some(prelude) => Prelude::read(prelude, limits)?.frame_len,
    };
    let (found, limit) = (rest.len() as u64, needed as u64);
    Ok(ErrorKind::Truncated { found, limit }.at(rest.len()))
}

/// Append one frame to `out`. On an error, `out` is as it was.
///
/// # Errors
///
/// A header cannot be written, a name occurs twice, or the frame is longer than a `u32` can say.
#[inline]
pub fn encode(headers: &[Header<'_>], payload: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let headers_len = header::block_len(headers).map_err(|mut error| {
        error.position += PRELUDE_LEN;
        error
    })?;
    let frame_len = headers_len + payload.len() + MIN_FRAME_LEN;
    let prelude = prelude(frame_len, headers_len)?;
    let start = out.len();
    out.reserve(frame_len);
    out.extend_from_slice(&prelude);
    out.resize(start + PRELUDE_LEN + headers_len, 0);
    header::fill(headers, &mut out[start + PRELUDE_LEN..]);
    out.extend_from_slice(payload);
    let crc = crc::continued(0, &out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
    Ok(())
}

/// The length of the frame around a headers block and a payload, in bytes.
#[inline]
pub fn frame_len(headers: Headers<'_>, payload: &[u8]) -> usize {
    // Slices are at most `isize::MAX` bytes, so the sum of two and a little fits.
    headers.as_bytes().len() + payload.len() + MIN_FRAME_LEN
}

/// Write the frame around a valid headers block into `out`, which is [`frame_len`] bytes long.
/// [`crate::Template`] does it faster where headers repeat.
///
/// # Errors
///
/// The frame is longer than a `u32` can say.
///
/// # Panics
///
/// `out` has another length.
#[inline]
pub fn write(headers: Headers<'_>, payload: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let (prelude, crc) = ends(headers, payload, out.len())?;
    fill([&prelude, headers.as_bytes(), payload, &crc], out, <[u8]>::copy_from_slice);
    Ok(())
}

/// As [`write()`], into bytes that were not written before; return how many are now: all.
///
/// # Errors
///
/// As [`write()`].
#[inline]
pub fn write_uninit(
    headers: Headers<'_>,
    payload: &[u8],
    out: &mut [MaybeUninit<u8>],
) -> Result<usize, Error> {
    let (prelude, crc) = ends(headers, payload, out.len())?;
    Ok(fill([&prelude, headers.as_bytes(), payload, &crc], out, write_part))
}

/// What stands before the headers and after the payload.
#[inline]
fn ends(
    headers: Headers<'_>,
    payload: &[u8],
    frame_len: usize,
) -> Result<([u8; PRELUDE_LEN], [u8; CRC_LEN]), Error> {
    let block = headers.as_bytes();
    let prelude = prelude(frame_len, block.len())?;
    let summed = crc::continued(crc::continued(0, &prelude), block);
    Ok((prelude, crc::continued(summed, payload).to_be_bytes()))
}

/// Write parts one after the other into `out`, which is as long as all of them; return its length.
#[inline]
pub(crate) fn fill<T>(parts: [&[u8]; 4], out: &mut [T], write: impl Fn(&mut [T], &[u8])) -> usize {
    let length = out.len();
    let mut rest = out;
    for part in parts {
        let (place, behind) = rest.split_at_mut(part.len());
        write(place, part);
        rest = behind;
    }
    assert!(rest.is_empty(), "a frame is as long as its buffer");
    length
}

/// Write one part where nothing was written before. Compilers make a `memcpy` of it.
#[inline]
pub(crate) fn write_part(place: &mut [MaybeUninit<u8>], part: &[u8]) {
    for (place, byte) in place.iter_mut().zip(part) {
        place.write(*byte);
    }
}

/// The prelude of a frame.
#[inline]
pub(crate) fn prelude(frame_len: usize, headers_len: usize) -> Result<[u8; PRELUDE_LEN], Error> {
    let [t0, t1, t2, t3] = length_field(frame_len)?;
    let [h0, h1, h2, h3] = length_field(headers_len)?;
    let [c0, c1, c2, c3] = crc::of_lengths([t0, t1, t2, t3, h0, h1, h2, h3]).to_be_bytes();
    Ok([t0, t1, t2, t3, h0, h1, h2, h3, c0, c1, c2, c3])
}

/// A length as the wire has it.
#[inline]
fn length_field(length: usize) -> Result<[u8; 4], Error> {
    u32::try_from(length).map(u32::to_be_bytes).map_err(|_| {
        let (found, limit) = (length as u64, u32::MAX.into());
        ErrorKind::MessageTooLarge { found, limit }.at(0)
    })
}
