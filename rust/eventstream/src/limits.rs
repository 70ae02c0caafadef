//! Upper bounds, checked on the prelude alone, before anything is buffered.

/// Upper bounds of a message, in bytes.
///
/// The specification sets limits by role: "services MUST validate" them, "clients MUST NOT".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The whole frame, checksums included.
    pub max_message: u32,
    /// The headers block.
    pub max_headers: u32,
    /// The payload.
    pub max_payload: u32,
}

impl Limits {
    /// No bound but the wire's own: a length is a `u32`.
    pub const NONE: Self =
        Self { max_message: u32::MAX, max_headers: u32::MAX, max_payload: u32::MAX };

    /// What services must enforce: a payload of 24 MiB, headers of 128 KiB.
    pub const SERVICE: Self =
        Self { max_headers: 128 * 1024, max_payload: 24 * 1024 * 1024, ..Self::NONE };

    /// What a client should run with: none of the specification's limits, and 64 MiB a message, so
    /// that a hostile prelude cannot make it buffer 4 GiB. The figure is this crate's.
    pub const CLIENT: Self = Self { max_message: 64 * 1024 * 1024, ..Self::NONE };
}

impl Default for Limits {
    fn default() -> Self {
        Self::CLIENT
    }
}
