//! The events of `ConverseStream`.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::event::Kind;
use super::{Facts, Grammar};
use crate::failure::Failure;
use crate::session::Said;

#[derive(Debug, Default)]
pub(super) struct Converse {
    grammar: Grammar,
    /// The text that must come, and how much of it has.
    expected: Option<(Arc<str>, usize)>,
    keep: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Indexed {
    content_block_index: u32,
}

#[derive(Deserialize)]
struct Started {
    start: Start,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    tool_use: Option<ToolStart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolStart {
    tool_use_id: String,
    name: String,
}

#[derive(Deserialize)]
struct Delivered {
    delta: Delta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta {
    text: Option<String>,
    tool_use: Option<ToolInput>,
    reasoning_content: Option<Reasoning>,
    citation: Option<IgnoredAny>,
    image: Option<IgnoredAny>,
    tool_result: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ToolInput {
    #[serde(default)]
    input: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning {
    text: Option<String>,
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stopped {
    stop_reason: Box<str>,
}

#[derive(Deserialize)]
struct Metadata {
    usage: Usage,
}

/// What an answer cost.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
}

impl Delta {
    fn is_empty(&self) -> bool {
        let blank = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        blank(&self.text)
            && self.tool_use.as_ref().is_none_or(|tool| tool.input.is_empty())
            && self.reasoning_content.as_ref().is_none_or(|reasoning| {
                blank(&reasoning.text) && blank(&reasoning.redacted_content)
            })
            && self.citation.is_none()
            && self.image.is_none()
            && self.tool_result.is_none()
    }
}

impl Converse {
    pub(super) fn new(expected: Option<Arc<str>>, keep: bool) -> Self {
        let expected = expected.map(|text| (text, 0));
        Self { grammar: Grammar::default(), expected, keep }
    }

    #[inline]
    pub(super) fn take(
        &mut self,
        kind: Kind,
        payload: &[u8],
        now: u64,
        facts: &mut Facts,
        said: &mut Said,
    ) -> Result<(), Failure> {
        match kind {
            Kind::BlockDelta => {
                self.grammar.content(index_of(payload)?)?;
                if facts.contents == 0 || self.keep || self.expected.is_some() {
                    let Delivered { delta } = json(payload)?;
                    if facts.contents == 0 && delta.is_empty() {
                        return Ok(());
                    }
                    self.look(&delta, said)?;
                }
                facts.content(now);
            }
            Kind::BlockStart => {
                self.grammar.open(index_of(payload)?)?;
                if self.keep {
                    let Started { start } = json(payload)?;
                    if let Some(tool) = start.tool_use {
                        said.tool(tool.tool_use_id, tool.name);
                    }
                }
            }
            Kind::BlockStop => {
                self.grammar.close(index_of(payload)?)?;
                said.end_block();
            }
            Kind::MessageStart => self.grammar.start()?,
            Kind::MessageStop => {
                self.grammar.stop()?;
                facts.stop_reason = Some(json::<Stopped>(payload)?.stop_reason);
            }
            Kind::Metadata => {
                self.grammar.finish()?;
                let Metadata { usage } = json(payload)?;
                facts.input_tokens = usage.input_tokens;
                facts.output_tokens = usage.output_tokens;
            }
            Kind::Chunk => return Err(Failure::Grammar),
        }
        Ok(())
    }

    fn look(&mut self, delta: &Delta, said: &mut Said) -> Result<(), Failure> {
        let text = delta.text.as_deref().unwrap_or_default();
        if let Some((expected, seen)) = &mut self.expected {
            let rest = &expected.as_bytes()[*seen..];
            if !rest.starts_with(text.as_bytes()) {
                return Err(Failure::Mismatch);
            }
            *seen += text.len();
        }
        if self.keep {
            said.text(text);
            said.input(delta.tool_use.as_ref().map_or("", |tool| &tool.input));
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Failure> {
        if self.grammar != Grammar::Done {
            return Err(Failure::Truncated);
        }
        match &self.expected {
            Some((text, seen)) if *seen < text.len() => Err(Failure::Mismatch),
            _ => Ok(()),
        }
    }
}

pub(super) fn json<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(payload).map_err(|_| Failure::Grammar)
}

/// The block that an event belongs to. The service sorts its keys, so it nearly always stands first.
#[inline]
fn index_of(payload: &[u8]) -> Result<u32, Failure> {
    let first = payload.strip_prefix(b"{\"contentBlockIndex\":");
    if let Some([digit @ b'0'..=b'9', b',', .., b'}']) = first {
        return Ok(u32::from(digit - b'0'));
    }
    Ok(json::<Indexed>(payload)?.content_block_index)
}
