//! The criteria of a rule: a mapping, read.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use replay::criteria::MAX_REGEXES_BYTES;
use replay::{Model, Operation, Text};

use super::invalid;

/// The keys of criteria, as messages list them.
const KEYS: &str = "user_message, system_message, tool_call_id, tool_result, tool_name, \
    input_text, model, operation, session, context, headers, request_metadata, tool_choice, \
    guardrail, embedding, has_tool_result, has_image, has_document, attempt, turn_since_user, \
    sequence_index, turn_index";

/// Read criteria into a rule.
pub(super) fn read(criteria: &Bound<'_, PyMapping>, rule: &mut replay::Rule) -> PyResult<()> {
    for item in criteria.items()? {
        let (key, value): (String, Bound<'_, PyAny>) = item.extract()?;
        read_key(&key, &value, rule).map_err(|error| at(criteria.py(), &key, &error))?;
    }
    Ok(())
}

fn read_key(key: &str, value: &Bound<'_, PyAny>, rule: &mut replay::Rule) -> PyResult<()> {
    let criteria = &mut rule.criteria;
    match key {
        "user_message" => criteria.user_message = Some(text(value)?),
        "system_message" => {
            for item in value.try_iter()? {
                criteria.system_message.push(text(&item?)?);
                if criteria.regex_bytes() > MAX_REGEXES_BYTES {
                    return Err(PyValueError::new_err(format!(
                        "its regexes take more than the {MAX_REGEXES_BYTES} bytes allowed for all \
                         together once they are compiled"
                    )));
                }
            }
        }
        "tool_call_id" => criteria.tool_call_id = Some(text(value)?),
        "tool_result" => criteria.tool_result = Some(text(value)?),
        "tool_name" => criteria.tool_name = Some(text(value)?),
        "input_text" => criteria.input_text = Some(text(value)?),
        "model" => criteria.model = Some(model(value)?),
        "operation" => {
            criteria.operations =
                value.try_iter()?.map(|item| operation(&item?)).collect::<PyResult<_>>()?;
        }
        "session" => criteria.session = Some(text(value)?),
        "context" => criteria.context = Some(text(value)?),
        "has_tool_result" => criteria.has_tool_result = Some(value.extract()?),
        "has_image" => criteria.has_image = Some(value.extract()?),
        "has_document" => criteria.has_document = Some(value.extract()?),
        "embedding" => criteria.embedding = Some(value.extract()?),
        "turn_since_user" => criteria.turn_since_user = Some(value.extract()?),
        "attempt" => criteria.attempt = Some(value.extract()?),
        "tool_choice" => criteria.tool_choice = Some(text(value)?),
        "guardrail" => criteria.guardrail = Some(text(value)?),
        "headers" => {
            criteria.headers = named_texts(value)?;
            for (name, _) in &mut criteria.headers {
                *name = name.to_ascii_lowercase().into();
            }
        }
        "request_metadata" => criteria.request_metadata = named_texts(value)?,
        "sequence_index" => rule.sequence_index = Some(value.extract()?),
        "turn_index" => rule.turn_index = Some(value.extract()?),
        _ => return Err(PyValueError::new_err(format!("unknown key; the keys are {KEYS}"))),
    }
    Ok(())
}

fn text(value: &Bound<'_, PyAny>) -> PyResult<Text> {
    let (how, pattern) = only_item(value)?;
    match how.as_str() {
        "equals" => Ok(Text::Equals(pattern.into())),
        "contains" => Ok(Text::Contains(pattern.into())),
        "regex" => Text::regex(&pattern).map_err(|error| invalid(&error)),
        _ => Err(PyValueError::new_err("must have one of equals, contains, regex")),
    }
}

/// `{name: text}`, by name, so that the same conditions are the same however they stand.
fn named_texts(value: &Bound<'_, PyAny>) -> PyResult<Vec<(Box<str>, Text)>> {
    let mut found = Vec::new();
    for (name, condition) in value.cast::<PyDict>()? {
        let name: String = name.extract()?;
        found.push((name.into_boxed_str(), text(&condition)?));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn model(value: &Bound<'_, PyAny>) -> PyResult<Model> {
    let (how, pattern) = only_item(value)?;
    if how == "model" { Ok(Model::Family(pattern.into())) } else { text(value).map(Model::Text) }
}

fn only_item(value: &Bound<'_, PyAny>) -> PyResult<(String, String)> {
    let items = value.cast::<PyDict>()?.items();
    match items.len() {
        1 => items.get_item(0)?.extract(),
        found => Err(PyValueError::new_err(format!("must have exactly one key, got {found}"))),
    }
}

fn operation(value: &Bound<'_, PyAny>) -> PyResult<Operation> {
    let name: String = value.extract()?;
    Operation::from_name(&name).ok_or_else(|| {
        let known = Operation::ALL.map(Operation::name).join(", ");
        PyValueError::new_err(format!("{name:?} is not one of {known}"))
    })
}

/// A `ValueError` that begins with the key.
#[cold]
fn at(py: Python<'_>, key: &str, error: &PyErr) -> PyErr {
    PyValueError::new_err(format!("criteria[{key:?}]: {}", error.value(py)))
}
