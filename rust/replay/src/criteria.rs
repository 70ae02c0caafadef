//! What a fixture asks of a request.

use std::fmt;

use regex_automata::meta::{self, Config};

use crate::error::Invalid;
use crate::operation::Operation;

/// The most that one regular expression may weigh, compiled, in bytes.
pub const MAX_REGEX_BYTES: usize = 10 << 20;

/// The most that all regular expressions of a set of fixtures should weigh together.
pub const MAX_REGEXES_BYTES: usize = 64 << 20;

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub struct Regex {
    compiled: meta::Regex,
    pattern: Box<str>,
}

impl Regex {
    /// The pattern as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

/// What a fixture asks of one text.
#[derive(Debug, Clone)]
pub enum Text {
    /// The whole text.
    Equals(Box<str>),
    /// A part of it.
    Contains(Box<str>),
    /// A regular expression that finds something in it.
    Regex(Regex),
}

impl Text {
    /// Compile a regular expression.
    ///
    /// # Errors
    ///
    /// It is not one, or is too large.
    pub fn regex(pattern: &str) -> Result<Self, Invalid> {
        let too_large = || {
            Invalid::new(format!(
                "the regex takes more than the {MAX_REGEX_BYTES} bytes allowed once it is compiled; \
                 repeat smaller classes, or less often"
            ))
        };
        let config = Config::new().nfa_size_limit(Some(MAX_REGEX_BYTES));
        let built = meta::Regex::builder().configure(config).build(pattern);
        let compiled = built.map_err(|error| match error.syntax_error() {
            Some(syntax) => Invalid::new(syntax.to_string()),
            None if error.size_limit().is_some() => too_large(),
            None => Invalid::new(error.to_string()),
        })?;
        if compiled.memory_usage() > MAX_REGEX_BYTES {
            return Err(too_large());
        }
        Ok(Self::Regex(Regex { compiled, pattern: pattern.into() }))
    }

    /// Whether the text meets it.
    pub fn meets(&self, text: &str) -> bool {
        match self {
            Self::Equals(whole) => **whole == *text,
            Self::Contains(part) => text.contains(&**part),
            Self::Regex(regex) => regex.compiled.is_match(text),
        }
    }

    /// What it weighs where it is a regular expression, compiled, in bytes.
    pub fn regex_bytes(&self) -> usize {
        match self {
            Self::Regex(regex) => regex.compiled.memory_usage(),
            _ => 0,
        }
    }

    /// The pattern as it was given.
    pub fn pattern(&self) -> &str {
        match self {
            Self::Equals(text) | Self::Contains(text) => text,
            Self::Regex(regex) => &regex.pattern,
        }
    }
}

/// Reads on from "does not …".
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self {
            Self::Equals(_) => "equal",
            Self::Contains(_) => "contain",
            Self::Regex(_) => "match the regex",
        };
        write!(f, "{verb} {:?}", self.pattern())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.pattern() == other.pattern()
    }
}

impl Eq for Text {}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        self.pattern().hash(state);
    }
}

/// What a fixture asks of the model id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Model {
    /// Of the id as it came.
    Text(Text),
    /// The id, or one that goes on with `-` and a digit; of the id as it came, and of what is left
    /// without an ARN's path and without a region prefix.
    Family(Box<str>),
}

/// What a fixture asks of a request: all that is there must hold.
///
/// `turn_index` is not here: it never refuses a request, it only chooses among fixtures that match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Criteria {
    /// The last user message that has text.
    pub user_message: Option<Text>,
    /// All of these hold on the joined system text.
    pub system_message: Vec<Text>,
    /// The id of some tool result of the last message.
    pub tool_call_id: Option<Text>,
    /// The text of some tool result of the last message.
    pub tool_result: Option<Text>,
    /// The name of some tool definition.
    pub tool_name: Option<Text>,
    /// The input of a native body that has no messages.
    pub input_text: Option<Text>,
    /// The model id.
    pub model: Option<Model>,
    /// One of these operations; any where it is empty.
    pub operations: Vec<Operation>,
    /// The session.
    pub session: Option<Text>,
    /// The header `X-AIMock-Context`.
    pub context: Option<Text>,
    /// Whether the current turn has a tool result.
    pub has_tool_result: Option<bool>,
    /// Whether the current turn has a picture.
    pub has_image: Option<bool>,
    /// Whether the current turn has a document.
    pub has_document: Option<bool>,
    /// Whether an embedding is asked for.
    pub embedding: Option<bool>,
    /// How many times the assistant has spoken since the user last did.
    pub turn_since_user: Option<u32>,
    /// Which attempt of an SDK it is, from 1.
    pub attempt: Option<u32>,
    /// `auto`, `any`, `none`, or the name of the tool that must be called.
    pub tool_choice: Option<Text>,
    /// The id of the guardrail.
    pub guardrail: Option<Text>,
    /// All of these hold on a header of that name, in lower case.
    pub headers: Vec<(Box<str>, Text)>,
    /// All of these hold on the request metadata of that key.
    pub request_metadata: Vec<(Box<str>, Text)>,
}

impl Criteria {
    /// What its regular expressions weigh together, compiled, in bytes.
    pub fn regex_bytes(&self) -> usize {
        let single = [
            &self.user_message,
            &self.tool_call_id,
            &self.tool_result,
            &self.tool_name,
            &self.input_text,
            &self.session,
            &self.context,
            &self.tool_choice,
            &self.guardrail,
        ];
        let model = match &self.model {
            Some(Model::Text(text)) => Some(text),
            _ => None,
        };
        let named = self.headers.iter().chain(&self.request_metadata).map(|(_, text)| text);
        let texts = single.into_iter().flatten().chain(&self.system_message).chain(model);
        let texts = texts.chain(named);
        texts.map(Text::regex_bytes).sum()
    }
}
