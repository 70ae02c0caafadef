//! The headers block: its values, and reading it.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind};

mod write;

pub use write::write;
pub(crate) use write::{block_len, fill};

/// The longest header name, in bytes: its length is a `u8`.
pub const MAX_NAME_LEN: usize = 255;

/// The longest string or byte array, in bytes: the grammar says 2^15 - 1, though its length is a `u16`.
pub const MAX_VALUE_LEN: usize = 32_767;

/// A header's name and value.
pub type Header<'a> = (&'a str, Value<'a>);

/// A header value, with its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// Types 0 (true) and 1 (false).
    Bool(bool),
    /// Type 2.
    Int8(i8),
    /// Type 3.
    Int16(i16),
    /// Type 4.
    Int32(i32),
    /// Type 5.
    Int64(i64),
    /// Type 6.
    Bytes(&'a [u8]),
    /// Type 7.
    String(&'a str),
    /// Type 8: milliseconds since the Unix epoch.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

impl<'a> Value<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let position = reader.position;
        Ok(match reader.u8()? {
            0 => Self::Bool(true),
            1 => Self::Bool(false),
            2 => Self::Int8(i8::from_be_bytes(reader.array()?)),
            3 => Self::Int16(i16::from_be_bytes(reader.array()?)),
            4 => Self::Int32(i32::from_be_bytes(reader.array()?)),
            5 => Self::Int64(i64::from_be_bytes(reader.array()?)),
            6 => Self::Bytes(reader.variable()?),
            7 => {
                let bytes = reader.variable()?;
                let position = reader.position - bytes.len();
                let text = str::from_utf8(bytes);
                Self::String(text.map_err(|_| ErrorKind::HeaderValueUtf8.at(position))?)
            }
            8 => Self::Timestamp(i64::from_be_bytes(reader.array()?)),
            9 => Self::Uuid(reader.array()?),
            found => return Err(ErrorKind::HeaderType { found }.at(position)),
        })
    }
}

/// A validated headers block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Headers<'a> {
    block: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Validate a headers block.
    ///
    /// # Errors
    ///
    /// The first fault, its `position` counted from the start of the block.
    pub fn validate(block: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader { block, position: 0 };
        let mut names = Names::default();
        while let Some(position) = reader.more() {
            let (name, _) = reader.header()?;
            if !names.insert(name) {
                return Err(ErrorKind::DuplicateHeader { name: name.to_owned() }.at(position));
            }
        }
        Ok(Self { block })
    }

    /// A block that is known to be valid, because its bytes equal one that was validated.
    pub(crate) fn trusted(block: &'a [u8]) -> Self {
        Self { block }
    }

    /// The block's bytes.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.block
    }

    /// The headers in wire order.
    pub fn iter(&self) -> Iter<'a> {
        Iter { reader: Reader { block: self.block, position: 0 } }
    }

    /// The value of a header, if it is there.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.iter().find(|header| header.0 == name).map(|header| header.1)
    }

    /// The value of a header, if it is there and a string.
    pub fn get_str(&self, name: &str) -> Option<&'a str> {
        match self.get(name) {
            Some(Value::String(value)) => Some(value),
            _ => None,
        }
    }
}

impl<'a> IntoIterator for &Headers<'a> {
    type Item = Header<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The headers of a block, in wire order.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Header<'a>;

    #[inline]
    fn next(&mut self) -> Option<Header<'a>> {
        self.reader.more()?;
        // The block was validated, so an error cannot happen; ending early would be its only effect.
        self.reader.header().ok()
    }
}

/// Reads fields from a headers block and from nothing beyond it.
#[derive(Debug, Clone)]
struct Reader<'a> {
    block: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Where the next header starts, if there is one.
    #[inline]
    fn more(&self) -> Option<usize> {
        (self.position < self.block.len()).then_some(self.position)
    }

    #[inline]
    fn header(&mut self) -> Result<Header<'a>, Error> {
        let position = self.position;
        let length = usize::from(self.u8()?);
        if length == 0 {
            let limit = MAX_NAME_LEN as u64;
            return Err(ErrorKind::HeaderNameLength { found: 0, limit }.at(position));
        }
        let name = str::from_utf8(self.take(length)?)
            .map_err(|_| ErrorKind::HeaderNameUtf8.at(position + 1))?;
        Ok((name, Value::read(self)?))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let rest = &self.block[self.position..];
        if length > rest.len() {
            let (found, limit) = (length as u64, rest.len() as u64);
            return Err(ErrorKind::HeaderOverrun { found, limit }.at(self.position));
        }
        self.position += length;
        Ok(&rest[..length])
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    #[inline]
    fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    fn variable(&mut self) -> Result<&'a [u8], Error> {
        let position = self.position;
        let length = usize::from(u16::from_be_bytes(self.array()?));
        if length > MAX_VALUE_LEN {
            let (found, limit) = (length as u64, MAX_VALUE_LEN as u64);
            return Err(ErrorKind::HeaderValueLength { found, limit }.at(position));
        }
        self.take(length)
    }
}

/// Above this many names, comparing gives way to hashing.
const FEW: usize = 12;

/// The names seen so far. A real message has a few, and comparing beats hashing; a hostile one may
/// have tens of thousands, and comparing each with each would take minutes.
#[derive(Default)]
struct Names<'a> {
    few: [&'a str; FEW],
    count: usize,
    many: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    /// Whether the name is new.
    fn insert(&mut self, name: &'a str) -> bool {
        if self.count < FEW {
            if self.few[..self.count].contains(&name) {
                return false;
            }
            self.few[self.count] = name;
        } else {
            if self.count == FEW {
                self.many.extend(self.few);
            }
            if !self.many.insert(name) {
                return false;
            }
        }
        self.count += 1;
        true
    }
}
