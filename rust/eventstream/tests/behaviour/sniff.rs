//! Bodies of another kind are recognised, and damaged frames are not taken for them.

use eventstream::{ErrorKind, Limits, LooksLike};

use crate::message::{event, read};

const BODIES: [(&[u8], LooksLike, &str); 8] = [
    (br#"{"message":"Too many requests"}"#, LooksLike::Json, "JSON"),
    (b"  \r\n[1, 2]  and more", LooksLike::Json, "JSON"),
    (b"<!DOCTYPE html><html></html>", LooksLike::Html, "HTML"),
    (b"data: {\"id\": 1}\n\n", LooksLike::Sse, "SSE"),
    (b": keep-alive comment\n\n", LooksLike::Sse, "SSE"),
    (b"HTTP/1.1 200 OK\r\n\r\n", LooksLike::Http, "HTTP"),
    (b"\x1F\x8B\x08\0\0\0\0\0\0\x03\xAB\x56", LooksLike::Gzip, "gzip"),
    (b"upstream connect error", LooksLike::Text, "text"),
];

#[test]
fn another_body_is_named_and_its_beginning_shown() {
    for (body, expected, word) in BODIES {
        let error = read([body], Limits::CLIENT).error.expect("it is no event stream");
        let head = body[..12].to_vec();
        assert_eq!(error.kind, ErrorKind::NotEventStream { looks_like: expected, head });
        assert!(error.to_string().contains(&format!("it looks like {word} and begins with")));
        assert_eq!((error.offset, error.frame_index, error.position), (0, 0, 0));
    }
}

#[test]
fn another_body_is_named_though_it_is_shorter_than_a_prelude() {
    for (body, looks_like, _) in BODIES {
        let error = read([&body[..11]], Limits::CLIENT).error.expect("it is no event stream");
        let head = body[..11].to_vec();
        assert_eq!(error.kind, ErrorKind::NotEventStream { looks_like, head });
    }
}

#[test]
fn text_after_a_good_frame_is_damage() {
    for (body, ..) in BODIES {
        let bytes = [&event("a", b"")[..], body].concat();
        let error = read([&bytes[..]], Limits::CLIENT).error.expect("it is damaged");
        assert_eq!(error.kind.name(), "prelude_checksum");
    }
}

#[test]
fn a_damaged_frame_is_not_taken_for_another_body() {
    let frame = event("chunk", &[0; 100]);
    for bit in 0..96 {
        let mut damaged = frame.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = read([&damaged[..]], Limits::CLIENT).error.expect("it is damaged");
        assert_eq!(error.kind.name(), "prelude_checksum", "bit {bit}");
    }
}

#[test]
fn an_empty_body_looks_like_nothing() {
    assert_eq!(LooksLike::guess(b""), None);
    assert_eq!(LooksLike::guess(b"\0\0\0\x10\0\0\0\0"), None);
    assert_eq!(LooksLike::guess(b" \n"), None);
}
