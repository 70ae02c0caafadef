//! The type of header mappings, made by hand: readers look up three headers of each message, and
//! `PyO3`'s slots take longer for that than the look-up does.
//!
//! # Invariant
//!
//! An instance is made by [`create`] alone, which writes its block before the object is seen. The
//! block is only read from then on, and dropped once, when the object is freed. The type has no
//! subclasses. No instance is part of a cycle: header values cannot refer to one.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::{drop_in_place, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::class::basic::CompareOp;
use pyo3::exceptions::{PyKeyError, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{Borrowed, PyTypeInfo, ffi};

use super::Block;
use crate::raw::{self, Arguments, Definition};

/// The Python object around a [`Block`].
#[repr(C)]
pub(crate) struct HeaderMapping {
    base: ffi::PyObject,
    block: Block,
}

/// The type, once the module has made it.
static TYPE: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(null_mut());

// SAFETY: the type is made before any instance, and lives as long as the process.
#[allow(deprecated, reason = "the constants are required of an implementation all the same")]
unsafe impl PyTypeInfo for HeaderMapping {
    const NAME: &'static str = "HeaderMapping";
    const MODULE: Option<&'static str> = Some("bedrock_frames");

    #[inline]
    fn type_object_raw(_: Python<'_>) -> *mut ffi::PyTypeObject {
        TYPE.load(Ordering::Relaxed)
    }
}

/// Make the object of a block.
pub(super) fn create(py: Python<'_>, block: Block) -> PyResult<Bound<'_, HeaderMapping>> {
    // SAFETY: the memory is new and of the size of an instance; `PyObject_Init` makes it an object
    // with one reference, and its block is written before anyone else can see it.
    unsafe {
        let object = ffi::PyObject_Malloc(size_of::<HeaderMapping>()).cast::<HeaderMapping>();
        if object.is_null() {
            return Err(PyMemoryError::new_err(()));
        }
        ffi::PyObject_Init(object.cast(), HeaderMapping::type_object_raw(py));
        (&raw mut (*object).block).write(block);
        Ok(Bound::from_owned_ptr(py, object.cast()).cast_into_unchecked())
    }
}

/// The block of an object.
#[inline]
pub(crate) fn block_in<'a>(mapping: Borrowed<'a, '_, HeaderMapping>) -> &'a Block {
    // SAFETY: an instance is laid out as `HeaderMapping`, and lives as long as the reference to it.
    unsafe { &(*mapping.as_ptr().cast::<HeaderMapping>()).block }
}

/// The values of the instance that a slot was called on.
///
/// # Safety
///
/// `object` is an instance.
unsafe fn values<'a, 'py>(
    py: Python<'py>,
    object: *mut ffi::PyObject,
) -> PyResult<&'a Bound<'py, PyDict>>
where
    'py: 'a,
{
    // SAFETY: the caller's; the slot's caller holds the instance until it returns.
    unsafe { (*object.cast::<HeaderMapping>()).block.values(py) }
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the last reference to an instance is gone. What the block holds is dropped by PyO3,
    // which must know to be attached. A heap type is held by its instances.
    unsafe {
        let class = ffi::Py_TYPE(object);
        raw::attached(|_| drop_in_place(&raw mut (*object.cast::<HeaderMapping>()).block));
        ffi::PyObject_Free(object.cast());
        ffi::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn subscript(
    object: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls the slot attached and on an instance. The dict of values is never
    // changed, so that it holds what it lends.
    unsafe {
        let py = Python::assume_attached();
        if let Some(values) = (*object.cast::<HeaderMapping>()).block.values.get(py) {
            let value = ffi::PyDict_GetItemWithError(values.as_ptr(), key);
            if !value.is_null() {
                ffi::Py_INCREF(value);
                return value;
            }
            if !ffi::PyErr_Occurred().is_null() {
                return null_mut();
            }
        }
        raw::attached(|py| {
            raw::slot(null_mut(), |_| {
                let key = Bound::from_borrowed_ptr(py, key);
                let value = values(py, object)?.get_item(&key)?;
                value.map(Bound::into_ptr).ok_or_else(|| PyKeyError::new_err(key.unbind()))
            })
        })
    }
}

unsafe extern "C" fn length(object: *mut ffi::PyObject) -> ffi::Py_ssize_t {
    // SAFETY: Python calls the slot on an instance.
    raw::slot(-1, |py| Ok(unsafe { values(py, object) }?.len().cast_signed()))
}

unsafe extern "C" fn contains(object: *mut ffi::PyObject, key: *mut ffi::PyObject) -> c_int {
    // SAFETY: as above; `key` is any object.
    raw::slot(-1, |py| unsafe {
        Ok(values(py, object)?.contains(Bound::from_borrowed_ptr(py, key))?.into())
    })
}

unsafe extern "C" fn iter(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    raw::slot(null_mut(), |py| Ok(unsafe { values(py, object) }?.try_iter()?.into_ptr()))
}

unsafe extern "C" fn repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    raw::slot(null_mut(), |py| {
        // SAFETY: as above.
        let text = format!("HeaderMapping({})", unsafe { values(py, object) }?.repr()?);
        Ok(text.into_pyobject(py)?.into_ptr())
    })
}

unsafe extern "C" fn compare(
    object: *mut ffi::PyObject,
    other: *mut ffi::PyObject,
    operation: c_int,
) -> *mut ffi::PyObject {
    raw::slot(null_mut(), |py| {
        // SAFETY: as above; `other` is any object.
        let (ours, other) = unsafe { (values(py, object)?, Bound::from_borrowed_ptr(py, other)) };
        match CompareOp::from_raw(operation) {
            Some(operation @ (CompareOp::Eq | CompareOp::Ne)) => {
                Ok(lent(ours, &other)?.rich_compare(plain(&other)?, operation)?.into_ptr())
            }
            _ => Ok(py.NotImplemented().into_ptr()),
        }
    })
}

unsafe extern "C" fn union(
    left: *mut ffi::PyObject,
    right: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    raw::slot(null_mut(), |py| {
        // SAFETY: both are objects, one of them an instance.
        let (left, right) =
            unsafe { (Bound::from_borrowed_ptr(py, left), Bound::from_borrowed_ptr(py, right)) };
        let (ours, theirs) = (plain(&left)?, plain(&right)?);
        Ok(guarded(ours, &right)?.bitor(guarded(theirs, &left)?)?.into_ptr())
    })
}

/// An operand, or a copy of it where the other's methods might change it.
fn guarded<'py>(
    operand: Bound<'py, PyAny>,
    other: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    match operand.cast_into_exact::<PyDict>() {
        Ok(values) => lent(&values, other).map(Bound::into_any),
        Err(error) => Ok(error.into_inner()),
    }
}

/// The dict of values, or a copy of it where `other` is of a class that might change it.
fn lent<'py>(
    values: &Bound<'py, PyDict>,
    other: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    if other.is_exact_instance_of::<PyDict>() || other.is_instance_of::<HeaderMapping>() {
        Ok(values.clone())
    } else {
        values.copy()
    }
}

/// The dict of values where `other` is a mapping of headers, else `other`.
fn plain<'py>(other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match other.cast::<HeaderMapping>() {
        Ok(mapping) => Ok(block_in(mapping.as_borrowed()).values(other.py())?.clone().into_any()),
        Err(_) => Ok(other.clone()),
    }
}

/// Call the method of the same name of the dict of values.
fn delegate(
    name: &str,
    object: *mut ffi::PyObject,
    arguments: Option<Arguments>,
) -> *mut ffi::PyObject {
    raw::slot(null_mut(), |py| {
        // SAFETY: the methods below are called on an instance.
        let values = unsafe { values(py, object)? };
        let Some(arguments) = arguments else {
            return Ok(values.call_method0(name)?.into_ptr());
        };
        let [key, default] = arguments.named(py, "HeaderMapping.get", ["key", "default"], 1)?;
        Ok(values.call_method1(name, (key, default))?.into_ptr())
    })
}

macro_rules! delegates {
    ($($function:ident $name:literal;)*) => {
        $(unsafe extern "C" fn $function(
            object: *mut ffi::PyObject,
            _: *mut ffi::PyObject,
        ) -> *mut ffi::PyObject {
            delegate($name, object, None)
        })*
    };
}

delegates! {
    keys "keys";
    py_values "values";
    items "items";
    copy "copy";
    reversed "__reversed__";
}

static GET: Definition = Definition::new(
    c"get",
    get,
    c"get($self, key, default=None)\n--\n\nReturn the value of a header, or a default.",
);

unsafe extern "C" fn get(
    object: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: they are the arguments of this call.
    delegate("get", object, Some(unsafe { Arguments::new(values, positional, keywords) }))
}

unsafe extern "C" fn reduce(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    raw::slot(null_mut(), |py| {
        // SAFETY: as above.
        let copy = unsafe { values(py, object)? }.copy()?;
        Ok((py.get_type::<PyDict>(), (copy,)).into_pyobject(py)?.into_ptr())
    })
}

/// Make the type, and let `collections.abc.Mapping` know it.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    if !TYPE.load(Ordering::Relaxed).is_null() {
        // The module is imported once more, as by another interpreter: the type stays the same.
        return Ok(());
    }
    let method = |name: &'static CStr, function: ffi::PyCFunction| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: std::ptr::null(),
    };
    let methods = [
        method(c"keys", keys),
        method(c"values", py_values),
        method(c"items", items),
        method(c"copy", copy),
        method(c"__reversed__", reversed),
        method(c"__reduce__", reduce),
        GET.definition(),
        ffi::PyMethodDef::zeroed(),
    ];
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let class = raw::make_class::<HeaderMapping>(
        py,
        c"bedrock_frames.HeaderMapping",
        ffi::Py_TPFLAGS_MAPPING | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION,
        vec![
            slot(
                ffi::Py_tp_doc,
                c"A read-only mapping of headers, in wire order.".as_ptr().cast_mut().cast(),
            ),
            slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
            slot(ffi::Py_mp_subscript, subscript as *mut c_void),
            slot(ffi::Py_mp_length, length as *mut c_void),
            slot(ffi::Py_sq_contains, contains as *mut c_void),
            slot(ffi::Py_tp_iter, iter as *mut c_void),
            slot(ffi::Py_tp_repr, repr as *mut c_void),
            slot(ffi::Py_tp_richcompare, compare as *mut c_void),
            slot(ffi::Py_tp_hash, ffi::PyObject_HashNotImplemented as *mut c_void),
            slot(ffi::Py_nb_or, union as *mut c_void),
            slot(ffi::Py_tp_methods, Box::leak(Box::new(methods)).as_mut_ptr().cast()),
        ],
    )?;
    TYPE.store(class.clone().into_ptr().cast(), Ordering::Relaxed);
    let mapping = py.import("collections.abc")?.getattr("Mapping")?;
    mapping.call_method1("register", (class,)).map(drop)
}
