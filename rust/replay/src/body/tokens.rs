//! The body inside a `CountTokens` request, and how many tokens it is taken for.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::compact::StringChars;
use super::json::{Fault, Node};
use crate::operation::Operation;

/// What a `CountTokens` request asks about.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    /// The operation that it would be sent to.
    pub(crate) operation: Operation,
    /// Its body.
    pub(crate) body: Cow<'a, str>,
    /// One token for every four characters of all the strings in it, rounded up.
    pub(crate) tokens: u64,
}

/// Read `{"input": {"converse": {…}}}` or `{"input": {"invokeModel": {"body": base64}}}`.
///
/// # Errors
///
/// A message that says what is wrong, and where.
pub(crate) fn counted(body: &str) -> Result<Counted<'_>, String> {
    let whole: &RawValue = serde_json::from_str(body)
        .map_err(|error| format!("The request body is not valid JSON: {error}."))?;
    let (operation, body) = input(&Node::new(whole))
        .map_err(|fault| format!("The request body does not fit: {fault}."))?;
    let StringChars(chars) = serde_json::from_str(&body)
        .map_err(|error| format!("The input is not valid JSON: {error}."))?;
    Ok(Counted { operation, body, tokens: chars.div_ceil(4) })
}

/// What a body is taken for, as if it were counted.
pub(crate) fn tokens(body: &[u8]) -> u64 {
    serde_json::from_slice(body).map_or(1, |StringChars(chars)| chars.div_ceil(4)).max(1)
}

fn input<'a>(whole: &Node<'a>) -> Result<(Operation, Cow<'a, str>), Fault> {
    let input = whole.member("input")?.ok_or_else(|| Fault::new("input is required"))?;
    let members = input.members().map_err(|fault| fault.below(".input"))?;
    for (key, value) in &members {
        match &**key {
            "converse" => return Ok((Operation::Converse, Cow::Borrowed(value.text()))),
            "invokeModel" => {
                let body = invoke_body(value).map_err(|f| f.below(".input.invokeModel"))?;
                return Ok((Operation::Invoke, Cow::Owned(body)));
            }
            _ => {}
        }
    }
    Err(Fault::new("must have one of converse, invokeModel").below(".input"))
}

fn invoke_body(request: &Node<'_>) -> Result<String, Fault> {
    let body = request.member("body")?.ok_or_else(|| Fault::new("body is required"))?;
    let body = body.string().map_err(|fault| fault.below(".body"))?;
    let bytes = base64_simd::STANDARD
        .decode_to_vec(body.as_bytes())
        .map_err(|_| Fault::new("is not base64").below(".body"))?;
    String::from_utf8(bytes).map_err(|_| Fault::new("is not UTF-8").below(".body"))
}
