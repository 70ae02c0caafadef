//! A socket or a TLS session as hyper sees it. Bytes pass as they are; when they pass is noted in the
//! connection's `Activity`, which keeps the time limits.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::activity::Activity;
use crate::head::Rejection;
use crate::listen::Socket;
use crate::meter::Meter;
use crate::options::{LAST_WORD, MAX_DISCARDED_BYTES};
use crate::wire::{self, Date};

/// How much is read at a time.
const READ: usize = 16_384;

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

/// A stream that outlives who reads and writes it.
#[derive(Clone)]
pub(super) struct Stream {
    inner: Rc<RefCell<Inner>>,
    activity: Rc<Activity>,
    meter: Arc<Meter>,
    /// What is written is not yet with the socket: it is a TLS session, which takes more than that.
    buffers: bool,
}

struct Inner {
    duplex: Box<dyn Duplex>,
    /// What a worker read of the connection, which hyper reads first.
    read: Bytes,
}

impl Stream {
    /// Begin with what was read of it before.
    pub(super) fn new(
        read: Vec<u8>,
        duplex: Box<dyn Duplex>,
        buffers: bool,
        activity: &Rc<Activity>,
        meter: &Arc<Meter>,
    ) -> Self {
        let inner = Rc::new(RefCell::new(Inner { duplex, read: read.into() }));
        Self { inner, activity: Rc::clone(activity), meter: Arc::clone(meter), buffers }
    }

    /// Say in HTTP/1.1 what is wrong, and close.
    ///
    /// # Errors
    ///
    /// The other side is not there any more.
    pub(super) async fn refuse(mut self, Rejection(status, why): Rejection) -> io::Result<()> {
        let bytes = wire::refusal(status, why, &Date::now());
        self.write_all(&bytes).await?;
        self.lingering_close().await
    }

    /// Close once all has been said: where the other side has not closed, only when it does, or
    /// says nothing for too long. What comes after a close takes back what was sent (RFC 9112, 9.6).
    ///
    /// # Errors
    ///
    /// The other side is not there any more.
    pub(super) async fn close(self) -> io::Result<()> {
        let came = poll_fn(|context| Poll::Ready(self.poll_discard(context))).await;
        match came {
            Poll::Ready(Ok(1..)) => self.lingering_close().await,
            Poll::Pending if self.activity.lingers() => self.lingering_close().await,
            _ => Ok(()),
        }
    }

    /// Close, and throw away what still comes until the other side does the same, or says nothing
    /// for too long, but not without end.
    ///
    /// # Errors
    ///
    /// The other side is not there any more.
    pub(super) async fn lingering_close(mut self) -> io::Result<()> {
        // It fails where hyper has done it.
        let _ = self.shutdown().await;
        let mut discarded = 0;
        while discarded < MAX_DISCARDED_BYTES {
            match timeout(LAST_WORD, poll_fn(|context| self.poll_discard(context))).await {
                Err(_) | Ok(Ok(0)) => break,
                Ok(count) => discarded += count?,
            }
        }
        Ok(())
    }

    /// Read, and throw away.
    fn poll_discard(&self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [MaybeUninit::uninit(); READ];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(self.with(|duplex| duplex.poll_read(context, &mut read)))?;
        Poll::Ready(Ok(read.filled().len()))
    }

    /// The duplex was asked to take bytes; whether it did. Whether the socket has is said by a
    /// flush, where the one is not the other.
    fn gave(&self, took: bool) {
        if !(took && self.buffers) {
            self.wrote(took);
        }
    }

    /// The socket was asked to take bytes; whether it did.
    fn wrote(&self, took: bool) {
        if self.activity.wrote(took) {
            self.meter.blocked();
        }
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut dyn Duplex>) -> T) -> T {
        act(Pin::new(&mut *self.inner.borrow_mut().duplex))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Inner { duplex, read } = &mut *self.inner.borrow_mut();
        let before = buffer.filled().len();
        if read.is_empty() {
            ready!(Pin::new(duplex).poll_read(context, buffer))?;
        } else {
            let count = read.len().min(buffer.remaining());
            buffer.put_slice(&read.split_to(count));
        }
        self.activity.read(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = self.with(|duplex| duplex.poll_write(context, bytes));
        self.gave(polled.is_ready());
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = self.with(|duplex| duplex.poll_write_vectored(context, slices));
        self.gave(polled.is_ready());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.borrow().duplex.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.with(|duplex| duplex.poll_flush(context));
        self.wrote(polled.is_ready());
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|duplex| duplex.poll_shutdown(context))
    }
}
