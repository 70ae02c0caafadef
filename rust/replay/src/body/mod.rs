//! What a request body says, of all that fixtures can ask for.
//!
//! The bodies of `Converse` and of every native family are read by one reader, for their parts do
//! not collide: `messages` with text and tool results, `system`, tools, or one plain input. Members
//! that no rule asks for are skipped, and so is all history but the current turn: of older messages
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
use input::Name;
use json::{Fault, Node};
use outline::{Outline, Settings};
pub(crate) use tokens::{counted, tokens};

use crate::operation::Operation;

/// What a request says, of all that fixtures can ask for.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is one part of a request, there or not")]
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
    /// How many of them after the last message that is a user's own.
    pub(crate) turn_since_user: u32,
    /// A tool result stands after the last message that is a user's own.
    pub(crate) has_tool_result: bool,
    /// The last message of the user's own, or one after it, has a picture.
    pub(crate) has_image: bool,
    /// The same with a document.
    pub(crate) has_document: bool,
    /// `auto`, `any`, `none`, or the name of the tool that must be called.
    pub(crate) tool_choice: Option<Cow<'a, str>>,
    /// The guardrail's id, where the body has it.
    pub(crate) guardrail: Option<Cow<'a, str>>,
    /// Keys and values, where the body has them.
    pub(crate) request_metadata: Metadata<'a>,
    /// An embedding is asked for.
    pub(crate) embedding: bool,
    /// The members that an automatic answer depends on.
    pub(crate) settings: Settings<'a>,
}

/// Keys and values of request metadata.
type Metadata<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

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
    let mut outline = Outline::read(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => format!("The request body does not fit: {error}."),
        _ => format!("The request body is not valid JSON: {error}."),
    })?;
    let settings = std::mem::take(&mut outline.settings);
    let features = features(&outline, operation, model)
        .map_err(|fault| format!("The request body does not fit: {fault}."))?;
    Ok(Features { settings, ..features })
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
        turn_since_user: turn.since_user,
        has_tool_result: turn.has_tool_result,
        has_image: turn.has_image,
        has_document: turn.has_document,
        tool_choice: tool_choice(outline),
        guardrail: guardrail(outline),
        request_metadata: request_metadata(outline),
        embedding: false,
        settings: Settings::default(),
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
        turn_since_user: 0,
        has_image: false,
        has_document: false,
        tool_choice: tool_choice(outline),
        guardrail: guardrail(outline),
        request_metadata: request_metadata(outline),
        embedding: format != Format::Converse && is_embedding(outline, model),
        settings: Settings::default(),
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

/// The members that only some requests have are read leniently: a request that is wrong in them is
/// answered like one without them.
fn guardrail<'a>(outline: &Outline<'a>) -> Option<Cow<'a, str>> {
    let config = outline.guardrail_config.as_ref()?;
    config.member("guardrailIdentifier").ok()??.string().ok()
}

fn request_metadata<'a>(outline: &Outline<'a>) -> Metadata<'a> {
    outline.request_metadata.as_ref().map(strings_of).unwrap_or_default()
}

/// Request metadata as a header of `InvokeModel` has it: the JSON of an object of strings.
pub(crate) fn metadata_of(json: &str) -> Result<Metadata<'_>, String> {
    let raw: &serde_json::value::RawValue =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    Ok(strings_of(&Node::new(raw)))
}

fn strings_of<'a>(node: &Node<'a>) -> Metadata<'a> {
    let members = node.members().unwrap_or_default();
    members.into_iter().filter_map(|(key, value)| Some((key, value.string().ok()?))).collect()
}

/// `{"auto": {}}`, `{"any": {}}`, `{"tool": {"name"}}`; `{"type": "auto"}`, `{"type": "tool",
/// "name"}`; `"auto"`, `"required"`, `{"type": "function", "function": {"name"}}`.
fn tool_choice<'a>(outline: &Outline<'a>) -> Option<Cow<'a, str>> {
    let config = outline.tool_config.as_ref();
    let converse = config.and_then(|config| config.member("toolChoice").ok()?);
    let choice = converse.as_ref().or(outline.tool_choice.as_ref())?;
    let plain = |word: Cow<'a, str>| if word == "required" { Cow::Borrowed("any") } else { word };
    if let Ok(word) = choice.string() {
        return Some(plain(word));
    }
    for (key, value) in choice.members().ok()? {
        match &*key {
            "auto" => return Some(Cow::Borrowed("auto")),
            "any" => return Some(Cow::Borrowed("any")),
            "name" => return value.string().ok(),
            "tool" | "function" => return value.member("name").ok()??.string().ok(),
            _ => {}
        }
    }
    choice.member("type").ok()??.string().ok().map(plain)
}

fn is_embedding(outline: &Outline<'_>, model: &str) -> bool {
    let input = outline.input.as_ref().map(|input| input.name);
    model.contains("embed")
        || outline.marks.embedding
        || matches!(input, Some(Name::Texts | Name::EmbeddingParams(_)))
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
