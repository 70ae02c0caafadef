//! JSON as the SDK holds it.

use aws_smithy_types::{Document, Number};
use serde_json::Value;

pub fn to_document(value: Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(value),
        Value::Number(number) => Document::Number(to_number(&number)),
        Value::String(text) => Document::String(text),
        Value::Array(items) => Document::Array(items.into_iter().map(to_document).collect()),
        Value::Object(members) => Document::Object(
            members.into_iter().map(|(name, value)| (name, to_document(value))).collect(),
        ),
    }
}

fn to_number(number: &serde_json::Number) -> Number {
    number
        .as_u64()
        .map(Number::PosInt)
        .or_else(|| number.as_i64().map(Number::NegInt))
        .unwrap_or_else(|| Number::Float(number.as_f64().unwrap_or(f64::NAN)))
}

pub fn to_json(document: &Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(value) => Value::from(*value),
        Document::Number(Number::PosInt(value)) => Value::from(*value),
        Document::Number(Number::NegInt(value)) => Value::from(*value),
        Document::Number(Number::Float(value)) => Value::from(*value),
        Document::String(text) => Value::from(text.as_str()),
        Document::Array(items) => items.iter().map(to_json).collect(),
        Document::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), to_json(value))).collect()
        }
    }
}
