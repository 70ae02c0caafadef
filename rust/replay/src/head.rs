//! What a request says outside its body: session, attempt, and switches for this one request.

use std::borrow::Cow;

use crate::route::percent_decoded;

/// The session of requests that name none.
pub(crate) const DEFAULT_SESSION: &str = "default";
/// What is kept of a session's or an invocation's name, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Header names and values, as they came.
pub type RawHeaders<'a> = &'a [(&'a [u8], &'a [u8])];

/// The headers that matter, read.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    /// `X-Test-Id`, else `?testId=`, else the access key id of the signature, else "default".
    pub(crate) session: Cow<'a, str>,
    /// Whether the request names it: an access key id does not.
    pub(crate) names_session: bool,
    /// What the SDK repeats on each attempt of one call.
    pub(crate) invocation: Option<&'a [u8]>,
    /// Which attempt this is, from 1.
    pub(crate) attempt: u32,
    /// `X-AIMock-Strict`.
    pub(crate) strict: Option<bool>,
    /// `X-AIMock-Context`.
    pub(crate) context: Option<Cow<'a, str>>,
    /// All headers.
    pub(crate) raw: RawHeaders<'a>,
}

impl<'a> Head<'a> {
    pub(crate) fn read(headers: RawHeaders<'a>, query: &'a [u8]) -> Self {
        let mut head = Self {
            session: Cow::Borrowed(DEFAULT_SESSION),
            names_session: false,
            invocation: None,
            attempt: 1,
            strict: None,
            context: None,
            raw: headers,
        };
        let (mut test_id, mut key_id) = (None, None);
        for &(name, value) in headers {
            // Few lengths matter, so that most headers cost one comparison.
            match name.len() {
                9 if name.eq_ignore_ascii_case(b"x-test-id") => test_id = named(value),
                13 if name.eq_ignore_ascii_case(b"authorization") => key_id = access_key_id(value),
                15 if name.eq_ignore_ascii_case(b"x-aimock-strict") => head.strict = switch(value),
                15 if name.eq_ignore_ascii_case(b"amz-sdk-request") => {
                    head.attempt = attempt(value);
                }
                16 if name.eq_ignore_ascii_case(b"x-aimock-context") => {
                    head.context = Some(String::from_utf8_lossy(value));
                }
                // Anthropic's and OpenAI's clients count retries.
                23 if name.eq_ignore_ascii_case(b"x-stainless-retry-count") => {
                    head.attempt = retries(value).saturating_add(1);
                }
                21 if name.eq_ignore_ascii_case(b"amz-sdk-invocation-id") => {
                    head.invocation = Some(&value[..value.len().min(MAX_NAME_BYTES)]);
                }
                _ => {}
            }
        }
        let name = test_id.or_else(|| query_session(query));
        head.names_session = name.is_some();
        if let Some(session) = name.or(key_id) {
            head.session = session;
        }
        head
    }
}

fn named(value: &[u8]) -> Option<Cow<'_, str>> {
    let value = value.trim_ascii();
    let value = &value[..value.len().min(MAX_NAME_BYTES)];
    (!value.is_empty()).then(|| String::from_utf8_lossy(value))
}

fn query_session(query: &[u8]) -> Option<Cow<'_, str>> {
    let value = query.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"testId="))?;
    let value = percent_decoded(value);
    named(&value).map(|name| Cow::Owned(name.into_owned()))
}

/// `AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/bedrock/aws4_request, …`
fn access_key_id(authorization: &[u8]) -> Option<Cow<'_, str>> {
    const FIELD: &[u8] = b"Credential=";
    let at = authorization.windows(FIELD.len()).position(|window| window == FIELD)?;
    let credential = &authorization[at + FIELD.len()..];
    let end = credential.iter().position(|byte| matches!(byte, b'/' | b',' | b' '));
    named(&credential[..end.unwrap_or(credential.len())])
}

/// `ttl=…; attempt=2; max=3`
fn attempt(value: &[u8]) -> u32 {
    let field = value
        .split(|byte| *byte == b';')
        .find_map(|field| field.trim_ascii().strip_prefix(b"attempt="));
    let number = field.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    number.unwrap_or(1)
}

fn retries(value: &[u8]) -> u32 {
    std::str::from_utf8(value.trim_ascii()).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn switch(value: &[u8]) -> Option<bool> {
    match value.trim_ascii().to_ascii_lowercase().as_slice() {
        b"true" | b"1" => Some(true),
        b"false" | b"0" => Some(false),
        _ => None,
    }
}
