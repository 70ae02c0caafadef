//! The vector files and the recordings.

use std::fs;
use std::path::{Path, PathBuf};

use base64_simd::STANDARD;
use eventstream::Limits;
use serde_json::Value as Json;

use crate::message::{Message, Owned};

/// A stream, the messages it begins with, and the error it ends in, if any.
#[derive(Debug)]
pub struct Vector {
    pub name: String,
    pub bytes: Vec<u8>,
    pub limits: Limits,
    pub messages: Vec<Message>,
    pub fault: Option<Fault>,
}

/// The error that a stream ends in; `None` is a field about which nothing is said.
#[derive(Debug)]
pub struct Fault {
    pub kind: Option<String>,
    pub offset: Option<u64>,
    pub frame_index: Option<u64>,
    pub position: Option<u64>,
}

/// What the corpus says of a stream.
#[derive(Debug)]
pub struct Foreign {
    pub name: String,
    pub bytes: Vec<u8>,
    /// `None` where it depends on the reader's role, or on what follows.
    pub valid: Option<bool>,
    /// `None` where the corpus gives the bytes alone.
    pub message: Option<Message>,
    pub error: Option<String>,
}

/// The project's own vectors.
pub fn own() -> Vec<Vector> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("tests/vectors"))
        .expect("the vector files are part of the repository")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let vectors: Vec<Vector> = files
        .iter()
        .flat_map(|file| list(&json(file)).iter().map(vector).collect::<Vec<_>>())
        .collect();
    assert!(!vectors.is_empty(), "no vectors were found");
    vectors
}

/// The vectors of the corpus; none where it is not there.
pub fn corpus() -> Vec<Foreign> {
    let file = corpus_root().join("vectors/manifest.json");
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return Vec::new();
    }
    list(&json(&file)["vectors"]).iter().map(foreign).collect()
}

/// The recorded bodies of the corpus with their names and frame counts; none where it is not there.
pub fn recordings() -> Vec<(String, u64, Vec<u8>)> {
    let folder = corpus_root().join("recordings");
    let index = folder.join("index.json");
    if !index.exists() {
        eprintln!("skipped: {} is not there", index.display());
        return Vec::new();
    }
    list(&json(&index))
        .iter()
        .filter_map(|entry| {
            // Bodies of other kinds are recorded too; they have no frames.
            let frames = entry["frames"].as_u64()?;
            let name = text(&entry["file"]);
            let bytes = fs::read(folder.join(&name)).expect("the index names files that exist");
            Some((name, frames, bytes))
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn corpus_root() -> PathBuf {
    root().join("../shared/corpus")
}

fn json(file: &Path) -> Json {
    let text = fs::read_to_string(file).expect("the file can be read");
    serde_json::from_str(&text).expect("the file is JSON")
}

fn vector(entry: &Json) -> Vector {
    let error = &entry["error"];
    Vector {
        name: text(&entry["name"]),
        bytes: unspell(&text(&entry["bytes"])),
        limits: match entry["limits"].as_str() {
            Some("service") => Limits::SERVICE,
            _ => Limits::CLIENT,
        },
        messages: list(&entry["messages"])
            .iter()
            .map(|message| Message {
                headers: headers(&message["headers"], unspell),
                payload: unspell(&text(&message["payload"])),
            })
            .collect(),
        fault: error.is_object().then(|| Fault {
            kind: error["kind"].as_str().map(str::to_owned),
            offset: error["offset"].as_u64(),
            frame_index: error["frame_index"].as_u64(),
            position: error["position"].as_u64(),
        }),
    }
}

fn foreign(entry: &Json) -> Foreign {
    let message = entry["headers"].is_array().then(|| Message {
        headers: headers(&entry["headers"], unbase64),
        payload: unbase64(entry["payload_b64"].as_str().unwrap_or_default()),
    });
    Foreign {
        name: text(&entry["name"]),
        bytes: unspell(&text(&entry["hex"])),
        valid: entry["valid"].as_bool(),
        message,
        error: entry["error"].as_str().map(str::to_owned),
    }
}

fn headers(entries: &Json, bytes: fn(&str) -> Vec<u8>) -> Vec<(String, Owned)> {
    list(entries).iter().map(|entry| (text(&entry[0]), header_value(entry, bytes))).collect()
}

fn header_value(entry: &Json, bytes: fn(&str) -> Vec<u8>) -> Owned {
    let value = &entry[2];
    let integer = || value.as_i64().expect("an integer");
    match entry[1].as_u64() {
        Some(0 | 1) => Owned::Bool(value.as_bool().expect("a boolean")),
        Some(2) => Owned::Int8(integer().try_into().expect("8 bits")),
        Some(3) => Owned::Int16(integer().try_into().expect("16 bits")),
        Some(4) => Owned::Int32(integer().try_into().expect("32 bits")),
        Some(5) => Owned::Int64(integer()),
        Some(6) => Owned::Bytes(bytes(&text(value))),
        Some(7) => Owned::String(match value["repeat"].as_str() {
            Some(character) => character.repeat(value["times"].as_u64().expect("a count") as usize),
            None => text(value),
        }),
        Some(8) => Owned::Timestamp(integer()),
        Some(9) => Owned::Uuid(bytes(&text(value).replace('-', "")).try_into().expect("16 bytes")),
        other => panic!("no header type: {other:?}"),
    }
}

/// Bytes spelled in hex; `61*32767` among the words is one byte repeated.
fn unspell(text: &str) -> Vec<u8> {
    let hex = |digits: &[u8]| {
        let digits = str::from_utf8(digits).expect("hex is ASCII");
        u8::from_str_radix(digits, 16).expect("two hex digits")
    };
    let word = |word: &str| match word.split_once('*') {
        Some((byte, times)) => vec![hex(byte.as_bytes()); times.parse().expect("a count")],
        None => word.as_bytes().chunks(2).map(hex).collect(),
    };
    text.split_whitespace().flat_map(word).collect()
}

fn unbase64(text: &str) -> Vec<u8> {
    STANDARD.decode_to_vec(text).expect("base64")
}

fn text(value: &Json) -> String {
    value.as_str().expect("a string").to_owned()
}

fn list(value: &Json) -> &[Json] {
    value.as_array().expect("an array")
}
