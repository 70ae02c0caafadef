//! `BotocorePlan`: an event-stream shape, compiled.

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::node::{Description, Node, NodeId};
use super::parse::{Reader, Stop};

/// How to parse the events of one stream shape.
#[pyclass(name = "BotocorePlan", module = "bedrock_frames._core", frozen)]
pub(crate) struct Plan {
    events: Vec<Event>,
    nodes: Vec<Node>,
    default_blob_parser: Py<PyAny>,
}

struct Event {
    name: String,
    key: Py<PyString>,
    /// `None` for a member that is no event: botocore does not look at its payload.
    node: Option<NodeId>,
}

#[pymethods]
impl Plan {
    #[new]
    fn new(
        events: Vec<(Py<PyString>, Option<NodeId>)>,
        nodes: Vec<Description>,
        default_blob_parser: Py<PyAny>,
        py: Python<'_>,
    ) -> PyResult<Self> {
        let count = nodes.len();
        let nodes =
            nodes.into_iter().map(|node| Node::new(node, count)).collect::<PyResult<_>>()?;
        let events = events.into_iter().map(|(key, node)| {
            if node.is_some_and(|node| node >= count) {
                return Err(PyValueError::new_err("an event refers to a node that is not there"));
            }
            Ok(Event { name: key.bind(py).to_str()?.to_owned(), key, node })
        });
        Ok(Self { events: events.collect::<PyResult<_>>()?, nodes, default_blob_parser })
    }

    fn parse<'py>(
        &self,
        parser: &Bound<'py, PyAny>,
        response: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        match self.event(parser, response) {
            Ok(parsed) => Ok(Some(parsed)),
            Err(Stop::Unusual) => Ok(None),
            // botocore's own code comes to the same point and raises, or to another before.
            Err(Stop::Raised(error)) if error.is_instance_of::<PyException>(parser.py()) => {
                Ok(None)
            }
            Err(Stop::Raised(error)) => Err(error),
        }
    }
}

impl Plan {
    fn event<'py>(
        &self,
        parser: &Bound<'py, PyAny>,
        response: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyDict>, Stop> {
        let py = parser.py();
        let unusual = |_| Stop::Unusual;
        let response = response.cast_exact::<PyDict>().map_err(unusual)?;
        let field = |name| response.get_item(name)?.ok_or(Stop::Unusual);
        let status: u16 = field(intern!(py, "status_code"))?.extract()?;
        if status != 200 {
            return Err(Stop::Unusual);
        }
        let headers = field(intern!(py, "headers"))?;
        let headers = headers.cast_exact::<PyDict>().map_err(unusual)?;
        let parsed = PyDict::new(py);
        let Some(event_type) = headers.get_item(intern!(py, ":event-type"))? else {
            return Ok(parsed);
        };
        let event_type = event_type.cast_exact::<PyString>().map_err(unusual)?.to_str()?;
        let Some(event) = self.events.iter().find(|event| event.name == event_type) else {
            return Ok(parsed);
        };
        let value = match event.node.map(|node| &self.nodes[node]) {
            None => PyDict::new(py).into_any(),
            Some(Node::Structure(structure)) => {
                let payload = field(intern!(py, "body"))?;
                let payload = payload.cast_exact::<PyBytes>().map_err(unusual)?.as_bytes();
                Reader::new(payload, &self.nodes, parser, &self.default_blob_parser)?
                    .payload(structure)?
            }
            Some(_) => return Err(Stop::Unusual),
        };
        parsed.set_item(&event.key, value)?;
        Ok(parsed)
    }
}
