//! The parts of a plan that differ for each request: ids, counts of the request's tokens, and the
//! latencies that an answer tells of its own schedule.
//!
//! A plan is compiled with markers in their place. The frames that have one are kept in pieces, and
//! are put together for each request; all other bytes are copied as they are. In a `chunk` event
//! the markers are inside the base64 of its payload.

use aho_corasick::{AhoCorasick, MatchKind};
use eventstream::{HeaderCache, Limits, Template};

use crate::error::Invalid;
use crate::rng::Rng;
use crate::schedule::Told;

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
    /// How long the answer takes, in milliseconds: where `latencyMs`, `invocationLatency` or a
    /// header is this number.
    Latency(u64),
    /// When its first content is due: where `firstByteLatency` is this number.
    FirstByte(u64),
}

/// The frames and headers of a plan that have holes.
#[derive(Debug)]
pub(crate) struct Fills {
    frames: Vec<Frame>,
    /// Indexes of headers, and what they are.
    headers: Vec<(usize, Made)>,
    /// What stands for each id.
    ids: Vec<[u8; DRAWN_LETTERS]>,
    /// Whether all that differs are latencies.
    only_told: bool,
}

/// What the holes of one answer are filled with.
#[derive(Debug)]
pub(crate) struct Filling {
    ids: Vec<[u8; DRAWN_LETTERS]>,
    /// The request's; where they are absent, the markers stay.
    tokens: Option<u64>,
    told: Told,
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
    Made(Made),
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
        let (mut places, mut ids) = (Vec::new(), Vec::new());
        for hole in holes {
            places.extend(Place::all_of(hole, &mut ids)?);
        }
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(places.iter().map(|place| &place.text))
            .map_err(|error| Invalid::new(error.to_string()))?;
        let only_told =
            holes.iter().all(|hole| matches!(hole, Hole::Latency(_) | Hole::FirstByte(_)));
        let mut found = Self { frames: Vec::new(), headers: Vec::new(), ids, only_told };
        for (index, frame) in frames.iter().enumerate() {
            let (form, text) = if stream { opened(frame)? } else { (Form::Body, frame.to_vec()) };
            if let Some(pieces) = pieces(&text, &finder, &places) {
                found.frames.push(Frame { index, form, pieces });
            }
        }
        for (index, (_, value)) in headers.iter().enumerate() {
            if let Some(made) = holes.iter().find_map(|hole| in_header(hole, value)) {
                found.headers.push((index, made));
            }
        }
        Ok((!found.frames.is_empty() || !found.headers.is_empty()).then_some(found))
    }

    /// Whether answers differ by the latencies that they tell alone.
    pub(crate) fn only_told(&self) -> bool {
        self.only_told
    }

    /// What the holes of a plan itself are filled with: markers, and the least latencies.
    pub(crate) fn unfilled(&self) -> Filling {
        Filling { ids: self.ids.clone(), tokens: None, told: Told::default() }
    }

    /// What the holes of one answer are filled with.
    pub(crate) fn draw(&self, tokens: u64, told: Told, rng: &mut Rng) -> Filling {
        let ids = self.ids.iter().map(|_| letters(rng)).collect();
        Filling { ids, tokens: Some(tokens), told }
    }

    /// Fill a plan's body and headers; return the body and where its frames end.
    pub(crate) fn fill(
        &self,
        body: &[u8],
        ends: &[usize],
        headers: &mut [(String, String)],
        filling: &Filling,
    ) -> (Vec<u8>, Vec<usize>) {
        for (index, made) in &self.headers {
            let mut value = Vec::new();
            made.append(filling, &mut value);
            headers[*index].1 = String::from_utf8(value).expect("digits");
        }
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
                    Piece::Made(made) => made.append(filling, &mut text),
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
    Tokens { marker: u64, more: u64 },
    Latency,
    FirstByte,
}

impl Made {
    fn append(self, filling: &Filling, out: &mut Vec<u8>) {
        let number = match self {
            Self::Id(id) => return out.extend_from_slice(&filling.ids[id]),
            Self::Tokens { marker, more } => {
                filling.tokens.map_or(marker, |tokens| tokens.saturating_add(more))
            }
            Self::Latency => filling.told.latency_ms,
            Self::FirstByte => filling.told.first_byte_ms,
        };
        out.extend_from_slice(number.to_string().as_bytes());
    }
}

/// A text that has a hole at its end.
#[derive(Debug)]
struct Place {
    text: String,
    /// How much of it stays.
    kept: usize,
    made: Made,
}

impl Place {
    /// The texts by which a hole is known in a body.
    fn all_of(hole: &Hole, ids: &mut Vec<[u8; DRAWN_LETTERS]>) -> Result<Vec<Self>, Invalid> {
        // Quotes inside a JSON string are escaped: no text of an answer is taken for a key.
        let keyed = |key: &str, marker: &u64, made| {
            let key = format!("\"{key}\":");
            Self { text: format!("{key}{marker}"), kept: key.len(), made }
        };
        Ok(match hole {
            Hole::Id(id) => {
                let text = id.len().checked_sub(DRAWN_LETTERS).and_then(|start| id.get(start..));
                let text = text.ok_or_else(|| {
                    Invalid::new(format!("an id has at least {DRAWN_LETTERS} letters, not {id:?}"))
                })?;
                let made = Made::Id(ids.len());
                ids.push(text.as_bytes().try_into().expect("so many letters"));
                vec![Self { text: text.to_owned(), kept: 0, made }]
            }
            Hole::Tokens { marker, more } => {
                let made = Made::Tokens { marker: *marker, more: *more };
                vec![Self { text: marker.to_string(), kept: 0, made }]
            }
            Hole::Latency(marker) => vec![
                keyed("latencyMs", marker, Made::Latency),
                keyed("invocationLatency", marker, Made::Latency),
            ],
            Hole::FirstByte(marker) => vec![keyed("firstByteLatency", marker, Made::FirstByte)],
        })
    }
}

/// What a header is, where it is nothing but the marker of a hole.
fn in_header(hole: &Hole, value: &str) -> Option<Made> {
    let (marker, made) = match hole {
        Hole::Tokens { marker, more } => (marker, Made::Tokens { marker: *marker, more: *more }),
        Hole::Latency(marker) => (marker, Made::Latency),
        Hole::Id(_) | Hole::FirstByte(_) => return None,
    };
    (marker.to_string() == value).then_some(made)
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
fn pieces(text: &[u8], finder: &AhoCorasick, places: &[Place]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for hole in finder.find_iter(text) {
        let place = &places[hole.pattern().as_usize()];
        pieces.push(Piece::Bytes(text[at..hole.start() + place.kept].to_vec()));
        pieces.push(Piece::Made(place.made));
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

fn letters(rng: &mut Rng) -> [u8; DRAWN_LETTERS] {
    let mut letters = [0; DRAWN_LETTERS];
    // Ten letters need 60 bits.
    for group in letters.chunks_mut(10) {
        let mut bits = rng.draw();
        for letter in group {
            *letter = LETTERS[(bits % 62) as usize];
            bits /= 62;
        }
    }
    letters
}
