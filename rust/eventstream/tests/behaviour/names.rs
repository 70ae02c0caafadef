//! Names are unique, however many there are.

use eventstream::{ErrorKind, Headers, Value, encode};

use crate::message::block_of;

/// Were each name compared with each, this many would take minutes, and no test run would end.
const MANY: usize = 200_000;

fn unique(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:x}")).collect()
}

fn block(names: &[String]) -> Vec<u8> {
    block_of(names.iter().map(String::as_str))
}

#[test]
fn any_number_of_unique_names_is_read_and_written() {
    for count in [0, 1, 11, 12, 13, 14, 1_025, MANY] {
        let names = unique(count);
        let block = block(&names);
        let headers = Headers::validate(&block).expect("they are unique");
        assert!(headers.iter().map(|header| header.0).eq(&names), "{count} names");

        let headers: Vec<_> = names.iter().map(|name| (&name[..], Value::Bool(true))).collect();
        let mut frame = Vec::new();
        encode(&headers, b"", &mut frame).expect("they are unique");
        assert_eq!(frame[12..frame.len() - 4], block);
    }
}

#[test]
fn a_second_of_any_name_is_found_at_its_place() {
    for count in [1, 2, 11, 12, 13, 14, 25, 100] {
        for twice in 0..count {
            let mut names = unique(count);
            let unique_len = block(&names).len();
            names.push(names[twice].clone());
            names.push("after".to_owned());

            let block = block(&names);
            let error = Headers::validate(&block).expect_err("a name occurs twice");
            assert_eq!(error.kind, ErrorKind::DuplicateHeader { name: names[twice].clone() });
            assert_eq!(error.position, unique_len, "name {twice} of {count}");

            let headers: Vec<_> = names.iter().map(|name| (&name[..], Value::Int8(0))).collect();
            let error = encode(&headers, b"", &mut Vec::new()).expect_err("a name occurs twice");
            assert_eq!(error.kind, ErrorKind::DuplicateHeader { name: names[twice].clone() });
        }
    }
}

#[test]
fn names_differ_by_any_byte() {
    let names = ["a", "A", "a ", "aa", "a\0", "\u{e4}", "a\u{308}"];
    assert!(Headers::validate(&block_of(names)).is_ok());
}
