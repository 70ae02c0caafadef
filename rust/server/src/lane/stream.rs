//! A socket as tokio sees it, with what was read of it before; and what it does is seen.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::activity::Activity;
use crate::listen::Socket;
use crate::wire::{self, Date};

/// How a connection of HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Anything that bytes come from and go to.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// Take a socket into the runtime of this thread.
pub(super) fn duplex(socket: Socket) -> io::Result<Box<dyn Duplex>> {
    Ok(match socket {
        Socket::Tcp(stream) => Box::new(TcpStream::from_std(stream)?),
        Socket::Unix(stream) => Box::new(UnixStream::from_std(stream)?),
    })
}

/// A stream that gives first what was read of it before. It outlives who reads and writes it.
#[derive(Clone)]
pub(super) struct Stream {
    read: Vec<u8>,
    inner: Rc<RefCell<Box<dyn Duplex>>>,
    activity: Rc<Activity>,
    /// How many bytes of the preface of HTTP/2 have come; none where it began in another way.
    preface: Option<usize>,
}

impl Stream {
    pub(super) fn new(read: Vec<u8>, inner: Box<dyn Duplex>, activity: &Rc<Activity>) -> Self {
        let inner = Rc::new(RefCell::new(inner));
        Self { read, inner, activity: Rc::clone(activity), preface: Some(0) }
    }

    fn look(&mut self, bytes: &[u8]) {
        self.activity.read();
        let Some(seen) = self.preface else { return };
        let awaited = &PREFACE[seen..];
        let count = bytes.len().min(awaited.len());
        self.preface = (bytes[..count] == awaited[..count]).then_some(seen + count);
        if self.preface == Some(PREFACE.len()) {
            self.activity.is_http2();
            self.preface = None;
        }
    }

    /// Say in HTTP/1.1 what is wrong, and close.
    ///
    /// # Errors
    ///
    /// The other side is not there any more.
    pub(super) async fn refuse(mut self, status: u16, why: &str) -> io::Result<()> {
        let bytes = wire::refusal(status, "ValidationException", why, &Date::now());
        self.write_all(&bytes).await?;
        self.shutdown().await
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut dyn Duplex>) -> T) -> T {
        act(Pin::new(&mut **self.inner.borrow_mut()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = if self.read.is_empty() {
            self.with(|inner| inner.poll_read(context, buffer))
        } else {
            let count = self.read.len().min(buffer.remaining());
            buffer.put_slice(&self.read[..count]);
            self.read.drain(..count);
            Poll::Ready(Ok(()))
        };
        if buffer.filled().len() > before {
            self.look(&buffer.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = self.with(|inner| inner.poll_write(context, bytes));
        self.activity.wrote(polled.is_ready());
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = self.with(|inner| inner.poll_write_vectored(context, slices));
        self.activity.wrote(polled.is_ready());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.with(|inner| inner.poll_flush(context));
        self.activity.wrote(polled.is_ready());
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|inner| inner.poll_shutdown(context))
    }
}
