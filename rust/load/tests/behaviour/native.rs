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
fn metrics_may_come_in_a_last_chunk_of_their_own() {
    let mut chunks = anthropic();
    chunks.pop();
    chunks.push(r#"{"type":"message_stop"}"#.to_owned());
    chunks.push(format!("{{{METRICS}}}"));
    let all: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let (facts, result) = outcome(&all);
    assert_eq!((result, facts.output_tokens), (Ok(()), Some(6)));

    let early = [&all[..6], &all[8..], &all[6..8]].concat();
    assert_eq!(outcome(&early).1, Err(Failure::Grammar));
}

#[test]
fn reasoning_and_tool_calls_are_content_in_every_form() {
    let streams = [
        r#"{"choices":[{"delta":{"reasoning_content":"Well"}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":"Well"}}]}"#,
        r#"{"choices":[{"delta":{"refusal":"No"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"add"}}]}}]}"#,
        r#"{"choices":[{"message":{"role":"assistant","content":"Hi"},"stop_reason":null}]}"#,
        r#"{"choices":[{"message":{"content":"","tool_calls":[{"id":"t1"}]}}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"text","text":"Hi"}]}}]}"#,
        r#"{"event_type":"tool-calls-generation","tool_calls":[{"name":"add"}],"is_finished":false}"#,
        r#"{"event_type":"tool-calls-chunk","tool_call_delta":{"name":"add"},"is_finished":false}"#,
    ];
    let end = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"stop"}}],{METRICS}}}"#);
    for content in streams {
        let (facts, result) = outcome(&[content, &end]);
        assert_eq!((facts.contents, result), (1, Ok(())), "{content}");
    }
}

#[test]
fn what_is_empty_is_no_first_token_in_any_form() {
    let empty = [
        r#"{"choices":[{"delta":{"role":"assistant","content":"","tool_calls":[]}}]}"#,
        r#"{"choices":[{"delta":{"content":null,"reasoning_content":"","refusal":null}}]}"#,
        r#"{"choices":[{"message":{"content":""},"stop_reason":null}]}"#,
        r#"{"event_type":"stream-start","generation_id":"g","is_finished":false}"#,
    ];
    let end = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"stop"}}],{METRICS}}}"#);
    for nothing in empty {
        let (facts, result) = outcome(&[nothing, &end]);
        assert_eq!((facts.contents, result), (0, Ok(())), "{nothing}");
    }
    let nova = |delta: &str| {
        let delta = format!(r#"{{"contentBlockDelta":{{"delta":{delta},"contentBlockIndex":0}}}}"#);
        outcome(&[r#"{"messageStart":{"role":"assistant"}}"#, &delta]).0.contents
    };
    assert_eq!(nova(r#"{"text":""}"#), 0);
    assert_eq!(nova(r#"{"toolUse":{"input":"{"}}"#), 1);
    assert_eq!(nova(r#"{"reasoningContent":{"reasoningText":{"text":"Well"}}}"#), 1);
}

#[test]
fn an_anthropic_error_is_an_exception() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#;
    let (facts, result) = outcome(&[&anthropic()[0], error]);
    assert_eq!(result.unwrap_err().kind(), "exception:overloaded_error");
    assert_eq!(facts.why.as_deref(), Some("no"));
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
