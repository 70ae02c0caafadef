//! Random messages and hostile frames.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::message::{Message, Owned, prelude, sealed};

/// Bytes, mostly short.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => vec(any::<u8>(), 0..80), 1 => vec(any::<u8>(), 0..2_000)]
}

fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<bool>().prop_map(Owned::Bool),
        any::<i8>().prop_map(Owned::Int8),
        any::<i16>().prop_map(Owned::Int16),
        any::<i32>().prop_map(Owned::Int32),
        any::<i64>().prop_map(Owned::Int64),
        bytes().prop_map(Owned::Bytes),
        any::<String>().prop_map(Owned::String),
        any::<i64>().prop_map(Owned::Timestamp),
        any::<[u8; 16]>().prop_map(Owned::Uuid),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[:a-z-]{1,20}", "\\PC{1,60}"]
}

/// A message that the wire can say.
pub fn message() -> impl Strategy<Value = Message> {
    let headers = vec((name(), value()), 0..20).prop_map(|mut headers| {
        let mut names = std::collections::HashSet::new();
        headers.retain(|(name, _)| names.insert(name.clone()));
        headers
    });
    (headers, bytes()).prop_map(|(headers, payload)| Message { headers, payload })
}

/// A field of a headers block that may or may not be as it should.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let variable = (6_u8..=7, vec(any::<u8>(), 0..12), -2_i16..=2).prop_map(|(kind, text, lie)| {
        let length = (text.len() as u16).wrapping_add_signed(lie);
        [&[kind][..], &length.to_be_bytes(), &text].concat()
    });
    let fixed = (0_u8..=11, vec(any::<u8>(), 0..18)).prop_map(|(kind, value)| {
        let width = [0, 0, 1, 2, 4, 8, 0, 0, 8, 16].get(usize::from(kind)).copied().unwrap_or(1);
        [&[kind][..], &value[..value.len().min(width)]].concat()
    });
    let name =
        prop_oneof![4 => "[a-d]{0,3}".prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..4)];
    (name, prop_oneof![variable, fixed]).prop_map(|(name, value)| {
        let mut field = vec![name.len() as u8];
        field.extend(name);
        field.extend(value);
        field
    })
}

/// A frame with right checksums whose lengths or headers may be anything.
pub fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let fields = (vec(field(), 0..6), vec(any::<u8>(), 0..20))
        .prop_map(|(fields, payload)| sealed(&fields.concat(), &payload));
    let mutated = (message(), any::<Index>(), any::<u8>()).prop_map(|(message, place, byte)| {
        let frame = message.encode().expect("it is valid");
        let block_len = u32::from_be_bytes(frame[4..8].try_into().expect("4 bytes")) as usize;
        let mut body = frame[12..frame.len() - 4].to_vec();
        if !body.is_empty() {
            let place = place.index(body.len());
            body[place] = byte;
        }
        let (block, payload) = body.split_at(block_len);
        sealed(block, payload)
    });
    let lengths = (vec(any::<u8>(), 0..60), -3_i32..=3, -3_i32..=80).prop_map(
        |(body, total_lie, headers)| {
            let total = (body.len() as u32 + 16).wrapping_add_signed(total_lie);
            let mut frame = prelude(total, headers.cast_unsigned());
            frame.extend(body);
            let crc = crc32fast::hash(&frame);
            frame.extend(crc.to_be_bytes());
            frame
        },
    );
    prop_oneof![3 => fields, 2 => mutated, 1 => lengths]
}

/// Where to cut bytes into chunks.
pub fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..8)
}

/// The bytes, cut.
pub fn chunks<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.push(0);
    places.push(bytes.len());
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}
