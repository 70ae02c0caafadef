//! The header of a fragment and its checksum.

/// Bytes of a block. Nothing crosses one.
pub const BLOCK: usize = 32 * 1024;

/// The largest record that is written or read: what a reader may have to keep of one.
pub const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a fragment's header.
pub(super) const HEADER: usize = 16;

/// Which part of a record a fragment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Full = 1,
    First = 2,
    Middle = 3,
    Last = 4,
}

impl Part {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Full),
            2 => Some(Self::First),
            3 => Some(Self::Middle),
            4 => Some(Self::Last),
            _ => None,
        }
    }

    pub(super) const fn begins(self) -> bool {
        matches!(self, Self::Full | Self::First)
    }

    pub(super) const fn ends(self) -> bool {
        matches!(self, Self::Full | Self::Last)
    }
}

/// A fragment whose checksum is right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment<'a> {
    pub(super) part: Part,
    pub(super) kind: u8,
    pub(super) generation: u32,
    pub(super) seq: u32,
    pub(super) payload: &'a [u8],
}

/// Why bytes are not a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its length goes past the end of the block, or of the file.
    Overrun,
    /// Its checksum is another.
    Checksum,
    /// Its checksum is right, its type is not known.
    Type,
}

/// Append a fragment.
pub(super) fn write(fragment: Fragment<'_>, out: &mut Vec<u8>) {
    let len = u16::try_from(fragment.payload.len()).expect("a block is less than 64 KiB");
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&len.to_le_bytes());
    out.push(fragment.part as u8);
    out.push(fragment.kind);
    out.extend_from_slice(&fragment.generation.to_le_bytes());
    out.extend_from_slice(&fragment.seq.to_le_bytes());
    out.extend_from_slice(fragment.payload);
    let crc = masked(crc32c::crc32c(&out[start + 4..]));
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
}

/// Read the fragment that begins `bytes`, which are at least a header.
pub(super) fn read(bytes: &[u8]) -> Result<Fragment<'_>, Fault> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>().expect("the caller has looked");
    let len = usize::from(u16::from_le_bytes([header[4], header[5]]));
    let payload = rest.get(..len).ok_or(Fault::Overrun)?;
    if masked(crc32c::crc32c(&bytes[4..HEADER + len])) != word(header, 0) {
        return Err(Fault::Checksum);
    }
    Ok(Fragment {
        part: Part::from_byte(header[6]).ok_or(Fault::Type)?,
        kind: header[7],
        generation: word(header, 8),
        seq: word(header, 12),
        payload,
    })
}

/// Generation and number of the header that begins `bytes`, right or not.
pub(super) fn identity(bytes: &[u8]) -> (u32, u32) {
    let header = bytes.first_chunk().expect("the caller has looked");
    (word(header, 8), word(header, 12))
}

/// Whether the header that begins `bytes` has a type that is known.
pub(super) fn has_part(bytes: &[u8]) -> bool {
    Part::from_byte(bytes[6]).is_some()
}

fn word(header: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"))
}

/// The masked form, as in `LevelDB`: a CRC over bytes that hold CRCs loses strength without it.
const fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}
