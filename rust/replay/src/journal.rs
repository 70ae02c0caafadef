//! What was asked, and what became of it: a bounded ring.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::RequestId;
use crate::head::RawHeaders;
use crate::operation::Operation;

/// How much the journal holds of all bodies and headers together: older entries make room.
pub const MAX_JOURNAL_BYTES: usize = 268_435_456;

/// What stands in the journal for the value of a secret header.
pub(crate) const REDACTED: &[u8] = b"[redacted]";

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not yet.
    Pending,
    /// All of it was sent.
    Delivered,
    /// The client closed the connection or reset the stream.
    ClientLeft,
    /// The client did not read on for too long.
    Stalled,
    /// The server cut it: as the fixture asks, or because it was stopped.
    Cut,
    /// An internal error ended it.
    Failed,
}

impl Outcome {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::ClientLeft => "client_left",
            Self::Stalled => "stalled",
            Self::Cut => "cut",
            Self::Failed => "failed",
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names of a request's parts")]
pub struct Entry {
    /// Its place in the order of all requests that were ever recorded.
    pub id: u64,
    pub request_id: RequestId,
    /// Unix time in seconds.
    pub arrived: f64,
    pub method: String,
    /// The path as it came, without the query.
    pub path: String,
    pub operation: Option<Operation>,
    /// The model id, decoded.
    pub model: Option<String>,
    pub session: String,
    /// Which attempt of the SDK it was, from 1.
    pub attempt: u32,
    pub headers: Headers,
    /// The beginning of the body.
    pub body: Vec<u8>,
    /// How long the whole body was.
    pub body_bytes: usize,
    pub status: u16,
    pub fixture: Option<usize>,
    /// Where the fixture stood then.
    pub place: Option<Arc<str>>,
    /// Rules of the service that it breaks, in the order of the service's checks.
    pub broken_rules: Vec<&'static str>,
}

/// An entry, and how its answer ended.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The request.
    pub entry: Arc<Entry>,
    /// How its answer ended.
    pub outcome: Outcome,
    /// How many frames were sent.
    pub sent_frames: usize,
    /// How long it took; none until it has ended, or if the transport did not tell.
    pub took: Option<Took>,
}

/// How long an answer took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Took {
    /// Seconds from when its request was there to the end of its answer.
    pub duration: f64,
    /// The most that a paced write was late, in seconds; none where nothing was paced.
    pub lateness: Option<f64>,
}

/// Which entries are wanted: all that is given must be equal.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the names of an entry's fields")]
pub struct Filter<'a> {
    pub session: Option<&'a str>,
    pub path: Option<&'a str>,
    pub method: Option<&'a str>,
    pub status: Option<u16>,
}

/// The headers of a request: names in lower case, secrets gone.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    bytes: Box<[u8]>,
    /// Where each name and each value ends.
    ends: Box<[(u32, u32)]>,
}

impl Headers {
    fn new(headers: RawHeaders<'_>) -> Self {
        let mut bytes = Vec::with_capacity(headers.iter().map(|(n, v)| n.len() + v.len()).sum());
        let ends = headers.iter().map(|(name, value)| {
            let start = bytes.len();
            bytes.extend_from_slice(name);
            let name = &mut bytes[start..];
            name.make_ascii_lowercase();
            let value = if is_secret(name) { REDACTED } else { value };
            let name_end = bytes.len() as u32;
            bytes.extend_from_slice(value);
            (name_end, bytes.len() as u32)
        });
        let ends = ends.collect();
        Self { bytes: bytes.into(), ends }
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end as usize));
        starts.zip(&self.ends).map(|(start, (name_end, end))| {
            let (name_end, end) = (*name_end as usize, *end as usize);
            (&self.bytes[start..name_end], &self.bytes[name_end..end])
        })
    }
}

impl Entry {
    /// What it holds of the journal's room.
    fn size(&self) -> usize {
        self.body.len() + self.headers.bytes.len() + self.path.len()
    }
}

fn is_secret(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] = [b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"];
    const PARTS: [&[u8]; 5] = [b"token", b"secret", b"api-key", b"apikey", b"password"];
    NAMES.contains(&name)
        || PARTS.iter().any(|part| name.windows(part.len()).any(|window| window == *part))
}

/// The last requests.
#[derive(Debug)]
pub(crate) struct Journal {
    ring: Mutex<Ring>,
    max_entries: usize,
    max_body_bytes: usize,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Settled>,
    /// What they hold together.
    bytes: usize,
    /// The id of the first entry.
    first: u64,
    /// The id of the first request since the journal was cleared.
    cleared: u64,
    by_request: HashMap<RequestId, u64>,
}

/// What the journal keeps of a request beside what [`Entry`] says.
pub(crate) struct Record<'a> {
    pub(crate) entry: Entry,
    pub(crate) headers: RawHeaders<'a>,
    pub(crate) body: &'a [u8],
}

impl Journal {
    pub(crate) fn new(max_entries: usize, max_body_bytes: usize) -> Self {
        Self { ring: Mutex::default(), max_entries, max_body_bytes }
    }

    /// Make the entry of a request, but for what its answer decides. Where the journal is off,
    /// there is none, and `record` is not asked.
    pub(crate) fn entry<'a>(&self, record: impl FnOnce() -> Record<'a>) -> Option<Entry> {
        if self.max_entries == 0 {
            return None;
        }
        let Record { mut entry, headers, body } = record();
        entry.headers = Headers::new(headers);
        entry.body = body[..body.len().min(self.max_body_bytes)].to_vec();
        entry.body_bytes = body.len();
        Some(entry)
    }

    /// Keep an entry.
    pub(crate) fn record(&self, mut entry: Entry) {
        let mut ring = self.lock();
        let id = ring.first + ring.entries.len() as u64;
        entry.id = id;
        ring.by_request.insert(entry.request_id, id);
        ring.bytes += entry.size();
        let (entry, outcome) = (Arc::new(entry), Outcome::Pending);
        ring.entries.push_back(Settled { entry, outcome, sent_frames: 0, took: None });
        let mut forgotten = Vec::new();
        while ring.entries.len() > self.max_entries
            || (ring.bytes > MAX_JOURNAL_BYTES && ring.entries.len() > 1)
        {
            let Some(oldest) = ring.entries.pop_front() else { break };
            ring.first += 1;
            ring.bytes -= oldest.entry.size();
            ring.by_request.remove(&oldest.entry.request_id);
            forgotten.push(oldest);
        }
        // Freed without the lock.
        drop(ring);
        drop(forgotten);
    }

    /// Say how an answer ended. What is not there any more is not missed.
    pub(crate) fn settle(
        &self,
        request_id: RequestId,
        outcome: Outcome,
        sent_frames: usize,
        took: Option<Took>,
    ) {
        let mut ring = self.lock();
        let Some(id) = ring.by_request.get(&request_id) else { return };
        let at = (id - ring.first) as usize;
        if let Some(settled) = ring.entries.get_mut(at) {
            settled.outcome = outcome;
            settled.sent_frames = sent_frames;
            settled.took = took;
        }
    }

    /// How many entries match, and a page of them, oldest or `newest` first.
    pub(crate) fn page(
        &self,
        filter: &Filter<'_>,
        offset: usize,
        limit: usize,
        newest: bool,
    ) -> (usize, Vec<Settled>) {
        fn of<'a>(
            found: impl Iterator<Item = &'a Settled>,
            offset: usize,
            limit: usize,
        ) -> (usize, Vec<Settled>) {
            let mut page = Vec::new();
            let mut total = 0;
            for settled in found {
                if total >= offset && page.len() < limit {
                    page.push(settled.clone());
                }
                total += 1;
            }
            (total, page)
        }
        let ring = self.lock();
        let found = ring.entries.iter().filter(|settled| filter.meets(&settled.entry));
        if newest { of(found.rev(), offset, limit) } else { of(found, offset, limit) }
    }

    /// How many entries made room for later ones since the journal was cleared; none where the
    /// journal is off, and nothing is counted.
    pub(crate) fn evicted(&self) -> Option<u64> {
        let ring = self.lock();
        (self.max_entries > 0).then(|| ring.first - ring.cleared)
    }

    pub(crate) fn clear(&self) {
        let mut ring = self.lock();
        let first = ring.first + ring.entries.len() as u64;
        let old = std::mem::replace(&mut *ring, Ring { first, cleared: first, ..Ring::default() });
        drop(ring);
        drop(old);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filter<'_> {
    fn meets(&self, entry: &Entry) -> bool {
        self.session.is_none_or(|session| session == entry.session)
            && self.path.is_none_or(|path| path == entry.path)
            && self.method.is_none_or(|method| method == entry.method)
            && self.status.is_none_or(|status| status == entry.status)
    }
}
