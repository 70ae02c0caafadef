//! The conditions of Converse and of its models. Places count from 0.

use std::collections::HashSet;

use super::tree::Node;
use super::{Found, Id};

/// The members of a content block; one of them must be set.
const BLOCKS: [&str; 13] = [
    "text",
    "image",
    "toolUse",
    "toolResult",
    "document",
    "video",
    "audio",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
    "guardContent",
    "toolAddition",
];

/// One message, and where it stands.
struct Message<'n, 'a> {
    at: usize,
    assistant: bool,
    blocks: &'n [Node<'a>],
}

pub(super) fn check(body: &Node<'_>, stream: bool, found: &mut Found<'_>) {
    let messages: Vec<_> = body.list("messages").iter().enumerate().filter_map(message).collect();
    of_messages(&messages, found);
    if !body.list("system").is_empty() {
        found.report(Id::SystemUnsupported, "system", &[]);
    }
    of_tools(body, &messages, stream, found);
    of_turns(&messages, found);
    of_documents(&messages, found);
    of_model(body, &messages, found);
}

/// A message of the user or the assistant; system messages stand outside of turns.
fn message<'n, 'a>((at, node): (usize, &'n Node<'a>)) -> Option<Message<'n, 'a>> {
    let assistant = match node.get("role")?.text()? {
        "assistant" => true,
        "user" => false,
        _ => return None,
    };
    matches!(node.get("content")?, Node::List(_)).then(|| Message {
        at,
        assistant,
        blocks: node.list("content"),
    })
}

fn of_messages(messages: &[Message<'_, '_>], found: &mut Found<'_>) {
    for Message { at: i, blocks, .. } in messages {
        if blocks.is_empty() {
            let i = i.to_string();
            found.report(Id::EmptyContent, &format!("messages.{i}"), &[("i", &i)]);
        }
        for (j, block) in blocks.iter().enumerate() {
            let Node::Object(members) = block else { continue };
            let is_set = |name: &str, value: &Node<'_>| {
                !matches!(value, Node::Null) && (BLOCKS.contains(&name) || name == "toolRemoval")
            };
            let known = members.iter().any(|(name, value)| is_set(name, value));
            let blank = block.get("text").and_then(Node::text) == Some("");
            if known && !blank {
                continue;
            }
            let (i, j) = (i.to_string(), j.to_string());
            let id = if known { Id::BlankText } else { Id::EmptyBlock };
            found.report(id, &format!("messages.{i}.content.{j}"), &[("i", &i), ("j", &j)]);
        }
    }
    if messages.first().is_some_and(|first| first.assistant) {
        found.report(Id::StartsAssistant, "messages.0", &[]);
    }
    if let Some(last) = messages.last().filter(|last| last.assistant) {
        found.report(Id::LastNotUser, &format!("messages.{}", last.at), &[]);
    }
}

fn of_tools(body: &Node<'_>, messages: &[Message<'_, '_>], stream: bool, found: &mut Found<'_>) {
    let config = body.get("toolConfig");
    let uses_tools = |message: &Message<'_, '_>| {
        message.blocks.iter().any(|b| b.get("toolUse").is_some() || b.get("toolResult").is_some())
    };
    let Some(config) = config else {
        if messages.iter().any(uses_tools) {
            found.report(Id::ToolconfigMissing, "toolConfig", &[]);
        }
        return;
    };
    if stream {
        found.report(Id::StreamTools, "toolConfig", &[]);
    }
    for (k, tool) in config.list("tools").iter().enumerate() {
        let schema = tool.get("toolSpec").and_then(|tool| tool.get("inputSchema"));
        let Some(schema) = schema.and_then(|schema| schema.get("json")) else { continue };
        let place = format!("toolConfig.tools.{k}.toolSpec.inputSchema.json");
        if !matches!(schema, Node::Object(_)) {
            found.report(Id::NotAnObject, &place, &[("path", &place)]);
        } else if schema.get("type").and_then(Node::text) != Some("object") {
            found.report(Id::SchemaType, &place, &[("k", &k.to_string())]);
        }
    }
}

/// The ids of tool uses or tool results. Those of tools that the service runs have a `type`, and
/// are answered within one message.
fn ids<'n>(blocks: impl Iterator<Item = &'n Node<'n>>, key: &str) -> Vec<&'n str> {
    let tools = blocks.filter_map(|block| block.get(key));
    let of_client = tools.filter(|tool| tool.get("type").is_none());
    of_client.filter_map(|tool| tool.get("toolUseId")?.text()).collect()
}

/// The ids that stand there more than once, each once.
fn repeated(ids: &[&str]) -> Option<String> {
    let (mut seen, mut twice) = (HashSet::new(), Vec::new());
    for id in ids {
        if !seen.insert(*id) && !twice.contains(id) && twice.len() < 20 {
            twice.push(id);
        }
    }
    (!twice.is_empty()).then(|| twice.join(", "))
}

fn of_turns(messages: &[Message<'_, '_>], found: &mut Found<'_>) {
    let mut uses: Vec<&str> = Vec::new();
    // Neighbours of one role are merged before they are checked.
    for turn in messages.chunk_by(|one, next| one.assistant == next.assistant) {
        let at = turn[0].at;
        let i = at.to_string();
        let place = format!("messages.{i}.content");
        let report = |found: &mut Found<'_>, id: Id, ids: &str| {
            found.report(id, &place, &[("i", &i), ("ids", ids)]);
        };
        let blocks = || turn.iter().flat_map(|message| message.blocks);
        let count = |key: &str| blocks().filter(|block| block.get(key).is_some()).count();
        of_results(turn, found);
        if turn[0].assistant {
            uses = ids(blocks(), "toolUse");
            if let Some(ids) = repeated(&uses) {
                report(found, Id::UseDuplicate, &ids);
            }
            if !uses.is_empty() && count("text") > 0 {
                report(found, Id::MixedUse, "");
            }
            continue;
        }
        let results = ids(blocks(), "toolResult");
        if let Some(ids) = repeated(&results) {
            report(found, Id::ResultDuplicate, &ids);
        } else if results.len() > uses.len() {
            report(found, Id::ResultSurplus, "");
        }
        let given: HashSet<&str> = results.iter().copied().collect();
        let missing: Vec<&str> = uses.drain(..).filter(|id| !given.contains(id)).take(20).collect();
        if !missing.is_empty() {
            report(found, Id::ResultMissing, &missing.join(", "));
        }
        let others =
            blocks().filter(|b| b.get("toolResult").is_none() && b.get("cachePoint").is_none());
        if !results.is_empty() && others.count() > 0 {
            report(found, Id::MixedResult, "");
        }
    }
}

/// The inputs and the contents of tool uses and results.
fn of_results(turn: &[Message<'_, '_>], found: &mut Found<'_>) {
    for Message { at: i, blocks, .. } in turn {
        for (j, block) in blocks.iter().enumerate() {
            let input = block.get("toolUse").and_then(|tool| tool.get("input"));
            if input.is_some_and(|input| !matches!(input, Node::Object(_))) {
                let place = format!("messages.{i}.content.{j}.toolUse.input");
                found.report(Id::NotAnObject, &place, &[("path", &place)]);
            }
            let Some(result) = block.get("toolResult") else { continue };
            for (k, part) in result.list("content").iter().enumerate() {
                if part.get("json").is_some_and(|json| !matches!(json, Node::Object(_))) {
                    let place = format!("messages.{i}.content.{j}.toolResult.content.{k}.json");
                    found.report(Id::NotAnObject, &place, &[("path", &place)]);
                }
            }
            if matches!(result.get("content"), Some(Node::List(content)) if content.is_empty()) {
                let failed = result.get("status").and_then(Node::text) == Some("error");
                let id = if failed { Id::ResultErrorEmpty } else { Id::ResultEmpty };
                let place = format!("messages.{i}.content.{j}.toolResult");
                found.report(id, &place, &[("i", &i.to_string()), ("j", &j.to_string())]);
            }
        }
    }
}

fn of_documents(messages: &[Message<'_, '_>], found: &mut Found<'_>) {
    let mut names = HashSet::new();
    for Message { at: i, blocks, .. } in messages {
        let mut has_document = false;
        for (j, block) in blocks.iter().enumerate() {
            let Some(document) = block.get("document") else { continue };
            has_document = true;
            let Some(name) = document.get("name").and_then(Node::text) else { continue };
            let place = || format!("messages.{i}.content.{j}.document.name");
            let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "-()[]".contains(c);
            let spaces = |pair: (char, char)| pair.0.is_whitespace() && pair.1.is_whitespace();
            if !name.chars().all(allowed) || name.chars().zip(name.chars().skip(1)).any(spaces) {
                found.report(Id::DocName, &place(), &[]);
            }
            if !names.insert(name) {
                found.report(Id::DocDuplicate, &place(), &[]);
            }
        }
        if has_document && !blocks.iter().any(|block| block.get("text").is_some()) {
            found.report(Id::DocWithoutText, &format!("messages.{i}.content"), &[]);
        }
    }
}

/// What the model's own server refuses, after Converse.
fn of_model(body: &Node<'_>, messages: &[Message<'_, '_>], found: &mut Found<'_>) {
    for Message { at: i, blocks, .. } in messages {
        for (j, block) in blocks.iter().enumerate() {
            let text = block.get("text").and_then(Node::text);
            if text.is_some_and(|text| !text.is_empty() && text.trim().is_empty()) {
                found.report(Id::WhitespaceText, &format!("messages.{i}.content.{j}.text"), &[]);
            }
        }
    }
    if let Some(last) = messages.last().filter(|last| last.assistant) {
        let place = format!("messages.{}", last.at);
        found.report(Id::Prefill, &place, &[]);
        let text = last.blocks.last().and_then(|block| block.get("text")?.text());
        if text.is_some_and(|text| text.ends_with(char::is_whitespace)) {
            found.report(Id::TrailingSpace, &place, &[]);
        }
    }
    of_inference(body, found);
    let points = cache_points(body) + {
        let blocks = messages.iter().flat_map(|message| message.blocks);
        blocks.filter(|block| block.get("cachePoint").is_some()).count()
    };
    if points > 4 {
        found.report(Id::CacheFive, "", &[("n", &points.to_string())]);
    }
}

fn of_inference(body: &Node<'_>, found: &mut Found<'_>) {
    let config = body.get("inferenceConfig");
    let number = |key| config.and_then(|config| config.get(key)?.number());
    let thinking = body.get("additionalModelRequestFields").and_then(|more| more.get("thinking"));
    let kind = thinking.and_then(|thinking| thinking.get("type")?.text());
    let temperature = number("temperature");
    #[allow(clippy::float_cmp, reason = "exactly 1 is what the service takes")]
    let is_one = temperature == Some(1.0);
    if temperature.is_some() {
        if number("topP").is_some() {
            found.report(Id::TempAndTopP, "inferenceConfig", &[]);
        }
        if !(is_one && kind == Some("adaptive")) {
            found.report(Id::TempDeprecated, "inferenceConfig.temperature", &[]);
        }
    }
    if let (Some("enabled"), Some(thinking)) = (kind, thinking) {
        if temperature.is_some() && !is_one {
            found.report(Id::ThinkingTemp, "inferenceConfig.temperature", &[]);
        }
        if let Some(budget) = thinking.get("budget_tokens").and_then(Node::number) {
            let place = "additionalModelRequestFields.thinking.budget_tokens";
            if number("maxTokens").is_some_and(|most| most <= budget) {
                found.report(Id::ThinkingMax, place, &[]);
            }
            if budget < 1024.0 {
                found.report(Id::ThinkingMin, place, &[]);
            }
        }
    }
    let stops = config.map_or(&[][..], |config| config.list("stopSequences"));
    if stops.iter().any(|stop| stop.text().is_some_and(|text| text.trim().is_empty())) {
        found.report(Id::BlankStop, "inferenceConfig.stopSequences", &[]);
    }
}

/// Cache points outside of messages.
fn cache_points(body: &Node<'_>) -> usize {
    let tools = body.get("toolConfig").map_or(&[][..], |config| config.list("tools"));
    let all = body.list("system").iter().chain(tools);
    all.filter(|block| block.get("cachePoint").is_some()).count()
}
