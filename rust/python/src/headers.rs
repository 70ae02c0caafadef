//! Python headers to a headers block.

use std::fmt::Display;

use eventstream::{Value, header};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyBytes, PyDateTime, PyDict, PyInt, PyMapping, PyString, PyTuple, PyType,
};

use crate::errors;
use crate::input::Input;
use crate::raw;

/// Append the headers to a headers block, in their order. That names are unique is left to the
/// validation of the block.
pub(crate) fn write(headers: &Bound<'_, PyAny>, block: &mut Vec<u8>) -> PyResult<()> {
    // Items of the moment: to read a value may run Python code that changes the mapping.
    let pairs = if let Ok(headers) = headers.cast_exact::<PyDict>() {
        headers.items().into_any()
    } else {
        match headers.cast::<PyMapping>() {
            Ok(mapping) => mapping.items()?.into_any(),
            Err(_) => headers.clone(),
        }
    };
    for (index, pair) in pairs.try_iter()?.enumerate() {
        let pair = pair?;
        let refused = || {
            PyTypeError::new_err(format!(
                "headers must be a mapping or a sequence of (name, value) pairs; item {index} is {}",
                type_name(&pair)
            ))
        };
        let pair = pair.cast::<PyTuple>().map_err(|_| refused())?;
        if pair.len() != 2 {
            return Err(refused());
        }
        write_one(&pair.get_item(0)?, &pair.get_item(1)?, block)?;
    }
    Ok(())
}

/// Append the headers of a dict to a headers block, if all names and values are strings that the format
/// allows: what is refused is for [`write()`] to say. May be called where `PyO3` has not counted the
/// attachment.
#[inline]
pub(crate) fn write_strings(headers: &Bound<'_, PyDict>, block: &mut Vec<u8>) -> Option<()> {
    let mut written = Some(());
    raw::each_string(headers, |pair| {
        written =
            pair.and_then(|(name, value)| header::write(name, &Value::String(value), block).ok());
        written
    });
    written
}

#[inline]
fn write_one(
    name: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    block: &mut Vec<u8>,
) -> PyResult<()> {
    let py = name.py();
    let name = name.cast::<PyString>().map_err(|_| {
        PyTypeError::new_err(format!("a header name must be str, got {}", type_name(name)))
    })?;
    let name = utf8(name, "header_name_utf8", "a header name")?;
    let mut write = |value: Value<'_>| {
        header::write(name, &value, block)
            .map_err(|error| errors::encoding(py, &format!("header {name:?}"), &error))
    };
    if let Ok(text) = value.cast::<PyString>() {
        write(Value::String(utf8(text, "header_value_utf8", format_args!("header {name:?}"))?))
    } else if let Ok(flag) = value.cast::<PyBool>() {
        write(Value::Bool(flag.is_true()))
    } else if let Ok(number) = value.cast::<PyInt>() {
        write(integer(name, number)?)
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        write(Value::Bytes(bytes.as_bytes()))
    } else if value.is_instance(uuid_type(py)?)? {
        write(Value::Uuid(value.getattr("bytes")?.extract()?))
    } else if value.is_instance_of::<PyDateTime>() {
        let timestamp = classes(py)?.timestamp.bind(py).call_method1("from_datetime", (value,));
        let refused = |error: PyErr| out_of_range(py, name, error.value(py));
        write(Value::Timestamp(timestamp.map_err(refused)?.extract()?))
    } else if let Ok(bytes) = Input::of(value, "") {
        write(Value::Bytes(&bytes))
    } else {
        Err(PyTypeError::new_err(format!(
            "header {name:?}: str, bytes, bool, int, Int8, Int16, Int32, Int64, Timestamp, \
             datetime and UUID are allowed, got {}",
            type_name(value)
        )))
    }
}

#[inline]
fn utf8<'a>(text: &'a Bound<'_, PyString>, kind: &str, what: impl Display) -> PyResult<&'a str> {
    text.to_str().map_err(|error| {
        let py = text.py();
        errors::invalid_header(py, kind, format!("{what} has no UTF-8 form: {}", error.value(py)))
    })
}

#[cold]
fn out_of_range(py: Python<'_>, name: &str, why: &dyn Display) -> PyErr {
    errors::invalid_header(py, "header_value_range", format!("header {name:?}: {why}"))
}

/// A typed integer has its width; a bare one is an Int32, or an Int64 where it does not fit.
fn integer<'a>(name: &str, number: &Bound<'_, PyInt>) -> PyResult<Value<'a>> {
    let py = number.py();
    if !number.is_exact_instance_of::<PyInt>() {
        let classes = classes(py)?;
        let is = |class: &Py<PyType>| number.is_instance(class.bind(py));
        // Their ranges were checked when they were made.
        if is(&classes.int8)? {
            return Ok(Value::Int8(number.extract()?));
        } else if is(&classes.int16)? {
            return Ok(Value::Int16(number.extract()?));
        } else if is(&classes.int32)? {
            return Ok(Value::Int32(number.extract()?));
        } else if is(&classes.int64)? {
            return Ok(Value::Int64(number.extract()?));
        } else if is(&classes.timestamp)? {
            return Ok(Value::Timestamp(number.extract()?));
        }
    }
    let number: i64 = number
        .extract()
        .map_err(|_| out_of_range(py, name, &format_args!("{number} is beyond 64 bits")))?;
    Ok(i32::try_from(number).map_or(Value::Int64(number), Value::Int32))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// The classes of `bedrock_frames.values`, which keep a width.
pub(crate) struct Classes {
    pub(crate) int8: Py<PyType>,
    pub(crate) int16: Py<PyType>,
    pub(crate) int32: Py<PyType>,
    pub(crate) int64: Py<PyType>,
    pub(crate) timestamp: Py<PyType>,
}

pub(crate) fn classes(py: Python<'_>) -> PyResult<&Classes> {
    static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();
    CLASSES.get_or_try_init(py, || {
        let module = py.import("bedrock_frames.values")?;
        let class = |name| -> PyResult<Py<PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        Ok(Classes {
            int8: class("Int8")?,
            int16: class("Int16")?,
            int32: class("Int32")?,
            int64: class("Int64")?,
            timestamp: class("Timestamp")?,
        })
    })
}

pub(crate) fn uuid_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static UUID: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    UUID.import(py, "uuid", "UUID")
}
