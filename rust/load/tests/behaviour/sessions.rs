//! Conversations.

use load::Operation::ConverseStream;
use load::answer::{Reader, Want};
use load::session::{Said, follow_up};
use serde_json::{Value, json};

use crate::support::*;

fn said(parts: &[Vec<u8>]) -> Said {
    let want = Want { keep: true, ..want(ConverseStream) };
    let (_, said, result) = read_with(&want, &mut Reader::default(), &[&streamed(parts)]);
    assert_eq!(result, Ok(()));
    said
}

#[test]
fn a_tool_call_is_answered_with_its_result() {
    let body = json!({"messages": [{"role": "user", "content": [{"text": "1+1?"}]}], "system": []});
    let next = follow_up(body.to_string().as_bytes(), &said(&frames()), "42").unwrap();
    let next: Value = serde_json::from_slice(&next).unwrap();

    assert_eq!(
        next,
        json!({
            "system": [],
            "messages": [
                {"role": "user", "content": [{"text": "1+1?"}]},
                {"role": "assistant", "content": [
                    {"text": "Hello world"},
                    {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}},
                ]},
                {"role": "user", "content": [
                    {"toolResult": {"toolUseId": "t1", "content": [{"text": "42"}]}},
                ]},
            ],
        })
    );
}

#[test]
fn an_answer_without_a_tool_call_ends_it() {
    let text = [start(), delta(0, "Hi"), stop_block(0), stop("end_turn"), metadata(1)];
    assert_eq!(follow_up(br#"{"messages":[]}"#, &said(&text), "42"), None);
}
