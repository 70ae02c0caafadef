//! What holds of any bytes.

use std::collections::HashMap;

use eventstream::{Decoder, Error, Frame, Header, Limits, Template, encode, frame, scan};

/// Where each frame ends, and the error that the stream ends in.
#[derive(Debug, PartialEq)]
struct Outcome {
    ends: Vec<usize>,
    error: Option<Error>,
}

/// Assert what holds of any bytes.
///
/// # Panics
///
/// It does not hold.
pub fn all(bytes: &[u8]) {
    // A limit in reach, so that both sides of it are met.
    let near = Limits { max_message: 4_096, max_headers: 512, max_payload: 1_024 };
    for limits in [Limits::NONE, near] {
        let whole = read([bytes], limits, assert_frame);
        assert_eq!(read(bytes.chunks(1), limits, |_| {}), whole, "byte by byte");
        assert_eq!(read(uneven(bytes), limits, |_| {}), whole, "in uneven chunks");
        assert_eq!(read_late(bytes, limits), whole, "one frame behind");
        assert_eq!(scanned(bytes, limits), whole, "scanned");
    }
}

/// What was read can be written, and gives the same bytes by every way.
fn assert_frame(read: &Frame<'_>) {
    let headers: Vec<Header<'_>> = read.headers().iter().collect();
    let mut encoded = Vec::new();
    encode(&headers, read.payload(), &mut encoded).expect("what was read can be written");
    assert_eq!(encoded, read.as_bytes(), "encoded");

    encoded.clear();
    let template = Template::new(&headers).expect("what was read can be written");
    template.encode(read.payload(), &mut encoded).expect("what was read can be written");
    assert_eq!(encoded, read.as_bytes(), "from a template");

    encoded.fill(0xAA);
    frame::write(read.headers(), read.payload(), &mut encoded).expect("it fits");
    assert_eq!(encoded, read.as_bytes(), "in place");

    for (name, value) in headers {
        assert_eq!(read.headers().get(name), Some(value));
    }
}

fn read<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
    limits: Limits,
    mut each: impl FnMut(&Frame<'_>),
) -> Outcome {
    let mut decoder = Decoder::new(limits);
    let mut ends = Vec::new();
    let mut end = 0;
    let mut blocks = HashMap::new();
    let mut drain = |decoder: &mut Decoder, chunk| -> Result<(), Error> {
        let mut frames = decoder.feed(chunk);
        while let Some(frame) = frames.next()? {
            each(&frame);
            if let Some(id) = frame.block_id() {
                let block = frame.headers().as_bytes();
                assert_eq!(blocks.entry(id).or_insert_with(|| block.to_vec()), block);
            }
            end += frame.as_bytes().len();
            ends.push(end);
        }
        Ok(())
    };
    let failed = chunks.into_iter().find_map(|chunk| drain(&mut decoder, chunk).err());
    outcome(decoder, ends, failed)
}

/// Read one frame a chunk, so that the decoder has to keep the others, and the rest at the end.
fn read_late(bytes: &[u8], limits: Limits) -> Outcome {
    let mut decoder = Decoder::new(limits);
    let mut ends = Vec::new();
    let (mut end, mut failed) = (0, None);
    let mut chunks = uneven(bytes);
    while failed.is_none() {
        let chunk = chunks.next();
        match decoder.feed(chunk.unwrap_or_default()).next() {
            Ok(Some(frame)) => {
                end += frame.as_bytes().len();
                ends.push(end);
            }
            Ok(None) if chunk.is_none() => break,
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
    }
    outcome(decoder, ends, failed)
}

fn outcome(mut decoder: Decoder, ends: Vec<usize>, failed: Option<Error>) -> Outcome {
    assert_eq!(decoder.frames(), ends.len() as u64);
    assert_eq!(decoder.offset(), ends.last().copied().unwrap_or(0) as u64);
    assert_eq!(decoder.error(), failed.as_ref());
    let error = decoder.finish().err();
    if failed.is_some() {
        assert_eq!(error, failed, "the first error stays");
        assert_eq!(decoder.feed(b"more").next(), Err(error.clone().expect("it failed")));
    }
    assert_eq!(decoder.finish().err(), error, "an end stays an end");
    Outcome { ends, error }
}

fn scanned(bytes: &[u8], limits: Limits) -> Outcome {
    let mut outcome = Outcome { ends: Vec::new(), error: None };
    for scanned in scan(bytes, limits) {
        assert_eq!(outcome.error, None, "nothing follows an error");
        match scanned {
            Ok(scanned) => {
                let headers = scanned.frame.headers();
                assert_eq!(scanned.event_type, headers.get_str(":event-type"));
                outcome.ends.push(scanned.offset as usize + scanned.frame.as_bytes().len());
            }
            Err(error) => outcome.error = Some(error),
        }
    }
    outcome
}

/// Chunks of 1 to 61 bytes, as the bytes decide.
fn uneven(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut length = 5_usize;
    std::iter::from_fn(move || {
        let first = bytes.first()?;
        length = 1 + (length * 7 + usize::from(*first)) % 61;
        let (chunk, rest) = bytes.split_at(length.min(bytes.len()));
        bytes = rest;
        Some(chunk)
    })
}
