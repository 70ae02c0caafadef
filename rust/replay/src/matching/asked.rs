//! One request, as criteria see it.

use std::borrow::Cow;

use crate::body::{Blocks, Features};
use crate::criteria::{Criteria, Model, Text};
use crate::head::Head;
use crate::operation::Operation;

/// The prefixes of inference profiles, by geography.
const REGIONS: [&str; 8] = ["us.", "eu.", "apac.", "us-gov.", "jp.", "au.", "ca.", "global."];

const GUARDRAIL_HEADER: &str = "x-amzn-bedrock-guardrailidentifier";
const METADATA_HEADER: &str = "x-amzn-bedrock-request-metadata";

/// A key of criteria.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Operation,
    Attempt,
    Embedding,
    TurnSinceUser,
    HasToolResult,
    HasImage,
    HasDocument,
    Session,
    Context,
    ToolChoice,
    Guardrail,
    Header,
    RequestMetadata,
    ToolCallId,
    ToolName,
    Model,
    UserMessage,
    InputText,
    ToolResult,
    SystemMessage,
}

impl Key {
    /// All of them, the cheap ones first.
    pub(crate) const ALL: [Self; 20] = [
        Self::Operation,
        Self::Attempt,
        Self::Embedding,
        Self::TurnSinceUser,
        Self::HasToolResult,
        Self::HasImage,
        Self::HasDocument,
        Self::Session,
        Self::Context,
        Self::ToolChoice,
        Self::Guardrail,
        Self::Header,
        Self::RequestMetadata,
        Self::ToolCallId,
        Self::ToolName,
        Self::Model,
        Self::UserMessage,
        Self::InputText,
        Self::ToolResult,
        Self::SystemMessage,
    ];

    /// Its name in fixture files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Attempt => "attempt",
            Self::Embedding => "endpoint",
            Self::TurnSinceUser => "turnSinceUser",
            Self::HasToolResult => "hasToolResult",
            Self::HasImage => "hasImage",
            Self::HasDocument => "hasDocument",
            Self::ToolChoice => "toolChoice",
            Self::Guardrail => "guardrail",
            Self::Header => "headers",
            Self::RequestMetadata => "requestMetadata",
            Self::Session => "session",
            Self::Context => "context",
            Self::ToolCallId => "toolCallId",
            Self::ToolName => "toolName",
            Self::Model => "model",
            Self::UserMessage => "userMessage",
            Self::InputText => "inputText",
            Self::ToolResult => "toolResultContains",
            Self::SystemMessage => "systemMessage",
        }
    }
}

/// One request, as criteria see it.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) operation: Operation,
    pub(crate) model: &'a str,
    /// The model id, and what is left of it without an ARN's path and without a region prefix.
    models: Vec<&'a str>,
    pub(crate) session: &'a str,
    pub(crate) context: Option<&'a str>,
    head: &'a Head<'a>,
    pub(crate) features: &'a Features<'a>,
    /// The body that has these features.
    pub(crate) body: &'a [u8],
}

impl<'a> Asked<'a> {
    pub(crate) fn new(
        operation: Operation,
        model: &'a str,
        head: &'a Head<'a>,
        features: &'a Features<'a>,
        body: &'a [u8],
    ) -> Self {
        let (session, context) = (&*head.session, head.context.as_deref());
        Self { operation, model, models: forms(model), session, context, head, features, body }
    }

    /// The texts that a key is about.
    pub(crate) fn texts(&self, key: Key) -> Texts<'_> {
        let one = |text: Option<&'a str>| Texts::One(text.map(Found::Plain).into_iter());
        let blocks = |text: Option<&'a Blocks<'a>>| Texts::One(text.map(Found::Blocks).into_iter());
        let features = self.features;
        match key {
            Key::Session => one(Some(self.session)),
            Key::Context => one(self.context),
            Key::Model => one(Some(self.model)),
            Key::UserMessage => blocks(features.user_message.as_ref()),
            Key::InputText => blocks(features.input_text.as_ref()),
            Key::SystemMessage => blocks(features.system_message.as_ref()),
            Key::ToolName => Texts::Names(features.tool_names.iter()),
            Key::ToolCallId => Texts::Ids(features.tool_results.iter()),
            Key::ToolResult => Texts::Results(features.tool_results.iter()),
            Key::ToolChoice => one(features.tool_choice.as_deref()),
            Key::Guardrail => one(self.guardrail()),
            _ => one(None),
        }
    }

    /// Which attempt of an SDK it is.
    pub(crate) fn attempt(&self) -> u32 {
        self.head.attempt
    }

    /// The guardrail's id: of a Converse body, or of a header of `InvokeModel`.
    fn guardrail(&self) -> Option<&'a str> {
        let header = || self.header_values(GUARDRAIL_HEADER).next();
        self.features.guardrail.as_deref().or_else(header)
    }

    /// The values of the headers of a name in lower case.
    fn header_values(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.head.raw.iter().filter(move |(found, _)| {
            found.len() == name.len() && found.eq_ignore_ascii_case(name.as_bytes())
        });
        named.filter_map(|(_, value)| std::str::from_utf8(value).ok().map(str::trim))
    }

    pub(super) fn has_header(&self, name: &str, text: &Text) -> bool {
        let named = self.head.raw.iter().filter(|(found, _)| {
            found.len() == name.len() && found.eq_ignore_ascii_case(name.as_bytes())
        });
        named
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
            .any(|value| text.meets(value.trim()))
    }

    /// Request metadata is in a Converse body, or JSON in a header of `InvokeModel`.
    pub(super) fn has_metadata(&self, name: &str, text: &Text) -> bool {
        let meets = |found: &[(Cow<'_, str>, Cow<'_, str>)]| {
            found.iter().any(|(key, value)| key == name && text.meets(value))
        };
        meets(&self.features.request_metadata)
            || self
                .header_values(METADATA_HEADER)
                .any(|json| crate::body::metadata_of(json).is_ok_and(|found| meets(&found)))
    }

    fn meets_flag(&self, key: Key, wanted: bool) -> bool {
        let features = self.features;
        wanted
            == match key {
                Key::HasToolResult => features.has_tool_result,
                Key::HasImage => features.has_image,
                Key::HasDocument => features.has_document,
                _ => features.embedding,
            }
    }

    /// The families that the model is of: each form of its id, and each beginning of one that `-`
    /// and a digit follow.
    pub(crate) fn families(&self) -> impl Iterator<Item = &'a str> {
        self.models.iter().flat_map(|form| {
            let versions = form.match_indices('-').map(|(at, _)| at);
            let begun = versions
                .filter(|at| form.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit))
                .map(|at| &form[..at]);
            std::iter::once(*form).chain(begun)
        })
    }

    fn is_of_family(&self, family: &str) -> bool {
        self.models.iter().any(|form| match form.strip_prefix(family).map(str::as_bytes) {
            Some([]) => true,
            Some([b'-', digit, ..]) => digit.is_ascii_digit(),
            _ => false,
        })
    }
}

/// The texts of one key.
pub(crate) enum Texts<'a> {
    One(std::option::IntoIter<Found<'a>>),
    Names(std::slice::Iter<'a, Cow<'a, str>>),
    Ids(std::slice::Iter<'a, crate::body::ToolResult<'a>>),
    Results(std::slice::Iter<'a, crate::body::ToolResult<'a>>),
}

impl<'a> Iterator for Texts<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        match self {
            Self::One(text) => text.next(),
            Self::Names(names) => names.next().map(|name| Found::Plain(name)),
            Self::Ids(results) => results.find_map(|result| result.id.as_deref()).map(Found::Plain),
            Self::Results(results) => results
                .next()
                .map(|result| result.text.as_ref().map_or(Found::Plain(""), Found::Blocks)),
        }
    }
}

/// One text of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'a> {
    Plain(&'a str),
    Blocks(&'a Blocks<'a>),
}

impl<'a> Found<'a> {
    /// With a line for each block.
    pub(crate) fn lines(self) -> &'a str {
        match self {
            Self::Plain(text) => text,
            Self::Blocks(blocks) => blocks.lines(),
        }
    }

    /// The texts that may be equal to a whole one.
    pub(crate) fn wholes(self) -> impl Iterator<Item = &'a str> {
        let (plain, blocks) = self.parted();
        plain.into_iter().chain(blocks.into_iter().flat_map(Blocks::wholes))
    }

    /// The texts that have all its parts.
    pub(crate) fn searched(self) -> impl Iterator<Item = &'a str> {
        let (plain, blocks) = self.parted();
        plain.into_iter().chain(blocks.into_iter().flat_map(Blocks::searched))
    }

    pub(crate) fn meets(self, text: &Text) -> bool {
        match self {
            Self::Plain(found) => text.meets(found),
            Self::Blocks(blocks) => match text {
                Text::Equals(_) => blocks.wholes().any(|whole| text.meets(whole)),
                Text::Contains(_) => text.meets(blocks.joined()),
                Text::Regex(_) => text.meets(blocks.lines()),
            },
        }
    }

    fn parted(self) -> (Option<&'a str>, Option<&'a Blocks<'a>>) {
        match self {
            Self::Plain(text) => (Some(text), None),
            Self::Blocks(blocks) => (None, Some(blocks)),
        }
    }
}

fn forms(model: &str) -> Vec<&str> {
    let mut forms = vec![model];
    let mut add = |form| {
        if !forms.contains(&form) {
            forms.push(form);
        }
    };
    let resource = match model.rsplit_once('/') {
        Some((arn, resource)) if arn.starts_with("arn:") => resource,
        _ => model,
    };
    add(resource);
    if let Some(rest) = REGIONS.iter().find_map(|region| resource.strip_prefix(region)) {
        add(rest);
    }
    forms
}

impl Criteria {
    /// What is asked of the texts of a key; for the system text, all of it.
    pub(crate) fn text(&self, key: Key) -> &[Text] {
        match key {
            Key::Session => self.session.as_slice(),
            Key::Context => self.context.as_slice(),
            Key::ToolCallId => self.tool_call_id.as_slice(),
            Key::ToolName => self.tool_name.as_slice(),
            Key::UserMessage => self.user_message.as_slice(),
            Key::InputText => self.input_text.as_slice(),
            Key::ToolResult => self.tool_result.as_slice(),
            Key::SystemMessage => &self.system_message,
            Key::Model => match &self.model {
                Some(Model::Text(text)) => std::slice::from_ref(text),
                _ => &[],
            },
            Key::ToolChoice => self.tool_choice.as_slice(),
            Key::Guardrail => self.guardrail.as_slice(),
            _ => &[],
        }
    }

    /// What is asked of a member that is there or not.
    pub(crate) fn flag(&self, key: Key) -> Option<bool> {
        match key {
            Key::HasToolResult => self.has_tool_result,
            Key::HasImage => self.has_image,
            Key::HasDocument => self.has_document,
            Key::Embedding => self.embedding,
            _ => None,
        }
    }

    /// Whether anything is asked by that key.
    pub(crate) fn asks(&self, key: Key) -> bool {
        match key {
            Key::Operation => !self.operations.is_empty(),
            Key::HasToolResult | Key::HasImage | Key::HasDocument | Key::Embedding => {
                self.flag(key).is_some()
            }
            Key::Attempt => self.attempt.is_some(),
            Key::TurnSinceUser => self.turn_since_user.is_some(),
            Key::Header => !self.headers.is_empty(),
            Key::RequestMetadata => !self.request_metadata.is_empty(),
            Key::Model => self.model.is_some(),
            _ => !self.text(key).is_empty(),
        }
    }

    /// Whether what is asked by that key holds; true where nothing is asked.
    pub(crate) fn holds(&self, key: Key, asked: &Asked<'_>) -> bool {
        match key {
            // A request to count tokens wants no answer but the count, unless a fixture names it.
            Key::Operation if self.operations.is_empty() => {
                asked.operation != Operation::CountTokens
            }
            Key::Operation => self.operations.contains(&asked.operation),
            Key::HasToolResult | Key::HasImage | Key::HasDocument | Key::Embedding => {
                self.flag(key).is_none_or(|wanted| asked.meets_flag(key, wanted))
            }
            Key::Attempt => self.attempt.is_none_or(|wanted| wanted == asked.head.attempt),
            Key::TurnSinceUser => {
                self.turn_since_user.is_none_or(|wanted| wanted == asked.features.turn_since_user)
            }
            Key::Header => self.headers.iter().all(|(name, text)| asked.has_header(name, text)),
            Key::RequestMetadata => {
                self.request_metadata.iter().all(|(name, text)| asked.has_metadata(name, text))
            }
            Key::Model => match &self.model {
                Some(Model::Family(family)) => asked.is_of_family(family),
                Some(Model::Text(text)) => text.meets(asked.model),
                None => true,
            },
            _ => self.text(key).iter().all(|text| asked.texts(key).any(|found| found.meets(text))),
        }
    }

    /// Whether all that is asked holds.
    pub(crate) fn hold(&self, asked: &Asked<'_>) -> bool {
        Key::ALL.into_iter().all(|key| self.holds(key, asked))
    }
}
