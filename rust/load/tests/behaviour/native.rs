//! `InvokeModelWithResponseStream` and `InvokeModel`.

use load::Failure;
use load::Operation::{Invoke, InvokeStream};

use crate::support::*;

fn chunk(json: &str) -> Vec<u8> {
    let bytes = base64_simd::STANDARD.encode_to_string(json);
    event("chunk", &format!(r#"{{"bytes":"{bytes}","p":"abc"}}"#))
}

fn outcome(chunks: &[&str]) -> (load::answer::Facts, Result<(), Failure>) {
    let parts: Vec<_> = chunks.iter().map(|json| chunk(json)).collect();
    read(&want(InvokeStream), &[&streamed(&parts)])
}

const METRICS: &str =
    r#""amazon-bedrock-invocationMetrics":{"inputTokenCount":4,"outputTokenCount":6}"#;

fn anthropic() -> Vec<String> {
    vec![
        r#"{"type":"message_start","message":{"content":[],"stop_reason":null}}"#.to_owned(),
        r#"{"type":"ping"}"#.to_owned(),
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.to_owned(),
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#.to_owned(),
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#.to_owned(),
        r#"{"type":"content_block_stop","index":0}"#.to_owned(),
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#.to_owned(),
        format!(r#"{{"type":"message_stop",{METRICS}}}"#),
    ]
}

#[test]
fn an_anthropic_stream_is_held_against_its_grammar() {
    let chunks = anthropic();
    let all: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let (facts, result) = outcome(&all);
    assert_eq!(result, Ok(()));
    assert_eq!((facts.contents, facts.output_tokens, facts.input_tokens), (1, Some(6), Some(4)));

    for index in [0, 2, 5, 6] {
        let mut less = all.clone();
        less.remove(index);
        assert_eq!(outcome(&less).1, Err(Failure::Grammar), "without {index}");
    }
    assert_eq!(outcome(&all[..7]).1, Err(Failure::Truncated));
    assert_eq!(outcome(&[&all[..], &all[..1]].concat()).1, Err(Failure::Grammar));
}

#[test]
fn an_anthropic_error_is_an_exception() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#;
    let kind = outcome(&[&anthropic()[0], error]).1.unwrap_err();
    assert_eq!(kind.kind(), "exception:overloaded_error");
}

#[test]
fn families_end_with_a_reason_or_the_metrics() {
    let metrics = format!("{{{METRICS}}}");
    let llama = format!(r#"{{"generation":"","stop_reason":"stop",{METRICS}}}"#);
    let streams: &[&[&str]] = &[
        &[r#"{"generation":"a","stop_reason":null}"#, &llama],
        &[r#"{"outputText":"a","completionReason":"FINISH"}"#],
        &[
            r#"{"outputs":[{"text":"a","stop_reason":null}]}"#,
            r#"{"outputs":[{"text":"","stop_reason":"stop"}]}"#,
        ],
        &[
            r#"{"choices":[{"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            &metrics,
        ],
        &[
            r#"{"choices":[{"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#""[DONE]""#,
        ],
        &[
            r#"{"text":"a","is_finished":false}"#,
            r#"{"is_finished":true,"finish_reason":"COMPLETE"}"#,
        ],
        &[
            r#"{"messageStart":{"role":"assistant"}}"#,
            r#"{"contentBlockDelta":{"delta":{"text":"a"},"contentBlockIndex":0}}"#,
            r#"{"contentBlockStop":{"contentBlockIndex":0}}"#,
            r#"{"messageStop":{"stopReason":"end_turn"}}"#,
            r#"{"metadata":{"usage":{"inputTokens":1,"outputTokens":1}}}"#,
        ],
    ];
    for stream in streams {
        let (facts, result) = outcome(stream);
        assert_eq!((facts.contents, result), (1, Ok(())), "{stream:?}");
        if stream.len() > 1 {
            assert_eq!(outcome(&stream[..1]).1, Err(Failure::Truncated), "{stream:?}");
        }
    }
}

#[test]
fn a_chunk_that_is_no_json_in_base64_is_wrong() {
    let parts =
        |payload: &str| read(&want(InvokeStream), &[&streamed(&[event("chunk", payload)])]).1;

    assert_eq!(parts(r#"{"bytes":"!!"}"#), Err(Failure::Grammar));
    assert_eq!(parts(r#"{"bytes":"e30"}"#), Err(Failure::Grammar));
    assert_eq!(parts(r#"{"other":1}"#), Err(Failure::Grammar));
    assert_eq!(read(&want(InvokeStream), &[&streamed(&[start()])]).1, Err(Failure::Grammar));
}

#[test]
fn the_tokens_of_a_whole_answer_come_from_headers_or_usage() {
    let body = r#"{"usage":{"input_tokens":3,"output_tokens":8}}"#;
    let of = |head: &str| {
        let bytes =
            format!("HTTP/1.1 200 OK\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
        read(&want(Invoke), &[bytes.as_bytes()]).0.output_tokens
    };

    assert_eq!(of(""), Some(8));
    assert_eq!(of("X-Amzn-Bedrock-Output-Token-Count: 9\r\n"), Some(9));
}
