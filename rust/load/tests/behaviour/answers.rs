//! `ConverseStream` and `Converse`: what completes, and what each fault is called.

use load::Failure;
use load::Operation::{Converse, ConverseStream, InvokeStream};

use crate::support::*;

fn outcome(parts: &[Vec<u8>]) -> Result<(), Failure> {
    read(&want(ConverseStream), &[&streamed(parts)]).1
}

#[test]
fn a_right_answer_completes_however_it_is_cut() {
    let bytes = streamed(&frames());
    let whole = read(&want(ConverseStream), &[&bytes]);
    assert_eq!(whole.1, Ok(()));
    for at in 1..bytes.len() {
        let (facts, result) = read(&want(ConverseStream), &[&bytes[..at], &bytes[at..]]);
        assert_eq!(result, Ok(()), "cut at {at}");
        assert_eq!((facts.frames, facts.contents), (10, 3), "cut at {at}");
        assert_eq!(facts.output_tokens, Some(7));
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(&want(ConverseStream), &single).1, Ok(()));
}

#[test]
fn content_that_is_empty_is_not_the_first_token() {
    let parts = frames();
    let bytes = streamed(&parts);
    let find = |part: &[u8]| bytes.windows(part.len()).position(|window| window == part).unwrap();
    // One read for all up to the empty delta, one for the first text, one for the rest.
    let (one, two) = (find(&parts[2]), find(&parts[3]));
    let (facts, result) =
        read(&want(ConverseStream), &[&bytes[..one], &bytes[one..two], &bytes[two..]]);

    assert_eq!(result, Ok(()));
    assert_eq!(facts.first_byte, Some(MS));
    assert_eq!(facts.first_content, Some(2 * MS));
    assert_eq!((facts.last_content, facts.end), (Some(3 * MS), 3 * MS));
}

#[test]
fn a_flipped_bit_anywhere_in_a_frame_never_completes() {
    let parts = frames();
    for bit in 0..parts[2].len() * 8 {
        let mut wrong = parts.clone();
        wrong[2][bit / 8] ^= 1 << (bit % 8);
        assert_eq!(outcome(&wrong), Err(Failure::Crc), "bit {bit}");
    }
}

#[test]
fn an_answer_that_ends_early_is_truncated_wherever_it_does() {
    let parts = frames();
    let body = parts.concat();
    for length in 0..body.len() {
        let result = outcome(
            &[body[..length].to_vec()]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>(),
        );
        assert_eq!(result, Err(Failure::Truncated), "after {length} bytes");
    }
    let bytes = streamed(&parts);
    for length in 1..bytes.len() {
        let result = read(&want(ConverseStream), &[&bytes[..length]]).1;
        assert!(matches!(result, Err(Failure::Truncated | Failure::Reset)), "{length}: {result:?}");
    }
}

#[test]
fn any_event_left_out_or_repeated_or_swapped_is_noticed() {
    let parts = frames();
    let text = [2, 3];
    for index in 0..parts.len() {
        let mut less = parts.clone();
        less.remove(index);
        let mut more = parts.clone();
        more.insert(index, parts[index].clone());
        // Content may come in any number of pieces, and a block's start may be missing: text has none.
        let optional = index == 1 || text.contains(&index) || index == 5 || index == 6;
        assert_eq!(outcome(&less).is_ok(), optional, "without {index}");
        assert_eq!(outcome(&more).is_ok(), optional && index != 5, "twice {index}");
    }
    for (one, other) in [(0, 1), (3, 4), (4, 5), (7, 8), (8, 9)] {
        let mut swapped = parts.clone();
        swapped.swap(one, other);
        assert_eq!(outcome(&swapped), Err(Failure::Grammar), "{one} and {other}");
    }
}

#[test]
fn blocks_must_not_interleave_or_go_back() {
    let tail = [stop("end_turn"), metadata(2)];
    let with = |middle: &[Vec<u8>]| outcome(&[&[start()], middle, &tail].concat());

    assert_eq!(
        with(&[delta(0, "a"), delta(1, "b"), stop_block(0), stop_block(1)]),
        Err(Failure::Grammar)
    );
    assert_eq!(
        with(&[delta(1, "a"), stop_block(1), delta(0, "b"), stop_block(0)]),
        Err(Failure::Grammar)
    );
    assert_eq!(with(&[delta(0, "a"), stop_block(0), delta(12, "b"), stop_block(12)]), Ok(()));
}

#[test]
fn exceptions_have_their_names() {
    let thrown =
        |headers: &[(&str, &str)]| outcome(&[start(), frame(headers, r#"{"message":"no"}"#)]);
    let name = "throttlingException";

    assert_eq!(
        thrown(&[(":message-type", "exception"), (":exception-type", name)]).unwrap_err().kind(),
        "exception:throttlingException"
    );
    assert_eq!(
        thrown(&[(":message-type", "error"), (":error-code", "Internal")]).unwrap_err().kind(),
        "exception:Internal"
    );
    assert_eq!(thrown(&[(":message-type", "exception")]).unwrap_err().kind(), "exception:unknown");
}

#[test]
fn unknown_events_are_skipped_and_counted() {
    for unknown in [
        event("contentBlockThing", "{}"),
        event("chunk", "{}"),
        frame(&[(":message-type", "event")], "{}"),
    ] {
        for index in 0..=frames().len() {
            let mut parts = frames();
            parts.insert(index, unknown.clone());
            let (facts, result) = read(&want(ConverseStream), &[&streamed(&parts)]);
            assert_eq!((result, facts.unknown_events, facts.contents), (Ok(()), 1, 3));
        }
        assert_eq!(outcome(&[unknown]), Err(Failure::Truncated));
    }
    let (facts, _) = read(&want(ConverseStream), &[&streamed(&[event("surprise", "{}")])]);
    assert_eq!(facts.unknown_event.as_deref(), Some("surprise"));
    let (facts, result) = read(&want(InvokeStream), &[&streamed(&[start()])]);
    assert_eq!((result, facts.unknown_events), (Err(Failure::Truncated), 1));
    assert_eq!(outcome(&[start(), event("contentBlockDelta", "[]")]), Err(Failure::Grammar));
}

#[test]
fn unions_must_have_one_member_as_sdks_demand() {
    let of = |name: &str, union: &str, held: &str| {
        let payload = format!(r#"{{"contentBlockIndex":0,"{union}":{held}}}"#);
        let parts = [start(), event(name, &payload), stop_block(0), stop("x"), metadata(2)];
        read(&want(ConverseStream), &[&streamed(&parts)])
    };
    let starts = |held: &str| of("contentBlockStart", "start", held);
    let deltas = |held: &str| of("contentBlockDelta", "delta", held);

    let tool = r#"{"toolUse":{"name":"add","toolUseId":"t"}}"#;
    assert_eq!(starts(tool).1, Ok(()));
    assert_eq!(starts(r#"{"image":{"format":"png"},"toolUse":null}"#).1, Ok(()));
    assert_eq!(starts("{}").1, Err(Failure::Grammar));
    assert_eq!(starts(r#"{"type":"text","text":""}"#).1, Err(Failure::Grammar));

    for good in [
        r#"{"text":"a"}"#,
        r#"{"text":"a \"quoted\" word"}"#,
        r#"{ "text" : "a" }"#,
        r#"{"__type":"x","text":"a","citation":null}"#,
        r#"{"somethingNew":{}}"#,
        r#"{"reasoningContent":{"signature":"s"}}"#,
        r#"{"toolUse":{"input":"{"}}"#,
    ] {
        assert_eq!(deltas(good).1, Ok(()), "{good}");
    }
    for bad in [
        "{}",
        r#"{"text":null}"#,
        r#"{"type":"text_delta","text":"a"}"#,
        r#"{"text":"a","type":"text_delta"}"#,
        r#"{"text":"","toolUse":{"input":""}}"#,
        r#"{"reasoningContent":{"text":"a","signature":"s"}}"#,
        r#"{"reasoningContent":{}}"#,
    ] {
        assert_eq!(deltas(bad).1, Err(Failure::Grammar), "{bad}");
    }
    // Not only in the first delta, which alone is looked at for the first token.
    let second = [
        start(),
        delta(0, "a"),
        event(
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"text":"b","type":"text_delta"}}"#,
        ),
    ];
    let (facts, result) = read(&want(ConverseStream), &[&streamed(&second)]);
    assert_eq!(result, Err(Failure::Grammar));
    assert_eq!(
        facts.why.as_deref().map(|why| why.split(" at line").next().unwrap()),
        Some(
            "frame 2 (contentBlockDelta): the union delta must have one and only one member set, \
             and has 2"
        )
    );
}

#[test]
fn a_failure_says_what_the_endpoint_said() {
    let why = |parts: &[Vec<u8>]| {
        let (facts, result) = read(&want(ConverseStream), &[&streamed(parts)]);
        assert!(result.is_err());
        facts.why.unwrap().into_string()
    };
    let thrown = frame(
        &[(":message-type", "exception"), (":exception-type", "throttlingException")],
        r#"{"message":"Too many\n  tokens"}"#,
    );

    assert_eq!(why(&[start(), thrown]), "Too many tokens");
    assert_eq!(why(&[start(), start()]), "frame 1 (messageStart): out of order");
    assert_eq!(why(&[start()]), "the stream ended well after 1 frames, and is not whole");

    let status = |body: &str| {
        let bytes = format!("HTTP/1.1 503 X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        read(&want(ConverseStream), &[bytes.as_bytes()]).0.why.unwrap().into_string()
    };
    assert_eq!(status(r#"{"message":"no fixture matches"}"#), "503: no fixture matches");
    assert_eq!(status(r#"{"error":{"message":"busy"}}"#), "503: busy");
    assert_eq!(status("<html>\r\n\u{1b}[31mbusy</html>"), "503: <html> [31mbusy</html>");
    assert_eq!(status(""), "503: without a body");
    assert!(status(&"x".repeat(5000)).len() < 400);

    let json = chunked("application/json; x=y", &[b"{}".to_vec()]);
    let (facts, _) = read(&want(ConverseStream), &[&json]);
    assert_eq!(facts.why.as_deref(), Some("its content-type is application/json; x=y"));
}

#[test]
fn a_content_type_that_is_missing_hides_no_frames() {
    let body = frames().concat();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let (facts, result) = read(&want(ConverseStream), &[head.as_bytes(), &body]);
    assert_eq!((result, facts.contents), (Ok(()), 3));
}

#[test]
fn something_else_with_status_200_is_no_stream() {
    let of = |kind: &str, body: &[u8]| {
        read(&want(ConverseStream), &[&chunked(kind, &[body.to_vec()])]).1
    };
    let stream = "application/vnd.amazon.eventstream";

    assert_eq!(of("application/json", b"{}"), Err(Failure::NotEventStream));
    assert_eq!(of("text/event-stream", b"data: {}\n\n"), Err(Failure::NotEventStream));
    assert_eq!(of(stream, b"data: {\"a\": 1}\n\n"), Err(Failure::NotEventStream));
    assert_eq!(
        of(stream, br#"{"message":"an error with status 200"}"#),
        Err(Failure::NotEventStream)
    );
    assert_eq!(of("Application/Vnd.Amazon.EventStream; x=y", &frames().concat()), Ok(()));
}

#[test]
fn errors_are_named_by_header_then_body_then_status() {
    let of = |head: &str, body: &str| {
        let length = body.len();
        let bytes = format!("HTTP/1.1 429 X\r\n{head}content-length: {length}\r\n\r\n{body}");
        read(&want(ConverseStream), &[bytes.as_bytes()]).1.unwrap_err().kind().into_owned()
    };
    let header = "x-amzn-ErrorType: ThrottlingException:http://internal.amazon.com/coral/\r\n";

    assert_eq!(of(header, r#"{"__type":"Other"}"#), "http:ThrottlingException");
    assert_eq!(
        of("", r#"{"__type":"com.amazon#ValidationException"}"#),
        "http:ValidationException"
    );
    assert_eq!(of("", r#"{"code":"AccessDenied"}"#), "http:AccessDenied");
    assert_eq!(of("", "<html>"), "http:429");
}

#[test]
fn the_expected_text_must_be_all_of_it() {
    let with = |text: &str| {
        let want = load::answer::Want { text: Some(text.into()), ..want(ConverseStream) };
        read(&want, &[&streamed(&frames())]).1
    };

    assert_eq!(with("Hello world"), Ok(()));
    for wrong in ["Hello", "Hello world!", "Hello  world", ""] {
        assert_eq!(with(wrong), Err(Failure::Mismatch), "{wrong:?}");
    }
}

#[test]
fn a_reader_that_saw_a_broken_answer_reads_the_next_one() {
    let want = want(ConverseStream);
    let (good, mut reader) = (streamed(&frames()), load::answer::Reader::default());
    for bad in [streamed(&[vec![0; 40]]), streamed(&frames()[..3]), good[..200].to_vec()] {
        assert!(read_with(&want, &mut reader, &[&bad]).2.is_err());
        assert_eq!(read_with(&want, &mut reader, &[&good]).2, Ok(()));
    }
}

#[test]
fn a_whole_answer_is_held_against_the_same_things() {
    let right = r#"{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"text":"Hi"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":5,"totalTokens":6}}"#;
    let with = |body: &str, text: Option<&str>| {
        let want = load::answer::Want { text: text.map(Into::into), ..want(Converse) };
        read(&want, &[&chunked("application/json", &[body.as_bytes().to_vec()])])
    };

    assert_eq!(with(right, None).0.output_tokens, Some(5));
    assert_eq!(with(right, Some("Hi")).1, Ok(()));
    assert_eq!(with(right, Some("Ho")).1, Err(Failure::Mismatch));
    assert_eq!(with("{}", None).1, Err(Failure::Grammar));
    for block in ["{}", r#"{"text":"Hi","type":"text"}"#, r#"{"reasoningContent":{}}"#, "1"] {
        let (facts, result) = with(&right.replace(r#"{"text":"Hi"}"#, block), None);
        assert_eq!(result, Err(Failure::Grammar), "{block}");
        assert!(facts.why.unwrap().starts_with("content[0]: the union "), "{block}");
    }
    assert_eq!(with(&right[..40], None).1, Err(Failure::Grammar));
}

#[test]
fn content_that_comes_at_once_is_a_burst() {
    let mut parts = vec![start()];
    parts.extend((0..9).map(|_| delta(0, "x")));
    parts.extend([stop_block(0), stop("end_turn"), metadata(9)]);
    let bytes = streamed(&parts);
    let spread: Vec<&[u8]> = bytes.chunks(100).collect();

    assert!(read(&want(ConverseStream), &[&bytes]).0.is_burst());
    assert!(!read(&want(ConverseStream), &spread).0.is_burst());
    assert!(!read(&want(ConverseStream), &[&streamed(&frames())]).0.is_burst());
}
