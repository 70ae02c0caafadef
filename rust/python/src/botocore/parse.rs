//! A JSON payload to Python objects.
//!
//! Only what Python's own `json` reads to the same value is read here. The rest is `Unusual`:
//! invalid JSON, NaN, integers beyond 64 bits, lone surrogates, deep nesting.

use base64_simd::{AsOut, STANDARD};
use jiter::{Jiter, JiterError, NumberAny, NumberInt, Peek};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use super::node::{Node, NodeId, Structure};

/// Deeper values are left to Python, which has limits of its own.
const MAX_DEPTH: usize = 64;

/// Why there is no result.
pub(super) enum Stop {
    /// botocore's own code has to look at it.
    Unusual,
    /// Python code that was called has raised.
    Raised(PyErr),
}

impl From<JiterError> for Stop {
    fn from(_: JiterError) -> Self {
        Self::Unusual
    }
}

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

type Parsed<T> = Result<T, Stop>;

/// Reads one payload.
pub(super) struct Reader<'a, 'py> {
    json: Jiter<'a>,
    nodes: &'a [Node],
    /// botocore's parser, which holds the parsers of blobs and timestamps.
    parser: &'a Bound<'py, PyAny>,
    /// The function of botocore's own blob parser.
    default_blob_parser: &'a Py<PyAny>,
}

impl<'a, 'py> Reader<'a, 'py> {
    pub(super) fn new(
        payload: &'a [u8],
        nodes: &'a [Node],
        parser: &'a Bound<'py, PyAny>,
        default_blob_parser: &'a Py<PyAny>,
    ) -> Parsed<Self> {
        // botocore decodes a payload as a whole, so bad UTF-8 counts even in members that are not read.
        if str::from_utf8(payload).is_err() {
            return Err(Stop::Unusual);
        }
        Ok(Self { json: Jiter::new(payload), nodes, parser, default_blob_parser })
    }

    /// The structure that the payload is.
    pub(super) fn payload(&mut self, structure: &Structure) -> Parsed<Bound<'py, PyAny>> {
        if self.json.peek()? != Peek::Object {
            return Err(Stop::Unusual);
        }
        let parsed = self.structure(structure, 0)?;
        self.json.finish()?;
        Ok(parsed)
    }

    fn structure(&mut self, structure: &Structure, depth: usize) -> Parsed<Bound<'py, PyAny>> {
        let depth = deeper(depth)?;
        let mut values: Vec<Option<Bound<'py, PyAny>>> = vec![None; structure.members.len()];
        let mut key = self.json.known_object()?;
        while let Some(name) = key {
            let found = structure.find(name);
            let peek = self.json.peek()?;
            // What else may stand in a union depends on botocore's version.
            if structure.union && (found.is_none() || peek == Peek::Null) {
                return Err(Stop::Unusual);
            }
            match found {
                Some(index) if peek == Peek::Null => {
                    self.json.known_null()?;
                    values[index] = None;
                }
                Some(index) => {
                    let node = structure.members[index].node;
                    values[index] = Some(self.value(node, peek, depth)?);
                }
                None => self.skip(peek, depth)?,
            }
            key = self.json.next_key()?;
        }
        if structure.union && values.iter().flatten().count() != 1 {
            return Err(Stop::Unusual);
        }
        let parsed = PyDict::new(self.py());
        for (member, value) in structure.members.iter().zip(values) {
            if let Some(value) = value {
                parsed.set_item(&member.name, value)?;
            }
        }
        Ok(parsed.into_any())
    }

    fn value(&mut self, node: NodeId, peek: Peek, depth: usize) -> Parsed<Bound<'py, PyAny>> {
        let nodes = self.nodes;
        match &nodes[node] {
            Node::Plain => self.plain(peek, depth),
            Node::Structure(structure) if peek == Peek::Object => self.structure(structure, depth),
            Node::List(element) if peek == Peek::Array => self.list(*element, depth),
            Node::Map(element) if peek == Peek::Object => self.map(*element, depth),
            Node::Blob if peek == Peek::String => self.blob(),
            Node::Timestamp => {
                let value = self.plain(peek, depth)?;
                Ok(self.parser.call_method1(intern!(self.py(), "_timestamp_parser"), (value,))?)
            }
            _ => Err(Stop::Unusual),
        }
    }

    /// An element of a list or a map.
    fn element(&mut self, node: NodeId, peek: Peek, depth: usize) -> Parsed<Bound<'py, PyAny>> {
        if peek == Peek::Null && self.nodes[node].takes_null() {
            return self.plain(peek, depth);
        }
        self.value(node, peek, depth)
    }

    fn list(&mut self, element: NodeId, depth: usize) -> Parsed<Bound<'py, PyAny>> {
        let depth = deeper(depth)?;
        let parsed = PyList::empty(self.py());
        let mut next = self.json.known_array()?;
        while let Some(peek) = next {
            parsed.append(self.element(element, peek, depth)?)?;
            next = self.json.array_step()?;
        }
        Ok(parsed.into_any())
    }

    fn map(&mut self, element: NodeId, depth: usize) -> Parsed<Bound<'py, PyAny>> {
        let (py, depth) = (self.py(), deeper(depth)?);
        let parsed = PyDict::new(py);
        let mut key = self.json.known_object()?;
        while let Some(name) = key {
            let name = PyString::new(py, name);
            let peek = self.json.peek()?;
            parsed.set_item(name, self.element(element, peek, depth)?)?;
            key = self.json.next_key()?;
        }
        Ok(parsed.into_any())
    }

    fn blob(&mut self) -> Parsed<Bound<'py, PyAny>> {
        let py = self.py();
        let blob_parser = self.parser.getattr(intern!(py, "_blob_parser"))?;
        let function = blob_parser.getattr_opt(intern!(py, "__func__"))?;
        let text = self.json.known_str()?;
        if !function.is_some_and(|function| function.is(self.default_blob_parser)) {
            return Ok(blob_parser.call1((text,))?);
        }
        // Python's decoder also takes what is not quite base64.
        let unusual = |_| Stop::Unusual;
        let length = STANDARD.decoded_length(text.as_bytes()).map_err(unusual)?;
        let mut decoded = true;
        let bytes = PyBytes::new_with(py, length, |out| {
            decoded = STANDARD.decode(text.as_bytes(), out.as_out()).is_ok();
            Ok(())
        })?;
        if decoded { Ok(bytes.into_any()) } else { Err(Stop::Unusual) }
    }

    /// The value as `json.loads` gives it.
    fn plain(&mut self, peek: Peek, depth: usize) -> Parsed<Bound<'py, PyAny>> {
        let py = self.py();
        match peek {
            Peek::String => Ok(PyString::new(py, self.json.known_str()?).into_any()),
            Peek::Null => {
                self.json.known_null()?;
                Ok(py.None().into_bound(py))
            }
            Peek::True | Peek::False => {
                let value = self.json.known_bool(peek)?;
                Ok(PyBool::new(py, value).to_owned().into_any())
            }
            Peek::Array => {
                let depth = deeper(depth)?;
                let parsed = PyList::empty(py);
                let mut next = self.json.known_array()?;
                while let Some(peek) = next {
                    parsed.append(self.plain(peek, depth)?)?;
                    next = self.json.array_step()?;
                }
                Ok(parsed.into_any())
            }
            Peek::Object => {
                let depth = deeper(depth)?;
                let parsed = PyDict::new(py);
                let mut key = self.json.known_object()?;
                while let Some(name) = key {
                    let name = PyString::new(py, name);
                    let peek = self.json.peek()?;
                    parsed.set_item(name, self.plain(peek, depth)?)?;
                    key = self.json.next_key()?;
                }
                Ok(parsed.into_any())
            }
            _ => Ok(match self.json.known_number(peek)? {
                NumberAny::Int(NumberInt::Int(value)) => PyInt::new(py, value).into_any(),
                NumberAny::Float(value) => PyFloat::new(py, value).into_any(),
            }),
        }
    }

    /// Skip a value, as strictly as reading it.
    fn skip(&mut self, peek: Peek, depth: usize) -> Parsed<()> {
        match peek {
            Peek::String => drop(self.json.known_str()?),
            Peek::Null => self.json.known_null()?,
            Peek::True | Peek::False => drop(self.json.known_bool(peek)?),
            Peek::Array => {
                let depth = deeper(depth)?;
                let mut next = self.json.known_array()?;
                while let Some(peek) = next {
                    self.skip(peek, depth)?;
                    next = self.json.array_step()?;
                }
            }
            Peek::Object => {
                let depth = deeper(depth)?;
                let mut more = self.json.known_object()?.is_some();
                while more {
                    let peek = self.json.peek()?;
                    self.skip(peek, depth)?;
                    more = self.json.next_key()?.is_some();
                }
            }
            _ => {
                self.json.known_number(peek)?;
            }
        }
        Ok(())
    }

    fn py(&self) -> Python<'py> {
        self.parser.py()
    }
}

fn deeper(depth: usize) -> Parsed<usize> {
    if depth == MAX_DEPTH { Err(Stop::Unusual) } else { Ok(depth + 1) }
}
