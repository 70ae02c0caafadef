//! What can be wrong with a message, and where.

use std::fmt;

use crate::frame::PRELUDE_LEN;
use crate::sniff::LooksLike;

/// A fault: what, and where in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where the faulty frame begins, in bytes from the start of the stream.
    pub offset: u64,
    /// How many good frames came before it.
    pub frame_index: u64,
    /// Where in the frame the faulty field stands, in bytes from the start of the frame.
    pub position: usize,
}

/// What is wrong. `stored` is what the wire carries, `computed` what its bytes give; `found` is the
/// length that was met, `limit` the bound that it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the four words that the enum's own line explains")]
pub enum ErrorKind {
    /// The first 8 bytes do not match the prelude CRC.
    PreludeChecksum { stored: u32, computed: u32 },
    /// The frame does not match the message CRC.
    MessageChecksum { stored: u32, computed: u32 },
    /// The total length is below the 16 bytes of an empty message.
    MessageLength { found: u32, limit: u32 },
    /// The headers are longer than the message has room for.
    HeadersLength { found: u32, limit: u32 },
    /// Bytes follow where exactly one frame was expected.
    TrailingBytes { found: u64, limit: u64 },
    /// The headers block is above [`crate::Limits::max_headers`].
    HeadersTooLarge { found: u64, limit: u64 },
    /// The payload is above [`crate::Limits::max_payload`].
    PayloadTooLarge { found: u64, limit: u64 },
    /// The message is above [`crate::Limits::max_message`], or above what a `u32` can say.
    MessageTooLarge { found: u64, limit: u64 },
    /// A header name is empty, or longer than 255 bytes (which only an encoder can be asked for).
    HeaderNameLength { found: u64, limit: u64 },
    /// A header name is not UTF-8.
    HeaderNameUtf8,
    /// A header type above 9.
    HeaderType { found: u8 },
    /// A string value is not UTF-8.
    HeaderValueUtf8,
    /// A string or byte array longer than the grammar's 32,767 bytes.
    HeaderValueLength { found: u64, limit: u64 },
    /// A header reaches beyond the headers block.
    HeaderOverrun { found: u64, limit: u64 },
    /// A header name occurs twice.
    DuplicateHeader { name: String },
    /// The stream ended inside a frame: `found` bytes came of at least `limit`.
    Truncated { found: u64, limit: u64 },
    /// The stream begins with something else.
    NotEventStream { looks_like: LooksLike, head: Vec<u8> },
}

impl ErrorKind {
    /// The fault in one word, stable across versions.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PreludeChecksum { .. } => "prelude_checksum",
            Self::MessageChecksum { .. } => "message_checksum",
            Self::MessageLength { .. } => "message_length",
            Self::HeadersLength { .. } => "headers_length",
            Self::TrailingBytes { .. } => "trailing_bytes",
            Self::HeadersTooLarge { .. } => "headers_too_large",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::MessageTooLarge { .. } => "message_too_large",
            Self::HeaderNameLength { .. } => "header_name_length",
            Self::HeaderNameUtf8 => "header_name_utf8",
            Self::HeaderType { .. } => "header_type",
            Self::HeaderValueUtf8 => "header_value_utf8",
            Self::HeaderValueLength { .. } => "header_value_length",
            Self::HeaderOverrun { .. } => "header_overrun",
            Self::DuplicateHeader { .. } => "duplicate_header",
            Self::Truncated { .. } => "truncated",
            Self::NotEventStream { .. } => "not_event_stream",
        }
    }

    /// Put the fault at a byte of a frame whose place in a stream is not known here.
    pub(crate) fn at(self, position: usize) -> Error {
        Error { kind: self, offset: 0, frame_index: 0, position }
    }
}

impl Error {
    /// Put a fault that was found in a frame at that frame's place in the stream. `bytes` are what
    /// the frame begins with: at the start of a stream they may be no frame at all.
    #[cold]
    pub(crate) fn in_stream(mut self, offset: u64, frame_index: u64, bytes: &[u8]) -> Self {
        self.offset = offset;
        self.frame_index = frame_index;
        let unreadable = match self.kind {
            ErrorKind::PreludeChecksum { .. } => true,
            ErrorKind::Truncated { .. } => bytes.len() < PRELUDE_LEN,
            _ => false,
        };
        let head = &bytes[..bytes.len().min(PRELUDE_LEN)];
        if unreadable
            && frame_index == 0
            && let Some(looks_like) = LooksLike::guess(head)
        {
            self.kind = ErrorKind::NotEventStream { looks_like, head: head.to_vec() };
            self.position = 0;
        }
        self
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PreludeChecksum { stored, computed } => write!(
                f,
                "prelude checksum mismatch: stored 0x{stored:08x}, computed 0x{computed:08x}"
            ),
            Self::MessageChecksum { stored, computed } => write!(
                f,
                "message checksum mismatch: stored 0x{stored:08x}, computed 0x{computed:08x}"
            ),
            Self::MessageLength { found, limit } => {
                write!(f, "a message of {found} bytes; the smallest has {limit}")
            }
            Self::HeadersLength { found, limit } => {
                write!(f, "headers of {found} bytes where the message has room for {limit}")
            }
            Self::TrailingBytes { found, limit } => {
                write!(f, "{found} bytes where exactly one frame of {limit} was expected")
            }
            Self::HeadersTooLarge { found, limit } => {
                write!(f, "headers of {found} bytes; at most {limit} are allowed")
            }
            Self::PayloadTooLarge { found, limit } => {
                write!(f, "a payload of {found} bytes; at most {limit} are allowed")
            }
            Self::MessageTooLarge { found, limit } => {
                write!(f, "a message of {found} bytes; at most {limit} are allowed")
            }
            Self::HeaderNameLength { found, limit } => {
                write!(f, "a header name of {found} bytes; 1 to {limit} are allowed")
            }
            Self::HeaderNameUtf8 => write!(f, "a header name is not UTF-8"),
            Self::HeaderType { found } => {
                write!(f, "unknown header type {found}; 0 to 9 are allowed")
            }
            Self::HeaderValueUtf8 => write!(f, "a string header is not UTF-8"),
            Self::HeaderValueLength { found, limit } => {
                write!(f, "a header value of {found} bytes; at most {limit} are allowed")
            }
            Self::HeaderOverrun { found, limit } => write!(
                f,
                "a header field of {found} bytes where {limit} are left of the headers block"
            ),
            Self::DuplicateHeader { name } => write!(f, "header {name:?} occurs twice"),
            Self::Truncated { found, limit } => {
                write!(f, "the stream ends inside a frame: {found} bytes of at least {limit}")
            }
            Self::NotEventStream { looks_like, head } => write!(
                f,
                "not an event stream: it looks like {looks_like} and begins with \"{}\"",
                head.escape_ascii()
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (frame {} at byte {}, position {})",
            self.kind, self.frame_index, self.offset, self.position
        )
    }
}

impl std::error::Error for Error {}
