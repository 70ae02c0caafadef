//! CRC-32 (ISO-HDLC), the wire's only checksum.

/// Slice-by-8 tables, for the 8 bytes of a prelude: below 16 bytes the SIMD kernel of `crc32fast`
/// does not start, and its generic path costs twice as much as eight look-ups.
const TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (if crc & 1 == 1 { 0xEDB8_8320 } else { 0 });
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut slice = 1;
    while slice < 8 {
        let mut byte = 0;
        while byte < 256 {
            let below = tables[slice - 1][byte];
            tables[slice][byte] = (below >> 8) ^ tables[0][(below & 0xFF) as usize];
            byte += 1;
        }
        slice += 1;
    }
    tables
}

/// The CRC of a prelude's two lengths.
#[inline]
pub(crate) fn of_lengths(bytes: [u8; 8]) -> u32 {
    let [t0, t1, t2, t3, h0, h1, h2, h3] = bytes;
    !(TABLES[7][usize::from(t0 ^ 0xFF)]
        ^ TABLES[6][usize::from(t1 ^ 0xFF)]
        ^ TABLES[5][usize::from(t2 ^ 0xFF)]
        ^ TABLES[4][usize::from(t3 ^ 0xFF)]
        ^ TABLES[3][usize::from(h0)]
        ^ TABLES[2][usize::from(h1)]
        ^ TABLES[1][usize::from(h2)]
        ^ TABLES[0][usize::from(h3)])
}

/// The CRC of bytes whose running CRC so far is `seed`.
#[inline]
pub(crate) fn continued(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_is_that_of_iso_hdlc_and_not_of_crc_32c() {
        assert_eq!(continued(0, b"123456789"), 0xCBF4_3926);
        assert_ne!(continued(0, b"123456789"), 0xE306_9283);
    }

    #[test]
    fn the_prelude_tables_agree_with_the_general_kernel() {
        let mut bytes = *b"\x00\x00\x00\x10\x00\x00\x00\x00";
        for round in 0..10_000u64 {
            assert_eq!(of_lengths(bytes), continued(0, &bytes));
            bytes = round.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        }
    }

    #[test]
    fn a_crc_can_be_continued_at_any_byte() {
        let bytes: Vec<u8> = (0..=255).cycle().take(700).collect();
        let whole = continued(0, &bytes);
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(continued(continued(0, head), tail), whole);
        }
    }
}
