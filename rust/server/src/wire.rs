//! Responses of HTTP/1.1 as bytes.

use std::io::Write as _;
use std::time::SystemTime;

use hyper::StatusCode;
use replay::error::{UNAVAILABLE, UNKNOWN_OPERATION, VALIDATION};
use replay::{Plan, RequestId};

use crate::cors::Cors;

/// What of a response depends on the connection it goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) request_id: Option<RequestId>,
    /// Whether the connection ends with it.
    pub(crate) close: bool,
}

impl Head<'_> {
    /// Append the head: streams are chunked, all else has a length.
    pub(crate) fn write(&self, out: &mut Vec<u8>, date: &Date) {
        let status = self.plan.status();
        let reason = StatusCode::from_u16(status).ok().and_then(|known| known.canonical_reason());
        let _ = write!(out, "HTTP/1.1 {status} {}\r\n", reason.unwrap_or_default());
        for (name, value) in self.plan.headers() {
            field(out, name, value.as_bytes());
        }
        if let Some(id) = self.request_id {
            let _ = write!(out, "x-amzn-requestid: {id}\r\n");
        }
        field(out, "date", &date.text);
        for (name, value) in date.cors.iter().flat_map(Cors::headers) {
            field(out, name, value.as_bytes());
        }
        if self.plan.is_stream() {
            field(out, "transfer-encoding", b"chunked");
        } else {
            let _ = write!(out, "content-length: {}\r\n", self.plan.body().len());
        }
        if self.close {
            field(out, "connection", b"close");
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Append one chunk; an empty one would be the end of the body, and is left out. Returns how many
/// bytes of framing follow those of the body.
pub(crate) fn chunk(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    if bytes.is_empty() {
        return 0;
    }
    size(out, bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    2
}

/// Append the size of a chunk, in hexadecimal digits. Formatting it would cost as much as copying
/// the frame.
fn size(out: &mut Vec<u8>, size: usize) {
    let mut line = *b"0000000000000000\r\n";
    let mut first = 16;
    let mut rest = size;
    while rest > 0 {
        first -= 1;
        line[first] = b"0123456789abcdef"[rest & 0xf];
        rest >>= 4;
    }
    out.extend_from_slice(&line[first..]);
}

/// The end of a chunked body.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A typed error of the server's own.
pub(crate) fn error(status: u16, message: &str) -> Plan {
    let name = match status {
        404 => UNKNOWN_OPERATION,
        500.. => UNAVAILABLE,
        _ => VALIDATION,
    };
    Plan::error(name, message, Some(status), &[]).expect("names are header values")
}

/// The same as bytes, where it ends its connection.
pub(crate) fn refusal(status: u16, message: &str, date: &Date) -> Vec<u8> {
    let plan = error(status, message);
    let mut out = Vec::with_capacity(256 + plan.body().len());
    Head { plan: &plan, request_id: None, close: true }.write(&mut out, date);
    out.extend_from_slice(plan.body());
    out
}

/// What every head of a server has: the text of the `date` header, made once a second, and CORS.
#[derive(Debug)]
pub(crate) struct Date {
    text: [u8; 29],
    cors: Option<Cors>,
}

impl Date {
    pub(crate) fn now() -> Self {
        Self { text: Self::text(), cors: None }
    }

    /// The same, with the headers of CORS.
    pub(crate) fn with(cors: Option<&Cors>) -> Self {
        Self { text: Self::text(), cors: cors.cloned() }
    }

    /// Say the time of now.
    pub(crate) fn renew(&mut self) {
        self.text = Self::text();
    }

    fn text() -> [u8; 29] {
        let mut text = [b' '; 29];
        let _ = write!(&mut text[..], "{}", httpdate::HttpDate::from(SystemTime::now()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_says_its_size() {
        for length in [1, 9, 10, 15, 16, 255, 256, 4096, 1_048_575] {
            let mut out = b"before".to_vec();
            chunk(&mut out, &vec![b'x'; length]);
            let (head, rest) = out[6..].split_at(format!("{length:x}\r\n").len());
            assert_eq!(head, format!("{length:x}\r\n").as_bytes());
            assert_eq!(rest.len(), length + 2);
        }
    }

    #[test]
    fn an_empty_chunk_would_be_the_end_and_is_none() {
        let mut out = Vec::new();
        chunk(&mut out, b"");
        assert!(out.is_empty());
    }

    #[test]
    fn a_refusal_ends_its_connection() {
        let bytes = refusal(408, "Too slow.", &Date::now());
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{text}");
        assert!(text.contains("\r\nconnection: close\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n{\"message\":\"Too slow.\"}"), "{text}");
    }
}
