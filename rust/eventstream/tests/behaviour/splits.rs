//! Where a stream is cut into chunks makes no difference: same frames, same error, same place.

use eventstream::{Limits, encode};

use crate::message::{Outcome, drive, read};
use crate::vectors::{self, Vector};

/// Each pair of cuts is tried up to this length: their number grows with its square.
const TWO_CUTS: usize = 180;

/// Each cut is tried up to this length; beyond it, those near either end and some between.
const ONE_CUT: usize = 4_096;

fn assert_same(name: &str, chunks: &[&[u8]], limits: Limits, whole: &Outcome) {
    let lengths = || chunks.iter().map(|chunk| chunk.len()).take(8).collect::<Vec<_>>();
    let mut expected = whole.frames.iter();
    let error = drive(chunks.iter().copied(), limits, |frame| {
        let bytes = expected.next().map(|frame| &frame.bytes[..]);
        assert_eq!(bytes, Some(frame.as_bytes()), "{name}, cut into {:?}", lengths());
    })
    .err();
    assert_eq!(expected.next(), None, "{name}, cut into {:?}", lengths());
    assert_eq!(error, whole.error, "{name}, cut into {:?}", lengths());
}

fn whole(vector: &Vector) -> Outcome {
    read([&vector.bytes[..]], vector.limits)
}

#[test]
fn one_cut_anywhere_changes_nothing() {
    for vector in vectors::own() {
        let (bytes, whole) = (&vector.bytes, whole(&vector));
        let end = bytes.len();
        for cut in 0..=end {
            let telling = cut < 64 || end - cut < 64 || cut % 4_093 == 0;
            if end <= ONE_CUT || telling {
                let (head, tail) = bytes.split_at(cut);
                assert_same(&vector.name, &[head, tail], vector.limits, &whole);
            }
        }
    }
}

#[test]
fn two_cuts_anywhere_change_nothing() {
    for vector in vectors::own() {
        let (bytes, whole) = (&vector.bytes, whole(&vector));
        if bytes.len() > TWO_CUTS {
            continue;
        }
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_same(&vector.name, &chunks, vector.limits, &whole);
            }
        }
    }
}

#[test]
fn chunks_of_any_one_size_change_nothing() {
    for vector in vectors::own() {
        let whole = whole(&vector);
        for size in [1, 2, 3, 7, 11, 12, 13, 16, 100, 1_024] {
            if size > 1 && size < 1_024 && vector.bytes.len() > ONE_CUT {
                continue;
            }
            let chunks: Vec<&[u8]> = vector.bytes.chunks(size).collect();
            assert_same(&vector.name, &chunks, vector.limits, &whole);
        }
    }
}

#[test]
fn corpus_vectors_and_recordings_may_come_byte_by_byte() {
    let vectors = vectors::corpus().into_iter().map(|vector| (vector.name, vector.bytes));
    let recordings = vectors::recordings().into_iter().map(|(name, _, bytes)| (name, bytes));
    for (name, bytes) in vectors.chain(recordings) {
        let whole = read([&bytes[..]], Limits::CLIENT);
        let chunks: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_same(&name, &chunks, Limits::CLIENT, &whole);
    }
}

#[test]
fn sixteen_thousand_frames_in_one_chunk_are_all_read() {
    let mut bytes = Vec::new();
    for frame in 0..16_384_u32 {
        encode(&[], &frame.to_be_bytes(), &mut bytes).expect("it is short");
    }
    let outcome = read([&bytes[..]], Limits::CLIENT);
    assert_eq!(outcome.error, None);
    let payloads = outcome.frames.iter().map(|frame| frame.message.payload.clone());
    assert!(payloads.eq((0..16_384_u32).map(|frame| frame.to_be_bytes().to_vec())));
}
