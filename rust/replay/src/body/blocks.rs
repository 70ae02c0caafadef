//! The text of one message, which clients send in one block or in several.

use std::borrow::Cow;

/// Text in blocks. A message of one block, which most are, is held once and not copied.
#[derive(Debug, Clone)]
pub(crate) struct Blocks<'a> {
    /// The blocks joined with nothing, as aimock reads them.
    joined: Cow<'a, str>,
    /// Where there are several: a line for each, and the blocks themselves.
    several: Option<Several<'a>>,
}

#[derive(Debug, Clone)]
struct Several<'a> {
    lines: String,
    blocks: Vec<Cow<'a, str>>,
}

impl<'a> Blocks<'a> {
    /// The blocks of one message; absent where there are none.
    pub(crate) fn new(blocks: Vec<Cow<'a, str>>) -> Option<Self> {
        Self::of_messages(vec![blocks])
    }

    /// Texts that are separate from each other, such as the inputs of an embedding: joined, too,
    /// they stand a line each.
    pub(crate) fn separate(texts: Vec<Cow<'a, str>>) -> Option<Self> {
        Self::of_messages(texts.into_iter().map(|text| vec![text]).collect())
    }

    /// The blocks of several messages. Joined, a message stands on a line; absent where no message
    /// has a block.
    pub(crate) fn of_messages(mut messages: Vec<Vec<Cow<'a, str>>>) -> Option<Self> {
        messages.retain(|blocks| !blocks.is_empty());
        if let [blocks] = &mut *messages
            && let [_] = blocks[..]
        {
            return blocks.pop().map(|joined| Self { joined, several: None });
        }
        if messages.is_empty() {
            return None;
        }
        let joined: Vec<String> = messages.iter().map(|blocks| blocks.concat()).collect();
        let blocks: Vec<Cow<'a, str>> = messages.into_iter().flatten().collect();
        let several = Several { lines: blocks.join("\n"), blocks };
        Some(Self { joined: Cow::Owned(joined.join("\n")), several: Some(several) })
    }

    /// The text that a part is looked for in.
    pub(crate) fn joined(&self) -> &str {
        &self.joined
    }

    /// The text with a line for each block: what a regex is looked for in, and what a template gets.
    pub(crate) fn lines(&self) -> &str {
        self.several.as_ref().map_or(&*self.joined, |several| &several.lines)
    }

    /// The texts that may be equal to a whole one: all of it, and each block.
    pub(crate) fn wholes(&self) -> impl Iterator<Item = &str> {
        let blocks = self.several.iter().flat_map(|several| &several.blocks);
        std::iter::once(self.lines()).chain(blocks.map(|block| &**block))
    }

    /// The texts that have all its parts: joined both ways, where these differ.
    pub(crate) fn searched(&self) -> impl Iterator<Item = &str> {
        let lines = self.several.as_ref().map(|several| &*several.lines);
        std::iter::once(&*self.joined).chain(lines.filter(|lines| *lines != self.joined))
    }
}
