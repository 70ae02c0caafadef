//! Texts and tool results of the messages that matter: from the last one back to the user's own.

use std::borrow::Cow;

use super::format::Format;
use super::json::{Fault, Node};
use super::outline::Message;
use super::{Blocks, ToolResult};

/// What the messages say.
#[derive(Debug, Default)]
pub(super) struct Turn<'a> {
    pub(super) user_message: Option<Blocks<'a>>,
    pub(super) system_messages: Vec<Vec<Cow<'a, str>>>,
    pub(super) tool_results: Vec<ToolResult<'a>>,
    pub(super) assistant_messages: u32,
    pub(super) since_user: u32,
    pub(super) has_tool_result: bool,
    pub(super) has_image: bool,
    pub(super) has_document: bool,
}

/// The content of one message.
#[derive(Default)]
struct Content<'a> {
    texts: Vec<Cow<'a, str>>,
    results: Vec<ToolResult<'a>>,
    image: bool,
    document: bool,
}

pub(super) fn read<'a>(messages: &[Message<'a>], format: Format) -> Result<Turn<'a>, Fault> {
    let mut turn = Turn::default();
    for (index, message) in messages.iter().enumerate() {
        let at = |fault: Fault| fault.below(format_args!(".messages[{index}].content"));
        check_kind(message, format).map_err(at)?;
        match message.role.as_deref() {
            Some("assistant") => turn.assistant_messages += 1,
            Some("system" | "developer") => {
                let texts = message.content.as_ref().map(texts_of).transpose().map_err(at)?;
                turn.system_messages.extend(texts);
            }
            _ => {}
        }
    }
    let mut own = false;
    let mut answering = true;
    for (index, message) in messages.iter().enumerate().rev() {
        if own && turn.user_message.is_some() {
            break;
        }
        let at = |fault: Fault| fault.below(format_args!(".messages[{index}]"));
        match message.role.as_deref() {
            Some("user") => {
                let content = content_of(message).map_err(at)?;
                // Text beside tool results does not make a message the user's own.
                let results = !content.results.is_empty();
                turn.has_tool_result |= results && !own;
                turn.has_image |= content.image && !own;
                turn.has_document |= content.document && !own;
                own |= !results;
                if turn.user_message.is_none() {
                    turn.user_message = Blocks::new(content.texts);
                }
                if std::mem::take(&mut answering) && turn.tool_results.is_empty() {
                    turn.tool_results = content.results;
                }
            }
            // OpenAI's form: one message for each result, all of which are the last message.
            Some("tool") => {
                turn.has_tool_result |= !own;
                if answering {
                    turn.tool_results.push(tool_message(message).map_err(at)?);
                }
            }
            role => {
                answering = false;
                turn.since_user += u32::from(role == Some("assistant") && !own);
            }
        }
    }
    Ok(turn)
}

fn check_kind(message: &Message<'_>, format: Format) -> Result<(), Fault> {
    match &message.content {
        Some(content) if content.is_array() => Ok(()),
        Some(content) if content.is_string() && format != Format::Converse => Ok(()),
        None if format != Format::Converse => Ok(()),
        None => Err(Fault::new("required, and an array")),
        Some(content) => content.items().map(drop),
    }
}

fn content_of<'a>(message: &Message<'a>) -> Result<Content<'a>, Fault> {
    let mut content = Content::default();
    let Some(node) = &message.content else { return Ok(content) };
    if node.is_string() {
        content.texts.push(node.string().map_err(|fault| fault.below(".content"))?);
        return Ok(content);
    }
    for (index, block) in node.items()?.iter().enumerate() {
        read_block(block, &mut content)
            .map_err(|fault| fault.below(format_args!(".content[{index}]")))?;
    }
    Ok(content)
}

/// `{"text"}`, `{"type": "text", "text"}`, `{"guardContent": {"text": {"text"}}}`,
/// `{"toolResult": …}` or `{"type": "tool_result", …}`.
/// All other blocks (images, cache points, reasoning, …) say nothing that a fixture asks for.
fn read_block<'a>(block: &Node<'a>, content: &mut Content<'a>) -> Result<(), Fault> {
    let (mut kind, mut text, mut id, mut inner) = (None, None, None, None);
    for (key, value) in block.members()? {
        match &*key {
            "type" if value.is_string() => kind = Some(value.string()?),
            "text" => text = Some(value),
            "tool_use_id" => id = Some(value),
            "content" => inner = Some(value),
            "image" | "image_url" => content.image = true,
            "document" | "file" => content.document = true,
            // Text that a guardrail is to look at is text all the same.
            "guardContent" => {
                let guarded = guarded_text(&value).map_err(|fault| fault.below(".guardContent"))?;
                content.texts.extend(guarded);
            }
            "toolResult" => content
                .results
                .push(converse_result(&value).map_err(|fault| fault.below(".toolResult"))?),
            _ => {}
        }
    }
    content.image |= matches!(kind.as_deref(), Some("image" | "image_url" | "input_image"));
    content.document |= matches!(kind.as_deref(), Some("document" | "file"));
    match (kind.as_deref(), text) {
        (None | Some("text" | "input_text"), Some(text)) => {
            content.texts.push(text.string().map_err(|fault| fault.below(".text"))?);
        }
        (Some("tool_result"), _) => {
            let text = inner.as_ref().map(result_text).transpose();
            content.results.push(ToolResult {
                id: id.map(|id| id.string()).transpose().map_err(|f| f.below(".tool_use_id"))?,
                text: text.map_err(|fault| fault.below(".content"))?.flatten(),
            });
        }
        _ => {}
    }
    Ok(())
}

fn converse_result<'a>(result: &Node<'a>) -> Result<ToolResult<'a>, Fault> {
    let (mut id, mut text) = (None, None);
    for (key, value) in result.members()? {
        match &*key {
            "toolUseId" => id = Some(value.string().map_err(|fault| fault.below(".toolUseId"))?),
            "content" => {
                text = result_text(&value).map_err(|fault| fault.below(".content"))?;
            }
            _ => {}
        }
    }
    Ok(ToolResult { id, text })
}

fn tool_message<'a>(message: &Message<'a>) -> Result<ToolResult<'a>, Fault> {
    let id = message.tool_call_id.as_ref().map(Node::string).transpose();
    let text = message.content.as_ref().map(result_text).transpose();
    Ok(ToolResult {
        id: id.map_err(|fault| fault.below(".tool_call_id"))?,
        text: text.map_err(|fault| fault.below(".content"))?.flatten(),
    })
}

fn guarded_text<'a>(block: &Node<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    let Some(text) = block.member("text")? else { return Ok(None) };
    let text = text.member("text").map_err(|fault| fault.below(".text"))?;
    text.map(|text| text.string()).transpose().map_err(|fault| fault.below(".text.text"))
}

/// The text of a tool result: a string, or its text and JSON parts.
fn result_text<'a>(node: &Node<'a>) -> Result<Option<Blocks<'a>>, Fault> {
    if node.is_string() {
        return Ok(Blocks::new(vec![node.string()?]));
    }
    let mut texts = Vec::new();
    for (index, part) in node.items()?.iter().enumerate() {
        let at = |fault: Fault| fault.below(format_args!("[{index}]"));
        for (key, value) in part.members().map_err(at)? {
            match &*key {
                "text" => texts.push(value.string().map_err(|f| at(f.below(".text")))?),
                "json" => {
                    let json = value.compact().map_err(|f| at(f.below(".json")))?;
                    texts.push(Cow::Owned(json));
                }
                _ => {}
            }
        }
    }
    Ok(Blocks::new(texts))
}

/// The texts of a string or of blocks.
pub(super) fn texts_of<'a>(node: &Node<'a>) -> Result<Vec<Cow<'a, str>>, Fault> {
    if node.is_string() {
        return node.string().map(|text| vec![text]);
    }
    let mut content = Content::default();
    for (index, block) in node.items()?.iter().enumerate() {
        read_block(block, &mut content).map_err(|fault| fault.below(format_args!("[{index}]")))?;
    }
    Ok(content.texts)
}
