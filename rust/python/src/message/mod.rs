//! `Message`.
//!
//! # Layout
//!
//! - `class`: the Python type, and how its instances are made and freed.

mod class;

use std::hash::{DefaultHasher, Hash, Hasher};

use eventstream::{Headers, Template};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};

use crate::block::{Block, HeaderMapping};
use crate::errors;
use crate::headers;
use crate::input::Payload;
use crate::raw;

pub(crate) use class::{Message, add_to, create};

/// What `Message(…)` calls: `PyO3` reads the arguments.
#[pyfunction(name = "Message")]
#[pyo3(signature = (headers, payload=Payload::EMPTY))]
fn new<'py>(headers: &Bound<'py, PyAny>, payload: Payload<'py>) -> PyResult<Bound<'py, Message>> {
    let py = headers.py();
    let block = block_of(headers)?;
    create(block.bind_borrowed(py), payload.into_bytes(py))
}

/// The headers of a message, and its payload.
pub(crate) fn parts<'a>(message: &'a Bound<'_, Message>) -> (&'a Template, &'a [u8]) {
    (&class::block(message).template, class::payload(message))
}

fn equal(ours: &Bound<'_, Message>, theirs: &Bound<'_, Message>) -> bool {
    let (ours, theirs) = (parts(ours), parts(theirs));
    ours.0.headers() == theirs.0.headers() && ours.1 == theirs.1
}

fn hash(message: &Bound<'_, Message>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let (template, payload) = parts(message);
    (template.headers(), payload).hash(&mut hasher);
    hasher.finish()
}

fn encode<'py>(message: &Bound<'py, Message>) -> PyResult<Bound<'py, PyBytes>> {
    let (template, payload) = parts(message);
    frame_of(message.py(), template, payload)
}

fn repr<'py>(message: &Bound<'py, Message>) -> PyResult<Bound<'py, PyString>> {
    let py = message.py();
    let headers = class::block(message).items(py)?;
    let payload = PyBytes::new(py, class::payload(message));
    Ok(PyString::new(py, &format!("Message({}, {})", headers.repr()?, payload.repr()?)))
}

fn reduce<'py>(
    message: &Bound<'py, Message>,
) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
    let py = message.py();
    let headers = class::block(message).items(py)?;
    let arguments = (headers, PyBytes::new(py, class::payload(message))).into_pyobject(py)?;
    Ok((message.as_any().get_type(), arguments))
}

/// The block of Python headers, validated.
pub(crate) fn block_of(headers: &Bound<'_, PyAny>) -> PyResult<Py<HeaderMapping>> {
    let py = headers.py();
    let mut block = Vec::new();
    headers::write(headers, &mut block)?;
    let headers =
        Headers::validate(&block).map_err(|error| errors::encoding(py, "headers", &error))?;
    Block::create(py, headers)
}

/// The frame around a payload.
#[inline]
pub(crate) fn frame_of<'py>(
    py: Python<'py>,
    template: &Template,
    payload: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    raw::bytes(py, template.frame_len(payload), |out| {
        template.write_uninit(payload, out).map_err(|error| refused(&error))
    })
}

/// The frames around several payloads, joined: one allocation of the exact size.
#[inline]
pub(crate) fn frames_of<'py, 'a>(
    py: Python<'py>,
    messages: impl Iterator<Item = (&'a Template, &'a [u8])> + Clone,
) -> PyResult<Bound<'py, PyBytes>> {
    let length = messages.clone().map(|(template, payload)| template.frame_len(payload)).sum();
    raw::bytes(py, length, |mut out| {
        let mut written = 0;
        for (template, payload) in messages {
            let (frame, rest) = out.split_at_mut(template.frame_len(payload));
            written += template.write_uninit(payload, frame).map_err(|error| refused(&error))?;
            out = rest;
        }
        Ok(written)
    })
}

#[cold]
pub(crate) fn refused(error: &eventstream::Error) -> PyErr {
    raw::attached(|py| errors::encoding(py, "message", error))
}
