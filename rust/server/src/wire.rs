//! Responses of HTTP/1.1 as bytes.

use std::io::Write as _;
use std::time::SystemTime;

use hyper::StatusCode;
use replay::{Plan, RequestId};

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

/// Append one chunk. An empty one would be the end, and is none.
pub(crate) fn chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let _ = write!(out, "{:x}\r\n", bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// The end of a chunked body.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A typed error that ends its connection, as bytes.
pub(crate) fn refusal(status: u16, name: &str, message: &str, date: &Date) -> Vec<u8> {
    let plan = Plan::error(name, message, Some(status), &[]).expect("names are header values");
    let mut out = Vec::with_capacity(256 + plan.body().len());
    Head { plan: &plan, request_id: None, close: true }.write(&mut out, date);
    out.extend_from_slice(plan.body());
    out
}

/// The text of the `date` header, made once a second.
#[derive(Debug)]
pub(crate) struct Date {
    text: [u8; 29],
}

impl Date {
    pub(crate) fn now() -> Self {
        let mut text = [b' '; 29];
        let _ = write!(&mut text[..], "{}", httpdate::HttpDate::from(SystemTime::now()));
        Self { text }
    }
}
