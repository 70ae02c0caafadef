//! A request to a response: the engine's for Bedrock's paths, the app's for all others.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use replay::{Answer, Pending, Plan, Reply};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::activity::{Activity, Busy};
use super::admitted::Admitted;
use super::app;
use super::paced::Paced;
use crate::head::{self, Bad, LATE};
use crate::making::Makers;
use crate::meter::Meter;
use crate::options::MAX_APP_BODY_BYTES;
use crate::route::is_bedrock;
use crate::shared::{Shared, Stage, unix_time};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Inner = Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = Error>>>;

/// The body of any response. Until it leaves, its connection is busy.
pub(super) struct Body {
    inner: Inner,
    _busy: Busy,
}

/// How many times the limit is read, and thrown away, before what is too long is answered: a client
/// that is still sending would not see the answer. But not without end.
pub(super) const DRAIN_FACTOR: usize = 4;

/// What a lane serves with.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
    pub(super) meter: Arc<Meter>,
    pub(super) makers: Makers,
}

/// Why an answer was not made.
enum NotMade {
    Refused(String),
    Panicked,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// Its framing is wrong, or the client left.
    Bad,
    /// It made no progress for too long.
    Late,
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
        let busy = Busy::new(&activity);
        let http2 = request.version() == Version::HTTP_2;
        let path = request.uri().path_and_query().map_or("/", |target| target.as_str());
        // Of HTTP/1, whoever reads the bytes has seen to it.
        let checked = if http2 { head::check(path, request.headers()) } else { Ok(()) };
        let mut response = if let Err(bad) = checked {
            self.refused(bad)
        } else if is_bedrock(path.as_bytes()) {
            self.ask_engine(request, &activity).await?
        } else {
            self.ask_app(request).await
        };
        if !http2 && self.shared.stage() > Stage::Serving {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|inner| Body { inner, _busy: busy }))
    }

    async fn ask_engine(
        &self,
        request: Request<Incoming>,
        activity: &Rc<Activity>,
    ) -> Result<Response<Inner>, Broken> {
        let (parts, body) = request.into_parts();
        let limit = self.shared.engine.max_body_bytes();
        let (body, whole) = match self.read(body, limit).await {
            Ok(read) => read,
            Err(unread) => return Ok(self.unread(unread, parts.version)),
        };
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let authority = parts.uri.authority().map(|host| host.as_str().as_bytes());
        let host = authority.filter(|_| !parts.headers.contains_key(HOST));
        let headers: Vec<(&[u8], &[u8])> = host
            .map(|host| (&b"host"[..], host))
            .into_iter()
            .chain(
                parts
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())),
            )
            .collect();
        let admitted = match Admitted::new(&self.shared, &self.meter) {
            Ok(admitted) => admitted,
            Err(why) => return Ok(typed(503, "ServiceUnavailableException", &why)),
        };
        let began = Instant::now();
        let reply = self.shared.engine.begin(&replay::Request {
            method: parts.method.as_str(),
            target: target.as_bytes(),
            headers: &headers,
            body: &body,
            arrived: unix_time(),
        });
        let answer = match reply {
            Some(Reply::Ready(answer)) => answer,
            Some(Reply::Pending(pending)) => match self.make(pending).await {
                Ok(answer) => answer,
                Err(NotMade::Refused(why)) => {
                    admitted.refused();
                    return Ok(typed(503, "ServiceUnavailableException", &why));
                }
                Err(NotMade::Panicked) => {
                    admitted.refused();
                    self.meter.panicked();
                    return Err(Broken);
                }
            },
            None => {
                admitted.refused();
                let message = format!("This server has no route for {} {target}", parts.method);
                return Ok(typed(404, "UnknownOperationException", &message));
            }
        };
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(answer.plan.status()).expect("plans have a status");
        for (name, value) in answer.plan.headers() {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("plans have header names");
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("and values");
            response.headers_mut().append(name, value);
        }
        let id = HeaderValue::from_str(&answer.request_id.to_string()).expect("ids are ASCII");
        response.headers_mut().insert("x-amzn-requestid", id);
        if !whole && parts.version < Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let mut body = Paced::new(admitted, activity, answer, began);
        if parts.method == Method::HEAD {
            // The head is all of it; its body is told of, and not sent.
            response.headers_mut().insert(CONTENT_LENGTH, body.length().into());
            body.end_with_head();
            return Ok(response.map(|()| inner(Empty::new())));
        }
        body.first_is_due().await;
        Ok(response.map(|()| inner(body)))
    }

    /// Wait for an answer that is made elsewhere.
    async fn make(&self, pending: Box<Pending>) -> Result<Answer, NotMade> {
        let (sender, made) = oneshot::channel();
        // Where the client has left, nobody waits.
        let then = move |owed| drop(sender.send(owed));
        self.makers.make(pending, Box::new(then)).map_err(NotMade::Refused)?;
        match made.await {
            Ok(Some(owed)) => Ok(owed.take()),
            Ok(None) | Err(_) => Err(NotMade::Panicked),
        }
    }

    async fn ask_app(&self, request: Request<Incoming>) -> Response<Inner> {
        let Some(socket) = &self.shared.options.app else {
            return typed(404, "UnknownOperationException", "This server has no such route.");
        };
        let (parts, body) = request.into_parts();
        let (body, _) = match self.read(body, MAX_APP_BODY_BYTES).await {
            Ok(read) => read,
            Err(unread) => return self.unread(unread, parts.version),
        };
        if body.len() > MAX_APP_BODY_BYTES {
            let message = format!("A body has at most {MAX_APP_BODY_BYTES} bytes here.");
            return typed(413, "ValidationException", &message);
        }
        match app::ask(socket, Request::from_parts(parts, body.into())).await {
            Ok(response) => response.map(inner),
            Err(error) => {
                let message = format!("The app does not answer: {error}");
                typed(502, "ServiceUnavailableException", &message)
            }
        }
    }

    /// Read a body; of one above the limit a byte more than that, and whether all was read.
    async fn read(&self, mut body: Incoming, limit: usize) -> Result<(Vec<u8>, bool), Unread> {
        let expected = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
        let mut kept = Vec::with_capacity(expected.min(limit).min(65_536));
        let mut seen = 0;
        let patience = self.shared.options.stall_timeout;
        while let Some(frame) = timeout(patience, body.frame()).await.map_err(|_| Unread::Late)? {
            let Ok(data) = frame.map_err(|_| Unread::Bad)?.into_data() else { continue };
            seen += data.len();
            kept.extend_from_slice(&data[..data.len().min(limit + 1 - kept.len())]);
            if seen > limit.saturating_mul(DRAIN_FACTOR) {
                return Ok((kept, false));
            }
        }
        Ok((kept, true))
    }

    /// Say why a body was not read.
    fn unread(&self, unread: Unread, version: Version) -> Response<Inner> {
        let mut response = self.refused(match unread {
            Unread::Bad => Bad(400, "The body of the request is not readable."),
            Unread::Late => LATE,
        });
        if version < Version::HTTP_2 {
            // Nobody knows where the next request would begin.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn refused(&self, Bad(status, why): Bad) -> Response<Inner> {
        self.meter.refused();
        typed(status, "ValidationException", why)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.inner.as_mut().poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn inner<B>(body: B) -> Inner
where
    B: hyper::body::Body<Data = Bytes, Error: Into<Error>> + 'static,
{
    Box::pin(body.map_err(Into::into))
}

fn typed(status: u16, name: &str, message: &str) -> Response<Inner> {
    let plan = Plan::error(name, message, Some(status), &[]).expect("names are header values");
    let body = Full::new(Bytes::copy_from_slice(plan.body()));
    let mut response = Response::new(inner(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let name = HeaderValue::from_str(name).expect("names are ASCII");
    response.headers_mut().insert("x-amzn-errortype", name);
    response
}
