//! What holds of any bytes.

use eventstream::{Limits, LooksLike, scan};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::message::read;
use crate::strategies::{chunks, cuts, hostile, message};

proptest! {
    #[test]
    fn messages_come_back_as_they_were_written(messages in vec(message(), 0..6), cuts in cuts()) {
        let mut bytes = Vec::new();
        for message in &messages {
            bytes.extend(message.encode()?);
        }
        let outcome = read(chunks(&bytes, &cuts), Limits::CLIENT);
        prop_assert_eq!(outcome.messages(), messages);
        prop_assert_eq!(outcome.error, None);
    }

    #[test]
    fn any_bytes_end_in_frames_or_an_error(bytes in vec(any::<u8>(), 0..300), cuts in cuts()) {
        let outcome = read([&bytes[..]], Limits::NONE);
        prop_assert_eq!(outcome.error.is_none(), bytes.is_empty());
        prop_assert_eq!(read(chunks(&bytes, &cuts), Limits::NONE), outcome);
        let _ = LooksLike::guess(&bytes);
    }

    #[test]
    fn hostile_frames_give_the_same_outcome_however_they_come(
        frames in vec(hostile(), 1..4),
        cuts in cuts(),
    ) {
        let bytes = frames.concat();
        let outcome = read([&bytes[..]], Limits::SERVICE);
        prop_assert_eq!(&read(chunks(&bytes, &cuts), Limits::SERVICE), &outcome);
        prop_assert_eq!(&read(bytes.chunks(1), Limits::SERVICE), &outcome);

        let scanned: Vec<_> = scan(&bytes, Limits::SERVICE).collect();
        let good = scanned.iter().flatten().map(|scanned| scanned.frame.as_bytes());
        prop_assert!(good.eq(outcome.frames.iter().map(|frame| &frame.bytes[..])));
        prop_assert_eq!(scanned.into_iter().find_map(Result::err), outcome.error);
    }

    #[test]
    fn what_is_read_can_be_written_and_gives_the_same_bytes(frame in hostile()) {
        for frame in read([&frame[..]], Limits::NONE).frames {
            prop_assert_eq!(frame.message.encode()?, frame.bytes);
        }
    }
}
