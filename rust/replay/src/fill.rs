//! The parts of a plan that differ for each request: ids, and counts of the request's tokens.
//!
//! A plan is compiled with markers in their place. The frames that have one are kept in pieces, and
//! are put together for each request; all other bytes are copied as they are. In a `chunk` event
//! the markers are inside the base64 of its payload.

use aho_corasick::{AhoCorasick, MatchKind};
use eventstream::{HeaderCache, Limits, Template};

use crate::chance::Chance;
use crate::error::Invalid;

/// How many letters at the end of an id are drawn.
const DRAWN_LETTERS: usize = 22;
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHUNK_START: &[u8] = b"{\"bytes\":\"";

/// A part of a plan that differs for each request, named by the marker that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hole {
    /// An id, whose last 22 letters are drawn.
    Id(String),
    /// So many tokens more than the request has.
    Tokens {
        /// The number that stands for it.
        marker: u64,
        /// What is added.
        more: u64,
    },
}

/// The frames and headers of a plan that have holes.
#[derive(Debug)]
pub(crate) struct Fills {
    frames: Vec<Frame>,
    /// Indexes of headers, and the tokens that are added.
    headers: Vec<(usize, u64)>,
    ids: usize,
}

#[derive(Debug)]
struct Frame {
    index: usize,
    form: Form,
    pieces: Vec<Piece>,
}

/// What is around the pieces.
#[derive(Debug)]
enum Form {
    /// Nothing: a whole body.
    Body,
    /// An event's frame.
    Event(Box<Template>),
    /// A `chunk` event's frame, whose pieces are encoded, and what stands after them.
    Chunk(Box<Template>, Vec<u8>),
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Id(usize),
    Tokens(u64),
}

impl Fills {
    /// Find the holes of a plan. `None` where it has none.
    ///
    /// # Errors
    ///
    /// An id has fewer than 22 letters, or a frame of a stream is not valid.
    pub(crate) fn find(
        frames: &[&[u8]],
        headers: &[(String, String)],
        stream: bool,
        holes: &[Hole],
    ) -> Result<Option<Self>, Invalid> {
        if holes.is_empty() {
            return Ok(None);
        }
        let markers = holes.iter().map(marker).collect::<Result<Vec<_>, _>>()?;
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(&markers)
            .map_err(|error| Invalid::new(error.to_string()))?;
        let mut ids = 0;
        let made: Vec<_> = holes
            .iter()
            .map(|hole| match hole {
                Hole::Id(_) => {
                    ids += 1;
                    Made::Id(ids - 1)
                }
                Hole::Tokens { more, .. } => Made::Tokens(*more),
            })
            .collect();
        let mut found = Self { frames: Vec::new(), headers: Vec::new(), ids };
        for (index, frame) in frames.iter().enumerate() {
            let (form, text) = if stream { opened(frame)? } else { (Form::Body, frame.to_vec()) };
            if let Some(pieces) = pieces(&text, &finder, &made) {
                found.frames.push(Frame { index, form, pieces });
            }
        }
        for (index, (_, value)) in headers.iter().enumerate() {
            let hole = finder.find(value).filter(|hole| hole.range() == (0..value.len()));
            if let Some(Made::Tokens(more)) = hole.map(|hole| made[hole.pattern().as_usize()]) {
                found.headers.push((index, more));
            }
        }
        Ok(Some(found))
    }

    /// Fill a plan's body and headers for one request; return the body and where its frames end.
    pub(crate) fn fill(
        &self,
        body: &[u8],
        ends: &[usize],
        headers: &mut [(String, String)],
        tokens: u64,
        chance: &mut Chance,
    ) -> (Vec<u8>, Vec<usize>) {
        for (index, more) in &self.headers {
            headers[*index].1 = tokens.saturating_add(*more).to_string();
        }
        let ids: Vec<_> = (0..self.ids).map(|_| letters(chance)).collect();
        let mut filled = Vec::with_capacity(body.len() + 64);
        let mut moved = Vec::with_capacity(ends.len());
        let mut text = Vec::new();
        let mut at = 0;
        for frame in &self.frames {
            let start = frame.index.checked_sub(1).map_or(0, |before| ends[before]);
            copy(&body[at..start], &ends[moved.len()..frame.index], at, &mut filled, &mut moved);
            text.clear();
            for piece in &frame.pieces {
                match piece {
                    Piece::Bytes(bytes) => text.extend_from_slice(bytes),
                    Piece::Id(id) => text.extend_from_slice(&ids[*id]),
                    Piece::Tokens(more) => {
                        text.extend_from_slice(tokens.saturating_add(*more).to_string().as_bytes());
                    }
                }
            }
            frame.form.close(&text, &mut filled);
            moved.push(filled.len());
            at = ends[frame.index];
        }
        copy(&body[at..], &ends[moved.len()..], at, &mut filled, &mut moved);
        (filled, moved)
    }
}

/// What a hole is filled with.
#[derive(Debug, Clone, Copy)]
enum Made {
    Id(usize),
    Tokens(u64),
}

fn marker(hole: &Hole) -> Result<String, Invalid> {
    match hole {
        Hole::Id(id) => {
            let letters = id.len().checked_sub(DRAWN_LETTERS).and_then(|start| id.get(start..));
            letters.map(str::to_owned).ok_or_else(|| {
                Invalid::new(format!("an id has at least {DRAWN_LETTERS} letters, not {id:?}"))
            })
        }
        Hole::Tokens { marker, .. } => Ok(marker.to_string()),
    }
}

/// Take a frame apart: what is around the text that may have holes, and that text.
fn opened(frame: &[u8]) -> Result<(Form, Vec<u8>), Invalid> {
    let mut cache = HeaderCache::default();
    let frame = eventstream::Frame::read_exact(frame, &Limits::default(), &mut cache)
        .map_err(|error| Invalid::new(format!("a frame is not valid: {error}")))?;
    let template = Box::new(Template::from(frame.headers()));
    let payload = frame.payload();
    if frame.headers().get_str(":event-type") == Some("chunk")
        && let Some(rest) = payload.strip_prefix(CHUNK_START)
        && let Some(end) = rest.iter().position(|byte| *byte == b'"')
        && let Ok(text) = base64_simd::STANDARD.decode_to_vec(&rest[..end])
    {
        return Ok((Form::Chunk(template, rest[end..].to_vec()), text));
    }
    Ok((Form::Event(template), payload.to_vec()))
}

/// Cut a text at its holes; `None` where it has none.
fn pieces(text: &[u8], finder: &AhoCorasick, made: &[Made]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for hole in finder.find_iter(text) {
        pieces.push(Piece::Bytes(text[at..hole.start()].to_vec()));
        pieces.push(match made[hole.pattern().as_usize()] {
            Made::Id(id) => Piece::Id(id),
            Made::Tokens(more) => Piece::Tokens(more),
        });
        at = hole.end();
    }
    if pieces.is_empty() {
        return None;
    }
    pieces.push(Piece::Bytes(text[at..].to_vec()));
    Some(pieces)
}

impl Form {
    /// Append a text with what is around it.
    fn close(&self, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Body => out.extend_from_slice(text),
            Self::Event(template) => append(template, text, out),
            Self::Chunk(template, after) => {
                let encoded = base64_simd::STANDARD.encode_to_string(text);
                append(template, &[CHUNK_START, encoded.as_bytes(), after].concat(), out);
            }
        }
    }
}

fn append(template: &Template, payload: &[u8], out: &mut Vec<u8>) {
    // It was a frame with a marker; what stands for it is no longer than 20 digits.
    template.encode(payload, out).expect("a frame is far shorter than 4 GiB");
}

/// Append frames as they are.
fn copy(bytes: &[u8], ends: &[usize], at: usize, filled: &mut Vec<u8>, moved: &mut Vec<usize>) {
    let base = filled.len();
    moved.extend(ends.iter().map(|end| end - at + base));
    filled.extend_from_slice(bytes);
}

fn letters(chance: &mut Chance) -> [u8; DRAWN_LETTERS] {
    let mut letters = [0; DRAWN_LETTERS];
    // Ten letters need 60 bits.
    for group in letters.chunks_mut(10) {
        let mut bits = chance.draw();
        for letter in group {
            *letter = LETTERS[(bits % 62) as usize];
            bits /= 62;
        }
    }
    letters
}
