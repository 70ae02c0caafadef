//! The plain input of a native body without messages, by the name that each model has for it.

use std::borrow::Cow;

use super::Blocks;
use super::json::{Fault, Node};

/// A plain input, and the name that it came by.
#[derive(Debug)]
pub(super) struct Input<'a> {
    pub(super) name: Name,
    pub(super) node: Node<'a>,
}

/// The names of inputs. Of several in one body, the first of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// Titan, and Marengo.
    InputText,
    /// Text completions, and most models that make pictures.
    Prompt,
    /// Cohere Command R.
    Message,
    /// Pegasus.
    InputPrompt,
    /// Models that rank documents.
    Query,
    /// Cohere Embed.
    Texts,
    /// Cohere Embed from version 4 on; `SageMaker`'s containers.
    Inputs,
    /// Embeddings as `OpenAI` has them.
    Input,
    /// Stable Diffusion XL.
    TextPrompts,
    /// Nova Canvas, Nova Reel, Titan Image: `{"…Params": {"text"}}`.
    Params(&'static str),
    /// Nova Reel: `{"multiShotManualParams": {"shots": [{"text"}]}}`.
    Shots,
    /// Nova's embeddings: `{"…EmbeddingParams": {"text": {"value"}}}`.
    EmbeddingParams(&'static str),
    /// Marengo from version 3 on: `{"text": {"inputText"}}`.
    Wrapped(&'static str),
}

impl Name {
    pub(super) fn from_key(key: &str) -> Option<Self> {
        Some(match key {
            "inputText" => Self::InputText,
            "prompt" => Self::Prompt,
            "message" => Self::Message,
            "inputPrompt" => Self::InputPrompt,
            "query" => Self::Query,
            "texts" => Self::Texts,
            "inputs" => Self::Inputs,
            "input" => Self::Input,
            "text_prompts" => Self::TextPrompts,
            "textToImageParams" => Self::Params("textToImageParams"),
            "inPaintingParams" => Self::Params("inPaintingParams"),
            "outPaintingParams" => Self::Params("outPaintingParams"),
            "imageVariationParams" => Self::Params("imageVariationParams"),
            "colorGuidedGenerationParams" => Self::Params("colorGuidedGenerationParams"),
            "textToVideoParams" => Self::Params("textToVideoParams"),
            "multiShotAutomatedParams" => Self::Params("multiShotAutomatedParams"),
            "multiShotManualParams" => Self::Shots,
            "singleEmbeddingParams" => Self::EmbeddingParams("singleEmbeddingParams"),
            "segmentedEmbeddingParams" => Self::EmbeddingParams("segmentedEmbeddingParams"),
            "text" => Self::Wrapped("text"),
            "text_image" => Self::Wrapped("text_image"),
            _ => return None,
        })
    }
}

impl<'a> Input<'a> {
    /// Its text; absent where it has none, such as a picture to embed.
    pub(super) fn text(&self) -> Result<Option<Blocks<'a>>, Fault> {
        let strict = |name| move |fault: Fault| fault.below(format_args!(".{name}"));
        match self.name {
            Name::InputText => self.whole().map_err(strict("inputText")),
            Name::Prompt => self.whole().map_err(strict("prompt")),
            Name::Message => self.whole().map_err(strict("message")),
            Name::Texts => {
                let texts =
                    || self.node.items()?.iter().map(Node::string).collect::<Result<Vec<_>, _>>();
                texts().map(Blocks::separate).map_err(strict("texts"))
            }
            // Bodies of unknown models may have these names for something else.
            Name::InputPrompt | Name::Query => Ok(self.whole().unwrap_or_default()),
            Name::Input | Name::Inputs => Ok(Blocks::separate(inputs(&self.node))),
            Name::TextPrompts => Ok(Blocks::separate(texts_in(&self.node))),
            Name::Params(_) => Ok(one(member(&self.node, &["text"]))),
            Name::Shots => {
                let shots = member(&self.node, &["shots"]);
                Ok(Blocks::separate(shots.as_ref().map(texts_in).unwrap_or_default()))
            }
            Name::EmbeddingParams(_) => Ok(one(member(&self.node, &["text", "value"]))),
            Name::Wrapped(_) => Ok(one(member(&self.node, &["inputText"]))),
        }
    }

    fn whole(&self) -> Result<Option<Blocks<'a>>, Fault> {
        self.node.string().map(|text| Blocks::new(vec![text]))
    }
}

fn one(node: Option<Node<'_>>) -> Option<Blocks<'_>> {
    Blocks::new(vec![node?.string().ok()?])
}

fn member<'a>(node: &Node<'a>, path: &[&str]) -> Option<Node<'a>> {
    path.iter().try_fold(node.clone(), |node, name| node.member(name).ok()?)
}

/// The texts of `[{"text"}, …]`.
fn texts_in<'a>(node: &Node<'a>) -> Vec<Cow<'a, str>> {
    let items = node.items().unwrap_or_default();
    items.iter().filter_map(|item| member(item, &["text"])?.string().ok()).collect()
}

/// The texts of a string, of `["…"]` or of `[{"content": [{"text"}]}]`, where each is one input.
fn inputs<'a>(node: &Node<'a>) -> Vec<Cow<'a, str>> {
    if let Ok(text) = node.string() {
        return vec![text];
    }
    let items = node.items().unwrap_or_default();
    let text_of = |item: &Node<'a>| {
        if let Ok(text) = item.string() {
            return Some(text);
        }
        let mut parts = texts_in(&member(item, &["content"])?);
        match parts.len() {
            0 | 1 => parts.pop(),
            _ => Some(Cow::Owned(parts.join("\n"))),
        }
    };
    items.iter().filter_map(text_of).collect()
}
