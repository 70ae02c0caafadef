//! The message that a stream's events add up to.

use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ContentBlockDelta, ContentBlockStart, ConverseStreamOutput,
    ReasoningContentBlock, ReasoningContentBlockDelta, ReasoningTextBlock, ToolUseBlock,
    ToolUseBlockStart,
};
use serde_json::{Value, json};

use crate::Failure;
use crate::documents::to_document;

/// A block, as far as its deltas have come.
#[derive(Default)]
struct Block {
    text: String,
    reasoning: String,
    input: String,
    tool_use: Option<ToolUseBlockStart>,
}

#[derive(Default)]
pub struct Joined {
    blocks: Vec<Block>,
    ended: bool,
}

impl Joined {
    fn at(&mut self, index: i32) -> &mut Block {
        let index = usize::try_from(index).expect("an index is not negative");
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, Block::default);
        }
        &mut self.blocks[index]
    }

    pub fn add(&mut self, event: ConverseStreamOutput) -> Result<(), Failure> {
        match event {
            ConverseStreamOutput::ContentBlockStart(event) => {
                if let Some(ContentBlockStart::ToolUse(start)) = event.start {
                    self.at(event.content_block_index).tool_use = Some(start);
                }
            }
            ConverseStreamOutput::ContentBlockDelta(event) => {
                let delta = event.delta.ok_or_else(|| Failure::of("an event without its delta"))?;
                self.at(event.content_block_index).add(delta)?;
            }
            ConverseStreamOutput::MessageStop(_) => self.ended = true,
            event if event.is_unknown() => return Err(Failure::of("an unknown event")),
            _ => {}
        }
        Ok(())
    }

    pub fn content(self) -> Result<Vec<ContentBlock>, Failure> {
        if !self.ended {
            return Err(Failure::of("the stream ended before the message"));
        }
        let mut content = Vec::new();
        for block in self.blocks {
            block.put_into(&mut content)?;
        }
        Ok(content)
    }
}

impl Block {
    fn add(&mut self, delta: ContentBlockDelta) -> Result<(), Failure> {
        match delta {
            ContentBlockDelta::Text(text) => self.text += &text,
            ContentBlockDelta::ToolUse(piece) => self.input += &piece.input,
            ContentBlockDelta::ReasoningContent(ReasoningContentBlockDelta::Text(text)) => {
                self.reasoning += &text;
            }
            delta if delta.is_unknown() => return Err(Failure::of("an unknown delta")),
            _ => {}
        }
        Ok(())
    }

    fn put_into(self, content: &mut Vec<ContentBlock>) -> Result<(), Failure> {
        if !self.reasoning.is_empty() {
            let thought = ReasoningTextBlock::builder().text(self.reasoning).build()?;
            content.push(ContentBlock::ReasoningContent(ReasoningContentBlock::ReasoningText(
                thought,
            )));
        }
        if !self.text.is_empty() {
            content.push(ContentBlock::Text(self.text));
        }
        if let Some(start) = self.tool_use {
            let input: Value = match self.input.as_str() {
                "" => json!({}),
                input => serde_json::from_str(input)?,
            };
            let tool_use = ToolUseBlock::builder()
                .tool_use_id(start.tool_use_id)
                .name(start.name)
                .input(to_document(input));
            content.push(ContentBlock::ToolUse(tool_use.build()?));
        }
        Ok(())
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::of(&error.to_string())
    }
}
