//! Encode and decode against `aws-smithy-eventstream` and against the floor: one CRC pass and one
//! copy of the same bytes, frame by frame, which no codec can do without.
//!
//! Every contender's answer is asserted before it is timed. Raw results are in
//! `target/criterion/<direction>/<contender>/<set>/new/estimates.json`, in nanoseconds an iteration,
//! with the set's frames and bytes in `benchmark.json` beside it.

use std::hint::black_box;

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder, write_message_to};
use aws_smithy_types::event_stream::{Header as PeerHeader, HeaderValue, Message};
use aws_smithy_types::str_bytes::StrBytes;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventstream::{Decoder, Header, Limits, MIN_FRAME_LEN, Template, Value, encode, scan};

/// A frame's event type and its length in bytes.
type Shape = (&'static str, usize);

/// Lengths as recorded from Bedrock: p5, p50, p95 and the longest, with some between, as often as
/// they are seen.
const RECORDED: [(Shape, usize); 6] = [
    (("contentBlockStop", 130), 15),
    (("contentBlockDelta", 159), 60),
    (("contentBlockDelta", 206), 110),
    (("contentBlockDelta", 279), 50),
    (("metadata", 312), 18),
    (("contentBlockDelta", 3_331), 3),
];

/// Messages, and their frames one after another.
struct Set {
    name: &'static str,
    messages: Vec<(&'static str, Vec<u8>)>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Set {
    fn new(name: &'static str, shapes: impl IntoIterator<Item = Shape>) -> Self {
        let mut set = Self { name, messages: Vec::new(), bytes: Vec::new(), ends: Vec::new() };
        for (event_type, length) in shapes {
            let mut block = Vec::new();
            for (name, value) in headers(event_type) {
                eventstream::header::write(name, &value, &mut block).expect("it is short");
            }
            let text = b"{\"contentBlockIndex\":0,\"delta\":{\"text\":\" and more text";
            let payload_len = length - block.len() - MIN_FRAME_LEN;
            let payload = text.iter().cycle().copied().take(payload_len).collect::<Vec<u8>>();
            encode(&headers(event_type), &payload, &mut set.bytes).expect("it is valid");
            set.messages.push((event_type, payload));
            set.ends.push(set.bytes.len());
        }
        set
    }

    fn all() -> [Self; 3] {
        let mut recorded: Vec<Shape> =
            RECORDED.iter().flat_map(|(shape, count)| [*shape].repeat(*count)).collect();
        // 256 and 101 have no common factor, so that this is a permutation.
        recorded = (0..recorded.len()).map(|place| recorded[place * 101 % 256]).collect();
        [
            Self::new("delta", [("contentBlockDelta", 193); 256]),
            Self::new("recorded", recorded),
            Self::new("1 MiB", [("chunk", 1 << 20)]),
        ]
    }

    fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    fn payload_bytes(&self) -> usize {
        self.messages.iter().map(|message| message.1.len()).sum()
    }

    fn throughput(&self) -> Throughput {
        let (elements, bytes) = (self.messages.len() as u64, self.bytes.len() as u64);
        Throughput::ElementsAndBytes { elements, bytes }
    }
}

fn headers(event_type: &str) -> [Header<'_>; 3] {
    [
        (":event-type", Value::String(event_type)),
        (":content-type", Value::String("application/json")),
        (":message-type", Value::String("event")),
    ]
}

/// Read every frame; the payloads' bytes.
fn decode_ours(bytes: &[u8]) -> usize {
    let mut decoder = Decoder::new(Limits::CLIENT);
    let mut frames = decoder.feed(bytes);
    let mut sum = 0;
    while let Some(frame) = frames.next().expect("it is valid") {
        sum += black_box(frame.payload()).len();
    }
    sum
}

/// As `decode_ours`, and read each header's name and value too.
fn decode_ours_and_headers(bytes: &[u8]) -> usize {
    let mut decoder = Decoder::new(Limits::CLIENT);
    let mut frames = decoder.feed(bytes);
    let mut sum = 0;
    while let Some(frame) = frames.next().expect("it is valid") {
        for header in &frame.headers() {
            black_box(header);
        }
        sum += black_box(frame.payload()).len();
    }
    sum
}

fn scan_ours(bytes: &[u8]) -> usize {
    scan(bytes, Limits::CLIENT)
        .map(|scanned| {
            let scanned = scanned.expect("it is valid");
            black_box(scanned.event_type);
            scanned.frame.payload().len()
        })
        .sum()
}

fn decode_peer(bytes: &Bytes) -> usize {
    let mut decoder = MessageFrameDecoder::new();
    let mut rest = bytes.clone();
    let mut sum = 0;
    while let DecodedFrame::Complete(message) = decoder.decode_frame(&mut rest).expect("valid") {
        sum += black_box(&message).payload().len();
    }
    sum
}

/// Copy and check each frame's bytes; the frames' bytes.
fn floor<'a>(frames: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) -> usize {
    out.clear();
    for frame in frames {
        out.extend_from_slice(frame);
        black_box(crc32fast::hash(frame));
    }
    out.len()
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for set in Set::all() {
        let expected = set.payload_bytes();
        let shared = Bytes::from(set.bytes.clone());
        let mut copy = Vec::with_capacity(set.bytes.len());
        assert_eq!(decode_ours(&set.bytes), expected);
        assert_eq!(decode_ours_and_headers(&set.bytes), expected);
        assert_eq!(scan_ours(&set.bytes), expected);
        assert_eq!(decode_peer(&shared), expected);
        assert_eq!(floor(set.frames(), &mut copy), set.bytes.len());

        group.throughput(set.throughput());
        let id = |contender: &str| BenchmarkId::new(contender, set.name);
        group.bench_function(id("decoder"), |b| b.iter(|| decode_ours(&set.bytes)));
        group.bench_function(id("decoder, headers read"), |b| {
            b.iter(|| decode_ours_and_headers(&set.bytes));
        });
        group.bench_function(id("scan"), |b| b.iter(|| scan_ours(&set.bytes)));
        group.bench_function(id("aws-smithy-eventstream"), |b| b.iter(|| decode_peer(&shared)));
        group.bench_function(id("floor"), |b| b.iter(|| floor(set.frames(), &mut copy)));
    }
    group.finish();
}

fn encode_ours(set: &Set, out: &mut Vec<u8>) {
    out.clear();
    for (event_type, payload) in &set.messages {
        encode(black_box(&headers(event_type)), payload, out).expect("it is valid");
    }
}

fn template_ours(messages: &[(&Template, &[u8])], out: &mut Vec<u8>) {
    out.clear();
    for (template, payload) in messages {
        template.encode(payload, out).expect("it is valid");
    }
}

fn encode_peer(messages: &[Message], out: &mut Vec<u8>) {
    out.clear();
    for message in messages {
        write_message_to(message, out).expect("it is valid");
    }
}

fn peer_message((event_type, payload): &(&'static str, Vec<u8>)) -> Message {
    let header = |(name, value): Header<'static>| {
        let Value::String(value) = value else { unreachable!("each is a string") };
        PeerHeader::new(name, HeaderValue::String(StrBytes::from(value)))
    };
    Message::new_from_parts(headers(event_type).map(header).to_vec(), payload.clone())
}

fn encode_all(criterion: &mut Criterion) {
    let types: Vec<&str> =
        RECORDED.iter().map(|((event_type, _), _)| *event_type).chain(["chunk"]).collect();
    let templates: Vec<Template> =
        types.iter().map(|name| Template::new(&headers(name)).expect("it is valid")).collect();
    let template = |name: &str| &templates[types.iter().position(|one| *one == name).expect("all")];

    let mut group = criterion.benchmark_group("encode");
    for set in Set::all() {
        let peers: Vec<Message> = set.messages.iter().map(peer_message).collect();
        let sources: Vec<(&Template, &[u8])> =
            set.messages.iter().map(|(name, payload)| (template(name), &payload[..])).collect();
        let mut out = Vec::with_capacity(set.bytes.len());
        encode_ours(&set, &mut out);
        assert_eq!(out, set.bytes);
        template_ours(&sources, &mut out);
        assert_eq!(out, set.bytes);
        encode_peer(&peers, &mut out);
        assert_eq!(out, set.bytes);
        assert_eq!(floor(set.frames(), &mut out), set.bytes.len());

        group.throughput(set.throughput());
        let id = |contender: &str| BenchmarkId::new(contender, set.name);
        group.bench_function(id("encode"), |b| b.iter(|| encode_ours(&set, &mut out)));
        group.bench_function(id("template"), |b| {
            b.iter(|| template_ours(&sources, &mut out));
        });
        group.bench_function(id("aws-smithy-eventstream"), |b| {
            b.iter(|| encode_peer(&peers, &mut out));
        });
        group.bench_function(id("floor"), |b| b.iter(|| floor(set.frames(), &mut out)));
    }
    group.finish();
}

criterion_group!(benches, decode, encode_all);
criterion_main!(benches);
