//! Which native format a body is in.

use super::input::Name;
use super::outline::Outline;
use crate::operation::Operation;

/// The format of a request body, which is the format of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `Converse` and `ConverseStream`.
    Converse,
    /// Anthropic Messages.
    Anthropic,
    /// The older text completions of Anthropic.
    AnthropicText,
    /// Amazon Nova.
    Nova,
    /// Amazon Titan.
    Titan,
    /// Meta Llama.
    Llama,
    /// Mistral's text completions; its chat is `OpenAi`.
    Mistral,
    /// Cohere.
    Cohere,
    /// The text completions of Cohere Command, which repeat the prompt.
    CohereText,
    /// The text completions of AI21 J2.
    Ai21Text,
    /// The text completions of `DeepSeek`, and of the families that otherwise are `OpenAi`.
    Completion,
    /// The families that speak the chat completions of `OpenAI`.
    OpenAi,
    /// None of these.
    Unknown,
}

/// What in a model id names which format. The first one found counts.
const FAMILIES: [(&str, Format); 18] = [
    ("anthropic.", Format::Anthropic),
    ("amazon.nova", Format::Nova),
    ("amazon.titan", Format::Titan),
    ("meta.llama", Format::Llama),
    ("mistral.", Format::Mistral),
    ("cohere.", Format::Cohere),
    ("ai21.", Format::OpenAi),
    ("deepseek.", Format::OpenAi),
    ("google.", Format::OpenAi),
    ("minimax.", Format::OpenAi),
    ("moonshot", Format::OpenAi),
    ("nvidia.", Format::OpenAi),
    ("openai.", Format::OpenAi),
    ("qwen.", Format::OpenAi),
    ("writer.", Format::OpenAi),
    ("xai.", Format::OpenAi),
    ("zai.", Format::OpenAi),
    ("claude", Format::Anthropic),
];

/// Providers whose models take a prompt, and do not answer with text.
const NO_TEXT: [&str; 3] = ["stability.", "luma.", "twelvelabs."];

impl Format {
    /// Its name in the fixture compiler.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Converse => "converse",
            Self::Anthropic => "anthropic",
            Self::AnthropicText => "anthropic-text",
            Self::Nova => "nova",
            Self::Titan => "titan",
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Cohere => "cohere",
            Self::CohereText => "cohere-text",
            Self::Ai21Text => "ai21-text",
            Self::Completion => "completion",
            Self::OpenAi => "openai",
            Self::Unknown => "unknown",
        }
    }

    /// What the body says outright counts most, then the model id, then the shape of the body.
    pub(super) fn of(outline: &Outline<'_>, operation: Operation, model: &str) -> Self {
        if operation.is_converse() {
            return Self::Converse;
        }
        let marks = &outline.marks;
        if marks.max_tokens_to_sample {
            return Self::AnthropicText;
        }
        if marks.anthropic_version {
            return Self::Anthropic;
        }
        if marks.schema_version || marks.inference_config {
            return Self::Nova;
        }
        let input = outline.input.as_ref().map(|input| input.name);
        let completes = outline.messages.is_none() && input == Some(Name::Prompt);
        if let Some((_, format)) = FAMILIES.iter().find(|(part, _)| model.contains(part)) {
            return match format {
                Self::Mistral if outline.messages.is_some() => Self::OpenAi,
                Self::Anthropic if completes => Self::AnthropicText,
                Self::Cohere if completes => Self::CohereText,
                Self::OpenAi if completes && model.contains("ai21.") => Self::Ai21Text,
                Self::OpenAi if completes => Self::Completion,
                format => *format,
            };
        }
        match (&outline.messages, input) {
            (Some(_), _) if outline.system.is_some() => Self::Anthropic,
            (Some(_), _) => Self::OpenAi,
            (None, Some(Name::InputText)) => Self::Titan,
            (None, Some(Name::Message | Name::Texts)) => Self::Cohere,
            (None, Some(Name::Prompt)) if marks.max_gen_len => Self::Llama,
            (None, Some(Name::Prompt)) if !NO_TEXT.iter().any(|part| model.contains(part)) => {
                Self::Completion
            }
            _ => Self::Unknown,
        }
    }

    /// Whether an answer repeats what was asked.
    pub(crate) const fn repeats(self) -> bool {
        matches!(self, Self::CohereText | Self::Ai21Text)
    }

    /// Whether a body must have messages, or one plain input.
    pub(super) const fn needs_messages(self) -> bool {
        matches!(self, Self::Converse | Self::Anthropic)
    }
}
