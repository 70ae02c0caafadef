//! From a method and a raw path to an operation and a model id.
//!
//! A model id may be an ARN, with `/` and `:` in it, raw or percent-encoded: SDKs differ. So the
//! operation is what follows the last raw `/`, the id is all before it, and it is decoded once.

use std::borrow::Cow;

use crate::operation::Operation;
use crate::refusal::Refusal;

/// The longest model id that the service takes, in bytes.
const MAX_MODEL_BYTES: usize = 2048;

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Route {
    /// Not to Bedrock Runtime.
    Foreign,
    /// To Bedrock Runtime, but not to an operation that can be served.
    Refused(Option<Operation>, Refusal),
    /// To an operation, with its model id.
    Model(Operation, String),
}

/// The path and the query of a request target, without the `?`.
pub(crate) fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, b""),
    }
}

/// Find the operation of a raw path.
pub(crate) fn route(method: &str, path: &[u8]) -> Route {
    if let Some(rest) = path.strip_prefix(b"/model/") {
        return of_model(method, rest);
    }
    let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').skip(1).collect();
    let name = match (parts.as_slice(), method) {
        ([b"guardrail", _, b"version", _, b"apply"], _) => "ApplyGuardrail",
        ([b"guardrail-checks", b"invoke"], _) => "InvokeGuardrailChecks",
        ([b"async-invoke"], "POST") => "StartAsyncInvoke",
        ([b"async-invoke"], _) => "ListAsyncInvokes",
        ([b"async-invoke", ..], _) => "GetAsyncInvoke",
        ([b"guardrail", ..], _) => return Route::Refused(None, unknown(path)),
        _ => return Route::Foreign,
    };
    Route::Refused(None, not_served(name))
}

fn of_model(method: &str, rest: &[u8]) -> Route {
    let Some(slash) = rest.iter().rposition(|byte| *byte == b'/') else {
        return Route::Refused(None, unknown(&[b"/model/", rest].concat()));
    };
    let (id, name) = (&rest[..slash], &rest[slash + 1..]);
    let Some(operation) = std::str::from_utf8(name).ok().and_then(Operation::from_name) else {
        let refusal = match name {
            b"invoke-with-bidirectional-stream" => not_served("InvokeModelWithBidirectionalStream"),
            _ => unknown(&[b"/model/", rest].concat()),
        };
        return Route::Refused(None, refusal);
    };
    if method != "POST" {
        let message = format!("{} takes POST, not {method}.", operation.name());
        return Route::Refused(Some(operation), Refusal::method("POST", message));
    }
    match model_id(id) {
        Ok(id) => Route::Model(operation, id),
        Err(message) => Route::Refused(Some(operation), Refusal::validation(message)),
    }
}

fn model_id(raw: &[u8]) -> Result<String, String> {
    let id = String::from_utf8(percent_decoded(raw).into_owned())
        .map_err(|_| "The model id in the path is not UTF-8.".to_owned())?;
    match id.len() {
        0 => Err("The model id in the path is empty.".into()),
        1..=MAX_MODEL_BYTES => Ok(id),
        length => Err(format!(
            "The model id has {length} bytes, more than the {MAX_MODEL_BYTES} allowed."
        )),
    }
}

/// Decode percent-encoding, once. What is not a valid escape stands for itself.
pub(crate) fn percent_decoded(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'%') {
        return Cow::Borrowed(raw);
    }
    let digit = |at: usize| raw.get(at).and_then(|byte| (*byte as char).to_digit(16));
    let mut decoded = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        match (raw[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(decoded)
}

fn not_served(name: &str) -> Refusal {
    let served = Operation::names();
    Refusal::unknown_operation(format!("{name} is not served here. What is: {served}."))
}

fn unknown(path: &[u8]) -> Refusal {
    let path = String::from_utf8_lossy(path);
    let shown: String = path.chars().take(200).collect();
    let served = Operation::names();
    Refusal::unknown_operation(format!(
        "{shown:?} is no path of Bedrock Runtime. Under /model/{{modelId}}/ there are: {served}."
    ))
}
