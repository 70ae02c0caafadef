//! Agreement with `aws-smithy-eventstream`, and where it is not wanted.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::DateTime;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message as Peer};
use bytes::Bytes;
use eventstream::Limits;
use proptest::prelude::*;

use crate::message::{Message, Outcome, Owned, read};
use crate::strategies::{hostile, message};
use crate::vectors;

/// What the peer reads and we refuse. Each breaks a MUST of the specification, whose grammar has
/// names of 1 to 255 bytes and values of up to 2^15 - 1, and where names are unique.
const WANTED: [&str; 3] = ["header_name_length", "header_value_length", "duplicate_header"];

fn to_peer(message: &Message) -> Peer {
    let header = |(name, value): &(String, Owned)| {
        let value = match value.clone() {
            Owned::Bool(value) => HeaderValue::Bool(value),
            Owned::Int8(value) => HeaderValue::Byte(value),
            Owned::Int16(value) => HeaderValue::Int16(value),
            Owned::Int32(value) => HeaderValue::Int32(value),
            Owned::Int64(value) => HeaderValue::Int64(value),
            Owned::Bytes(value) => HeaderValue::ByteArray(value.into()),
            Owned::String(value) => HeaderValue::String(value.into()),
            Owned::Timestamp(value) => HeaderValue::Timestamp(DateTime::from_millis(value)),
            Owned::Uuid(value) => HeaderValue::Uuid(u128::from_be_bytes(value)),
        };
        Header::new(name.clone(), value)
    };
    let headers = message.headers.iter().map(header).collect();
    Peer::new_from_parts(headers, message.payload.clone())
}

fn from_peer(message: &Peer) -> Message {
    let header = |header: &Header| {
        let value = match header.value() {
            HeaderValue::Bool(value) => Owned::Bool(*value),
            HeaderValue::Byte(value) => Owned::Int8(*value),
            HeaderValue::Int16(value) => Owned::Int16(*value),
            HeaderValue::Int32(value) => Owned::Int32(*value),
            HeaderValue::Int64(value) => Owned::Int64(*value),
            HeaderValue::ByteArray(value) => Owned::Bytes(value.to_vec()),
            HeaderValue::String(value) => Owned::String(value.as_str().to_owned()),
            HeaderValue::Timestamp(value) => {
                Owned::Timestamp(value.to_millis().expect("it was milliseconds"))
            }
            HeaderValue::Uuid(value) => Owned::Uuid(value.to_be_bytes()),
            other => panic!("no such header value: {other:?}"),
        };
        (header.name().as_str().to_owned(), value)
    };
    Message {
        headers: message.headers().iter().map(header).collect(),
        payload: message.payload().to_vec(),
    }
}

/// The first frame as the peer reads it; `None` where it refuses it.
fn peer_reads(bytes: &[u8]) -> Option<Message> {
    read_message_from(Bytes::copy_from_slice(bytes)).ok().as_ref().map(from_peer)
}

/// Compare the first frame, which is all that the peer is asked for; the error that only we found.
fn compare(bytes: &[u8]) -> Result<Option<&'static str>, TestCaseError> {
    let Outcome { frames, error } = read([bytes], Limits::NONE);
    match (frames.into_iter().next(), peer_reads(bytes)) {
        (Some(ours), theirs) => prop_assert_eq!(theirs, Some(ours.message)),
        (None, None) => {}
        (None, Some(_)) => {
            let error = error.expect("bytes without a frame end in an error");
            prop_assert!(WANTED.contains(&error.kind.name()), "only we found: {}", error);
            return Ok(Some(error.kind.name()));
        }
    }
    Ok(None)
}

proptest! {
    #[test]
    fn both_write_the_same_bytes_and_read_each_other(message in message()) {
        let ours = message.encode()?;
        let mut theirs = Vec::new();
        write_message_to(&to_peer(&message), &mut theirs).expect("it is valid");
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(peer_reads(&ours), Some(message));
        compare(&theirs)?;
    }

    #[test]
    fn of_hostile_frames_each_refuses_what_the_other_does_but_for_the_list(bytes in hostile()) {
        compare(&bytes)?;
    }
}

#[test]
fn of_all_vectors_each_refuses_what_the_other_does_but_for_the_list() {
    let own = vectors::own().into_iter().map(|vector| (vector.name, vector.bytes));
    let corpus = vectors::corpus().into_iter().map(|vector| (vector.name, vector.bytes));
    let mut unmet = WANTED.to_vec();
    for (name, bytes) in own.chain(corpus) {
        let found = compare(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        unmet.retain(|wanted| Some(*wanted) != found);
    }
    assert!(unmet.is_empty(), "the peer has come to refuse {unmet:?} too: shorten the list");
}

#[test]
fn recordings_read_alike() {
    for (name, _, bytes) in vectors::recordings() {
        for frame in read([&bytes[..]], Limits::CLIENT).frames {
            assert_eq!(peer_reads(&frame.bytes), Some(frame.message), "{name}");
        }
    }
}
