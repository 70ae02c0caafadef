//! Shapes, as far as parsing needs them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Where a node stands among those of its plan.
pub(super) type NodeId = usize;

/// What to make of a JSON value.
pub(super) enum Node {
    /// The value as JSON has it: scalars, which botocore does not convert, and documents.
    Plain,
    /// A string of base64.
    Blob,
    /// Whatever the parser's timestamp parser makes of it.
    Timestamp,
    List(NodeId),
    /// The values' node; keys are taken as they are.
    Map(NodeId),
    Structure(Structure),
    /// Left to botocore.
    Other,
}

pub(super) struct Structure {
    /// Exactly one member is set, no other key is there.
    pub(super) union: bool,
    /// In the order of the shape, which is that of botocore's results.
    pub(super) members: Vec<Member>,
}

pub(super) struct Member {
    json_name: String,
    pub(super) name: Py<PyString>,
    pub(super) node: NodeId,
}

impl Structure {
    /// Where a JSON key's member stands.
    #[inline]
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        self.members.iter().position(|member| member.json_name == key)
    }
}

/// A node as Python describes it: kind, node of the elements, members.
pub(super) type Description = (String, NodeId, Vec<(String, Py<PyString>, NodeId)>);

impl Node {
    /// Build a node of a plan that has `count` of them.
    pub(super) fn new(description: Description, count: usize) -> PyResult<Self> {
        let (kind, element, members) = description;
        let members = members.into_iter();
        let members: Vec<_> =
            members.map(|(json_name, name, node)| Member { json_name, name, node }).collect();
        if element >= count || members.iter().any(|member| member.node >= count) {
            return Err(PyValueError::new_err("a node refers to one that is not there"));
        }
        Ok(match kind.as_str() {
            "plain" => Self::Plain,
            "blob" => Self::Blob,
            "timestamp" => Self::Timestamp,
            "list" => Self::List(element),
            "map" => Self::Map(element),
            "structure" => Self::Structure(Structure { union: false, members }),
            "union" => Self::Structure(Structure { union: true, members }),
            "other" => Self::Other,
            kind => return Err(PyValueError::new_err(format!("unknown kind of node: {kind}"))),
        })
    }

    /// Whether botocore gives `None` for a null in a list or a map of these. For the others it
    /// depends on its version.
    pub(super) fn takes_null(&self) -> bool {
        matches!(self, Self::Plain | Self::Structure(_))
    }
}
