//! The events of `ConverseStream`.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess};

use super::event::Kind;
use super::union::{OneOf, Union, set};
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
    start: OneOf<Start>,
}

#[derive(Default)]
struct Start {
    tool_use: Option<ToolStart>,
}

impl Union for Start {
    const NAME: &'static str = "start";

    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        members: &mut A,
    ) -> Result<bool, A::Error> {
        match name {
            "toolUse" => set(&mut self.tool_use, members),
            _ => set(&mut None::<IgnoredAny>, members),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolStart {
    tool_use_id: String,
    name: String,
}

#[derive(Deserialize)]
struct Delivered {
    delta: OneOf<Delta>,
}

#[derive(Default)]
struct Delta {
    text: Option<String>,
    tool_use: Option<ToolInput>,
    reasoning_content: Option<OneOf<Reasoning>>,
    /// A citation, an image, a tool's result, or what a newer service has.
    other: Option<IgnoredAny>,
}

impl Union for Delta {
    const NAME: &'static str = "delta";

    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        members: &mut A,
    ) -> Result<bool, A::Error> {
        match name {
            "text" => set(&mut self.text, members),
            "toolUse" => set(&mut self.tool_use, members),
            "reasoningContent" => set(&mut self.reasoning_content, members),
            _ => set(&mut self.other, members),
        }
    }
}

#[derive(Deserialize)]
struct ToolInput {
    #[serde(default)]
    input: String,
}

#[derive(Default)]
struct Reasoning {
    text: Option<String>,
    redacted_content: Option<String>,
}

impl Union for Reasoning {
    const NAME: &'static str = "reasoningContent";

    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        members: &mut A,
    ) -> Result<bool, A::Error> {
        match name {
            "text" => set(&mut self.text, members),
            "redactedContent" => set(&mut self.redacted_content, members),
            _ => set(&mut None::<IgnoredAny>, members),
        }
    }
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
            && self.reasoning_content.as_ref().is_none_or(|OneOf(reasoning)| {
                blank(&reasoning.text) && blank(&reasoning.redacted_content)
            })
            && self.other.is_none()
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
                self.grammar.content(index_of(payload, facts)?)?;
                let empty = match plain_text(payload) {
                    Some(empty) if !self.keep && self.expected.is_none() => empty,
                    _ => {
                        let Delivered { delta: OneOf(delta) } = json(payload, facts)?;
                        self.look(&delta, facts, said)?;
                        delta.is_empty()
                    }
                };
                if facts.contents > 0 || !empty {
                    facts.content(now);
                }
            }
            Kind::BlockStart => {
                self.grammar.open(index_of(payload, facts)?)?;
                let Started { start: OneOf(start) } = json(payload, facts)?;
                if let Some(tool) = start.tool_use.filter(|_| self.keep) {
                    said.tool(tool.tool_use_id, tool.name);
                }
            }
            Kind::BlockStop => {
                self.grammar.close(index_of(payload, facts)?)?;
                said.end_block();
            }
            Kind::MessageStart => self.grammar.start()?,
            Kind::MessageStop => {
                self.grammar.stop()?;
                facts.stop_reason = Some(json::<Stopped>(payload, facts)?.stop_reason);
            }
            Kind::Metadata => {
                self.grammar.finish()?;
                let Metadata { usage } = json(payload, facts)?;
                facts.input_tokens = usage.input_tokens;
                facts.output_tokens = usage.output_tokens;
            }
            // The reader has skipped them.
            Kind::Chunk | Kind::Unknown => {}
        }
        Ok(())
    }

    fn look(&mut self, delta: &Delta, facts: &mut Facts, said: &mut Said) -> Result<(), Failure> {
        let text = delta.text.as_deref().unwrap_or_default();
        if let Some((expected, seen)) = &mut self.expected {
            let rest = &expected.as_bytes()[*seen..];
            if !rest.starts_with(text.as_bytes()) {
                facts.because(format_args!("{text:?} at byte {seen} of the expected text"));
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

/// Whether a delta is text alone, written as the service writes it, which nearly all are; and
/// whether that is empty. Anything else is `None`, and parsed.
#[inline]
fn plain_text(payload: &[u8]) -> Option<bool> {
    let rest = payload.strip_prefix(b"{\"contentBlockIndex\":")?.get(1..)?;
    let text = rest.strip_prefix(b",\"delta\":{\"text\":\"")?;
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return (text.get(at + 1) == Some(&b'}')).then_some(at == 0),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

pub(super) fn json<'a, T: Deserialize<'a>>(
    payload: &'a [u8],
    facts: &mut Facts,
) -> Result<T, Failure> {
    serde_json::from_slice(payload).map_err(|error| {
        facts.because(error);
        Failure::Grammar
    })
}

/// The block that an event belongs to. The service sorts its keys, so it nearly always stands first.
#[inline]
fn index_of(payload: &[u8], facts: &mut Facts) -> Result<u32, Failure> {
    let first = payload.strip_prefix(b"{\"contentBlockIndex\":");
    if let Some([digit @ b'0'..=b'9', b',', .., b'}']) = first {
        return Ok(u32::from(digit - b'0'));
    }
    Ok(json::<Indexed>(payload, facts)?.content_block_index)
}
