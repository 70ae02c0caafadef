//! Answers, made and read.

use eventstream::{Value, encode};
use load::answer::{Answer, Facts, Reader, Want};
use load::wire::{Http1, Piece};
use load::{Failure, Operation};

pub(crate) const MS: u64 = 1_000_000;

pub(crate) fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (*name, Value::String(value))).collect();
    let mut bytes = Vec::new();
    encode(&headers, payload.as_bytes(), &mut bytes).unwrap();
    bytes
}

pub(crate) fn event(name: &str, payload: &str) -> Vec<u8> {
    let json = "application/json";
    frame(&[(":event-type", name), (":content-type", json), (":message-type", "event")], payload)
}

pub(crate) fn delta(index: u32, text: &str) -> Vec<u8> {
    let delta = format!(r#"{{"contentBlockIndex":{index},"delta":{{"text":"{text}"}},"p":"ab"}}"#);
    event("contentBlockDelta", &delta)
}

pub(crate) fn stop_block(index: u32) -> Vec<u8> {
    event("contentBlockStop", &format!(r#"{{"contentBlockIndex":{index},"p":"abc"}}"#))
}

pub(crate) fn start() -> Vec<u8> {
    event("messageStart", r#"{"p":"ab","role":"assistant"}"#)
}

pub(crate) fn stop(reason: &str) -> Vec<u8> {
    event("messageStop", &format!(r#"{{"p":"ab","stopReason":"{reason}"}}"#))
}

pub(crate) fn metadata(tokens: u32) -> Vec<u8> {
    let usage = format!(r#"{{"inputTokens":3,"outputTokens":{tokens},"totalTokens":9}}"#);
    event("metadata", &format!(r#"{{"metrics":{{"latencyMs":1}},"p":"ab","usage":{usage}}}"#))
}

/// A right answer of two blocks, the second with a start of its own.
pub(crate) fn frames() -> Vec<Vec<u8>> {
    let tool =
        r#"{"contentBlockIndex":1,"p":"a","start":{"toolUse":{"name":"add","toolUseId":"t1"}}}"#;
    let input = r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"a\":1}"}},"p":"ab"}"#;
    vec![
        start(),
        delta(0, ""),
        delta(0, "Hello"),
        delta(0, " world"),
        stop_block(0),
        event("contentBlockStart", tool),
        event("contentBlockDelta", input),
        stop_block(1),
        stop("tool_use"),
        metadata(7),
    ]
}

/// An HTTP/1.1 answer with a chunk for each part.
pub(crate) fn chunked(content_type: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for part in parts {
        bytes.extend(format!("{:x}\r\n", part.len()).into_bytes());
        bytes.extend(part);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

pub(crate) fn streamed(parts: &[Vec<u8>]) -> Vec<u8> {
    chunked("application/vnd.amazon.eventstream", parts)
}

pub(crate) fn want(operation: Operation) -> Want {
    Want { operation, text: None, keep: false }
}

/// Read an answer that came in these reads, the first at 1 ms, each a millisecond after the last;
/// then the connection is closed.
pub(crate) fn read(want: &Want, reads: &[&[u8]]) -> (Facts, Result<(), Failure>) {
    let mut reader = Reader::default();
    let (facts, _, result) = read_with(want, &mut reader, reads);
    (facts, result)
}

pub(crate) fn read_with(
    want: &Want,
    reader: &mut Reader,
    reads: &[&[u8]],
) -> (Facts, load::session::Said, Result<(), Failure>) {
    let mut http = Http1::default();
    let mut answer = Answer::new(want, reader);
    let mut now = 0;
    let mut drive = || {
        for data in reads {
            now += MS;
            let mut data = *data;
            answer.touched(now);
            loop {
                match http.next(&mut data)? {
                    Piece::Head(head) => answer.head(head)?,
                    Piece::Body(bytes) => answer.body(bytes, now)?,
                    Piece::End { .. } => return answer.end(now),
                    Piece::More => break,
                }
            }
        }
        http.closed()?;
        answer.end(now)
    };
    let result = drive();
    let (facts, said) = answer.into_parts();
    (facts, said, result)
}
