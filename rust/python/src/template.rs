//! `Template`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
#[cfg(not(Py_GIL_DISABLED))]
use pyo3::types::PyList;
use pyo3::{Borrowed, ffi};

use crate::block::{HeaderMapping, block_in};
use crate::input::Input;
use crate::message::{block_of, frame_of, frames_of};
use crate::raw::{self, Arguments, Definition};

/// Headers encoded once, for many messages that differ in their payload alone.
#[pyclass(module = "bedrock_frames", frozen)]
pub(crate) struct Template(Py<HeaderMapping>);

/// `Template.encode`. A payload of `bytes` goes straight on.
static ENCODE: Definition =
    Definition::new(c"encode", encode, c"encode($self, payload)\n--\n\nReturn one frame.");

/// `Template.encode_all`. A list of `bytes` goes straight on.
static ENCODE_ALL: Definition = Definition::new(
    c"encode_all",
    encode_all,
    c"encode_all($self, payloads)\n--\n\nReturn the frames of all payloads, joined.",
);

unsafe extern "C" fn encode(
    template: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls it attached, on a template (the method descriptor checks that), with the
    // arguments of this call.
    unsafe {
        let arguments = Arguments::new(values, positional, keywords);
        raw::call(|py| {
            let template = Borrowed::from_ptr(py, template).cast_unchecked::<Template>().get();
            if let Some([payload]) = arguments.plain(py)
                && let Ok(payload) = payload.cast_exact::<PyBytes>()
            {
                let template = template.inner(py);
                return frame_of(py, template, payload.as_bytes()).map(Bound::into_any);
            }
            let frame = raw::attached(|py| template.encode_any(py, arguments).map(Bound::unbind));
            frame.map(|frame| frame.into_bound(py).into_any())
        })
    }
}

unsafe extern "C" fn encode_all(
    template: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above. Making `bytes` runs no Python code, so that the list keeps its items.
    unsafe {
        let arguments = Arguments::new(values, positional, keywords);
        raw::call(|py| {
            let template = Borrowed::from_ptr(py, template).cast_unchecked::<Template>().get();
            #[cfg(not(Py_GIL_DISABLED))]
            if let Some([payloads]) = arguments.plain(py)
                && let Ok(payloads) = payloads.cast_exact::<PyList>()
                && let Some(payloads) = raw::bytes_items(&payloads)
            {
                let template = template.inner(py);
                let frames = frames_of(py, payloads.map(|payload| (template, payload)));
                return frames.map(Bound::into_any);
            }
            let frames =
                raw::attached(|py| template.encode_all_any(py, arguments).map(Bound::unbind));
            frames.map(|frames| frames.into_bound(py).into_any())
        })
    }
}

/// Add the class to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Template>()?;
    let class = module.py().get_type::<Template>();
    ENCODE.add_to_class(&class)?;
    ENCODE_ALL.add_to_class(&class)
}

impl Template {
    /// What it encodes with.
    pub(crate) fn inner<'a>(&'a self, py: Python<'a>) -> &'a eventstream::Template {
        &block_in(self.0.bind_borrowed(py)).template
    }

    fn encode_any<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let [payload] = arguments.named(py, "Template.encode", ["payload"], 1)?;
        let payload = payload.ok_or_else(|| PyTypeError::new_err("payload is missing"))?;
        frame_of(py, self.inner(py), &Input::of(&payload, "payload")?)
    }

    fn encode_all_any<'py>(
        &self,
        py: Python<'py>,
        arguments: Arguments,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let [payloads] = arguments.named(py, "Template.encode_all", ["payloads"], 1)?;
        let payloads = payloads.ok_or_else(|| PyTypeError::new_err("payloads is missing"))?;
        let payloads: Vec<_> = payloads.try_iter()?.collect::<PyResult<_>>()?;
        let payloads: Vec<_> = payloads
            .iter()
            .map(|payload| Input::of(payload, "payload"))
            .collect::<PyResult<_>>()?;
        let template = self.inner(py);
        frames_of(py, payloads.iter().map(|payload| (template, &**payload)))
    }
}

#[pymethods]
impl Template {
    #[new]
    fn new(headers: &Bound<'_, PyAny>) -> PyResult<Self> {
        block_of(headers).map(Self)
    }

    #[getter]
    fn headers(&self, py: Python<'_>) -> Py<HeaderMapping> {
        self.0.clone_ref(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let headers = block_in(self.0.bind_borrowed(py)).items(py)?;
        Ok(format!("Template({})", headers.repr()?))
    }
}
