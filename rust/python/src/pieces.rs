//! Frames of a text that is cut into pieces: equal but for the piece and its padding.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::message::frame_of;
use crate::template::Template;

/// The letters that paddings are the beginning of.
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The frames of events whose payload is `before`, a piece as a JSON string, and `after`.
///
/// With `paddings`, each payload ends in a member `p` of so many letters. `chunk`: the JSON is a
/// model's, carried as base64 in the member `bytes`.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
#[pyo3(signature = (template, before, pieces, after, *, paddings, chunk))]
pub(crate) fn encode_pieces<'py>(
    py: Python<'py>,
    template: &Template,
    before: &str,
    pieces: &Bound<'py, PyList>,
    after: &str,
    paddings: Option<Vec<usize>>,
    chunk: bool,
) -> PyResult<Bound<'py, PyList>> {
    if paddings.as_ref().is_some_and(|paddings| paddings.len() != pieces.len()) {
        return Err(PyValueError::new_err("paddings must be as many as pieces"));
    }
    let frames = PyList::empty(py);
    let (mut native, mut payload) = (Vec::new(), Vec::new());
    for (at, piece) in pieces.iter().enumerate() {
        let piece = piece.cast::<PyString>()?.to_str()?;
        native.clear();
        native.extend_from_slice(before.as_bytes());
        write_string(piece, &mut native);
        native.extend_from_slice(after.as_bytes());
        payload.clear();
        if chunk {
            payload.extend_from_slice(b"{\"bytes\":\"");
            base64_simd::STANDARD.encode_append(&native, &mut payload);
            payload.extend_from_slice(b"\"}");
        } else {
            payload.extend_from_slice(&native);
        }
        if let Some(paddings) = &paddings {
            let letters = ALPHABET.get(..paddings[at]).ok_or_else(|| {
                let most = ALPHABET.len();
                PyValueError::new_err(format!("a padding has at most {most} letters"))
            })?;
            if payload.pop() != Some(b'}') {
                return Err(PyValueError::new_err("after must end in }"));
            }
            payload.extend_from_slice(b",\"p\":\"");
            payload.extend_from_slice(letters);
            payload.extend_from_slice(b"\"}");
        }
        frames.append(frame_of(py, template.inner(py), &payload)?)?;
    }
    Ok(frames)
}

/// Write a JSON string as Python's `json` does with `ensure_ascii=False`.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[DIGITS[high], DIGITS[low]]);
                continue;
            }
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}
