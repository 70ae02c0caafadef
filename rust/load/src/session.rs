//! Conversations: what was said, and what is said next.

use std::mem;

use serde_json::{Value, json};

/// What an answer says, as far as the next question needs it.
#[derive(Debug, Default)]
pub struct Said {
    content: Vec<Value>,
    text: String,
    tool: Option<(String, String)>,
    input: String,
}

impl Said {
    pub(crate) fn tool(&mut self, id: String, name: String) {
        self.tool = Some((id, name));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(crate) fn input(&mut self, input: &str) {
        self.input.push_str(input);
    }

    /// A block has ended. Reasoning is left out: an endpoint may ask for it, but may not need it.
    pub(crate) fn end_block(&mut self) {
        let (text, input) = (mem::take(&mut self.text), mem::take(&mut self.input));
        if let Some((id, name)) = self.tool.take() {
            let input = serde_json::from_str(&input).unwrap_or_else(|_| json!({}));
            let tool = json!({"toolUseId": id, "name": name, "input": input});
            self.content.push(json!({ "toolUse": tool }));
        } else if !text.is_empty() {
            self.content.push(json!({ "text": text }));
        }
    }

    pub(crate) fn whole(&mut self, content: Vec<Value>) {
        self.content = content;
    }

    fn tools(&self) -> Vec<&str> {
        let id = |block: &'_ Value| block.get("toolUse").is_some();
        let blocks = self.content.iter().filter(|block| id(block));
        blocks.filter_map(|block| block["toolUse"]["toolUseId"].as_str()).collect()
    }
}

/// The body of the question that follows: the answer, and a result for each of its tool calls.
/// `None` where it calls no tool, or the body is not a Converse request.
pub fn follow_up(body: &[u8], said: &Said, tool_result: &str) -> Option<Vec<u8>> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let results: Vec<Value> = said
        .tools()
        .into_iter()
        .map(|id| {
            let content = [json!({ "text": tool_result })];
            json!({"toolResult": {"toolUseId": id, "content": content}})
        })
        .collect();
    if results.is_empty() {
        return None;
    }
    let messages = body.get_mut("messages")?.as_array_mut()?;
    messages.push(json!({"role": "assistant", "content": said.content}));
    messages.push(json!({"role": "user", "content": results}));
    serde_json::to_vec(&body).ok()
}
