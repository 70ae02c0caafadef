//! What one response says: its bytes, made once.

use std::any::Any;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::error::{Invalid, status_of};
use crate::fill::{Filling, Fills, Hole};
use crate::rng::Rng;
use crate::schedule::Told;

const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// The parts of a [`Plan`].
#[derive(Debug, Clone, Default)]
pub struct Parts<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The headers, but for those that the transport or the engine adds.
    pub headers: Vec<(String, String)>,
    /// A stream's frames, or one whole body.
    pub frames: Vec<&'a [u8]>,
    /// For each frame the content step that it goes out with; never falling. A whole answer's
    /// is the last step of its stream.
    pub steps: Vec<u32>,
    /// For a whole answer: how many frames its stream has.
    pub stream_frames: Option<u32>,
    /// Which frame of the stream has the first content.
    pub first_content: u32,
    /// What differs for each request.
    pub holes: Vec<Hole>,
}

/// What one response says. Immutable, and shared by all requests that it answers.
#[derive(Debug)]
pub struct Plan {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    ends: Vec<usize>,
    steps: Arc<[u32]>,
    stream_frames: Option<u32>,
    first_content: u32,
    stream: bool,
    fills: Option<Fills>,
    /// The last one that was filled, where requests differ by the latencies that they are told.
    filled: RwLock<Option<(Told, Arc<Self>)>>,
    host: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Plan {
    /// Join the parts.
    ///
    /// # Errors
    ///
    /// The status cannot have a body, a header cannot stand in HTTP, or the steps do not fit the
    /// frames.
    pub fn new(parts: Parts<'_>) -> Result<Self, Invalid> {
        let Parts { status, mut headers, frames, steps, stream_frames, first_content, holes } =
            parts;
        // All the others end an answer before its body: what follows would be the next answer's.
        if !(200..=599).contains(&status) || matches!(status, 204 | 205 | 304) {
            return Err(Invalid::new(format!(
                "status must be in 200..=599 and allow a body, got {status}"
            )));
        }
        if steps.len() != frames.len() {
            let (steps, frames) = (steps.len(), frames.len());
            return Err(Invalid::new(format!(
                "steps must be as many as frames, got {steps} for {frames}"
            )));
        }
        if !steps.is_sorted() {
            return Err(Invalid::new("steps must never fall"));
        }
        for (name, value) in &mut headers {
            check_header(name, value)?;
            name.make_ascii_lowercase();
        }
        let stream = headers
            .iter()
            .any(|(name, value)| name == "content-type" && value.starts_with(EVENT_STREAM));
        let fills = Fills::find(&frames, &headers, stream, &holes)?;
        let ends: Vec<_> = frames
            .iter()
            .scan(0, |end, frame| {
                *end += frame.len();
                Some(*end)
            })
            .collect();
        let body = frames.concat();
        let (body, ends) = match &fills {
            Some(fills) => fills.fill(&body, &ends, &mut headers, &fills.unfilled()),
            None => (body, ends),
        };
        Ok(Self {
            status,
            headers,
            body,
            ends,
            steps: steps.into(),
            stream_frames,
            first_content,
            stream,
            fills,
            filled: RwLock::default(),
            host: OnceLock::new(),
        })
    }

    /// A typed AWS error. Its status is the service's own unless it is given.
    ///
    /// # Errors
    ///
    /// The name is unknown and no status is given, or a header cannot stand in HTTP.
    pub fn error(
        name: &str,
        message: &str,
        status: Option<u16>,
        headers: &[(String, String)],
    ) -> Result<Self, Invalid> {
        let Some(status) = status.or_else(|| status_of(name)) else {
            return Err(Invalid::new(format!(
                "{name:?} is not an error of Bedrock Runtime: give a status with it"
            )));
        };
        let mut all = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-amzn-errortype".to_owned(), name.to_owned()),
        ];
        all.extend_from_slice(headers);
        let body = serde_json::json!({ "message": message }).to_string();
        Self::new(Parts {
            status,
            headers: all,
            frames: vec![body.as_bytes()],
            steps: vec![0],
            ..Parts::default()
        })
    }

    /// The plan for one request: itself, or where it has holes, one in which they are filled.
    pub(crate) fn filled(plan: Arc<Self>, tokens: u64, told: Told, rng: &mut Rng) -> Arc<Self> {
        let Some(fills) = &plan.fills else { return plan };
        if !fills.only_told() {
            return Arc::new(plan.filled_with(fills, &fills.draw(tokens, told, rng)));
        }
        if told == Told::default() {
            return plan;
        }
        // Times that are not drawn are the same for all requests.
        let last = plan.filled.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, filled)) = last.as_ref().filter(|(last, _)| *last == told) {
            return Arc::clone(filled);
        }
        drop(last);
        let filled = Arc::new(plan.filled_with(fills, &fills.draw(tokens, told, rng)));
        let new = Some((told, Arc::clone(&filled)));
        let old = {
            let mut last = plan.filled.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, new)
        };
        // Not under the lock: it may hold what its host must clean up.
        drop(old);
        filled
    }

    fn filled_with(&self, fills: &Fills, filling: &Filling) -> Self {
        let mut headers = self.headers.clone();
        let (body, ends) = fills.fill(&self.body, &self.ends, &mut headers, filling);
        Self {
            status: self.status,
            headers,
            body,
            ends,
            steps: Arc::clone(&self.steps),
            stream_frames: self.stream_frames,
            first_content: self.first_content,
            stream: self.stream,
            fills: None,
            filled: RwLock::default(),
            host: OnceLock::new(),
        }
    }

    /// How much memory it takes, in bytes, with one that is filled beside it.
    pub(crate) fn weight(&self) -> usize {
        let copies = if self.fills.is_some() { 2 } else { 1 };
        copies * (self.body.len() + self.ends.len() * 16)
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers; names in lower case.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// All frames, joined.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Where each frame ends in the body.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// How many frames are whole in so many bytes of the body.
    pub fn frames_within(&self, bytes: usize) -> usize {
        self.ends.partition_point(|end| *end <= bytes)
    }

    /// The content step of each frame.
    pub fn steps(&self) -> &[u32] {
        &self.steps
    }

    /// For a whole answer: how many frames its stream has.
    pub fn stream_frames(&self) -> Option<u32> {
        self.stream_frames
    }

    /// Which frame of the stream has the first content.
    pub fn first_content(&self) -> usize {
        self.first_content as usize
    }

    /// Whether the body is an event stream.
    pub fn is_stream(&self) -> bool {
        self.stream
    }

    /// Whether it says that something failed.
    pub fn is_error(&self) -> bool {
        self.status >= 400
    }

    /// What the host keeps beside the plan, made at first use: its own form of the body.
    pub fn host<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.host.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

/// Names are HTTP tokens; values are printable, so that no header can end early and start another.
fn check_header(name: &str, value: &str) -> Result<(), Invalid> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(Invalid::new(format!("header name {name:?} is not an HTTP token")));
    }
    if value.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
        return Err(Invalid::new(format!("header {name} has a control character in its value")));
    }
    Ok(())
}
