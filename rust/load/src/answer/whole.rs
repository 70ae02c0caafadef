//! Answers that are no stream: JSON, and errors.

use serde::Deserialize;
use serde_json::Value;

use super::converse::{Usage, json};
use super::{Facts, Want};
use crate::failure::Failure;
use crate::session::Said;
use crate::wire::Head;

/// What is kept of an error's body, in bytes.
pub(super) const MAX_ERROR: usize = 64 * 1024;

/// A body above this is not held, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Whole {
    body: Vec<u8>,
    tokens: (Option<u64>, Option<u64>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conversed {
    output: Output,
    stop_reason: Box<str>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Output {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Vec<Value>,
}

impl Whole {
    pub(super) fn new(head: &Head) -> Self {
        Self { body: Vec::new(), tokens: (head.input_tokens, head.output_tokens) }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.body.len() + bytes.len() > MAX_BODY {
            return Err(Failure::Grammar);
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn finish(
        self,
        want: &Want,
        facts: &mut Facts,
        said: &mut Said,
    ) -> Result<(), Failure> {
        if !want.operation.converses() {
            let Value::Object(body) = json(&self.body)? else {
                return Err(Failure::Grammar);
            };
            // Anthropic's and OpenAI's bodies say it; for the others the headers do.
            let usage = |names: [&str; 2]| {
                let usage = body.get("usage")?;
                names.iter().find_map(|name| usage.get(name)?.as_u64())
            };
            facts.input_tokens = self.tokens.0.or_else(|| usage(["input_tokens", "inputTokens"]));
            facts.output_tokens =
                self.tokens.1.or_else(|| usage(["output_tokens", "outputTokens"]));
            return Ok(());
        }
        let Conversed { output, stop_reason, usage } = json(&self.body)?;
        facts.stop_reason = Some(stop_reason);
        facts.input_tokens = usage.input_tokens;
        facts.output_tokens = usage.output_tokens;
        let content = output.message.content;
        if let Some(expected) = &want.text {
            let text: String =
                content.iter().filter_map(|block| block.get("text")?.as_str()).collect();
            if text != **expected {
                return Err(Failure::Mismatch);
            }
        }
        if want.keep {
            said.whole(content);
        }
        Ok(())
    }
}

/// The failure of an answer with another status.
pub(super) fn error(head: &Head, body: &[u8]) -> Failure {
    if let Some(code) = &head.error_type {
        return Failure::http(code);
    }
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let code = body.as_ref().and_then(|body| {
        ["code", "Code", "__type"].iter().find_map(|name| body.get(name)?.as_str())
    });
    code.map_or_else(|| Failure::http(&head.status.to_string()), Failure::http)
}
