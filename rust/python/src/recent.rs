//! Headers that `encode` was given lately, recognised without reading them.
//!
//! Programs encode with the same header strings over and over: constants in a dict literal, or one
//! dict. Strings cannot change, so a dict that holds the very same string objects in the same order
//! makes the same headers block, and its [`Template`] writes the frame. A program whose strings are
//! always new gains nothing from that, so misses use up a credit that hits earn; without credit, most
//! calls do not look.

use eventstream::{Headers, Template};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use smallvec::SmallVec;

use crate::raw;

/// How many sets of headers are kept, each with a reference to its strings.
const ENTRIES: usize = 4;

/// Dicts with more headers are not kept.
const MOST_HEADERS: usize = 8;

/// Misses in a row before looking is given up.
const CREDIT: u32 = 64;

/// Without credit, one call in this many looks all the same.
const RETRY: u32 = 256;

/// The addresses of names and values, in the order of their dict.
type Addresses = SmallVec<[(usize, usize); MOST_HEADERS]>;

#[derive(Default)]
pub(crate) struct Recent {
    entries: [Option<Entry>; ENTRIES],
    latest: usize,
    next: usize,
    spent: u32,
    skipped: u32,
    /// Whether the call that is running was worth a look, and nothing was found.
    missed: bool,
}

struct Entry {
    addresses: Addresses,
    /// Keeps the addresses from being given to other strings.
    _strings: Vec<Py<PyAny>>,
    template: Template,
    used: bool,
}

impl Recent {
    /// Whether looking, and keeping what is not found, is worth its time.
    #[inline]
    pub(crate) fn worth_looking(&mut self) -> bool {
        if self.spent < CREDIT {
            return true;
        }
        self.skipped += 1;
        if self.skipped < RETRY {
            return false;
        }
        self.skipped = 0;
        true
    }

    /// The template of headers that were kept.
    #[inline]
    pub(crate) fn find(&mut self, headers: &Bound<'_, PyDict>) -> Option<&Template> {
        self.missed = false;
        let addresses = addresses(headers)?;
        let holds = |entry: &Option<Entry>| {
            entry.as_ref().is_some_and(|entry| entry.addresses == addresses)
        };
        if !holds(&self.entries[self.latest]) {
            let Some(found) = self.entries.iter().position(holds) else {
                self.spent = (self.spent + 1).min(CREDIT);
                self.missed = true;
                return None;
            };
            self.latest = found;
        }
        self.spent = self.spent.saturating_sub(1);
        let entry = self.entries[self.latest].as_mut()?;
        entry.used = true;
        Some(&entry.template)
    }

    /// Keep the headers that a dict of strings makes, if [`Self::find`] has just missed them.
    pub(crate) fn keep(&mut self, headers: &Bound<'_, PyDict>, block: Headers<'_>) {
        if !std::mem::take(&mut self.missed) {
            return;
        }
        let Some(addresses) = addresses(headers) else {
            return;
        };
        let strings: Vec<_> = headers.iter().flat_map(|(name, value)| [name, value]).collect();
        if !strings.iter().all(PyAnyMethods::is_exact_instance_of::<PyString>) {
            return;
        }
        let entry = Entry {
            addresses,
            _strings: strings.into_iter().map(Bound::unbind).collect(),
            template: block.into(),
            used: false,
        };
        // An entry that was found since the last time round is passed over once.
        while let Some(kept) = &mut self.entries[self.next]
            && std::mem::take(&mut kept.used)
        {
            self.next = (self.next + 1) % ENTRIES;
        }
        let replaced = self.entries[self.next].replace(entry);
        self.latest = self.next;
        self.next = (self.next + 1) % ENTRIES;
        raw::attached(|_| drop(replaced));
    }
}

/// The addresses of the names and values of a dict that is not too long.
#[inline]
fn addresses(headers: &Bound<'_, PyDict>) -> Option<Addresses> {
    if headers.len() > MOST_HEADERS {
        return None;
    }
    let mut addresses = Addresses::new();
    raw::each_item(headers, |name, value| {
        addresses.push((name as usize, value as usize));
        true
    });
    Some(addresses)
}
