//! The records of an HTTP exchange.
//!
//! The payload of all but `start` and `finish` begins with the number of the exchange and the time
//! in nanoseconds since the start, 64 bits each. Heads follow as JSON, bodies as they were:
//!
//! ```text
//!  start         "\x89BFCAP\r\n", then JSON: version, created_ns (Unix time), creator
//!  request       exchange, time, {"method", "target", "version", "headers": [[name, value], …]}
//!  request_body  exchange, time, bytes
//!  response      exchange, time, {"status", "version", "headers"}
//!  response_body exchange, time, bytes of one read
//!  end           exchange, time, {"outcome", "error"}
//!  finish        JSON: exchanges, lost_records
//! ```
//!
//! Readers skip kinds that they do not know.

use std::borrow::Cow;

use serde_json::json;

/// How a capture begins, after the header of its first fragment. As in PNG, a byte above 127 and a
/// line end reveal that the file was copied as text.
pub const MAGIC: &[u8; 8] = b"\x89BFCAP\r\n";

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The largest piece of a body in one record; more is several records of one time.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Bytes of the exchange's number and the time.
const PLACE: usize = 16;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table above")]
#[repr(u8)]
pub enum Kind {
    Start = 1,
    Request = 2,
    RequestBody = 3,
    Response = 4,
    ResponseBody = 5,
    End = 6,
    Finish = 7,
}

/// The head of a request or of a response.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// `POST`; empty in a response.
    pub method: String,
    /// The path with its query; empty in a response.
    pub target: String,
    /// The status; zero in a request.
    pub status: u16,
    /// `HTTP/1.1` or `HTTP/2`.
    pub version: String,
    /// Names and values in their order. Values that are not UTF-8 are read as Latin-1.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Headers whose values are never written, in lower case: credentials and session cookies.
const SECRET: [&str; 8] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-amz-security-token",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
];

/// Query parameters of presigned URLs whose values are never written, in lower case.
const SECRET_PARAMETERS: [&str; 3] =
    ["x-amz-credential", "x-amz-security-token", "x-amz-signature"];

const REDACTED: &str = "[redacted]";

impl Head {
    /// As JSON, without secrets.
    pub fn to_json(&self) -> Vec<u8> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name, shown(name, value))).collect();
        let json = if self.status == 0 {
            json!({
                "method": self.method,
                "target": without_secrets(&self.target),
                "version": self.version,
                "headers": headers,
            })
        } else {
            json!({"status": self.status, "version": self.version, "headers": headers})
        };
        json.to_string().into_bytes()
    }
}

fn shown<'a>(name: &str, value: &'a [u8]) -> Cow<'a, str> {
    if SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
        return Cow::Borrowed(REDACTED);
    }
    str::from_utf8(value).map_or_else(
        |_| Cow::Owned(value.iter().map(|byte| char::from(*byte)).collect()),
        Cow::Borrowed,
    )
}

fn without_secrets(target: &str) -> Cow<'_, str> {
    let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
    let is_secret = |name: &str| SECRET_PARAMETERS.iter().any(|own| name.eq_ignore_ascii_case(own));
    let parameters: Vec<_> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) => Cow::Owned(format!("{name}={REDACTED}")),
            _ => Cow::Borrowed(parameter),
        })
        .collect();
    Cow::Owned(format!("{path}?{}", parameters.join("&")))
}

/// The exchange's number and the time, as they begin a payload.
pub fn encode_place(exchange: u64, time_ns: u64) -> [u8; PLACE] {
    let mut place = [0; PLACE];
    place[..8].copy_from_slice(&exchange.to_le_bytes());
    place[8..].copy_from_slice(&time_ns.to_le_bytes());
    place
}

/// The exchange's number, the time and what follows; `None` for a payload too short to have them.
pub fn decode_place(payload: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (exchange, rest) = payload.split_first_chunk()?;
    let (time_ns, rest) = rest.split_first_chunk()?;
    Some((u64::from_le_bytes(*exchange), u64::from_le_bytes(*time_ns), rest))
}
