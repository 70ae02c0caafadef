//! The running CRC after a prelude and a headers block that are known.
//!
//! CRC-32 is affine over GF(2): with the headers fixed, the only input left is the frame's total
//! length, and the CRC is a constant xor one table entry for each byte of it. That saves the checksum
//! of the headers, which are half of a Bedrock frame, and it is exact: the bytes were compared.

use std::sync::{Arc, Mutex};

use crate::crc;

/// How many blocks' tables the process keeps for its decoders, 2 KiB each.
const SHARED: usize = 16;

/// The tables of the blocks that came often lately; the oldest is replaced.
static TABLES: Mutex<Shared> = Mutex::new(Shared { kept: Vec::new(), oldest: 0 });

struct Shared {
    kept: Vec<(Box<[u8]>, Arc<Prefix>)>,
    oldest: usize,
}

impl Shared {
    fn find(&self, block: &[u8]) -> Option<Arc<Prefix>> {
        let (_, prefix) = self.kept.iter().find(|(kept, _)| **kept == *block)?;
        Some(Arc::clone(prefix))
    }
}

/// The tables of a block, if the process has them. Never waits: they only save time.
pub(crate) fn shared(block: &[u8]) -> Option<Arc<Prefix>> {
    TABLES.try_lock().ok()?.find(block)
}

/// The tables of a block, made and kept for other decoders if the process does not have them.
#[cold]
pub(crate) fn share(block: &[u8]) -> Arc<Prefix> {
    if let Some(prefix) = shared(block) {
        return prefix;
    }
    let prefix = Arc::new(Prefix::of(block));
    // Never waits: the thread that held it when the process forked does not exist in the child.
    let Ok(mut tables) = TABLES.try_lock() else {
        return prefix;
    };
    if let Some(prefix) = tables.find(block) {
        return prefix;
    }
    let entry = (block.into(), Arc::clone(&prefix));
    if tables.kept.len() < SHARED {
        tables.kept.push(entry);
    } else {
        let oldest = tables.oldest;
        tables.kept[oldest] = entry;
        tables.oldest = (oldest + 1) % SHARED;
    }
    prefix
}

/// For one headers block, the CRC of a frame's first `12 + H` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix {
    constant: u32,
    low: [u32; 256],
    high: [u32; 256],
}

impl Prefix {
    /// The tables serve frames below this length; the few longer ones are summed as they come.
    pub(crate) const MAX_FRAME_LEN: usize = 1 << 16;

    pub(crate) fn of(block: &[u8]) -> Self {
        let constant = summed(block, 0);
        let bit = |index: usize| summed(block, 1 << index) ^ constant;
        Self {
            constant,
            low: table(std::array::from_fn(bit)),
            high: table(std::array::from_fn(|index| bit(index + 8))),
        }
    }

    /// The running CRC, for a frame shorter than [`Self::MAX_FRAME_LEN`].
    #[inline]
    pub(crate) fn crc(&self, frame_len: usize) -> u32 {
        self.constant ^ self.low[frame_len & 0xFF] ^ self.high[(frame_len >> 8) & 0xFF]
    }
}

/// The CRC of a prelude and its headers block, summed byte by byte.
fn summed(block: &[u8], frame_len: u32) -> u32 {
    let mut lengths = [0; 8];
    lengths[..4].copy_from_slice(&frame_len.to_be_bytes());
    lengths[4..].copy_from_slice(&(block.len() as u32).to_be_bytes());
    let prelude_crc = crc::of_lengths(lengths);
    crc::continued(crc::continued(prelude_crc, &prelude_crc.to_be_bytes()), block)
}

/// For each byte, the xor of the entries of its bits.
fn table(bits: [u32; 8]) -> [u32; 256] {
    let mut table = [0; 256];
    for byte in 1..256usize {
        // Without its lowest bit the byte is smaller, so its entry is there already.
        table[byte] = table[byte & (byte - 1)] ^ bits[byte.trailing_zeros() as usize];
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_shared_and_their_number_is_bounded() {
        let blocks: Vec<Vec<u8>> = (0..40u8).map(|byte| vec![byte; 20]).collect();
        for block in &blocks {
            let made = share(block);
            assert_eq!(*made, Prefix::of(block));
            assert!(shared(block).is_some_and(|found| Arc::ptr_eq(&found, &made)));
        }
        assert!(shared(&blocks[0]).is_none());
        assert_eq!(TABLES.lock().expect("no test panics in it").kept.len(), SHARED);
    }

    #[test]
    fn the_tables_agree_with_the_sum_for_every_length() {
        for block_len in [0, 1, 75, 87, 300] {
            let block: Vec<u8> = (0..=255).cycle().take(block_len).collect();
            let prefix = Prefix::of(&block);
            for frame_len in 0..Prefix::MAX_FRAME_LEN {
                assert_eq!(prefix.crc(frame_len), summed(&block, frame_len as u32));
            }
        }
    }
}
