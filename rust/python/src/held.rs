//! References to Python objects that any thread may drop.

use std::ops::Deref;

use pyo3::prelude::*;

/// A reference to a Python object, in a structure that Rust's own threads may drop.
///
/// A [`Py`] that is dropped without the GIL leaks its object, since this build has no pool of such
/// references (see `.cargo/config.toml`). This one attaches to the interpreter if its thread is not
/// attached. It must therefore not be dropped under a lock that attached threads wait for.
pub(crate) struct Held<T>(Option<Py<T>>);

impl<T> Held<T> {
    pub(crate) fn new(object: Py<T>) -> Self {
        Self(Some(object))
    }
}

impl<T> Deref for Held<T> {
    type Target = Py<T>;

    fn deref(&self) -> &Py<T> {
        self.0.as_ref().expect("it is taken out by drop alone")
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            // Once the interpreter is finalized, there is no object left to release.
            let _ = Python::try_attach(move |py| object.drop_ref(py));
        }
    }
}
