//! Recognises bodies that are no event stream: the error page of a proxy, a JSON error, SSE.
//!
//! The first byte of a frame is the top byte of its length. A text that is read as a frame
//! claims hundreds of megabytes and fails its prelude checksum, which tells its reader nothing.

use std::fmt;

/// What a body looks like instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LooksLike {
    /// A JSON object or array.
    Json,
    /// HTML or XML.
    Html,
    /// Server-sent events, `text/event-stream`.
    Sse,
    /// An HTTP/1 message whose head was not taken off.
    Http,
    /// A gzip body whose `Content-Encoding` was not undone.
    Gzip,
    /// Text of some other kind.
    Text,
}

impl LooksLike {
    /// Guess from the first bytes of a body; `None` where they may well be a damaged frame.
    pub fn guess(head: &[u8]) -> Option<Self> {
        if head.starts_with(&[0x1F, 0x8B]) {
            return Some(Self::Gzip);
        }
        let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        let begins = |words: &[&[u8]]| words.iter().any(|word| text.starts_with(word));
        match text {
            [b'{' | b'[', ..] => Some(Self::Json),
            [b'<', ..] => Some(Self::Html),
            _ if begins(&[b"data:", b"event:", b"id:", b"retry:", b":"]) => Some(Self::Sse),
            _ if begins(&[b"HTTP/1."]) => Some(Self::Http),
            [_, ..] if is_text(head) => Some(Self::Text),
            _ => None,
        }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~'))
}

impl fmt::Display for LooksLike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Html => "HTML",
            Self::Sse => "SSE",
            Self::Http => "HTTP",
            Self::Gzip => "gzip",
            Self::Text => "text",
        })
    }
}
