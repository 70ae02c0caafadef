//! The top level of a body and the outline of its messages, in one pass.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::input::{Input, Name};
use super::json::Node;

/// The members that matter; `null` is the same as absent.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    pub(super) messages: Option<Vec<Message<'a>>>,
    pub(super) system: Option<Node<'a>>,
    pub(super) tool_config: Option<Node<'a>>,
    pub(super) tools: Option<Node<'a>>,
    /// A plain input, and the name that it came by.
    pub(super) input: Option<Input<'a>>,
    pub(super) chat_history: Option<Vec<Message<'a>>>,
    pub(super) preamble: Option<Node<'a>>,
    pub(super) tool_results: Option<Node<'a>>,
    /// `toolConfig` has its own.
    pub(super) tool_choice: Option<Node<'a>>,
    pub(super) guardrail_config: Option<Node<'a>>,
    pub(super) request_metadata: Option<Node<'a>>,
    /// The members that an automatic answer depends on.
    pub(super) settings: Settings<'a>,
    pub(super) marks: Marks,
}

/// Members that give a format away.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is one member, there or not")]
pub(super) struct Marks {
    pub(super) anthropic_version: bool,
    pub(super) max_tokens_to_sample: bool,
    pub(super) schema_version: bool,
    pub(super) inference_config: bool,
    pub(super) max_gen_len: bool,
    pub(super) embedding: bool,
}

/// One message: its role, and the rest unread.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) role: Option<Cow<'a, str>>,
    pub(super) content: Option<Node<'a>>,
    pub(super) tool_call_id: Option<Node<'a>>,
}

impl Message<'_> {
    pub(super) fn is_assistant(&self) -> bool {
        matches!(self.role.as_deref(), Some("assistant" | "CHATBOT" | "chatbot"))
    }
}

impl<'a> Outline<'a> {
    pub(super) fn read(body: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(body)
    }
}

impl<'de> Deserialize<'de> for Outline<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Outline<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object as the request body")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut outline = Outline::default();
                while let Some(Key(key)) = map.next_key()? {
                    outline.take(&key, &mut map)?;
                }
                Ok(outline)
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

impl<'de> Outline<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let marks = &mut self.marks;
        match key {
            "messages" => self.messages = map.next_value::<Messages<'de>>()?.0,
            "chat_history" => self.chat_history = map.next_value::<Messages<'de>>()?.0,
            "system" => self.system = node(map)?,
            "toolConfig" => self.tool_config = self.settings.node(Setting::ToolConfig, map)?,
            "tools" => self.tools = self.settings.node(Setting::Tools, map)?,
            "preamble" => self.preamble = node(map)?,
            "tool_results" => self.tool_results = node(map)?,
            "anthropic_version" => marks.anthropic_version = skip(map)?,
            "max_tokens_to_sample" => {
                marks.max_tokens_to_sample = true;
                self.settings.node(Setting::Limit, map)?;
            }
            "schemaVersion" => marks.schema_version = skip(map)?,
            "inferenceConfig" => {
                marks.inference_config = true;
                self.settings.node(Setting::Limit, map)?;
            }
            "tool_choice" => self.tool_choice = self.settings.node(Setting::ToolChoice, map)?,
            "guardrailConfig" => self.guardrail_config = node(map)?,
            "requestMetadata" => self.request_metadata = node(map)?,
            "embedding_types" | "embeddingTypes" | "embeddingConfig" | "input_type" => {
                marks.embedding = skip(map)?;
            }
            "max_gen_len" => {
                marks.max_gen_len = true;
                self.settings.node(Setting::Limit, map)?;
            }
            "max_tokens" | "max_completion_tokens" | "maxTokens" | "textGenerationConfig" => {
                self.settings.node(Setting::Limit, map)?;
            }
            "stop" | "stop_sequences" | "stopSequences" => {
                self.settings.node(Setting::Stop, map)?;
            }
            "outputConfig" | "output_config" | "output_format" | "response_format" => {
                self.settings.node(Setting::Output, map)?;
            }
            "additionalModelResponseFieldPaths" => {
                self.settings.node(Setting::Fields, map)?;
            }
            _ => match Name::from_key(key) {
                Some(name) => {
                    let input = node(map)?.map(|node| Input { name, node });
                    // Of several, the one that says the most of what is wanted.
                    self.input = match (self.input.take(), input) {
                        (Some(old), Some(new)) if old.name < new.name => Some(old),
                        (old, new) => new.or(old),
                    };
                }
                None => {
                    skip(map)?;
                }
            },
        }
        Ok(())
    }
}

/// What a member is that an automatic answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Setting {
    ToolConfig,
    Tools,
    ToolChoice,
    Limit,
    Stop,
    Output,
    Fields,
}

/// Members that an automatic answer depends on, in the order of the body.
#[derive(Debug, Default, Hash)]
pub(crate) struct Settings<'a>(Vec<(Setting, &'a str)>);

impl<'de> Settings<'de> {
    fn node<A: MapAccess<'de>>(
        &mut self,
        setting: Setting,
        map: &mut A,
    ) -> Result<Option<Node<'de>>, A::Error> {
        let node = node(map)?;
        self.0.extend(node.as_ref().map(|node| (setting, node.text())));
        Ok(node)
    }
}

fn node<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Node<'de>>, A::Error> {
    let node = Node::new(map.next_value::<&'de RawValue>()?);
    Ok((!node.is_null()).then_some(node))
}

fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    map.next_value::<IgnoredAny>().map(|_| true)
}

/// A member's name, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit(&'static str);
        impl<'de> Visitor<'de> for Visit {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Visit("a string"))
    }
}

/// `null`, or an array of messages.
struct Messages<'a>(Option<Vec<Message<'a>>>);

impl<'de> Deserialize<'de> for Messages<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Messages<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of messages")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Messages(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut messages = Vec::new();
                while let Some(message) = seq.next_element()? {
                    messages.push(message);
                }
                Ok(Messages(Some(messages)))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Message<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message (an object with role and content)")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut message = Message::default();
                while let Some(Key(key)) = map.next_key()? {
                    match &*key {
                        "role" => message.role = Some(map.next_value::<Key<'de>>()?.0),
                        "content" => message.content = node(&mut map)?,
                        "tool_call_id" => message.tool_call_id = node(&mut map)?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                if message.role.is_none() {
                    return Err(A::Error::custom("a message must have a role"));
                }
                Ok(message)
            }
        }
        deserializer.deserialize_map(Visit)
    }
}
