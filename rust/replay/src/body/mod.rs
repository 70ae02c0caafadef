//! What a request body says, of all that fixtures can ask for.
//!
//! The bodies of `Converse` and of every native family are read by one reader, for their parts do
//! not collide: `messages` with text and tool results, `system`, tools, or one plain input. Members
//! that nobody asks for are skipped, and so is all history but the current turn: of older messages
//! the role is read, nothing else.
//!
//! # Layout
//!
//! - `outline`: the top level and the outline of the messages, in one pass.
//! - `format`: which native format a body is in.
//! - `input`: the plain input of a body without messages, by whatever name.
//! - `blocks`: the text of a message, which may come in several blocks.
//! - `turn`: texts and tool results of the messages that matter.
//! - `tokens`: the body inside a `CountTokens` request, and its estimate.
//! - `json`, `compact`: views into JSON text.

mod blocks;
mod compact;
mod format;
mod input;
mod json;
mod outline;
mod tokens;
mod turn;

use std::borrow::Cow;

pub(crate) use blocks::Blocks;
pub use format::Format;
use json::{Fault, Node};
use outline::Outline;
pub(crate) use tokens::counted;

use crate::operation::Operation;

/// What a request says, of all that fixtures can ask for.
#[derive(Debug)]
pub(crate) struct Features<'a> {
    pub(crate) format: Format,
    /// The last user message that has text; the plain input where there are no messages.
    pub(crate) user_message: Option<Blocks<'a>>,
    /// All system text; absent where it is empty.
    pub(crate) system_message: Option<Blocks<'a>>,
    /// The tool results of the last message.
    pub(crate) tool_results: Vec<ToolResult<'a>>,
    /// The names of the tool definitions.
    pub(crate) tool_names: Vec<Cow<'a, str>>,
    /// The input of a body without messages.
    pub(crate) input_text: Option<Blocks<'a>>,
    /// How many messages the assistant has sent.
    pub(crate) assistant_messages: u32,
    /// A tool result stands after the last message that is a user's own.
    pub(crate) has_tool_result: bool,
}

/// One tool result.
#[derive(Debug)]
pub(crate) struct ToolResult<'a> {
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) text: Option<Blocks<'a>>,
}

/// Read a body.
///
/// # Errors
///
/// A message that says what is wrong, and where.
pub(crate) fn read<'a>(
    body: &'a str,
    operation: Operation,
    model: &str,
) -> Result<Features<'a>, String> {
    let outline = Outline::read(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => format!("The request body does not fit: {error}."),
        _ => format!("The request body is not valid JSON: {error}."),
    })?;
    features(&outline, operation, model)
        .map_err(|fault| format!("The request body does not fit: {fault}."))
}

fn features<'a>(
    outline: &Outline<'a>,
    operation: Operation,
    model: &str,
) -> Result<Features<'a>, Fault> {
    let format = Format::of(outline, operation, model);
    let Some(messages) = &outline.messages else {
        return plain(outline, format, model);
    };
    let turn = turn::read(messages, format)?;
    Ok(Features {
        format,
        user_message: turn.user_message,
        system_message: system(outline.system.as_ref(), turn.system_messages)?,
        tool_results: turn.tool_results,
        tool_names: tool_names(outline)?,
        input_text: None,
        assistant_messages: turn.assistant_messages,
        has_tool_result: turn.has_tool_result,
    })
}

/// A body without messages: one input, which is the user's message too.
fn plain<'a>(outline: &Outline<'a>, format: Format, model: &str) -> Result<Features<'a>, Fault> {
    // A prompt that is stored with the service brings its own messages.
    let needs_messages = format.needs_messages() && !model.contains(":prompt/");
    let input_text = match &outline.input {
        Some(input) if format != Format::Converse => input.text()?,
        _ => None,
    };
    if needs_messages && input_text.is_none() {
        return Err(Fault::new("required, and an array").below(".messages"));
    }
    let mut tool_results = Vec::new();
    if let Some(results) = &outline.tool_results {
        let items = results.items().map_err(|fault| fault.below(".tool_results"))?;
        for (index, item) in items.iter().enumerate() {
            let at = |fault: Fault| fault.below(format_args!(".tool_results[{index}]"));
            let text = Cow::Owned(item.compact().map_err(at)?);
            tool_results.push(ToolResult { id: None, text: Blocks::new(vec![text]) });
        }
    }
    let history = outline.chat_history.iter().flatten();
    Ok(Features {
        format,
        user_message: input_text.clone(),
        system_message: system(outline.preamble.as_ref(), Vec::new())?,
        has_tool_result: !tool_results.is_empty(),
        tool_results,
        tool_names: tool_names(outline)?,
        input_text,
        assistant_messages: history.filter(|message| message.is_assistant()).count() as u32,
    })
}

/// The system text, a string or blocks; then the system messages.
fn system<'a>(
    node: Option<&Node<'a>>,
    mut messages: Vec<Vec<Cow<'a, str>>>,
) -> Result<Option<Blocks<'a>>, Fault> {
    if let Some(node) = node {
        messages.insert(0, turn::texts_of(node).map_err(|fault| fault.below(".system"))?);
    }
    for blocks in &mut messages {
        blocks.retain(|block| !block.is_empty());
    }
    Ok(Blocks::of_messages(messages))
}

fn tool_names<'a>(outline: &Outline<'a>) -> Result<Vec<Cow<'a, str>>, Fault> {
    let mut names = Vec::new();
    if let Some(config) = &outline.tool_config {
        let tools = config.member("tools").map_err(|fault| fault.below(".toolConfig"))?;
        if let Some(tools) = tools.filter(|tools| !tools.is_null()) {
            names_of(&tools, &mut names).map_err(|fault| fault.below(".toolConfig.tools"))?;
        }
    }
    if let Some(tools) = &outline.tools {
        names_of(tools, &mut names).map_err(|fault| fault.below(".tools"))?;
    }
    Ok(names)
}

/// `{"name"}`, or one level down: `{"toolSpec": {"name"}}`, `{"function": {"name"}}`. What has
/// no name, such as a cache point, is no tool.
fn names_of<'a>(tools: &Node<'a>, names: &mut Vec<Cow<'a, str>>) -> Result<(), Fault> {
    for (index, tool) in tools.items()?.iter().enumerate() {
        let at = |fault: Fault| fault.below(format_args!("[{index}]"));
        for (key, value) in tool.members().map_err(at)? {
            let name = match &*key {
                "name" => Some(value),
                "toolSpec" | "systemTool" | "function" => {
                    value.member("name").map_err(|fault| at(fault.below(format_args!(".{key}"))))?
                }
                _ => None,
            };
            if let Some(name) = name.filter(Node::is_string) {
                names.push(name.string().map_err(at)?);
            }
        }
    }
    Ok(())
}
