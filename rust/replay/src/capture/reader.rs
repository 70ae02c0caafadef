//! Bytes to records; damaged bytes are skipped and reported.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};

use super::fragment::{self, BLOCK, Fault, HEADER, MAX_RECORD_BYTES, Part};

/// How many places of a block may look like a header before the rest of the block is skipped: each
/// costs a checksum, and hostile bytes could look so everywhere.
const MAX_TRIES: usize = 64;

/// A record whose checksums are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// What it is; see [`super::Kind`].
    pub kind: u8,
    /// Where its first fragment begins, in bytes from the start of the file.
    pub offset: u64,
    /// What it holds.
    pub payload: Vec<u8>,
}

/// Bytes that hold no whole record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where they begin, in bytes from the start of the file.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// What is wrong with the first of them.
    pub reason: Reason,
    /// How many fragments are missing, if a later one tells by its number.
    pub lost: Option<u32>,
    /// No valid fragment follows: a crash interrupted a write, or the file was truncated.
    pub torn_tail: bool,
}

/// What is wrong with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "said by `Display`")]
pub enum Reason {
    Checksum,
    Overrun,
    Type,
    Generation,
    Sequence,
    Unfinished,
    TooLarge,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Checksum => "the checksum differs",
            Self::Overrun => "a length goes past the end of its block or of the file",
            Self::Type => "an unknown type of fragment",
            Self::Generation => "bytes of another capture",
            Self::Sequence => "fragments are missing or out of order",
            Self::Unfinished => "a record without its end",
            Self::TooLarge => "a record above 16 MiB",
        })
    }
}

/// What a reader finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A record.
    Record(RawRecord),
    /// Bytes that hold none.
    Damage(Damage),
}

/// Reads a capture block by block. It never keeps more than a block and the record it is in.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    block: Vec<u8>,
    /// Where the block begins in the file.
    block_offset: u64,
    at: usize,
    /// No block comes after this one.
    last: bool,
    generation: Option<u32>,
    next_seq: u32,
    /// Where the last fragment that was right ended.
    valid_end: u64,
    open: Option<RawRecord>,
    /// A record is damaged: its other fragments are skipped.
    skipping: bool,
    damage: Option<(u64, Reason)>,
    found: VecDeque<Item>,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Read from the start of a capture.
    pub fn new(source: R) -> Self {
        Self {
            source,
            block: Vec::with_capacity(BLOCK),
            block_offset: 0,
            at: 0,
            last: false,
            generation: None,
            next_seq: 0,
            valid_end: 0,
            open: None,
            skipping: false,
            damage: None,
            found: VecDeque::new(),
            ended: false,
        }
    }

    /// The next record or damage, in the order of the file; `None` at its end.
    ///
    /// # Errors
    ///
    /// What the source fails with. Damage is not an error.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        loop {
            if let Some(item) = self.found.pop_front() {
                return Ok(Some(item));
            }
            if self.ended {
                return Ok(None);
            }
            self.step()?;
        }
    }

    /// Take a fragment, or what stands in its place.
    fn step(&mut self) -> io::Result<()> {
        let left = &self.block[self.at..];
        if left.len() < HEADER || left[..HEADER].iter().all(|byte| *byte == 0) {
            return self.pass_padding();
        }
        match fragment::read(left) {
            Ok(fragment) if self.generation.is_none_or(|own| own == fragment.generation) => {
                let size = HEADER + fragment.payload.len();
                // The borrow of the block ends here: a fragment is copied once, into its record.
                let (part, kind, seq) = (fragment.part, fragment.kind, fragment.seq);
                self.generation = Some(fragment.generation);
                let payload = self.at + HEADER..self.at + size;
                self.take(part, kind, seq, payload);
                self.at += size;
            }
            Ok(_) => self.skip_from(Reason::Generation),
            Err(Fault::Overrun) => self.skip_from(Reason::Overrun),
            Err(Fault::Checksum) => self.skip_from(Reason::Checksum),
            Err(Fault::Type) => self.skip_from(Reason::Type),
        }
        Ok(())
    }

    /// Go on to the next block. The rest of this one should be zero.
    fn pass_padding(&mut self) -> io::Result<()> {
        if self.block[self.at..].iter().any(|byte| *byte != 0) {
            if self.block.len() - self.at < HEADER {
                self.damage_from(self.here(), Reason::Overrun);
            } else {
                // A header of zeros, and something behind it: a sector that was never written.
                self.skip_from(Reason::Checksum);
                if self.at < self.block.len() {
                    return Ok(());
                }
            }
        }
        if self.last {
            self.end();
            return Ok(());
        }
        self.block_offset += self.block.len() as u64;
        self.block.clear();
        self.at = 0;
        let read = (&mut self.source).take(BLOCK as u64).read_to_end(&mut self.block)?;
        self.last = read < BLOCK;
        Ok(())
    }

    /// Take a fragment that is right in itself.
    fn take(&mut self, part: Part, kind: u8, seq: u32, payload: std::ops::Range<usize>) {
        let offset = self.here();
        let end = offset + (HEADER + payload.len()) as u64;
        let missing = seq.wrapping_sub(self.next_seq);
        if missing != 0 {
            self.damage_from(self.valid_end, Reason::Sequence);
        }
        if missing > u32::MAX / 2 {
            // An older one of this file: a block that was copied, or not overwritten.
            return;
        }
        self.valid_end = end;
        if part.begins() && self.open.is_some() {
            self.damage_from(offset, Reason::Unfinished);
        }
        self.settle_damage(offset, missing);
        self.next_seq = seq.wrapping_add(1);
        if part.begins() {
            self.skipping = false;
            self.open = Some(RawRecord { kind, offset, payload: Vec::new() });
        }
        let Some(open) = &mut self.open else {
            if !self.skipping {
                self.skipping = true;
                let length = (HEADER + payload.len()) as u64;
                let reason = Reason::Unfinished;
                let damage = Damage { offset, length, reason, lost: None, torn_tail: false };
                self.found.push_back(Item::Damage(damage));
            }
            return;
        };
        if open.payload.len() + payload.len() > MAX_RECORD_BYTES {
            let begun = open.offset;
            self.open = None;
            self.skipping = true;
            self.damage = Some((begun, Reason::TooLarge));
            return;
        }
        open.payload.extend_from_slice(&self.block[payload]);
        if part.ends() {
            self.found.extend(self.open.take().map(Item::Record));
        }
    }

    /// Skip bytes that are not a fragment, up to the next one in this block, or to the next block.
    fn skip_from(&mut self, reason: Reason) {
        self.damage_from(self.here(), reason);
        self.at = self.resume().unwrap_or(self.block.len());
    }

    /// Where the next fragment of this file begins in this block.
    fn resume(&self) -> Option<usize> {
        let most = (BLOCK / HEADER) as u32;
        (self.at + 1..self.block.len().saturating_sub(HEADER - 1))
            .filter(|at| {
                let header = &self.block[*at..];
                let (generation, seq) = fragment::identity(header);
                // Behind the fragment that is damaged, and not further than a block can hold.
                (1..=most).contains(&seq.wrapping_sub(self.next_seq))
                    && self.generation.is_none_or(|own| own == generation)
                    && fragment::has_part(header)
            })
            .take(MAX_TRIES)
            .find(|at| fragment::read(&self.block[*at..]).is_ok())
    }

    /// Where the reader is in the file.
    fn here(&self) -> u64 {
        self.block_offset + self.at as u64
    }

    /// Remember where damage begins: where the record that it spoils does.
    fn damage_from(&mut self, offset: u64, reason: Reason) {
        let begun = self.open.take().map(|open| open.offset);
        self.skipping = true;
        if self.damage.is_none() {
            self.damage = Some((begun.unwrap_or(offset), reason));
        }
    }

    /// Report damage that ends at `offset`, where a valid fragment begins.
    fn settle_damage(&mut self, offset: u64, missing: u32) {
        if let Some((begun, reason)) = self.damage.take() {
            let lost = Some(missing);
            let length = offset - begun;
            let damage = Damage { offset: begun, length, reason, lost, torn_tail: false };
            self.found.push_back(Item::Damage(damage));
        }
    }

    fn end(&mut self) {
        self.ended = true;
        let end = self.block_offset + self.block.len() as u64;
        if self.open.is_some() {
            self.damage_from(end, Reason::Unfinished);
        }
        if let Some((offset, reason)) = self.damage.take() {
            let (length, lost) = (end - offset, None);
            let damage = Damage { offset, length, reason, lost, torn_tail: true };
            self.found.push_back(Item::Damage(damage));
        }
    }
}
