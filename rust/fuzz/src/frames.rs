//! The frames of a mutated stream, and their repair.
//!
//! A mutation that leaves a checksum wrong says nothing: one bit in 2^32 gets past it. So what a
//! fuzzer changed is repaired before it is read, and what it found is about lengths and headers.

use std::ops::Range;

const LENGTHS_LEN: usize = 8;
const PRELUDE_LEN: usize = 12;
const CRC_LEN: usize = 4;

/// Where the frames lie that the lengths speak of, the last perhaps cut.
pub fn frames(stream: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let mut start = 0;
    while let Some(lengths) = stream[start..].first_chunk::<4>() {
        let length = u32::from_be_bytes(*lengths) as usize;
        let end = start.saturating_add(length).min(stream.len());
        frames.push(start..end);
        if length < PRELUDE_LEN + CRC_LEN {
            break;
        }
        start = end;
    }
    frames
}

/// Make both checksums of every frame right, whatever else is wrong with it.
pub fn repair(stream: &mut [u8]) {
    for frame in frames(stream) {
        let start = frame.start;
        if stream.len() < start + PRELUDE_LEN {
            return;
        }
        let (lengths, rest) = stream[start..].split_at_mut(LENGTHS_LEN);
        rest[..CRC_LEN].copy_from_slice(&crc32fast::hash(lengths).to_be_bytes());
        if frame.len() >= PRELUDE_LEN + CRC_LEN {
            let (checked, stored) = stream[frame].split_last_chunk_mut().expect("16 bytes");
            *stored = crc32fast::hash(checked).to_be_bytes();
        }
    }
}

/// Change the headers or the payload of one frame in place, and its lengths so that they fit.
///
/// `mutate` gets a buffer and how much of it is used, and returns how much is used then.
/// Returns the stream's new length, or `None` where there is no whole frame or no room in it.
pub fn mutate_inside(
    data: &mut [u8],
    size: usize,
    seed: u32,
    mutate: impl FnOnce(&mut [u8], usize) -> usize,
) -> Option<usize> {
    let whole: Vec<_> = frames(&data[..size])
        .into_iter()
        .filter(|frame| frame.len() >= PRELUDE_LEN + CRC_LEN)
        .collect();
    let frame = whole.get(seed as usize / 2 % whole.len().max(1))?.clone();
    let headers_len = u32::from_be_bytes(data[frame.start + 4..frame.start + 8].try_into().ok()?);
    let block = frame.start + PRELUDE_LEN;
    let payload = block + (headers_len as usize).min(frame.len() - PRELUDE_LEN - CRC_LEN);
    let in_headers = seed.is_multiple_of(2);
    let (start, end) = if in_headers { (block, payload) } else { (payload, frame.end - CRC_LEN) };

    let mut part = data[start..end].to_vec();
    let room = data.len() - size;
    part.resize(end - start + room.min(64), 0);
    if part.is_empty() {
        return None; // a mutator of nothing into nothing is an error of libFuzzer's
    }
    let length = mutate(&mut part, end - start);
    data.copy_within(end..size, start + length);
    data[start..start + length].copy_from_slice(&part[..length]);

    let grown = |old: usize| (old + length - (end - start)) as u32;
    let total = grown(frame.len());
    let headers = if in_headers { length as u32 } else { (payload - block) as u32 };
    data[frame.start..][..4].copy_from_slice(&total.to_be_bytes());
    data[frame.start + 4..][..4].copy_from_slice(&headers.to_be_bytes());
    Some(grown(size) as usize)
}
