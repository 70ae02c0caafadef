//! Limits are checked on the prelude alone, and hold by role.

use eventstream::{Decoder, Error, ErrorKind, Limits};

use crate::message::{prelude, read, sealed};

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// What a prelude alone is answered with.
fn admitted(total: u32, headers: u32, limits: Limits) -> Result<(), Error> {
    let bytes = prelude(total, headers);
    let mut decoder = Decoder::new(limits);
    let result = decoder.feed(&bytes).next().map(|frame| assert_eq!(frame, None));
    assert_eq!(decoder.buffered(), if result.is_ok() { bytes.len() } else { 0 });
    result
}

fn refused(total: u32, headers: u32, limits: Limits) -> (ErrorKind, usize) {
    let error = admitted(total, headers, limits).expect_err("it is above a limit");
    (error.kind, error.position)
}

#[test]
fn a_service_bounds_payload_and_headers_as_the_specification_says() {
    let service = Limits::SERVICE;
    assert_eq!(admitted(24 * MIB + 16, 0, service), Ok(()));
    assert_eq!(admitted(128 * KIB + 16, 128 * KIB, service), Ok(()));
    assert_eq!(admitted(24 * MIB + 128 * KIB + 16, 128 * KIB, service), Ok(()));

    let (found, limit) = (24 * 1024 * 1024 + 1, 24 * 1024 * 1024);
    let kind = ErrorKind::PayloadTooLarge { found, limit };
    assert_eq!(refused(24 * MIB + 17, 0, service), (kind, 0));
    let kind = ErrorKind::HeadersTooLarge { found: 131_073, limit: 131_072 };
    assert_eq!(refused(24 * MIB, 128 * KIB + 1, service), (kind, 4));
}

#[test]
fn a_client_bounds_the_whole_message_alone() {
    let client = Limits::CLIENT;
    assert_eq!(admitted(24 * MIB + 17, 0, client), Ok(()));
    assert_eq!(admitted(MIB, 128 * KIB + 1, client), Ok(()));
    assert_eq!(admitted(64 * MIB, 0, client), Ok(()));
    let (found, limit) = (64 * 1024 * 1024 + 1, 64 * 1024 * 1024);
    let kind = ErrorKind::MessageTooLarge { found, limit };
    assert_eq!(refused(64 * MIB + 1, 0, client), (kind.clone(), 0));
    assert_eq!(refused(64 * MIB + 1, 64 * MIB - 15, client), (kind, 0));
    assert_eq!(Decoder::default().limits(), client);
}

#[test]
fn without_limits_any_length_that_is_consistent_is_admitted() {
    assert_eq!(admitted(u32::MAX, 0, Limits::NONE), Ok(()));
    assert_eq!(admitted(u32::MAX, u32::MAX - 16, Limits::NONE), Ok(()));
    let kind = ErrorKind::HeadersLength { found: u32::MAX - 15, limit: u32::MAX - 16 };
    assert_eq!(refused(u32::MAX, u32::MAX - 15, Limits::NONE), (kind, 4));
}

#[test]
fn lengths_are_checked_before_limits() {
    let none_at_all = Limits { max_message: 0, max_headers: 0, max_payload: 0 };
    let kind = ErrorKind::MessageLength { found: 15, limit: 16 };
    assert_eq!(refused(15, u32::MAX, none_at_all), (kind, 0));
    let kind = ErrorKind::HeadersLength { found: 2, limit: 1 };
    assert_eq!(refused(17, 2, none_at_all), (kind, 4));
    let kind = ErrorKind::MessageTooLarge { found: 16, limit: 0 };
    assert_eq!(refused(16, 0, none_at_all), (kind, 0));
}

#[test]
fn a_limit_is_the_largest_length_allowed() {
    let frame = sealed(&[1, b'a', 0], b"payload");
    let exact = Limits { max_message: 26, max_headers: 3, max_payload: 7 };
    assert_eq!(frame.len(), 26);
    assert_eq!(read([&frame[..]], exact).error, None);
    for (limits, name) in [
        (Limits { max_message: 25, ..exact }, "message_too_large"),
        (Limits { max_headers: 2, ..exact }, "headers_too_large"),
        (Limits { max_payload: 6, ..exact }, "payload_too_large"),
    ] {
        let error = read([&frame[..]], limits).error.expect("it is one byte too long");
        assert_eq!(error.kind.name(), name);
    }
}
