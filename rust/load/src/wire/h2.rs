//! Requests and their answers on an HTTP/2 connection.

use std::cell::Cell;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::{Head, Refused, Stream};
use crate::answer::Answer;
use crate::failure::Failure;

/// How many requests share a connection at most; what servers commonly allow.
const STREAMS: usize = 100;

/// A connection, shared by the requests of a thread.
#[derive(Debug, Clone)]
pub struct H2 {
    sender: SendRequest<Full<Bytes>>,
    running: Rc<Cell<usize>>,
    /// How many may run, as the other side says. What is beyond it would wait in here, and be
    /// measured as the endpoint's latency.
    most: Rc<Cell<usize>>,
}

/// A place on a connection; it is free again when this is dropped.
#[derive(Debug)]
pub struct Place(H2);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
    }
}

impl H2 {
    /// Begin to speak HTTP/2 on a connection.
    ///
    /// # Errors
    ///
    /// The other side does not.
    pub async fn new(stream: Stream) -> Result<Self, Refused> {
        let builder = {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            // Windows so large that no answer waits for one: the network is what is measured.
            builder.timer(TokioTimer::new());
            builder.initial_stream_window_size(1 << 20).initial_connection_window_size(1 << 24);
            builder
        };
        let (sender, mut connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|error| Refused {
                failure: Failure::Connect,
                why: format!("HTTP/2: {}", said(&error)),
            })?;
        let most = Rc::new(Cell::new(STREAMS));
        let told = Rc::clone(&most);
        let driven = poll_fn(move |cx| {
            let polled = Pin::new(&mut connection).poll(cx);
            told.set(STREAMS.min(connection.current_max_send_streams()));
            polled
        });
        // It ends with an error where the other side fails; so do the requests on it, which count.
        tokio::task::spawn_local(async move { drop(driven.await) });
        Ok(Self { sender, running: Rc::new(Cell::new(0)), most })
    }

    /// Whether it is of use.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Take a place on it.
    pub fn place(&self) -> Option<Place> {
        (self.running.get() < self.most.get() && self.is_open()).then(|| {
            self.running.set(self.running.get() + 1);
            Place(self.clone())
        })
    }
}

impl Place {
    /// Send a request, and read its answer to the end, as [`super::H1::exchange`] does.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        answer: &mut Answer<'_>,
        clock: impl Fn() -> u64,
        mut beat: impl FnMut(&mut Answer<'_>, u64),
    ) -> Result<(), Failure> {
        let sender = &mut self.0.sender;
        sender.ready().await.map_err(|error| {
            answer.because(said(&error));
            Failure::Reset
        })?;
        let response = sender.send_request(request).await.map_err(|error| {
            answer.because(said(&error));
            match failure(&error) {
                // Nothing of an answer has come that could have been cut short.
                Failure::Truncated => Failure::Reset,
                other => other,
            }
        })?;
        answer.touched(clock());
        let mut head = Head::new(response.status().as_u16());
        for (name, value) in response.headers() {
            head.header(name.as_str(), value.as_bytes());
        }
        answer.head(head)?;
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                answer.because(said(&error));
                failure(&error)
            })?;
            if let Some(bytes) = frame.data_ref() {
                let now = clock();
                let taken = answer.body(bytes, now);
                beat(answer, now);
                taken?;
            }
        }
        answer.end(clock())
    }
}

/// What an error says, down to its cause: hyper's own words are few.
fn said(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn failure(error: &hyper::Error) -> Failure {
    let Some(cause) = error.source() else { return Failure::Reset };
    let of_h2 = cause.downcast_ref::<h2::Error>();
    // What h2 found by itself is what the other side did against the protocol.
    if error.is_parse() || of_h2.is_some_and(h2::Error::is_library) {
        return Failure::BadHttp;
    }
    let of_io = cause.downcast_ref::<io::Error>().or_else(|| of_h2?.get_io());
    match of_io.map(io::Error::kind) {
        // What it calls a connection that was closed, not cut.
        Some(io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof) => Failure::Truncated,
        _ => Failure::Reset,
    }
}
