//! Functions and slots that Python calls without `PyO3`'s argument machinery, which costs more than a
//! frame does.
//!
//! # Invariant
//!
//! Python calls them attached, but `PyO3` has not counted that attachment. `Bound` may be made and
//! dropped, since it changes the count of references directly. An owned `Py` or `PyErr` must be
//! neither made nor dropped outside [`attached`]: `PyO3` would take the thread for a detached one, and
//! leak the reference. Whatever is rare, errors above all, therefore runs in [`attached`].

use std::any::Any;
use std::ffi::{CStr, c_uint, c_ulong};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;

use pyo3::exceptions::PyTypeError;
use pyo3::impl_::trampoline::{MethodDef, noargs};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
#[cfg(not(Py_GIL_DISABLED))]
use pyo3::types::PyList;
use pyo3::types::{PyBytes, PyDict, PyModule, PyString, PyTuple, PyType};
use pyo3::{Borrowed, ffi};

/// A C function or method: `METH_FASTCALL | METH_KEYWORDS`.
pub(crate) type Function = ffi::PyCFunctionFastWithKeywords;

/// The definition of a function, which Python refers to for as long as it runs.
#[repr(transparent)]
pub(crate) struct Definition(ffi::PyMethodDef);

// SAFETY: it is never written, and its pointers are to static strings.
unsafe impl Sync for Definition {}

impl Definition {
    /// A function; `doc` begins with its signature.
    pub(crate) const fn new(name: &'static CStr, function: Function, doc: &'static CStr) -> Self {
        Self(ffi::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: function },
            ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ml_doc: doc.as_ptr(),
        })
    }

    /// A copy, for a list of methods.
    pub(crate) const fn definition(&'static self) -> ffi::PyMethodDef {
        self.0
    }

    fn as_ptr(&'static self) -> *mut ffi::PyMethodDef {
        (&raw const self.0).cast_mut()
    }

    /// Add the function to a module.
    pub(crate) fn add_to(&'static self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        let name = module.name()?;
        // SAFETY: the definition is static, and Python does not write to it.
        let function = unsafe {
            let function = ffi::PyCFunction_NewEx(self.as_ptr(), null_mut(), name.as_ptr());
            Bound::from_owned_ptr_or_err(module.py(), function)?
        };
        module.add(function.getattr("__name__")?.cast::<PyString>()?, function)
    }

    /// Add the function to a class as a method.
    pub(crate) fn add_to_class(&'static self, class: &Bound<'_, PyType>) -> PyResult<()> {
        // SAFETY: as above; the descriptor checks that it is called on an instance of the class.
        let method = unsafe {
            let method = ffi::PyDescr_NewMethod(class.as_type_ptr(), self.as_ptr());
            Bound::from_owned_ptr_or_err(class.py(), method)?
        };
        class.setattr(method.getattr("__name__")?.cast::<PyString>()?, method)
    }
}

/// Make a type without subclasses, whose instances are laid out as `T`.
pub(crate) fn make_class<'py, T>(
    py: Python<'py>,
    name: &'static CStr,
    flags: c_ulong,
    mut slots: Vec<ffi::PyType_Slot>,
) -> PyResult<Bound<'py, PyAny>> {
    slots.push(ffi::PyType_Slot { slot: 0, pfunc: null_mut() });
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: (size_of::<T>() as c_uint).cast_signed(),
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_IMMUTABLETYPE | flags) as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the list of slots is ended, and Python copies it and the spec.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec)) }
}

/// Make `bytes` of a length and have `fill` write them, which returns how many it has written: all.
///
/// # Panics
///
/// It has written fewer.
#[inline]
pub(crate) fn bytes(
    py: Python<'_>,
    length: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> PyResult<usize>,
) -> PyResult<Bound<'_, PyBytes>> {
    // SAFETY: the new object is not seen by anyone else before it is filled, and its buffer has the
    // length that was asked for.
    unsafe {
        let object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), length.cast_signed());
        if object.is_null() {
            return Err(attached(PyErr::fetch));
        }
        let bytes = Bound::from_owned_ptr(py, object).cast_into_unchecked::<PyBytes>();
        let start = ffi::PyBytes_AsString(object).cast::<MaybeUninit<u8>>();
        let written = fill(std::slice::from_raw_parts_mut(start, length))?;
        assert_eq!(written, length, "bytes are handed out only when all are written");
        Ok(bytes)
    }
}

/// Run with an attachment that `PyO3` has counted, in a thread that is attached. For what is rare.
///
/// `Python::attach` would attach once more, by way of `PyGILState_Ensure`: in a subinterpreter, that
/// waits for ever. `PyO3`'s own functions count the attachment that they are called with, so the work
/// is handed to one.
#[cold]
#[inline(never)]
pub(crate) fn attached<R, W: FnOnce(Python<'_>) -> R>(work: W) -> R {
    let mut task = Task { work: Some(work), done: None };
    // SAFETY: Python has called this thread, so that it is attached; `Task::METH` is given the task.
    unsafe { noargs::<Task<W, R>>((&raw mut task).cast(), null_mut()) };
    match task.done.expect("the work was done") {
        Ok(result) => result,
        Err(payload) => resume_unwind(payload),
    }
}

struct Task<W, R> {
    work: Option<W>,
    done: Option<Result<R, Box<dyn Any + Send>>>,
}

impl<W: FnOnce(Python<'_>) -> R, R> MethodDef<noargs::Func> for Task<W, R> {
    const METH: noargs::Func = Self::run;
}

impl<W: FnOnce(Python<'_>) -> R, R> Task<W, R> {
    /// # Safety
    ///
    /// `task` points to one that nothing else uses.
    #[allow(clippy::unnecessary_wraps, reason = "PyO3's type of such a function")]
    unsafe fn run(py: Python<'_>, task: *mut ffi::PyObject) -> PyResult<*mut ffi::PyObject> {
        // SAFETY: the caller's.
        let task = unsafe { &mut *task.cast::<Self>() };
        let work = task.work.take();
        task.done = work.map(|work| catch_unwind(AssertUnwindSafe(|| work(py))));
        Ok(null_mut())
    }
}

/// Run the body of a function that Python calls; an error or a panic is raised.
///
/// # Safety
///
/// The thread is attached.
#[inline]
pub(crate) unsafe fn call<'py>(
    work: impl FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>>,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's.
    let py = unsafe { Python::assume_attached() };
    match catch_unwind(AssertUnwindSafe(|| work(py))) {
        Ok(Ok(result)) => result.into_ptr(),
        Ok(Err(error)) => attached(|py| raise(py, error)),
        Err(payload) => attached(|py| raise(py, panicked(&*payload))),
    }
}

/// Run the body of a slot that is not called often, as `PyO3` runs its own; an error or a panic is
/// raised, and `failed` returned.
pub(crate) fn slot<R>(failed: R, work: impl FnOnce(Python<'_>) -> PyResult<R>) -> R {
    attached(|py| match catch_unwind(AssertUnwindSafe(|| work(py))) {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => {
            error.restore(py);
            failed
        }
        Err(payload) => {
            panicked(&*payload).restore(py);
            failed
        }
    })
}

/// Call `work` with the addresses of each name and value of a dict, until it returns false.
#[inline]
pub(crate) fn each_item(
    dict: &Bound<'_, PyDict>,
    mut work: impl FnMut(*mut ffi::PyObject, *mut ffi::PyObject) -> bool,
) {
    let (mut place, mut name, mut value) = (0, null_mut(), null_mut());
    // SAFETY: the caller's work runs no Python code before it ends the loop, so that the dict stays
    // as it is.
    unsafe {
        while ffi::PyDict_Next(dict.as_ptr(), &raw mut place, &raw mut name, &raw mut value) != 0
            && work(name, value)
        {}
    }
}

/// Call `work` with each name and value of a dict, until it returns nothing. It is given nothing, once,
/// where one of them is not `str` or has no UTF-8 form.
#[inline]
pub(crate) fn each_string(
    dict: &Bound<'_, PyDict>,
    mut work: impl FnMut(Option<(&str, &str)>) -> Option<()>,
) {
    each_item(dict, |name, value| {
        // SAFETY: what the dict holds are objects. To fail makes an exception, which may run Python
        // code that changes the dict: nothing of the dict is used after that.
        let pair = unsafe {
            match utf8(name) {
                Some(name) => utf8(value).map(|value| (name, value)),
                None => None,
            }
        };
        let whole = pair.is_some();
        work(pair).is_some() && whole
    });
}

/// The text of a `str`.
///
/// # Safety
///
/// `object` is an object, and outlives the text.
#[inline]
unsafe fn utf8<'a>(object: *mut ffi::PyObject) -> Option<&'a str> {
    let mut length = 0;
    // SAFETY: the object is a `str`, which holds its UTF-8 form for as long as it lives.
    unsafe {
        if ffi::PyUnicode_CheckExact(object) == 0 {
            return None;
        }
        let text = ffi::PyUnicode_AsUTF8AndSize(object, &raw mut length);
        if text.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length.cast_unsigned());
        Some(std::str::from_utf8_unchecked(bytes))
    }
}

/// The items of a list where all are `bytes`, else nothing.
///
/// # Safety
///
/// No Python code runs while the items are in use: the list holds them.
#[cfg(not(Py_GIL_DISABLED))]
#[inline]
pub(crate) unsafe fn bytes_items<'a>(
    list: &'a Bound<'_, PyList>,
) -> Option<impl Iterator<Item = &'a [u8]> + Clone> {
    let py = list.py();
    let item = move |index: usize| {
        // SAFETY: the index is below the length, and the caller lets the list alone.
        unsafe { Borrowed::from_ptr(py, ffi::PyList_GET_ITEM(list.as_ptr(), index.cast_signed())) }
    };
    if !(0..list.len()).all(|index| item(index).is_exact_instance_of::<PyBytes>()) {
        return None;
    }
    // SAFETY: each was looked at above, and `bytes` do not change.
    Some((0..list.len()).map(move |index| unsafe {
        let bytes = item(index).as_ptr();
        let start = ffi::PyBytes_AsString(bytes).cast::<u8>();
        std::slice::from_raw_parts(start, ffi::PyBytes_Size(bytes).cast_unsigned())
    }))
}

fn raise(py: Python<'_>, error: PyErr) -> *mut ffi::PyObject {
    error.restore(py);
    null_mut()
}

fn panicked(payload: &(dyn Any + Send)) -> PyErr {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    PanicException::new_err(text.unwrap_or("panic from Rust code").to_owned())
}

/// The arguments of one call.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    values: *const *mut ffi::PyObject,
    positional: usize,
    keywords: *mut ffi::PyObject,
}

impl Arguments {
    /// The arguments that Python has handed over.
    ///
    /// # Safety
    ///
    /// They are those of the call that is running.
    #[inline]
    pub(crate) unsafe fn new(
        values: *const *mut ffi::PyObject,
        positional: ffi::Py_ssize_t,
        keywords: *mut ffi::PyObject,
    ) -> Self {
        Self { values, positional: positional.cast_unsigned(), keywords }
    }

    /// The arguments, where all `N` are given by position: what nearly every call does.
    #[inline]
    pub(crate) fn plain<const N: usize>(
        self,
        py: Python<'_>,
    ) -> Option<[Borrowed<'_, '_, PyAny>; N]> {
        if self.positional != N || !self.keywords.is_null() {
            return None;
        }
        Some(std::array::from_fn(|index| self.value(py, index)))
    }

    #[inline]
    fn value(self, py: Python<'_>, index: usize) -> Borrowed<'_, '_, PyAny> {
        // SAFETY: the caller of the function holds its arguments until it returns, and `py` does
        // not outlive that; `index` is below the number of values.
        unsafe { Borrowed::from_ptr(py, *self.values.add(index)) }
    }

    /// The arguments by name, however they were given; the first `required` must be there.
    ///
    /// # Errors
    ///
    /// `TypeError`, as Python itself words it.
    pub(crate) fn named<'py, const N: usize>(
        self,
        py: Python<'py>,
        function: &str,
        names: [&str; N],
        required: usize,
    ) -> PyResult<[Option<Borrowed<'py, 'py, PyAny>>; N]> {
        let mut found = [None; N];
        if self.positional > N {
            return Err(PyTypeError::new_err(format!(
                "{function}() takes at most {N} positional arguments, got {}",
                self.positional
            )));
        }
        for (index, slot) in found.iter_mut().enumerate().take(self.positional) {
            *slot = Some(self.value(py, index));
        }
        // SAFETY: it is a tuple of strings, or null where no keywords are given.
        let keywords = unsafe { Bound::from_borrowed_ptr_or_opt(py, self.keywords) };
        if let Some(keywords) = keywords {
            for (index, name) in keywords.cast_into::<PyTuple>()?.iter().enumerate() {
                let name = name.cast_into::<PyString>()?;
                let text = name.to_str()?;
                let Some(place) = names.iter().position(|known| *known == text) else {
                    return Err(PyTypeError::new_err(format!(
                        "{function}() got an unexpected keyword argument '{text}'"
                    )));
                };
                if found[place].is_some() {
                    return Err(PyTypeError::new_err(format!(
                        "{function}() got multiple values for argument '{text}'"
                    )));
                }
                found[place] = Some(self.value(py, self.positional + index));
            }
        }
        match (0..required).find(|&index| found[index].is_none()) {
            Some(missing) => Err(PyTypeError::new_err(format!(
                "{function}() missing required argument '{}'",
                names[missing]
            ))),
            None => Ok(found),
        }
    }
}
