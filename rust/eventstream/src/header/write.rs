//! The headers block: writing it.
//!
//! Lengths are checked and added up first, so that the rest cannot fail: it fills a slice.

use std::collections::HashSet;
use std::mem;

use super::{FEW, Header, MAX_NAME_LEN, MAX_VALUE_LEN, Value};
use crate::error::{Error, ErrorKind};

/// Append one header to a headers block. That its name is unique is for
/// [`super::Headers::validate`] to say.
///
/// # Errors
///
/// The name is empty or longer than [`MAX_NAME_LEN`], or the value longer than [`MAX_VALUE_LEN`].
#[inline]
pub fn write(name: &str, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let start = out.len();
    out.resize(start + header_len(name, value, start)?, 0);
    fill(&[(name, *value)], &mut out[start..]);
    Ok(())
}

/// The length of a headers block, each name once, in bytes.
#[inline]
pub(crate) fn block_len(headers: &[Header<'_>]) -> Result<usize, Error> {
    if headers.len() > FEW {
        return long_block_len(headers);
    }
    let mut length = 0;
    for (index, (name, value)) in headers.iter().enumerate() {
        if headers[..index].iter().any(|earlier| earlier.0 == *name) {
            return Err(duplicate(name, length));
        }
        length += header_len(name, value, length)?;
    }
    Ok(length)
}

#[cold]
fn long_block_len(headers: &[Header<'_>]) -> Result<usize, Error> {
    let mut names = HashSet::with_capacity(headers.len());
    let mut length = 0;
    for (name, value) in headers {
        if !names.insert(*name) {
            return Err(duplicate(name, length));
        }
        length += header_len(name, value, length)?;
    }
    Ok(length)
}

#[cold]
fn duplicate(name: &str, position: usize) -> Error {
    ErrorKind::DuplicateHeader { name: name.to_owned() }.at(position)
}

/// The length of a header that would begin at `position`, in bytes.
#[inline]
fn header_len(name: &str, value: &Value<'_>, position: usize) -> Result<usize, Error> {
    if name.is_empty() || name.len() > MAX_NAME_LEN {
        let (found, limit) = (name.len() as u64, MAX_NAME_LEN as u64);
        return Err(ErrorKind::HeaderNameLength { found, limit }.at(position));
    }
    let value_len = match *value {
        Value::Bool(_) => 0,
        Value::Int8(_) => 1,
        Value::Int16(_) => 2,
        Value::Int32(_) => 4,
        Value::Int64(_) | Value::Timestamp(_) => 8,
        Value::Bytes(value) => 2 + value.len(),
        Value::String(value) => 2 + value.len(),
        Value::Uuid(_) => 16,
    };
    if value_len > 2 + MAX_VALUE_LEN {
        let (found, limit) = (value_len as u64 - 2, MAX_VALUE_LEN as u64);
        return Err(ErrorKind::HeaderValueLength { found, limit }.at(position + 1 + name.len()));
    }
    Ok(1 + name.len() + 1 + value_len)
}

/// Fill a slice, which is [`block_len`] bytes long, with headers.
#[inline]
pub(crate) fn fill(headers: &[Header<'_>], block: &mut [u8]) {
    let mut writer = Writer { rest: block };
    for (name, value) in headers {
        writer.bytes(&[name.len() as u8]);
        writer.bytes(name.as_bytes());
        writer.value(value);
    }
}

/// Fills a slice from its start.
struct Writer<'a> {
    rest: &'a mut [u8],
}

impl Writer<'_> {
    #[inline]
    fn value(&mut self, value: &Value<'_>) {
        match *value {
            Value::Bool(value) => self.bytes(&[u8::from(!value)]),
            Value::Int8(value) => self.fixed(2, value.to_be_bytes()),
            Value::Int16(value) => self.fixed(3, value.to_be_bytes()),
            Value::Int32(value) => self.fixed(4, value.to_be_bytes()),
            Value::Int64(value) => self.fixed(5, value.to_be_bytes()),
            Value::Bytes(value) => self.variable(6, value),
            Value::String(value) => self.variable(7, value.as_bytes()),
            Value::Timestamp(value) => self.fixed(8, value.to_be_bytes()),
            Value::Uuid(value) => self.fixed(9, value),
        }
    }

    #[inline]
    fn fixed<const N: usize>(&mut self, wire_type: u8, value: [u8; N]) {
        self.bytes(&[wire_type]);
        self.bytes(&value);
    }

    #[inline]
    fn variable(&mut self, wire_type: u8, value: &[u8]) {
        let [high, low] = (value.len() as u16).to_be_bytes();
        self.bytes(&[wire_type, high, low]);
        self.bytes(value);
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let (place, rest) = mem::take(&mut self.rest).split_at_mut(bytes.len());
        copy(bytes, place);
        self.rest = rest;
    }
}

/// Copy between slices of one length. Names and values have mostly 4 to 32 bytes, where two moves
/// of a fixed size that overlap take the place of a call.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    let done = match from.len() {
        4..=7 => copy_ends::<4>(from, to),
        8..=16 => copy_ends::<8>(from, to),
        17..=32 => copy_ends::<16>(from, to),
        _ => None,
    };
    if done.is_none() {
        to.copy_from_slice(from);
    }
}

#[inline]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) -> Option<()> {
    *to.first_chunk_mut::<N>()? = *from.first_chunk()?;
    *to.last_chunk_mut::<N>()? = *from.last_chunk()?;
    Some(())
}
