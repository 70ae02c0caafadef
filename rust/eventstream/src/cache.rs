//! Headers blocks seen before need not be validated again, nor summed.
//!
//! A stream repeats a handful of blocks: every text delta of a Bedrock answer carries the same 87
//! bytes. Equal bytes are equally valid, so one comparison stands for the whole parse, and a reader
//! that builds something for a block can keep it under the block's [`BlockId`]. A block that comes
//! often gets CRC tables ([`Prefix`]), which all caches of the process share.

use std::sync::Arc;

use crate::error::Error;
use crate::header::Headers;
use crate::prefix::{self, Prefix};

/// How many blocks are kept; a Converse stream has six.
const SLOTS: usize = 8;

/// Longer blocks are not kept: they are rare, and the memory is per decoder.
const MAX_BLOCK_LEN: usize = 256;

/// Frames of one block in one cache before its CRC tables are made: making them costs as much as they
/// save in a few hundred frames.
const FRAMES_BEFORE_TABLES: u32 = 16;

/// Names a headers block within one cache: equal ids, equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockId(u64);

impl BlockId {
    /// How many slots there are.
    pub const SLOTS: usize = SLOTS;

    /// The slot, below [`BlockId::SLOTS`], that a reader may keep its own state for the block in.
    /// A later block may take it over, so compare the id.
    pub fn slot(self) -> usize {
        (self.0 % SLOTS as u64) as usize
    }
}

/// The last few headers blocks that were found valid.
#[derive(Debug, Default)]
pub struct HeaderCache {
    slots: [Option<Slot>; SLOTS],
    latest: usize,
    issued: u64,
}

#[derive(Debug)]
struct Slot {
    id: BlockId,
    block: Vec<u8>,
    hits: u32,
    prefix: Option<Arc<Prefix>>,
}

/// A block that is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) id: BlockId,
    pub(crate) prefix: Option<&'a Prefix>,
}

impl HeaderCache {
    /// Validate a block, or recognise it. `None` stands for a block too long to be held.
    ///
    /// # Errors
    ///
    /// As [`Headers::validate`].
    #[inline]
    pub fn validate<'a>(
        &mut self,
        block: &'a [u8],
    ) -> Result<(Headers<'a>, Option<BlockId>), Error> {
        match self.find(block) {
            Some(known) => Ok((Headers::trusted(block), Some(known.id))),
            None => self.insert(block).map(|id| (Headers::trusted(block), id)),
        }
    }

    /// Validate a block that is not held, and hold it.
    pub(crate) fn insert(&mut self, block: &[u8]) -> Result<Option<BlockId>, Error> {
        Headers::validate(block)?;
        if block.len() > MAX_BLOCK_LEN {
            return Ok(None);
        }
        let id = BlockId(self.issued);
        self.issued += 1;
        self.latest = id.slot();
        let mut kept = self.slots[self.latest].take().map_or_else(Vec::new, |slot| slot.block);
        kept.clear();
        kept.extend_from_slice(block);
        self.slots[self.latest] = Some(Slot { id, block: kept, hits: 0, prefix: None });
        Ok(Some(id))
    }

    /// A block that is held; the one that was found last is tried first.
    #[inline]
    pub(crate) fn find(&mut self, block: &[u8]) -> Option<Known<'_>> {
        let holds = |slot: &Option<Slot>| slot.as_ref().is_some_and(|slot| slot.block == block);
        if !holds(&self.slots[self.latest]) {
            self.latest = self.slots.iter().position(holds)?;
        }
        let slot = self.slots[self.latest].as_mut()?;
        if slot.prefix.is_none() {
            slot.hits += 1;
            slot.prefix = match slot.hits {
                // Not when it is first seen: many blocks never come again.
                1 => prefix::shared(block),
                FRAMES_BEFORE_TABLES => Some(prefix::share(block)),
                _ => None,
            };
        }
        Some(Known { id: slot.id, prefix: slot.prefix.as_deref() })
    }
}
