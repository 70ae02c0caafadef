//! Streams decode to what their vectors say, and to nothing else.

use eventstream::{Headers, Limits};

use crate::message::{Message, read, sealed};
use crate::vectors::{self, Fault};

/// Damage is tried bit by bit up to this length: the cost grows with its square.
const FLIPPED_BYTES: usize = 1_024;

/// Accepted though outside the grammar, as every peer but one does: a value of no bytes.
const LENIENT: [&str; 2] = ["gen/empty_string_value", "gen/empty_bytes_value"];

#[test]
fn own_vectors_decode_to_their_messages_and_their_error() {
    for vector in vectors::own() {
        let outcome = read([&vector.bytes[..]], vector.limits);
        assert_eq!(outcome.messages(), vector.messages, "{}", vector.name);
        match (&vector.fault, outcome.error) {
            (None, None) => {}
            (Some(fault), Some(error)) => assert_fault(&vector.name, fault, &error),
            (said, found) => panic!("{}: {said:?} is said, {found:?} found", vector.name),
        }
    }
}

fn assert_fault(name: &str, fault: &Fault, error: &eventstream::Error) {
    if let Some(kind) = &fault.kind {
        assert_eq!(error.kind.name(), kind, "{name}");
    }
    let places = [
        (fault.offset, error.offset),
        (fault.frame_index, error.frame_index),
        (fault.position, error.position as u64),
    ];
    for (said, found) in places {
        assert_eq!(said.unwrap_or(found), found, "{name}: {error}");
    }
}

#[test]
fn corpus_vectors_decode_where_they_are_valid_and_fail_where_they_are_not() {
    for vector in vectors::corpus() {
        let outcome = read([&vector.bytes[..]], Limits::CLIENT);
        let error = outcome.error.as_ref().map(|error| error.kind.name());
        match vector.valid {
            Some(false) if !LENIENT.contains(&vector.name.as_str()) => {
                assert_eq!(outcome.frames, [], "{}", vector.name);
                assert_kind(&vector.name, vector.error.as_deref(), error);
            }
            Some(_) => {
                assert_eq!(error, None, "{}", vector.name);
                if let Some(message) = vector.message {
                    assert_eq!(outcome.messages(), [message], "{}", vector.name);
                }
            }
            None => assert_eq!(error, Some("truncated"), "{}", vector.name),
        }
    }
}

/// The corpus names errors in its sources' words; what is sure in them is which checksum failed.
fn assert_kind(name: &str, said: Option<&str>, found: Option<&str>) {
    let said = said.unwrap_or_default().to_lowercase().replace(' ', "");
    if said.starts_with("preludechecksum") {
        assert_eq!(found, Some("prelude_checksum"), "{name}");
    } else if said.starts_with("messagechecksum") {
        assert_eq!(found, Some("message_checksum"), "{name}");
    } else {
        assert!(found.is_some(), "{name} was accepted");
    }
}

#[test]
fn recordings_decode_to_the_last_frame_and_encode_to_the_same_bytes() {
    for (name, frames, bytes) in vectors::recordings() {
        let outcome = read([&bytes[..]], Limits::SERVICE);
        assert_eq!(outcome.error, None, "{name}");
        assert_eq!(outcome.frames.len() as u64, frames, "{name}");
        let encoded: Vec<u8> = outcome
            .messages()
            .iter()
            .flat_map(|message| message.encode().expect("what was read can be written"))
            .collect();
        assert_eq!(encoded, bytes, "{name}");
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    for vector in vectors::own() {
        let single = vector.messages.len() == 1 && vector.fault.is_none();
        if !single || vector.bytes.len() > FLIPPED_BYTES {
            continue;
        }
        let mut damaged = vector.bytes;
        for bit in 0..damaged.len() * 8 {
            damaged[bit / 8] ^= 1 << (bit % 8);
            let outcome = read([&damaged[..]], vector.limits);
            assert!(outcome.error.is_some(), "{}: bit {bit}", vector.name);
            assert_eq!(outcome.frames, [], "{}: bit {bit}", vector.name);
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_header_is_found_by_name_and_by_type() {
    let vector = vectors::own()
        .into_iter()
        .find(|vector| vector.name == "values/all_types")
        .expect("there is a vector with all types");
    let block_len = u32::from_be_bytes(vector.bytes[4..8].try_into().expect("4 bytes")) as usize;
    let headers = Headers::validate(&vector.bytes[12..12 + block_len]).expect("it is valid");
    for (name, value) in &vector.messages[0].headers {
        assert_eq!(headers.get(name), Some(value.as_value()));
        let text = match value.as_value() {
            eventstream::Value::String(text) => Some(text),
            _ => None,
        };
        assert_eq!(headers.get_str(name), text);
    }
    assert_eq!(headers.get("no such header"), None);
    assert_eq!(headers.into_iter().count(), vector.messages[0].headers.len());
}

#[test]
fn a_fault_in_the_headers_is_placed_in_the_frame_and_not_in_the_block() {
    let block = [1, b'a', 10];
    let alone = Headers::validate(&block).expect_err("there is no type 10");
    let framed = read([&sealed(&block, b"")[..]], Limits::NONE).error.expect("nor in a frame");
    assert_eq!((alone.position, framed.position), (2, 14));
    assert_eq!(alone.kind, framed.kind);
}

#[test]
fn an_error_says_what_and_where() {
    let mut bytes = Message::default().encode().expect("it is short");
    bytes.extend(sealed(&[1, b'a', 10], b""));
    let error = read([&bytes[..]], Limits::NONE).error.expect("there is no type 10");
    assert_eq!(
        error.to_string(),
        "unknown header type 10; 0 to 9 are allowed (frame 1 at byte 16, position 14)"
    );
}
