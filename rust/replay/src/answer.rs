//! What the engine is asked, and what it answers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::head::RawHeaders;
use crate::operation::Operation;
use crate::pending::Pending;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::schedule::Schedule;

/// One request, as it came.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The raw path and query, not decoded.
    pub target: &'a [u8],
    /// Header names and values.
    pub headers: RawHeaders<'a>,
    /// The whole body.
    pub body: &'a [u8],
    /// Unix time in seconds; for the journal alone.
    pub arrived: f64,
}

/// One response, with the times when its bytes are due.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What it says.
    pub plan: Arc<Plan>,
    /// When.
    pub schedule: Schedule,
    /// Its `x-amzn-RequestId`.
    pub request_id: RequestId,
    /// The fixture that answered.
    pub fixture: Option<usize>,
    /// The operation that was called.
    pub operation: Option<Operation>,
    /// Counts it among the answers under way as long as it is held.
    pub under_way: Option<UnderWay>,
}

/// One of the answers that are under way.
#[derive(Debug)]
pub struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Clone for UnderWay {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Reply {
    /// It is answered.
    Ready(Answer),
    /// It will be, once a thread has made its plan.
    Pending(Box<Pending>),
}

/// A request id, as the service makes them: a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u128);

impl RequestId {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        let bits = (u128::from(rng.draw()) << 64) | u128::from(rng.draw());
        Self((bits & !VERSION & !VARIANT) | (4 << 76) | (0b10 << 62))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0;
        let group = |shift: u32, bits: u32| (id >> shift) & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            group(96, 32),
            group(80, 16),
            group(64, 16),
            group(48, 16),
            group(0, 48)
        )
    }
}

impl FromStr for RequestId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(&text.replace('-', ""), 16).map(Self)
    }
}
