//! Traces of the forms that are published.

use std::path::Path;

use load::arrive::{Due, Entry, Limits, Schedule, read_trace};
use load::options::TraceFormat;

#[test]
fn azure_and_mooncake_say_the_same() {
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
        2023-11-16 18:15:47.6805900,396,109\n\
        2023-11-16 18:15:46.6805900,374,44\n\n\
        2023-11-17 00:00:00+00:00,879,55\n";
    let read = read_trace(azure, Path::new("x.csv"), TraceFormat::Auto).unwrap();
    let near = |one: f64, other: f64| (one - other).abs() < 1e-5;

    assert!(near(read[0].at, 0.0) && near(read[1].at, 1.0) && near(read[2].at, 20_653.319_41));
    assert_eq!((read[0].input_tokens, read[0].output_tokens), (374, 44));

    let mooncake = r#"{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [1]}
{"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": []}"#;
    let read = read_trace(mooncake, Path::new("x.jsonl"), TraceFormat::Auto).unwrap();

    assert_eq!(read[1], Entry { at: 30.535 - 27.482, input_tokens: 6472, output_tokens: 26 });
}

#[test]
fn a_trace_without_a_head_loses_nothing() {
    let read = |text: &str| read_trace(text, Path::new("x"), TraceFormat::Azure).unwrap();
    let lines = "2023-11-16 18:15:46,374,44\n2023-11-16 18:15:47,396,109\n";

    assert_eq!(read(lines), read(&format!("TIMESTAMP,ContextTokens,GeneratedTokens\n{lines}")));
    assert_eq!(read(lines).len(), 2);
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    let of = |text, format| read_trace(text, Path::new("x"), format).unwrap_err();

    assert!(
        of("h\n2023-11-16 18:15:46.6,1,2\nnonsense", TraceFormat::Azure)
            .starts_with("line 3: TIMESTAMP")
    );
    assert!(of("h\n2023-11-16 18:15:46.6,x,2", TraceFormat::Azure).contains("ContextTokens"));
    assert!(of("{}", TraceFormat::Mooncake).starts_with("line 1: "));
    assert_eq!(of("h\n", TraceFormat::Azure), "no arrivals in it");
}

#[test]
fn a_trace_can_be_played_faster() {
    let entry = |at| Entry { at, input_tokens: 1, output_tokens: 1 };
    let entries = [entry(0.0), entry(1.0), entry(4.0)];
    let limits = Limits { requests: u64::MAX, end: u64::MAX };
    let mut schedule = Schedule::of_trace(entries.into(), 2.0, (0, 1), limits);
    let mut times = Vec::new();
    while let Due::Now(arrival) = schedule.due(u64::MAX) {
        times.push(arrival.at);
    }

    assert_eq!(times, [0, 500_000_000, 2_000_000_000]);
}
