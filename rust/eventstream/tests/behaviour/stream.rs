//! A decoder between chunks: what it keeps, what it counts, how it ends.

use eventstream::{Decoder, ErrorKind, Limits};

use crate::message::{event, prelude, sealed};

/// Three frames of different lengths, and where each ends.
fn three() -> (Vec<u8>, [usize; 3]) {
    let frames = [event("a", b"1"), event("b", b"22"), event("c", b"333")];
    let lengths = frames.each_ref().map(Vec::len);
    let ends = [lengths[0], lengths[0] + lengths[1], lengths.iter().sum()];
    (frames.concat(), ends)
}

/// Read at most `count` frames of what the chunk completes; their payloads.
fn take(decoder: &mut Decoder, chunk: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut frames = decoder.feed(chunk);
    let mut payloads = Vec::new();
    while payloads.len() < count
        && let Some(frame) = frames.next().expect("the stream is valid")
    {
        payloads.push(frame.payload().to_vec());
    }
    payloads
}

#[test]
fn frames_that_were_not_asked_for_are_kept_for_the_next_chunk() {
    let (bytes, _) = three();
    for cut in 0..=bytes.len() {
        let mut decoder = Decoder::new(Limits::CLIENT);
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(take(&mut decoder, head, 0), [b""; 0]);
        assert_eq!(decoder.buffered(), cut);
        let first = take(&mut decoder, tail, 1);
        let rest = take(&mut decoder, b"", usize::MAX);
        assert_eq!([first, rest].concat(), [&b"1"[..], b"22", b"333"], "cut at {cut}");
        assert_eq!(decoder.finish(), Ok(()));
    }
}

#[test]
fn a_reader_that_is_always_one_frame_behind_loses_none() {
    let (bytes, _) = three();
    let mut decoder = Decoder::new(Limits::CLIENT);
    let mut payloads = take(&mut decoder, &bytes, 1);
    for _ in 0..50 {
        payloads.extend(take(&mut decoder, &event("d", b"4444"), 1));
    }
    payloads.extend(take(&mut decoder, b"", usize::MAX));
    assert_eq!(payloads.len(), 53);
    assert_eq!(payloads[..3], [&b"1"[..], b"22", b"333"]);
    assert!(payloads[3..].iter().all(|payload| payload == b"4444"));
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn frames_and_offset_count_what_was_read_and_buffered_what_was_not() {
    let (bytes, ends) = three();
    let mut decoder = Decoder::new(Limits::SERVICE);
    assert_eq!(decoder.limits(), Limits::SERVICE);
    for (fed, byte) in bytes.iter().enumerate() {
        take(&mut decoder, &[*byte], usize::MAX);
        let read = ends.iter().filter(|end| **end <= fed + 1).count();
        let end = if read == 0 { 0 } else { ends[read - 1] };
        assert_eq!(decoder.frames(), read as u64);
        assert_eq!(decoder.offset(), end as u64);
        assert_eq!(decoder.buffered(), fed + 1 - end);
    }
}

#[test]
fn nothing_is_held_of_frames_that_came_whole() {
    let (bytes, ends) = three();
    let mut decoder = Decoder::new(Limits::CLIENT);
    take(&mut decoder, &bytes, usize::MAX);
    assert_eq!(decoder.buffered(), 0);
    take(&mut decoder, &bytes[..ends[1] + 5], usize::MAX);
    assert_eq!(decoder.buffered(), 5);
}

#[test]
fn a_failed_decoder_stays_failed_whatever_follows() {
    let bad = sealed(&[1, b'a', 10], b"");
    for good_before in [0, 1] {
        for size in [1, 5, 1_000] {
            let mut decoder = Decoder::new(Limits::CLIENT);
            assert_eq!(decoder.error(), None);
            let bytes = [event("a", b"1").repeat(good_before), bad.clone()].concat();
            let failed = bytes.chunks(size).find_map(|chunk| {
                let mut frames = decoder.feed(chunk);
                loop {
                    match frames.next() {
                        Ok(Some(_)) => {}
                        Ok(None) => return None,
                        Err(error) => return Some(error),
                    }
                }
            });
            let error = failed.expect("there is no type 10");
            assert_eq!(error.frame_index, good_before as u64);

            let good = event("b", b"2");
            let mut frames = decoder.feed(&good);
            assert_eq!(frames.next(), Err(error.clone()));
            assert_eq!(frames.next(), Err(error.clone()));
            drop(frames);
            assert_eq!(decoder.error(), Some(&error));
            assert_eq!(decoder.finish(), Err(error));
            assert_eq!(decoder.frames(), good_before as u64);
        }
    }
}

#[test]
fn a_stream_may_end_between_frames_and_nowhere_else() {
    let (bytes, ends) = three();
    for cut in 0..=bytes.len() {
        let mut decoder = Decoder::new(Limits::CLIENT);
        take(&mut decoder, &bytes[..cut], usize::MAX);
        let begin = ends.iter().rev().find(|end| **end <= cut).copied().unwrap_or(0);
        if begin == cut {
            assert_eq!(decoder.finish(), Ok(()), "cut at {cut}");
            continue;
        }
        let end = ends[decoder.frames() as usize];
        let found = (cut - begin) as u64;
        let limit = if found < 12 { 12 } else { (end - begin) as u64 };
        let error = decoder.finish().expect_err("it ends inside a frame");
        assert_eq!(error.kind, ErrorKind::Truncated { found, limit });
        assert_eq!(error.offset, begin as u64);
        assert_eq!(decoder.finish(), Err(error), "it stays so");
    }
}

#[test]
fn an_empty_chunk_is_no_end() {
    let (bytes, ends) = three();
    let mut decoder = Decoder::new(Limits::CLIENT);
    take(&mut decoder, b"", usize::MAX);
    take(&mut decoder, &bytes[..ends[0] - 1], usize::MAX);
    take(&mut decoder, b"", usize::MAX);
    assert_eq!(take(&mut decoder, &bytes[ends[0] - 1..], usize::MAX).len(), 3);
}

#[test]
fn a_bad_prelude_is_refused_before_anything_follows_it() {
    let mut damaged = prelude(1 << 20, 0);
    damaged[11] ^= 1;
    let hostile = [damaged, prelude(15, 0), prelude(16, 1), prelude(u32::MAX, 0)];
    for bytes in hostile {
        for good_before in [0, 1] {
            let mut decoder = Decoder::new(Limits::CLIENT);
            take(&mut decoder, &event("a", b"1").repeat(good_before), usize::MAX);
            let (head, last) = bytes.split_at(11);
            assert_eq!(take(&mut decoder, head, usize::MAX), [b""; 0]);
            assert!(decoder.feed(last).next().is_err(), "{bytes:02x?}");
            assert_eq!(decoder.buffered(), 0);
        }
    }
}
