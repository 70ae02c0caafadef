//! What of the bytes that come is passed on to hyper: heads of HTTP/1 that are whole and keep the
//! rules, and what follows them.
//!
//! hyper has rules of its own, and answers with an empty body where they are broken. Here a client
//! is told what is wrong, as by a worker; so hyper is not shown such a head.

use bytes::{Buf as _, BytesMut};
use httparse::{EMPTY_HEADER, Status, parse_chunk_size, parse_headers};
use hyper::Uri;

use crate::head::{Bad, NO_HEADERS, may_end, read};
use crate::options::{MAX_HEAD_BYTES, MAX_HEADERS};

/// How a connection of HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The preface of HTTP/2, or a head.
    Start,
    Head,
    /// So many bytes of a body.
    Body(usize),
    /// The line before a chunk.
    Size,
    /// So many bytes of a chunk, and of what ends it.
    Chunk(usize),
    Trailers,
    /// HTTP/2, which is hyper's to read.
    Http2,
    /// A body whose end nobody knows; hyper says what is wrong with it.
    Broken,
}

/// Bytes that came, and were not passed on.
#[derive(Debug)]
pub(super) struct Incoming {
    held: BytesMut,
    /// How many of them may be passed on.
    free: usize,
    /// How many were there when it was last looked for the end of a head.
    seen: usize,
    next: Next,
    bad: Option<Bad>,
}

impl Incoming {
    /// Begin with what was read of a connection before.
    pub(super) fn new(read: &[u8]) -> Self {
        let held = BytesMut::new();
        let mut incoming = Self { held, free: 0, seen: 0, next: Next::Start, bad: None };
        incoming.add(read);
        incoming
    }

    /// Take what came.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        while self.bad.is_none() && self.free < self.held.len() && self.step() {}
        self.seen = self.held.len();
    }

    /// What may be passed on.
    pub(super) fn free(&self) -> &[u8] {
        &self.held[..self.free]
    }

    /// So much of it was.
    pub(super) fn pass(&mut self, count: usize) {
        self.held.advance(count);
        self.free -= count;
        self.seen -= count;
        if self.held.is_empty() {
            // A connection that waits holds no memory.
            self.held = BytesMut::new();
        }
    }

    /// Whether all that comes is passed on.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.next, Next::Http2 | Next::Broken)
    }

    /// Whether a head has begun, and not come to its end.
    pub(super) fn awaits_head(&self) -> bool {
        matches!(self.next, Next::Start | Next::Head) && self.free < self.held.len()
    }

    /// Whether a body has begun, and not come to its end.
    pub(super) fn awaits_body(&self) -> bool {
        !matches!(self.next, Next::Start | Next::Head | Next::Http2)
    }

    /// What is wrong with the head that comes next.
    pub(super) fn bad(&self) -> Option<Bad> {
        self.bad
    }

    /// Look at what is not free; whether there is more to look at.
    fn step(&mut self) -> bool {
        let bytes = &self.held[self.free..];
        let (count, next) = match self.next {
            Next::Start => {
                let count = bytes.len().min(PREFACE.len());
                if bytes[..count] != PREFACE[..count] {
                    // Nobody has looked for the end of a head in it.
                    self.seen = 0;
                    (0, Next::Head)
                } else if count == PREFACE.len() {
                    (count, Next::Http2)
                } else {
                    return false;
                }
            }
            Next::Head if matches!(bytes[0], b'\r' | b'\n') => {
                // An empty line before a request is nothing: RFC 9112, 2.2.
                let behind = self.held.split_off(self.free + 1);
                self.held.truncate(self.free);
                self.held.unsplit(behind);
                return true;
            }
            Next::Head => {
                if !may_end(bytes, self.seen.saturating_sub(self.free)) {
                    return false;
                }
                match head(bytes) {
                    Ok(Some(found)) => found,
                    Ok(None) => return false,
                    Err(bad) => {
                        self.bad = Some(bad);
                        return false;
                    }
                }
            }
            Next::Body(left) => {
                let count = left.min(bytes.len());
                (count, if count == left { Next::Head } else { Next::Body(left - count) })
            }
            Next::Chunk(left) => {
                let count = left.min(bytes.len());
                (count, if count == left { Next::Size } else { Next::Chunk(left - count) })
            }
            Next::Size => {
                let zeros = leading_zeros(bytes);
                match parse_chunk_size(&bytes[zeros..]) {
                    Ok(Status::Complete((length, 0))) => (zeros + length, Next::Trailers),
                    Ok(Status::Complete((length, size))) => {
                        let size = usize::try_from(size).map_or(usize::MAX, with_its_end);
                        (zeros + length, Next::Chunk(size))
                    }
                    Ok(Status::Partial) if bytes.len() < MAX_HEAD_BYTES => return false,
                    Ok(Status::Partial) | Err(_) => (0, Next::Broken),
                }
            }
            Next::Trailers => match parse_headers(bytes, &mut [EMPTY_HEADER; MAX_HEADERS]) {
                Ok(Status::Complete((length, _))) => (length, Next::Head),
                Ok(Status::Partial) if bytes.len() < MAX_HEAD_BYTES => return false,
                Ok(Status::Partial) | Err(_) => (0, Next::Broken),
            },
            Next::Http2 | Next::Broken => (bytes.len(), self.next),
        };
        self.free += count;
        self.next = next;
        true
    }
}

/// The length of the head that `bytes` begin with, and what comes behind it.
fn head(bytes: &[u8]) -> Result<Option<(usize, Next)>, Bad> {
    let mut headers = NO_HEADERS;
    let Some(head) = read(bytes, &mut headers)? else { return Ok(None) };
    if Uri::try_from(head.target).is_err() {
        return Err(Bad(400, "The target of the request is no path and no address."));
    }
    let next = match head.framing.length {
        None => Next::Size,
        Some(0) => Next::Head,
        Some(length) => Next::Body(length),
    };
    Ok(Some((head.length, next)))
}

/// How many zeros a chunk's size begins with for nothing: hyper allows any number, and httparse has
/// room for sixteen digits.
fn leading_zeros(bytes: &[u8]) -> usize {
    let zeros = bytes.iter().take_while(|byte| **byte == b'0').count();
    let is_number = bytes.get(zeros).is_some_and(u8::is_ascii_hexdigit);
    if is_number { zeros } else { zeros.saturating_sub(1) }
}

/// A chunk has a line break behind it.
fn with_its_end(size: usize) -> usize {
    size.saturating_add(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "POST /m HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc";
    const CHUNKED: &str = "POST /m HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\
                           2;x=y\r\nab\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n";
    const ZEROS: &str = "POST /m HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\
                         00000000000000003\r\nabc\r\n000000000000000000\r\n\r\n";
    const EMPTY: &str = "\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n";

    /// What is passed on of bytes that come in pieces.
    fn passed(pieces: &[&[u8]]) -> (Vec<u8>, Incoming) {
        let mut incoming = Incoming::new(b"");
        let mut passed = Vec::new();
        for piece in pieces {
            incoming.add(piece);
            passed.extend_from_slice(incoming.free());
            incoming.pass(incoming.free().len());
        }
        (passed, incoming)
    }

    #[test]
    fn requests_are_passed_on_wherever_they_are_cut() {
        let all = [LONG, CHUNKED, EMPTY, CHUNKED, ZEROS, LONG].concat();
        let said = all.replace(EMPTY, EMPTY.trim_start()).into_bytes();
        let all = all.into_bytes();
        for size in 1..all.len() {
            let pieces: Vec<_> = all.chunks(size).collect();
            let (found, incoming) = passed(&pieces);
            assert_eq!(found, said, "{size}");
            assert_eq!((incoming.next, incoming.bad), (Next::Head, None));
        }
    }

    #[test]
    fn a_head_is_held_until_it_is_whole() {
        let end = LONG.find("\r\n\r\n").unwrap() + 3;
        let (found, incoming) = passed(&[&LONG.as_bytes()[..end]]);
        assert!(found.is_empty() && incoming.awaits_head() && !incoming.awaits_body());
        let (found, incoming) = passed(&[&LONG.as_bytes()[..=end]]);
        assert_eq!(found, &LONG.as_bytes()[..=end]);
        assert!(incoming.awaits_body() && !incoming.awaits_head());
    }

    #[test]
    fn a_bad_head_stays_here_and_what_came_before_it_does_not() {
        for bad in
            ["no request\r\n", "GET / HTTP/9.9\r\n\r\n", "GET // HTTP/1.1\r\nhost: h\r\nx\r\n"]
        {
            let (found, incoming) = passed(&[LONG.as_bytes(), bad.as_bytes(), b"more"]);
            assert_eq!(found, LONG.as_bytes());
            assert!(incoming.bad().is_some(), "{bad}");
        }
        let (found, incoming) = passed(&[b"GET nowhere:at:all HTTP/1.1\r\nhost: h\r\n\r\n"]);
        assert_eq!((found.len(), incoming.bad().map(|bad| bad.0)), (0, Some(400)));
        let (found, incoming) = passed(&[b"GET / HTTP/1.1\r\nx: ", &vec![b'y'; MAX_HEAD_BYTES]]);
        assert_eq!((found.len(), incoming.bad().map(|bad| bad.0)), (0, Some(431)));
    }

    #[test]
    fn http_2_is_passed_on_as_it_is() {
        for cut in 0..PREFACE.len() {
            let (found, incoming) = passed(&[&PREFACE[..cut], &PREFACE[cut..], b"\0\0\0"]);
            assert_eq!(found, [PREFACE, b"\0\0\0"].concat());
            assert!(incoming.is_over() && !incoming.awaits_head() && !incoming.awaits_body());
        }
        let (found, incoming) = passed(&[&PREFACE[..18], b"GET"]);
        assert_eq!((found.len(), incoming.bad().map(|bad| bad.0)), (0, Some(400)));
    }

    #[test]
    fn a_body_whose_framing_is_wrong_is_passed_on() {
        let head = "POST /m HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
        for wrong in ["xyz\r\n", "0\r\nx y\r\n\r\n"] {
            let (found, incoming) = passed(&[head.as_bytes(), wrong.as_bytes(), b"more"]);
            assert_eq!(found, [head, wrong, "more"].concat().into_bytes());
            assert!(incoming.is_over() && incoming.awaits_body());
        }
    }
}
