//! A request to a response: the engine's for Bedrock's paths, the app's for all others.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};
use replay::{Answer, End, Engine, Plan, Reply};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::activity::{Activity, Busy, Taken};
use super::admitted::Admitted;
use super::alarms::Alarms;
use super::app;
use super::paced::Paced;
use crate::head::{self, LATE, Rejection};
use crate::making::{LARGE_BYTES, Made, Makers, Then};
use crate::meter::Meter;
use crate::options::{DRAIN_FACTOR, LAST_WORD, MAX_APP_BODY_BYTES};
use crate::route::{NO_ROUTE, is_bedrock};
use crate::shared::{Room, Shared, Shutdown, unix_time};
use crate::wire;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Inner = Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = Error>>>;

/// The body of any response. Until it leaves, its connection is busy.
pub(super) struct Body {
    inner: Inner,
    taken: Rc<Taken>,
    _busy: Busy,
}

/// What a fallback serves with.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
    pub(super) meter: Arc<Meter>,
    pub(super) makers: Makers,
    pub(super) alarms: Alarms,
}

/// Bodies for the app hold all the room that they may.
const NO_ROOM: Rejection = Rejection(503, "Other requests to the app hold too much; ask again.");

/// Why an answer was not made.
enum NotMade {
    Refused(u16, String),
    Panicked,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// Its framing is wrong, or the client left.
    Malformed,
    /// It made no progress for too long.
    Late,
    /// Other bodies hold all the room that there is.
    NoRoom,
}

/// A fault of ours kept a request from being answered: its connection, or stream, ends.
#[derive(Debug)]
pub(super) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("making the answer has panicked")
    }
}

impl std::error::Error for Broken {}

impl Service {
    /// Answer one request.
    pub(super) async fn call(
        self,
        request: Request<Incoming>,
        activity: Rc<Activity>,
    ) -> Result<Response<Body>, Broken> {
        let (busy, taken) = (Busy::new(&activity), Rc::new(Taken::new(&activity)));
        let http2 = request.version() == Version::HTTP_2;
        let path = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let cors = self.shared.options.cors.as_ref().filter(|_| is_bedrock(path.as_bytes()));
        let is_preflight = cors.is_some()
            && request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        activity.called(request.body().is_end_stream());
        let checked = head::check(&request);
        let mut response = if let Err(Rejection(status, why)) = checked {
            self.refused_as_last(status, why, request.version())
        } else if is_bedrock(path.as_bytes()) && !is_preflight {
            self.ask_engine(request, &activity, &taken).await?
        } else {
            self.ask_app(request, &activity).await
        };
        if !http2 && self.shared.stage() > Shutdown::Serving {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(cors) = cors.filter(|_| !is_preflight) {
            for (name, value) in cors.headers() {
                let value = HeaderValue::from_str(value).expect("origins are checked");
                response.headers_mut().insert(name, value);
            }
        }
        taken.is_made();
        Ok(response.map(|inner| Body { inner, taken, _busy: busy }))
    }

    async fn ask_engine(
        &self,
        request: Request<Incoming>,
        activity: &Activity,
        taken: &Rc<Taken>,
    ) -> Result<Response<Inner>, Broken> {
        let (parts, body) = request.into_parts();
        let limit = self.shared.engine.max_body_bytes();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let (body, whole) = if self.shared.engine.refuses(parts.method.as_str(), target.as_bytes())
        {
            // The body may never end, and says nothing that matters.
            (Vec::new(), body.is_end_stream())
        } else {
            match self.read(body, limit, None, activity).await {
                Ok(read) => read,
                Err(unread) => return Ok(self.unread(unread, parts.version)),
            }
        };
        let (is_head, version) = (parts.method == Method::HEAD, parts.version);
        let admitted = match Admitted::new(&self.shared, &self.meter) {
            Ok(admitted) => admitted,
            Err(why) => return Ok(self.refused(503, &why)),
        };
        let began = Instant::now();
        let answer = match self.answer(parts, body).await {
            Ok(answer) => answer,
            Err(NotMade::Refused(status, why)) => {
                admitted.unanswered(End::Delivered);
                return Ok(self.refused(status, &why));
            }
            Err(NotMade::Panicked) => {
                admitted.unanswered(End::Failed);
                return Err(Broken);
            }
        };
        let mut response = response(&answer.plan);
        let id = HeaderValue::from_str(&answer.request_id.to_string()).expect("ids are ASCII");
        response.headers_mut().insert("x-amzn-requestid", id);
        if !whole && version < Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let mut body = Paced::new(admitted, taken, &self.alarms, answer, began);
        if is_head {
            // The head is all of it; its body is told of, and not sent.
            response.headers_mut().insert(CONTENT_LENGTH, body.length().into());
            body.end_with_head();
            return Ok(response.map(|()| inner(Empty::new())));
        }
        body.first_is_due().await;
        Ok(response.map(|()| inner(body)))
    }

    /// Have the engine answer; elsewhere, where that takes long.
    async fn answer(&self, parts: Parts, body: Vec<u8>) -> Result<Answer, NotMade> {
        let mut made = if body.len() < LARGE_BYTES {
            match begin(&self.shared.engine, &parts, &body) {
                Some(Reply::Ready(answer)) => return Ok(answer),
                Some(Reply::Pending(pending)) => Made::Pending(pending),
                None => Made::NoRoute,
            }
        } else {
            let ask = move |engine: &Engine| begin(engine, &parts, &body);
            elsewhere(|then| self.makers.begin(Box::new(ask), then)).await?
        };
        if let Made::Pending(pending) = made {
            made = elsewhere(|then| self.makers.make(pending, then)).await?;
        }
        match made {
            Made::Answer(guard) => Ok(guard.take()),
            Made::NoRoute => Err(NotMade::Refused(404, NO_ROUTE.to_owned())),
            Made::Pending(_) | Made::Panicked => Err(NotMade::Panicked),
        }
    }

    async fn ask_app(&self, request: Request<Incoming>, activity: &Activity) -> Response<Inner> {
        let Some(socket) = &self.shared.options.app else {
            return self.refused(404, NO_ROUTE);
        };
        let (parts, body) = request.into_parts();
        // Held until the app has answered.
        let mut room = Room::new(&self.shared);
        let (body, _) = match self.read(body, MAX_APP_BODY_BYTES, Some(&mut room), activity).await {
            Ok(read) => read,
            Err(unread) => return self.unread(unread, parts.version),
        };
        if body.len() > MAX_APP_BODY_BYTES {
            let message = format!("A body has at most {MAX_APP_BODY_BYTES} bytes here.");
            return self.refused(413, &message);
        }
        let asked = app::ask(socket, Request::from_parts(parts, body.into()));
        match timeout(self.shared.options.stall_timeout, asked).await {
            Ok(Ok(response)) => response.map(inner),
            Ok(Err(error)) => self.refused(502, &format!("The app does not answer: {error}")),
            Err(_) => self.refused(504, "The app did not answer in time."),
        }
    }

    /// Read a body; of one above the limit a byte more than that, and whether all was read.
    async fn read(
        &self,
        mut body: Incoming,
        limit: usize,
        mut room: Option<&mut Room>,
        activity: &Activity,
    ) -> Result<(Vec<u8>, bool), Unread> {
        let expected = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
        let mut kept = Vec::with_capacity(expected.min(limit).min(65_536));
        let mut seen = 0;
        while let Some(frame) = self.next_frame(&mut body).await? {
            let Ok(data) = frame.map_err(|_| Unread::Malformed)?.into_data() else { continue };
            seen += data.len();
            let data = &data[..data.len().min(limit + 1 - kept.len())];
            if room.as_mut().is_some_and(|room| !room.take(data.len())) {
                return Err(Unread::NoRoom);
            }
            kept.extend_from_slice(data);
            if seen > limit.saturating_mul(DRAIN_FACTOR) {
                return Ok((kept, false));
            }
        }
        activity.body_ended();
        Ok((kept, true))
    }

    /// Wait for more of a body; once the server is about to end, not for as long.
    async fn next_frame(
        &self,
        body: &mut Incoming,
    ) -> Result<Option<Result<Frame<Bytes>, hyper::Error>>, Unread> {
        let end = Instant::now() + self.shared.options.stall_timeout;
        loop {
            let look = end.min(Instant::now() + LAST_WORD);
            if let Ok(frame) = timeout_at(look, body.frame()).await {
                return Ok(frame);
            }
            if look == end || self.shared.stage() > Shutdown::Serving {
                return Err(Unread::Late);
            }
        }
    }

    /// Say why a body was not read.
    fn unread(&self, unread: Unread, version: Version) -> Response<Inner> {
        let Rejection(status, why) = match unread {
            Unread::Malformed => Rejection(400, "The body of the request is not readable."),
            Unread::Late => LATE,
            Unread::NoRoom => NO_ROOM,
        };
        self.refused_as_last(status, why, version)
    }

    /// Refuse a request of which the body was not read.
    fn refused_as_last(&self, status: u16, why: &str, version: Version) -> Response<Inner> {
        let mut response = self.refused(status, why);
        if version < Version::HTTP_2 {
            // It is not known where the next request would begin.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn refused(&self, status: u16, why: &str) -> Response<Inner> {
        self.meter.refused();
        let plan = wire::error(status, why);
        response(&plan).map(|()| inner(Full::new(Bytes::copy_from_slice(plan.body()))))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.taken.is_due(Instant::now());
        let polled = self.inner.as_mut().poll_frame(context);
        match &polled {
            Poll::Pending => self.taken.is_awaited(),
            // hyper may take the last of a body after it has looked for the next request, and not
            // look again: a turn more, and it does.
            Poll::Ready(frame) if frame.is_none() || self.inner.is_end_stream() => {
                context.waker().wake_by_ref();
            }
            Poll::Ready(_) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Ask the engine.
fn begin(engine: &Engine, parts: &Parts, body: &[u8]) -> Option<Reply> {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = parts.uri.authority().map(|host| host.as_str().as_bytes());
    let host = authority.filter(|_| !parts.headers.contains_key(HOST));
    let host = host.map(|host| (&b"host"[..], host));
    let named = parts.headers.iter();
    let named = named.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    let headers: Vec<(&[u8], &[u8])> = host.into_iter().chain(named).collect();
    engine.begin(&replay::Request {
        method: parts.method.as_str(),
        target: target.as_bytes(),
        headers: &headers,
        body,
        arrived: unix_time(),
    })
}

/// Wait for what another thread makes.
async fn elsewhere(make: impl FnOnce(Then) -> Result<(), String>) -> Result<Made, NotMade> {
    let (sender, receiver) = oneshot::channel();
    // If the client has left, the receiver is gone.
    let then = move |made| drop(sender.send(made));
    make(Box::new(then)).map_err(|why| NotMade::Refused(503, why))?;
    receiver.await.map_err(|_| NotMade::Panicked)
}

fn inner<B>(body: B) -> Inner
where
    B: hyper::body::Body<Data = Bytes, Error: Into<Error>> + 'static,
{
    Box::pin(body.map_err(Into::into))
}

/// The head of what a plan says.
fn response(plan: &Plan) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(plan.status()).expect("plans have a status");
    for (name, value) in plan.headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("plans have header names");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("and values");
        response.headers_mut().append(name, value);
    }
    response
}
