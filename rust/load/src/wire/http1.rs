//! HTTP/1.1 answers, cut anywhere: bytes in, pieces out.

use crate::failure::Failure;
use crate::wire::Head;

/// A head above this is a mistake, in bytes.
const MAX_HEAD: usize = 64 * 1024;

const MAX_HEADERS: usize = 96;

/// A part of an answer.
#[derive(Debug)]
pub enum Piece<'a> {
    /// The head; what follows is its body.
    Head(Head),
    /// Some of the body.
    Body(&'a [u8]),
    /// The body's end. Whether the connection can carry another answer.
    End {
        /// It can.
        reusable: bool,
    },
    /// All bytes are used up.
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    /// Bytes of the body that are left, of all of it or of a chunk.
    Counted(u64),
    Chunk(u64),
    /// A chunk's size so far, and its digits.
    Size {
        size: u64,
        digits: u8,
    },
    /// The rest of the line that a chunk's size stands on.
    Extension(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// Trailers; whether the line has anything on it.
    Trailer {
        empty: bool,
    },
    UntilClose,
    Done,
}

/// Reads one answer after another.
#[derive(Debug)]
pub struct Http1 {
    phase: Phase,
    /// A head that came in parts.
    head: Vec<u8>,
    close: bool,
}

impl Default for Http1 {
    fn default() -> Self {
        Self { phase: Phase::Head, head: Vec::new(), close: false }
    }
}

impl Http1 {
    /// Whether nothing of the next answer has come.
    pub fn is_fresh(&self) -> bool {
        self.phase == Phase::Head && self.head.is_empty()
    }

    /// Take the next piece off `data`.
    ///
    /// # Errors
    ///
    /// It is not HTTP/1.1.
    pub fn next<'a>(&mut self, data: &mut &'a [u8]) -> Result<Piece<'a>, Failure> {
        loop {
            if self.phase == Phase::Done {
                self.phase = Phase::Head;
                return Ok(Piece::End { reusable: !self.close });
            }
            if data.is_empty() {
                return Ok(Piece::More);
            }
            match self.phase {
                Phase::Head => {
                    if let Some(head) = self.read_head(data)? {
                        return Ok(Piece::Head(head));
                    }
                }
                Phase::Counted(left) => {
                    let body = take(data, left);
                    let left = left - body.len() as u64;
                    self.phase = if left == 0 { Phase::Done } else { Phase::Counted(left) };
                    return Ok(Piece::Body(body));
                }
                Phase::Chunk(left) => {
                    let body = take(data, left);
                    let left = left - body.len() as u64;
                    self.phase = if left == 0 { Phase::ChunkEnd } else { Phase::Chunk(left) };
                    return Ok(Piece::Body(body));
                }
                Phase::UntilClose => return Ok(Piece::Body(std::mem::take(data))),
                Phase::Size { .. }
                | Phase::Extension(_)
                | Phase::ChunkEnd
                | Phase::Trailer { .. } => {
                    let byte = data[0];
                    *data = &data[1..];
                    self.phase = self.framing(byte)?;
                }
                Phase::Done => {}
            }
        }
    }

    /// The connection was closed by the other side.
    ///
    /// # Errors
    ///
    /// The answer was not whole.
    pub fn closed(&mut self) -> Result<(), Failure> {
        match self.phase {
            Phase::UntilClose => Ok(()),
            Phase::Head => Err(Failure::Reset),
            _ => Err(Failure::Truncated),
        }
    }

    fn framing(&self, byte: u8) -> Result<Phase, Failure> {
        Ok(match (self.phase, byte) {
            (Phase::ChunkEnd, b'\r') => Phase::ChunkEnd,
            (Phase::ChunkEnd, b'\n') => Phase::Size { size: 0, digits: 0 },
            (Phase::Size { size, digits: 1.. } | Phase::Extension(size), b'\n') => {
                if size == 0 {
                    Phase::Trailer { empty: true }
                } else {
                    Phase::Chunk(size)
                }
            }
            (Phase::Size { size, digits: 1.. }, b'\r' | b';' | b' ' | b'\t') => {
                Phase::Extension(size)
            }
            (Phase::Extension(size), _) => Phase::Extension(size),
            (Phase::Size { size, digits: digits @ ..15 }, digit) => {
                let digit = (digit as char).to_digit(16).ok_or(Failure::BadHttp)?;
                Phase::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Phase::Trailer { empty: true }, b'\n') => Phase::Done,
            (Phase::Trailer { .. }, b'\n') => Phase::Trailer { empty: true },
            (Phase::Trailer { empty }, b'\r') => Phase::Trailer { empty },
            (Phase::Trailer { .. }, _) => Phase::Trailer { empty: false },
            _ => return Err(Failure::BadHttp),
        })
    }

    fn read_head(&mut self, data: &mut &[u8]) -> Result<Option<Head>, Failure> {
        let parts = !self.head.is_empty();
        let before = self.head.len();
        if parts {
            self.head.extend_from_slice(data);
        }
        let bytes = if parts { self.head.as_slice() } else { *data };
        let Some((head, length)) = parse(bytes)? else {
            if bytes.len() > MAX_HEAD {
                return Err(Failure::BadHttp);
            }
            if !parts {
                self.head.extend_from_slice(data);
            }
            *data = &[];
            return Ok(None);
        };
        *data = &data[length - before..];
        self.head.clear();
        // An interim answer; the real one follows.
        if head.status < 200 {
            return Ok(None);
        }
        if head.contradiction || (head.chunked && head.length.is_some()) {
            return Err(Failure::BadHttp);
        }
        self.close = head.close;
        self.phase = match head.length {
            _ if head.chunked => Phase::Size { size: 0, digits: 0 },
            _ if matches!(head.status, 204 | 304) => Phase::Done,
            Some(0) => Phase::Done,
            Some(length) => Phase::Counted(length),
            None => Phase::UntilClose,
        };
        Ok(Some(head))
    }
}

fn take<'a>(data: &mut &'a [u8], most: u64) -> &'a [u8] {
    let length = usize::try_from(most).map_or(data.len(), |most| most.min(data.len()));
    let (taken, rest) = data.split_at(length);
    *data = rest;
    taken
}

/// A head, and how long it is. "Not all there yet" is `None`.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Failure> {
    let mut headers = [const { std::mem::MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut response, bytes, &mut headers)
        .map_err(|_| Failure::BadHttp)?;
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    let mut head = Head::new(response.code.ok_or(Failure::BadHttp)?);
    head.close = response.version == Some(0);
    for header in response.headers.iter() {
        head.header(header.name, header.value);
    }
    Ok(Some((head, length)))
}
