//! Headers blocks seen before need not be validated again.
//!
//! A stream repeats a handful of blocks: every text delta of a Bedrock answer carries the same 87
//! bytes. Equal bytes are equally valid, so one comparison stands for the whole parse, and a reader
//! that builds something for a block can keep it under the block's [`BlockId`].

use crate::error::Error;
use crate::header::Headers;

/// How many blocks are kept; a Converse stream has six.
const SLOTS: usize = 8;

/// Longer blocks are not kept: they are rare, and the memory is per decoder.
const MAX_BLOCK_LEN: usize = 256;

/// Names a headers block within one cache: equal ids, equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockId(u64);

impl BlockId {
    /// The slot, below [`BlockId::SLOTS`], that a reader may keep its own state for the block in.
    /// A later block may take it over, so compare the id.
    pub fn slot(self) -> usize {
        (self.0 % SLOTS as u64) as usize
    }

    /// How many slots there are.
    pub const SLOTS: usize = SLOTS;
}

/// The last few headers blocks that were found valid.
#[derive(Debug, Default)]
pub struct HeaderCache {
    blocks: [Vec<u8>; SLOTS],
    ids: [Option<BlockId>; SLOTS],
    latest: usize,
    issued: u64,
}

impl HeaderCache {
    /// Validate a block, or recognise it. `None` stands for a block too long to be kept.
    ///
    /// # Errors
    ///
    /// As [`Headers::validate`].
    #[inline]
    pub fn validate<'a>(
        &mut self,
        block: &'a [u8],
    ) -> Result<(Headers<'a>, Option<BlockId>), Error> {
        if self.blocks[self.latest] == block
            && let Some(id) = self.ids[self.latest]
        {
            return Ok((Headers::trusted(block), Some(id)));
        }
        self.validate_slow(block)
    }

    fn validate_slow<'a>(
        &mut self,
        block: &'a [u8],
    ) -> Result<(Headers<'a>, Option<BlockId>), Error> {
        for slot in 0..SLOTS {
            if self.blocks[slot] == block
                && let Some(id) = self.ids[slot]
            {
                self.latest = slot;
                return Ok((Headers::trusted(block), Some(id)));
            }
        }
        let headers = Headers::validate(block)?;
        if block.len() > MAX_BLOCK_LEN {
            return Ok((headers, None));
        }
        let id = BlockId(self.issued);
        self.issued += 1;
        self.latest = id.slot();
        self.blocks[self.latest].clear();
        self.blocks[self.latest].extend_from_slice(block);
        self.ids[self.latest] = Some(id);
        Ok((headers, Some(id)))
    }
}
