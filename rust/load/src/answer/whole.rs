//! Answers that are no stream: JSON, and errors.

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess};
use serde_json::Value;

use super::converse::{Usage, json};
use super::union::{self, OneOf, Union, set};
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
    output: OneOf<Output>,
    stop_reason: Box<str>,
    usage: Usage,
}

#[derive(Default)]
struct Output {
    message: Option<Message>,
}

impl Union for Output {
    const NAME: &'static str = "output";

    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        members: &mut A,
    ) -> Result<bool, A::Error> {
        match name {
            "message" => set(&mut self.message, members),
            _ => set(&mut None::<IgnoredAny>, members),
        }
    }
}

#[derive(Deserialize)]
struct Message {
    content: Vec<Value>,
}

impl Whole {
    pub(super) fn new(head: &Head) -> Self {
        Self { body: Vec::new(), tokens: (head.input_tokens, head.output_tokens) }
    }

    pub(super) fn push(&mut self, bytes: &[u8], facts: &mut Facts) -> Result<(), Failure> {
        if self.body.len() + bytes.len() > MAX_BODY {
            facts.because(format_args!("a body of more than {MAX_BODY} bytes"));
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
            let Value::Object(body) = json(&self.body, facts)? else {
                facts.because("the body is not a JSON object");
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
        let Conversed { output: OneOf(output), stop_reason, usage } = json(&self.body, facts)?;
        facts.stop_reason = Some(stop_reason);
        facts.input_tokens = usage.input_tokens;
        facts.output_tokens = usage.output_tokens;
        let content = output.message.map(|message| message.content).unwrap_or_default();
        for (index, block) in content.iter().enumerate() {
            if let Err(why) = check_block(block) {
                facts.because(format_args!("content[{index}]: {why}"));
                return Err(Failure::Grammar);
            }
        }
        if let Some(expected) = &want.text {
            let text: String =
                content.iter().filter_map(|block| block.get("text")?.as_str()).collect();
            if text != **expected {
                facts.because(format_args!("{text:?} is not the expected text"));
                return Err(Failure::Mismatch);
            }
        }
        if want.keep {
            said.whole(content);
        }
        Ok(())
    }
}

/// Check the unions of a content block.
fn check_block(block: &Value) -> Result<(), String> {
    union::check("ContentBlock", block)?;
    block.get("reasoningContent").map_or(Ok(()), |held| union::check("reasoningContent", held))
}

/// What an error says, in the service's form or in any other.
pub(super) fn message_of(body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let said = parsed.as_ref().and_then(|body| {
        let own = ["message", "Message"].iter().find_map(|name| body.get(name)?.as_str());
        own.or_else(|| body.get("error")?.get("message")?.as_str())
    });
    match said {
        Some(said) => said.to_owned(),
        None if body.is_empty() => "without a body".to_owned(),
        None => String::from_utf8_lossy(&body[..body.len().min(1024)]).into_owned(),
    }
}

/// The failure of an answer with another status.
pub(super) fn error(head: &Head, body: &[u8], facts: &mut Facts) -> Failure {
    facts.because(format_args!("{}: {}", head.status, message_of(body)));
    if let Some(code) = &head.error_type {
        return Failure::http(code);
    }
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let code = body.as_ref().and_then(|body| {
        ["code", "Code", "__type"].iter().find_map(|name| body.get(name)?.as_str())
    });
    code.map_or_else(|| Failure::http(&head.status.to_string()), Failure::http)
}
