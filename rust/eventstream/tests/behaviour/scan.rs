//! A scan sees what a decoder sees.

use eventstream::{Limits, scan};

use crate::message::{event, read};
use crate::vectors;

fn assert_scan_agrees(name: &str, bytes: &[u8], limits: Limits) {
    let outcome = read([bytes], limits);
    let mut offset = 0;
    let mut frames = outcome.frames.iter();
    let mut error = None;
    for scanned in scan(bytes, limits) {
        assert_eq!(error, None, "{name}: nothing follows an error");
        match scanned {
            Ok(scanned) => {
                let frame = frames.next().expect("the decoder saw this frame too");
                assert_eq!(scanned.frame.as_bytes(), frame.bytes, "{name}");
                assert_eq!(scanned.offset, offset, "{name}");
                let event_type = scanned.frame.headers().get_str(":event-type");
                assert_eq!(scanned.event_type, event_type, "{name}");
                offset += frame.bytes.len() as u64;
            }
            Err(found) => error = Some(found),
        }
    }
    assert_eq!(frames.next(), None, "{name}");
    assert_eq!(error, outcome.error, "{name}");
}

#[test]
fn a_scan_finds_the_frames_and_the_error_of_every_vector() {
    for vector in vectors::own() {
        assert_scan_agrees(&vector.name, &vector.bytes, vector.limits);
    }
    for vector in vectors::corpus() {
        assert_scan_agrees(&vector.name, &vector.bytes, Limits::SERVICE);
    }
}

#[test]
fn a_scan_finds_the_frames_of_every_recording() {
    for (name, _, bytes) in vectors::recordings() {
        assert_scan_agrees(&name, &bytes, Limits::CLIENT);
    }
}

#[test]
fn an_event_type_is_right_though_headers_blocks_push_each_other_out_of_the_cache() {
    let types: Vec<String> = (0..40).map(|number| format!("type-{}", number % 20)).collect();
    let bytes: Vec<u8> = types.iter().flat_map(|name| event(name, b"")).collect();
    let found: Vec<&str> = scan(&bytes, Limits::CLIENT)
        .map(|scanned| scanned.expect("it is valid").event_type.expect("each has one"))
        .collect();
    assert_eq!(found, types);
}

#[test]
fn a_frame_without_an_event_type_has_none() {
    let name = [&[1, b'a', 0][..], &[11], b":event-type", &[4, 0, 0, 0, 1]];
    for block in [&name[..0], &name[..1], &name[1..]] {
        let bytes = crate::message::sealed(&block.concat(), b"").repeat(2);
        for scanned in scan(&bytes, Limits::CLIENT) {
            assert_eq!(scanned.expect("it is valid").event_type, None);
        }
    }
}
