//! A message and the outcome of a stream as values that own their bytes.

use eventstream::{Decoder, Error, Frame, Header, Limits, MIN_FRAME_LEN, Value, encode};

/// [`Value`], owned.
#[derive(Debug, Clone, PartialEq)]
pub enum Owned {
    Bool(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Bytes(Vec<u8>),
    String(String),
    Timestamp(i64),
    Uuid([u8; 16]),
}

impl Owned {
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int8(value) => Value::Int8(*value),
            Self::Int16(value) => Value::Int16(*value),
            Self::Int32(value) => Value::Int32(*value),
            Self::Int64(value) => Value::Int64(*value),
            Self::Bytes(value) => Value::Bytes(value),
            Self::String(value) => Value::String(value),
            Self::Timestamp(value) => Value::Timestamp(*value),
            Self::Uuid(value) => Value::Uuid(*value),
        }
    }
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Int8(value) => Self::Int8(value),
            Value::Int16(value) => Self::Int16(value),
            Value::Int32(value) => Self::Int32(value),
            Value::Int64(value) => Self::Int64(value),
            Value::Bytes(value) => Self::Bytes(value.to_vec()),
            Value::String(value) => Self::String(value.to_owned()),
            Value::Timestamp(value) => Self::Timestamp(value),
            Value::Uuid(value) => Self::Uuid(value),
        }
    }
}

/// What one frame says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    pub headers: Vec<(String, Owned)>,
    pub payload: Vec<u8>,
}

impl Message {
    /// The headers as the encoder takes them.
    pub fn headers(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_value())).collect()
    }

    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut frame = Vec::new();
        encode(&self.headers(), &self.payload, &mut frame).map(|()| frame)
    }
}

impl From<&Frame<'_>> for Message {
    fn from(frame: &Frame<'_>) -> Self {
        let own = |(name, value): Header<'_>| (name.to_owned(), value.into());
        Self {
            headers: frame.headers().iter().map(own).collect(),
            payload: frame.payload().to_vec(),
        }
    }
}

/// A frame's bytes and what they say.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub bytes: Vec<u8>,
    pub message: Message,
}

/// The frames of a stream, and the error that it ends in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    pub frames: Vec<Read>,
    pub error: Option<Error>,
}

impl Outcome {
    pub fn messages(&self) -> Vec<Message> {
        self.frames.iter().map(|frame| frame.message.clone()).collect()
    }
}

/// Read a stream to its end.
pub fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.error = drive(chunks, limits, |frame| {
        outcome.frames.push(Read { bytes: frame.as_bytes().to_vec(), message: frame.into() });
    })
    .err();
    outcome
}

/// Feed the chunks, hand each frame to `each`, and end the stream.
pub fn drive<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
    limits: Limits,
    mut each: impl FnMut(&Frame<'_>),
) -> Result<(), Error> {
    let mut decoder = Decoder::new(limits);
    for chunk in chunks {
        let mut frames = decoder.feed(chunk);
        while let Some(frame) = frames.next()? {
            each(&frame);
        }
    }
    decoder.finish()
}

/// The frame around a headers block, valid or not: right lengths, right checksums.
pub fn sealed(block: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = (MIN_FRAME_LEN + block.len() + payload.len()) as u32;
    let mut frame = prelude(total, block.len() as u32);
    frame.extend_from_slice(block);
    frame.extend_from_slice(payload);
    let crc = crc32fast::hash(&frame);
    frame.extend_from_slice(&crc.to_be_bytes());
    frame
}

/// A prelude with the right checksum, whatever its lengths say.
pub fn prelude(total: u32, headers: u32) -> Vec<u8> {
    let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    let crc = crc32fast::hash(&prelude);
    prelude.extend_from_slice(&crc.to_be_bytes());
    prelude
}

/// A frame with one string header and a payload.
pub fn event(event_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(&[(":event-type", Value::String(event_type))], payload, &mut frame)
        .expect("it is short");
    frame
}

/// A headers block of boolean headers with these names.
pub fn block_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut block = Vec::new();
    for name in names {
        eventstream::header::write(name, &Value::Bool(true), &mut block)
            .expect("the name is short");
    }
    block
}
