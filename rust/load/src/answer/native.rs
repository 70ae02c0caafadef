//! The events of `InvokeModelWithResponseStream`: a model family's own JSON inside of `chunk`.
//!
//! Families differ; what they share is that the last chunk says why the model stopped, and carries
//! Bedrock's invocation metrics. Of the families whose events have an order, the order is checked.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::converse::{Usage, json};
use super::filled::Filled;
use super::{Facts, Grammar};
use crate::failure::Failure;

#[derive(Debug, Default)]
pub(super) struct Native {
    grammar: Grammar,
    ordered: bool,
    /// It has said why it stopped; only what it cost may follow.
    ended: bool,
    /// Bedrock's metrics have come; nothing may follow.
    closed: bool,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    bytes: std::borrow::Cow<'a, str>,
}

/// Every family's chunk; a chunk of one has none of the others' members.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk {
    // Anthropic Messages
    r#type: Option<String>,
    index: Option<serde_json::Value>,
    delta: Option<Delta>,
    error: Option<Kinded>,
    // Nova
    #[serde(rename = "messageStart")]
    message_start: Option<IgnoredAny>,
    #[serde(rename = "contentBlockStart")]
    block_start: Option<NovaBlock>,
    #[serde(rename = "contentBlockDelta")]
    block_delta: Option<NovaBlock>,
    #[serde(rename = "contentBlockStop")]
    block_stop: Option<NovaBlock>,
    #[serde(rename = "messageStop")]
    message_stop: Option<IgnoredAny>,
    metadata: Option<NovaMetadata>,
    // Titan, Llama, Claude 2, Cohere, Mistral, OpenAI
    #[serde(rename = "outputText")]
    output_text: Option<String>,
    #[serde(rename = "completionReason")]
    completion_reason: Option<String>,
    generation: Option<String>,
    completion: Option<String>,
    text: Option<String>,
    generations: Filled,
    tool_calls: Filled,
    tool_call_delta: Filled,
    stop_reason: Option<String>,
    is_finished: bool,
    outputs: Vec<Choice>,
    choices: Vec<Choice>,
    #[serde(rename = "amazon-bedrock-invocationMetrics")]
    metrics: Option<Metrics>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    // Anthropic Messages
    text: Filled,
    partial_json: Filled,
    thinking: Filled,
    // OpenAI's form; a model that thinks, refuses or calls a tool says nothing else
    content: Filled,
    reasoning_content: Filled,
    reasoning: Filled,
    refusal: Filled,
    tool_calls: Filled,
}

#[derive(Deserialize)]
struct Kinded {
    r#type: String,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NovaBlock {
    content_block_index: u32,
    #[serde(default)]
    delta: Filled,
}

#[derive(Deserialize)]
struct NovaMetadata {
    usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    text: Option<String>,
    delta: Option<Delta>,
    /// Mistral's, in place of a delta.
    message: Option<Delta>,
    stop_reason: Option<String>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    input_token_count: Option<u64>,
    output_token_count: Option<u64>,
}

impl Native {
    pub(super) fn take(
        &mut self,
        payload: &[u8],
        now: u64,
        facts: &mut Facts,
    ) -> Result<(), Failure> {
        let part: Part<'_> = json(payload, facts)?;
        let decoded = base64_simd::STANDARD.decode_to_vec(part.bytes.as_bytes());
        let decoded = decoded.map_err(|_| {
            facts.because("bytes is not base64");
            Failure::Grammar
        })?;
        // Writer's models end with the string "[DONE]" instead of an object.
        if decoded.first() == Some(&b'"') {
            return if self.ended { Ok(()) } else { Err(Failure::Grammar) };
        }
        if self.closed {
            return Err(Failure::Grammar);
        }
        let chunk: Chunk = json(&decoded, facts)?;
        if let Some(error) = &chunk.error {
            facts.because(error.message.as_deref().unwrap_or("without a message"));
        }
        self.follow(&chunk)?;
        if chunk.has_content() {
            facts.content(now);
        }
        if let Some(usage) = chunk.metadata.as_ref().and_then(|metadata| metadata.usage.as_ref()) {
            facts.output_tokens = usage.output_tokens;
            facts.input_tokens = usage.input_tokens;
        }
        if let Some(metrics) = &chunk.metrics {
            facts.output_tokens = metrics.output_token_count;
            facts.input_tokens = metrics.input_token_count;
            self.closed = true;
        }
        self.ended |= chunk.ends();
        Ok(())
    }

    /// Check the order, where the family has one.
    fn follow(&mut self, chunk: &Chunk) -> Result<(), Failure> {
        let index = || chunk.index.as_ref().and_then(serde_json::Value::as_u64).unwrap_or(0) as u32;
        self.ordered |= chunk.message_start.is_some()
            || chunk.r#type.as_deref().is_some_and(|name| name == "message_start");
        match chunk.r#type.as_deref() {
            Some("error") => {
                let name = chunk.error.as_ref().map_or("error", |error| error.r#type.as_str());
                return Err(Failure::exception(name));
            }
            Some("message_start") => return self.grammar.start(),
            Some("content_block_start") => return self.grammar.open(index()),
            Some("content_block_delta") => {
                // A block of this family always has a start.
                let inside = self.grammar == Grammar::Inside(index());
                return if inside { Ok(()) } else { Err(Failure::Grammar) };
            }
            Some("content_block_stop") => return self.grammar.close(index()),
            Some("message_delta") => return self.grammar.stop(),
            Some("message_stop") => return self.grammar.finish(),
            Some("ping") => return Ok(()),
            _ => {}
        }
        if !self.ordered {
            return Ok(());
        }
        if chunk.is_metrics_alone() {
            Ok(())
        } else if chunk.message_start.is_some() {
            self.grammar.start()
        } else if let Some(block) = &chunk.block_start {
            self.grammar.open(block.content_block_index)
        } else if let Some(block) = &chunk.block_delta {
            self.grammar.content(block.content_block_index)
        } else if let Some(block) = &chunk.block_stop {
            self.grammar.close(block.content_block_index)
        } else if chunk.message_stop.is_some() {
            self.grammar.stop()
        } else if chunk.metadata.is_some() {
            self.grammar.finish()
        } else {
            Err(Failure::Grammar)
        }
    }

    pub(super) fn finish(&self, facts: &Facts) -> Result<(), Failure> {
        let whole = if self.ordered { self.grammar == Grammar::Done } else { self.ended };
        if whole && facts.frames > 0 { Ok(()) } else { Err(Failure::Truncated) }
    }
}

impl Chunk {
    fn has_content(&self) -> bool {
        let some = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let said = |delta: &Delta| {
            let Delta {
                text,
                partial_json,
                thinking,
                content,
                reasoning_content,
                reasoning,
                refusal,
                tool_calls,
            } = delta;
            [text, partial_json, thinking, content, reasoning_content, reasoning, refusal]
                .iter()
                .chain(&[tool_calls])
                .any(|filled| filled.0)
        };
        let chosen = |choice: &Choice| {
            some(&choice.text) || choice.delta.iter().chain(&choice.message).any(said)
        };
        self.delta.as_ref().is_some_and(said)
            || self.block_delta.as_ref().is_some_and(|block| block.delta.0)
            || some(&self.output_text)
            || some(&self.generation)
            || some(&self.completion)
            || some(&self.text)
            || self.generations.0
            || self.tool_calls.0
            || self.tool_call_delta.0
            || self.outputs.iter().chain(&self.choices).any(chosen)
    }

    /// Whether it has Bedrock's metrics and nothing of the model's.
    fn is_metrics_alone(&self) -> bool {
        self.metrics.is_some()
            && self.message_start.is_none()
            && self.block_start.is_none()
            && self.block_delta.is_none()
            && self.block_stop.is_none()
            && self.message_stop.is_none()
            && self.metadata.is_none()
    }

    /// Whether it says why the model stopped.
    fn ends(&self) -> bool {
        self.metrics.is_some()
            || self.completion_reason.is_some()
            || self.stop_reason.is_some()
            || self.is_finished
            || self
                .outputs
                .iter()
                .chain(&self.choices)
                .any(|choice| choice.stop_reason.is_some() || choice.finish_reason.is_some())
    }
}
