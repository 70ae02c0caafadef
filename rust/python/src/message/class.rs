//! The type of messages, made by hand: a decoder makes one for each frame, and what `PyO3`'s classes
//! cost to make and to free is a third of what a frame costs.
//!
//! # Invariant
//!
//! An instance is made by [`create`] alone, with three references that it holds until it is freed:
//! to a [`HeaderMapping`], to its event type, and to `bytes`. Nothing writes them in between: the
//! members are read-only and the type has no subclasses. No instance is part of a cycle, since
//! neither headers nor payloads can refer to one.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::class::basic::CompareOp;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use pyo3::{Borrowed, PyTypeInfo, ffi};

use crate::block::{Block, HeaderMapping, block_in};
use crate::raw;

/// Decoded headers and a payload.
#[repr(C)]
pub(crate) struct Message {
    base: ffi::PyObject,
    headers: *mut ffi::PyObject,
    /// The block's, held here too: reading it is then a plain member access.
    event_type: *mut ffi::PyObject,
    payload: *mut ffi::PyObject,
}

/// The type, once the module has made it.
static TYPE: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(null_mut());

// SAFETY: the type is made before any instance, and lives as long as the process.
#[allow(deprecated, reason = "the constants are required of an implementation all the same")]
unsafe impl PyTypeInfo for Message {
    const NAME: &'static str = "Message";
    const MODULE: Option<&'static str> = Some("bedrock_frames");

    #[inline]
    fn type_object_raw(_: Python<'_>) -> *mut ffi::PyTypeObject {
        TYPE.load(Ordering::Relaxed)
    }
}

/// Make a message. May be called where `PyO3` has not counted the attachment.
#[inline]
pub(crate) fn create<'py>(
    headers: Borrowed<'_, 'py, HeaderMapping>,
    payload: Bound<'py, PyBytes>,
) -> PyResult<Bound<'py, Message>> {
    let py = headers.py();
    // SAFETY: the memory is new and of the size of an instance; `PyObject_Init` makes it an object
    // with one reference, and all three members are written before anyone else can see it.
    unsafe {
        let object = memory();
        if object.is_null() {
            return Err(raw::attached(|_| PyMemoryError::new_err(())));
        }
        ffi::PyObject_Init(object.cast(), Message::type_object_raw(py));
        let event_type = block_in(headers).event_type.as_ptr();
        ffi::Py_INCREF(event_type);
        ffi::Py_INCREF(headers.as_ptr());
        (*object).headers = headers.as_ptr();
        (*object).event_type = event_type;
        (*object).payload = payload.into_ptr();
        Ok(Bound::from_owned_ptr(py, object.cast()).cast_into_unchecked())
    }
}

fn fields<'a>(message: &'a Bound<'_, Message>) -> &'a Message {
    // SAFETY: an instance is laid out as `Message`, and lives as long as the reference to it.
    unsafe { &*message.as_ptr().cast() }
}

/// The headers of a message.
#[inline]
pub(crate) fn headers<'a, 'py>(
    message: &'a Bound<'py, Message>,
) -> Borrowed<'a, 'py, HeaderMapping> {
    // SAFETY: the member is a mapping of headers, and the message holds it.
    unsafe { Borrowed::from_ptr(message.py(), fields(message).headers).cast_unchecked() }
}

/// The headers block of a message.
#[inline]
pub(crate) fn block<'a>(message: &'a Bound<'_, Message>) -> &'a Block {
    block_in(headers(message))
}

/// The payload of a message.
#[inline]
pub(crate) fn payload<'a>(message: &'a Bound<'_, Message>) -> &'a [u8] {
    let payload = fields(message).payload;
    // SAFETY: the member is `bytes`, which cannot change, and the message holds it.
    unsafe {
        let start = ffi::PyBytes_AsString(payload).cast::<u8>();
        std::slice::from_raw_parts(start, ffi::PyBytes_Size(payload).cast_unsigned())
    }
}

/// Memory for one instance, or null.
#[inline]
unsafe fn memory() -> *mut Message {
    #[cfg(not(Py_GIL_DISABLED))]
    if let Some(object) = freed::take() {
        return object;
    }
    // SAFETY: the thread is attached.
    unsafe { ffi::PyObject_Malloc(size_of::<Message>()).cast() }
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the last reference to an instance is gone, so its members are read this once more. A
    // heap type is held by its instances.
    unsafe {
        let fields = object.cast::<Message>();
        let class = ffi::Py_TYPE(object);
        ffi::Py_DECREF((*fields).headers);
        ffi::Py_DECREF((*fields).event_type);
        ffi::Py_DECREF((*fields).payload);
        #[cfg(not(Py_GIL_DISABLED))]
        let kept = freed::keep(fields);
        #[cfg(Py_GIL_DISABLED)]
        let kept = false;
        if !kept {
            ffi::PyObject_Free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// The memory of freed messages, for the next ones: a reader frees one before it makes the next.
#[cfg(not(Py_GIL_DISABLED))]
mod freed {
    use std::cell::{Cell, UnsafeCell};

    use super::Message;

    const MOST: usize = 256;

    struct Freed {
        objects: UnsafeCell<[*mut Message; MOST]>,
        count: Cell<usize>,
    }

    // SAFETY: it is used by attached threads alone, and the GIL lets one of them run at a time.
    unsafe impl Sync for Freed {}

    static FREED: Freed =
        Freed { objects: UnsafeCell::new([std::ptr::null_mut(); MOST]), count: Cell::new(0) };

    /// Take the memory of one instance.
    #[inline]
    pub(super) fn take() -> Option<*mut Message> {
        let left = FREED.count.get().checked_sub(1)?;
        FREED.count.set(left);
        // SAFETY: `left` is below `MOST`, and no other reference to the array exists.
        Some(unsafe { (&(*FREED.objects.get()))[left] })
    }

    /// Keep the memory of an instance that is no more, if there is room.
    #[inline]
    pub(super) fn keep(object: *mut Message) -> bool {
        let count = FREED.count.get();
        if count == MOST {
            return false;
        }
        // SAFETY: as above.
        unsafe { (&mut (*FREED.objects.get()))[count] = object };
        FREED.count.set(count + 1);
        true
    }
}

/// The instance that a slot was called on.
///
/// # Safety
///
/// `object` is an instance.
unsafe fn instance(py: Python<'_>, object: *mut ffi::PyObject) -> Bound<'_, Message> {
    // SAFETY: the caller's.
    unsafe { Bound::from_borrowed_ptr(py, object).cast_into_unchecked() }
}

unsafe extern "C" fn new(
    _: *mut ffi::PyTypeObject,
    arguments: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    raw::slot(null_mut(), |py| {
        // SAFETY: Python gives a tuple, and a dict or null.
        let (arguments, keywords) = unsafe {
            (
                Bound::from_borrowed_ptr(py, arguments).cast_into_unchecked::<PyTuple>(),
                Bound::from_borrowed_ptr_or_opt(py, keywords),
            )
        };
        let keywords = keywords.map(Bound::cast_into::<PyDict>).transpose()?;
        let make = pyo3::wrap_pyfunction!(super::new, py)?;
        Ok(make.call(arguments, keywords.as_ref())?.into_ptr())
    })
}

unsafe extern "C" fn repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: Python calls the slot on an instance.
    raw::slot(null_mut(), |py| Ok(super::repr(&unsafe { instance(py, object) })?.into_ptr()))
}

unsafe extern "C" fn hash(object: *mut ffi::PyObject) -> ffi::Py_hash_t {
    // -1 stands for an error.
    raw::slot(-1, |py| {
        // SAFETY: as above.
        let hash = super::hash(&unsafe { instance(py, object) });
        Ok(match hash.cast_signed() as ffi::Py_hash_t {
            -1 => -2,
            hash => hash,
        })
    })
}

unsafe extern "C" fn compare(
    object: *mut ffi::PyObject,
    other: *mut ffi::PyObject,
    operation: c_int,
) -> *mut ffi::PyObject {
    raw::slot(null_mut(), |py| {
        // SAFETY: as above; `other` is any object.
        let (ours, other) = unsafe { (instance(py, object), Bound::from_borrowed_ptr(py, other)) };
        let wanted = match CompareOp::from_raw(operation) {
            Some(CompareOp::Eq) => true,
            Some(CompareOp::Ne) => false,
            _ => return Ok(py.NotImplemented().into_ptr()),
        };
        match other.cast::<Message>() {
            Ok(theirs) => {
                let answer = super::equal(&ours, theirs) == wanted;
                Ok(pyo3::types::PyBool::new(py, answer).to_owned().into_ptr())
            }
            Err(_) => Ok(py.NotImplemented().into_ptr()),
        }
    })
}

unsafe extern "C" fn encode(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe { raw::call(|py| Ok(super::encode(&instance(py, object))?.into_any())) }
}

unsafe extern "C" fn reduce(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    raw::slot(null_mut(), |py| {
        // SAFETY: as above.
        let reduced = super::reduce(&unsafe { instance(py, object) })?;
        Ok(reduced.into_pyobject(py)?.into_ptr())
    })
}

unsafe extern "C" fn message_type(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe { raw::call(|py| Ok(block(&instance(py, object)).message_type.bind(py).clone())) }
}

unsafe extern "C" fn exception_type(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe { raw::call(|py| Ok(block(&instance(py, object)).exception_type.bind(py).clone())) }
}

/// Make the type, and add it to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    if !TYPE.load(Ordering::Relaxed).is_null() {
        // The module is imported once more, as by another interpreter: the type stays the same.
        return module.add("Message", Message::type_object(module.py()));
    }
    let member = |name: &'static std::ffi::CStr, offset: usize| ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_OBJECT_EX,
        offset: offset.cast_signed(),
        flags: ffi::Py_READONLY,
        doc: std::ptr::null(),
    };
    let members = [
        member(c"headers", offset_of!(Message, headers)),
        member(c"event_type", offset_of!(Message, event_type)),
        member(c"payload", offset_of!(Message, payload)),
        // SAFETY: all zeroes end the list.
        unsafe { std::mem::zeroed() },
    ];
    let method = |name: &'static std::ffi::CStr, function: ffi::PyCFunction| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: std::ptr::null(),
    };
    let methods =
        [method(c"encode", encode), method(c"__reduce__", reduce), ffi::PyMethodDef::zeroed()];
    let property = |name: &'static std::ffi::CStr, get: ffi::getter| ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: None,
        doc: std::ptr::null(),
        closure: null_mut(),
    };
    let properties = [
        property(c"message_type", message_type),
        property(c"exception_type", exception_type),
        ffi::PyGetSetDef::default(),
    ];
    let doc = c"Message(headers, payload=b'')\n--\n\nDecoded headers and a payload.";
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let class = raw::make_class::<Message>(
        module.py(),
        c"bedrock_frames.Message",
        0,
        vec![
            slot(ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
            slot(ffi::Py_tp_new, new as *mut c_void),
            slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
            slot(ffi::Py_tp_repr, repr as *mut c_void),
            slot(ffi::Py_tp_hash, hash as *mut c_void),
            slot(ffi::Py_tp_richcompare, compare as *mut c_void),
            // Python keeps pointers into these three.
            slot(ffi::Py_tp_members, Box::leak(Box::new(members)).as_mut_ptr().cast()),
            slot(ffi::Py_tp_methods, Box::leak(Box::new(methods)).as_mut_ptr().cast()),
            slot(ffi::Py_tp_getset, Box::leak(Box::new(properties)).as_mut_ptr().cast()),
        ],
    )?;
    // The reference is never given back.
    TYPE.store(class.clone().into_ptr().cast(), Ordering::Relaxed);
    module.add("Message", class)
}
