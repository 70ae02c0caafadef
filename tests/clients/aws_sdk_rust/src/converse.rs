//! Converse and its stream, until no tool is called.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{
    CitationGeneratedContent, ContentBlock, ConversationRole, ConverseOutput, Message,
    ReasoningContentBlock, Tool, ToolConfiguration, ToolInputSchema, ToolResultBlock,
    ToolResultContentBlock, ToolSpecification, ToolUseBlock,
};
use serde_json::{Value, json};

use crate::documents::{to_document, to_json};
use crate::stream::Joined;
use crate::{Failure, MODEL, Request, Turn};

const ROUNDS: usize = 8;

/// Name, parameter, and what comes before the argument in the answer.
const TOOLS: [(&str, &str, &str); 2] =
    [("get_weather", "city", "rain in "), ("get_time", "zone", "noon in ")];

fn tool_config() -> Result<ToolConfiguration, Failure> {
    let mut config = ToolConfiguration::builder();
    for (name, parameter, _) in TOOLS {
        let schema = json!({"type": "object", "properties": {parameter: {"type": "string"}}});
        let spec = ToolSpecification::builder()
            .name(name)
            .input_schema(ToolInputSchema::Json(to_document(schema)));
        config = config.tools(Tool::ToolSpec(spec.build()?));
    }
    Ok(config.build()?)
}

fn message(role: ConversationRole, content: Vec<ContentBlock>) -> Result<Message, Failure> {
    Ok(Message::builder().role(role).set_content(Some(content)).build()?)
}

pub async fn turns(client: &Client, request: &Request) -> Result<Vec<Turn>, Failure> {
    let prompt = ContentBlock::Text(request.prompt.clone());
    let mut messages = vec![message(ConversationRole::User, vec![prompt])?];
    let tools = if request.tools { Some(tool_config()?) } else { None };
    let mut turns = Vec::new();
    while turns.len() < ROUNDS {
        let content = if request.stream {
            streamed(client, messages.clone(), tools.clone()).await?
        } else {
            whole(client, messages.clone(), tools.clone()).await?
        };
        turns.push(turn_of(&content)?);
        let results = results_of(&content)?;
        if results.is_empty() || !request.tools {
            break;
        }
        messages.push(message(ConversationRole::Assistant, content)?);
        messages.push(message(ConversationRole::User, results)?);
    }
    Ok(turns)
}

async fn whole(
    client: &Client,
    messages: Vec<Message>,
    tools: Option<ToolConfiguration>,
) -> Result<Vec<ContentBlock>, Failure> {
    let request = client.converse().model_id(MODEL).set_messages(Some(messages));
    match request.set_tool_config(tools).send().await?.output {
        Some(ConverseOutput::Message(message)) => Ok(message.content),
        _ => Err(Failure::of("an answer without a message")),
    }
}

async fn streamed(
    client: &Client,
    messages: Vec<Message>,
    tools: Option<ToolConfiguration>,
) -> Result<Vec<ContentBlock>, Failure> {
    let request = client.converse_stream().model_id(MODEL).set_messages(Some(messages));
    let mut stream = request.set_tool_config(tools).send().await?.stream;
    let mut joined = Joined::default();
    while let Some(event) = stream.recv().await? {
        joined.add(event)?;
    }
    joined.content()
}

fn turn_of(content: &[ContentBlock]) -> Result<Turn, Failure> {
    let mut turn = Turn::default();
    for block in content {
        match block {
            ContentBlock::Text(text) => turn.text += text,
            ContentBlock::CitationsContent(cited) => {
                for part in cited.content() {
                    if let CitationGeneratedContent::Text(text) = part {
                        turn.text += text;
                    }
                }
            }
            ContentBlock::ReasoningContent(ReasoningContentBlock::ReasoningText(thought)) => {
                turn.reasoning += &thought.text;
            }
            ContentBlock::ToolUse(tool_use) => {
                turn.calls.push((tool_use.name.clone(), to_json(&tool_use.input)));
            }
            block if block.is_unknown() => return Err(Failure::of("an unknown block")),
            _ => {}
        }
    }
    Ok(turn)
}

fn results_of(content: &[ContentBlock]) -> Result<Vec<ContentBlock>, Failure> {
    let uses = content.iter().filter_map(|block| block.as_tool_use().ok());
    uses.filter_map(|tool_use| result_of(tool_use).transpose()).collect()
}

fn result_of(tool_use: &ToolUseBlock) -> Result<Option<ContentBlock>, Failure> {
    let Some((_, parameter, said)) = TOOLS.iter().find(|(name, ..)| *name == tool_use.name) else {
        return Ok(None);
    };
    let input = to_json(&tool_use.input);
    let argument = input.get(parameter).and_then(Value::as_str).unwrap_or_default();
    let answer = to_document(json!({"said": format!("{said}{argument}")}));
    let result = ToolResultBlock::builder()
        .tool_use_id(&tool_use.tool_use_id)
        .content(ToolResultContentBlock::Json(answer));
    Ok(Some(ContentBlock::ToolResult(result.build()?)))
}
