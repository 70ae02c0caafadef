//! Records to bytes.

use super::fragment::{self, BLOCK, Fragment, HEADER, MAX_RECORD_BYTES, Part};

/// Writes records one after the other. It holds no bytes: they are appended to the caller's.
#[derive(Debug)]
pub struct Writer {
    generation: u32,
    seq: u32,
    /// How much of the present block is written.
    used: usize,
}

impl Writer {
    /// A writer at the start of a file. `generation` should be random.
    pub const fn new(generation: u32) -> Self {
        Self { generation, seq: 0, used: 0 }
    }

    /// Append a record of these parts, joined, to `out`.
    ///
    /// # Panics
    ///
    /// If the parts are more than [`MAX_RECORD_BYTES`].
    pub fn append(&mut self, kind: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
        let mut left: usize = parts.iter().map(|part| part.len()).sum();
        assert!(left <= MAX_RECORD_BYTES, "a record of {left} bytes");
        let joined;
        let mut payload = if let [one] = parts {
            *one
        } else {
            joined = parts.concat();
            joined.as_slice()
        };
        let mut first = true;
        loop {
            // A header without room for a byte behind it says nothing: it goes to the next block.
            if BLOCK - self.used < HEADER + usize::from(left > 0) {
                out.resize(out.len() + BLOCK - self.used, 0);
                self.used = 0;
            }
            let (now, rest) = payload.split_at(left.min(BLOCK - self.used - HEADER));
            let last = rest.is_empty();
            let part = match (first, last) {
                (true, true) => Part::Full,
                (true, false) => Part::First,
                (false, false) => Part::Middle,
                (false, true) => Part::Last,
            };
            let (generation, seq) = (self.generation, self.seq);
            fragment::write(Fragment { part, kind, generation, seq, payload: now }, out);
            self.seq = self.seq.wrapping_add(1);
            self.used = (self.used + HEADER + now.len()) % BLOCK;
            if last {
                return;
            }
            (payload, left, first) = (rest, rest.len(), false);
        }
    }
}
