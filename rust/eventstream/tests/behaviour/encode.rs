//! Messages encode to the bytes they were decoded from, and what the wire cannot say is refused.

use eventstream::{
    ErrorKind, Headers, Limits, MAX_NAME_LEN, MAX_VALUE_LEN, Template, Value, encode, frame,
};

use crate::message::read;
use crate::vectors;

#[test]
fn own_vectors_encode_to_their_bytes() {
    for vector in vectors::own() {
        let mut bytes = Vec::new();
        for message in &vector.messages {
            encode(&message.headers(), &message.payload, &mut bytes).expect("it is valid");
        }
        assert!(vector.bytes.starts_with(&bytes), "{}", vector.name);
        assert!(vector.fault.is_some() || vector.bytes == bytes, "{}", vector.name);
    }
}

#[test]
fn corpus_vectors_encode_to_their_bytes() {
    for vector in vectors::corpus() {
        if let Some(message) = vector.message {
            assert_eq!(message.encode().expect("it is valid"), vector.bytes, "{}", vector.name);
        }
    }
}

#[test]
fn a_template_writes_what_the_encoder_writes() {
    for vector in vectors::own() {
        for message in &vector.messages {
            let template = Template::new(&message.headers()).expect("they are valid");
            let mut bytes = b"before".to_vec();
            template.encode(&message.payload, &mut bytes).expect("it is valid");
            template.encode(b"", &mut bytes).expect("it is valid");

            let mut expected = b"before".to_vec();
            encode(&message.headers(), &message.payload, &mut expected).expect("it is valid");
            encode(&message.headers(), b"", &mut expected).expect("it is valid");
            assert_eq!(bytes, expected, "{}", vector.name);
        }
    }
}

#[test]
fn a_template_writes_what_the_encoder_writes_on_either_side_of_each_byte_of_the_length() {
    let headers = [(":event-type", Value::String("chunk"))];
    let template = Template::new(&headers).expect("it is valid");
    let empty = template.frame_len(b"");
    for frame_len in [empty, 0xFF, 0x100, 0x101, 0xFFFF, 0x1_0000, 0x1_0001, 0x100_0000] {
        let payload = vec![0xA5; frame_len - empty];
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        template.encode(&payload, &mut bytes).expect("it is short enough");
        encode(&headers, &payload, &mut expected).expect("it is short enough");
        assert!(bytes == expected, "appended, {frame_len} bytes");
        bytes.fill(0);
        template.write(&payload, &mut bytes).expect("it is short enough");
        assert!(bytes == expected, "in place, {frame_len} bytes");

        // What repeats may be read another way than what is new.
        let outcome = read([&expected.repeat(3)[..]], Limits::CLIENT);
        assert_eq!((outcome.frames.len(), outcome.error), (3, None), "{frame_len} bytes");
    }
}

#[test]
fn a_frame_is_written_around_a_block_in_place() {
    let message = &vectors::corpus().into_iter().find_map(|vector| vector.message);
    let Some(message) = message else { return };
    let expected = message.encode().expect("it is valid");
    let block_end = expected.len() - message.payload.len() - 4;
    let headers = Headers::validate(&expected[12..block_end]).expect("it is valid");

    let mut bytes = vec![0xAA; frame::frame_len(headers, &message.payload)];
    frame::write(headers, &message.payload, &mut bytes).expect("it is short");
    assert_eq!(bytes, expected);
}

#[test]
fn an_empty_message_has_sixteen_bytes() {
    let mut bytes = Vec::new();
    encode(&[], b"", &mut bytes).expect("nothing is too long in it");
    assert_eq!(bytes, [0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xC2, 0x48, 0xEB, 0x7D, 0x98, 0xC8, 0xFF]);
}

/// Encode after `out` has something in it; the error, and that `out` is as it was.
fn refused(headers: &[(&str, Value<'_>)]) -> ErrorKind {
    let mut out = b"kept".to_vec();
    let error = encode(headers, b"payload", &mut out).expect_err("it cannot be written");
    assert_eq!(out, b"kept");
    let alone = encode(headers, b"payload", &mut Vec::new()).expect_err("it cannot be written");
    assert_eq!(error, alone, "the place does not depend on what was there before");
    assert_eq!(Template::new(headers).expect_err("nor here").kind, error.kind);
    error.kind
}

#[test]
fn a_refused_message_leaves_the_buffer_as_it_was() {
    let long_name = "n".repeat(MAX_NAME_LEN + 1);
    let long_text = "v".repeat(MAX_VALUE_LEN + 1);
    let longer_text = "v".repeat(usize::from(u16::MAX) + 1);
    let yes = Value::Bool(true);

    let name = |found| ErrorKind::HeaderNameLength { found, limit: MAX_NAME_LEN as u64 };
    assert_eq!(refused(&[("fine", yes), ("", yes)]), name(0));
    assert_eq!(refused(&[("fine", yes), (&long_name, yes)]), name(256));

    let value = |found| ErrorKind::HeaderValueLength { found, limit: MAX_VALUE_LEN as u64 };
    assert_eq!(refused(&[("a", Value::String(&long_text))]), value(32_768));
    assert_eq!(refused(&[("a", Value::Bytes(long_text.as_bytes()))]), value(32_768));
    assert_eq!(refused(&[("a", Value::String(&longer_text))]), value(65_536));

    let twice = ErrorKind::DuplicateHeader { name: "a".to_owned() };
    assert_eq!(refused(&[("a", yes), ("b", yes), ("a", Value::Int8(1))]), twice);
}

#[test]
fn the_longest_name_and_the_longest_value_are_written() {
    let name = "n".repeat(MAX_NAME_LEN);
    let text = "v".repeat(MAX_VALUE_LEN);
    let mut bytes = Vec::new();
    encode(&[(&name, Value::String(&text))], b"", &mut bytes).expect("both are at their limit");
    let headers = Headers::validate(&bytes[12..bytes.len() - 4]).expect("it is valid");
    assert_eq!(headers.get_str(&name), Some(&text[..]));
}
