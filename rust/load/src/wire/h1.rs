//! One request and its answer on an HTTP/1.1 connection.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{Http1, Piece, Stream};
use crate::answer::Answer;
use crate::failure::Failure;

/// What one read may bring, in bytes. The buffer is the thread's: a stream that waits holds none.
const READ: usize = 128 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// A connection.
#[derive(Debug)]
pub struct H1<S = Stream> {
    stream: S,
    http: Http1,
}

/// How a read of an answer went.
enum Read {
    More,
    End { reusable: bool },
}

impl<S: AsyncRead + AsyncWrite + Unpin> H1<S> {
    /// A connection that nothing was sent on.
    pub fn new(stream: S) -> Self {
        Self { stream, http: Http1::default() }
    }

    /// Send a request, and read its answer to the end. `beat` is called after every read with its
    /// time, as `clock` says it. Whether the connection can carry another.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer; the connection is of no more use.
    pub async fn exchange(
        &mut self,
        request: &[u8],
        answer: &mut Answer<'_>,
        clock: impl Fn() -> u64,
        mut beat: impl FnMut(&mut Answer<'_>, u64),
    ) -> Result<bool, Failure> {
        // An endpoint may refuse a request before all of it was sent, and close: its answer counts.
        let sent = self.send(request).await.is_ok();
        loop {
            match poll_fn(|cx| self.poll_read(cx, answer, &clock, &mut beat)).await? {
                Read::More => {}
                Read::End { reusable } => return Ok(reusable && sent),
            }
        }
    }

    async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        self.stream.flush().await
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        answer: &mut Answer<'_>,
        clock: &impl Fn() -> u64,
        beat: &mut impl FnMut(&mut Answer<'_>, u64),
    ) -> Poll<Result<Read, Failure>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            let now = clock();
            let taken = match read {
                Ok(()) if buffer.filled().is_empty() => self
                    .http
                    .closed()
                    .and_then(|()| answer.end(now))
                    .map(|()| Read::End { reusable: false }),
                Ok(()) => {
                    answer.touched(now);
                    let taken = self.take(buffer.filled(), answer, now);
                    beat(answer, now);
                    taken
                }
                // What rustls calls it when the other side closes without saying so.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    answer.because(&error);
                    Err(self.http.closed().err().unwrap_or(Failure::Truncated))
                }
                Err(error) => {
                    answer.because(&error);
                    Err(Failure::Reset)
                }
            };
            Poll::Ready(taken)
        })
    }

    fn take(
        &mut self,
        mut data: &[u8],
        answer: &mut Answer<'_>,
        now: u64,
    ) -> Result<Read, Failure> {
        loop {
            match self.http.next(&mut data)? {
                Piece::Head(head) => answer.head(head)?,
                Piece::Body(bytes) => answer.body(bytes, now)?,
                Piece::More => return Ok(Read::More),
                Piece::End { reusable } => {
                    answer.end(now)?;
                    // Bytes behind the end belong to nothing that was asked.
                    return Ok(Read::End { reusable: reusable && data.is_empty() });
                }
            }
        }
    }
}
