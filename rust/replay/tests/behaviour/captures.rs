//! Captures: what is written is read, and what is damaged costs no more than itself.

use std::fs;
use std::io::Cursor;

use proptest::prelude::*;
use replay::capture::file::CaptureFile;
use replay::capture::{
    BLOCK, Damage, Head, Item, MAGIC, MAX_RECORD_BYTES, RawRecord, Reader, Writer, decode_place,
};

const GENERATION: u32 = 0x5eed_0001;
const HEADER: usize = 16;

fn write(records: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(GENERATION);
    let mut bytes = Vec::new();
    for (kind, payload) in records {
        writer.append(*kind, &[payload], &mut bytes);
    }
    bytes
}

fn read(bytes: &[u8]) -> (Vec<(u8, Vec<u8>)>, Vec<Damage>) {
    let mut reader = Reader::new(Cursor::new(bytes));
    let (mut records, mut damages) = (Vec::new(), Vec::new());
    let mut last = 0;
    while let Some(item) = reader.next_item().expect("a slice does not fail") {
        match item {
            Item::Record(RawRecord { kind, offset, payload }) => {
                assert!(offset >= last && offset < bytes.len() as u64);
                last = offset;
                records.push((kind, payload));
            }
            Item::Damage(damage) => {
                assert!(damage.offset + damage.length <= bytes.len() as u64, "{damage:?}");
                damages.push(damage);
            }
        }
    }
    (records, damages)
}

/// A capture whose records stand in every way to the borders of blocks.
fn varied() -> Vec<(u8, Vec<u8>)> {
    let sizes = [0, 1, 100, BLOCK - 300, 40, 3 * BLOCK, 7, BLOCK - HEADER, 0, 2, 500, BLOCK];
    let fill = |number: usize, size: usize| (0..size).map(|at| (at * 7 + number) as u8).collect();
    sizes.iter().enumerate().map(|(number, size)| (number as u8 + 1, fill(number, *size))).collect()
}

/// Whether `found` is `all` without some of it.
fn is_part_of(found: &[(u8, Vec<u8>)], all: &[(u8, Vec<u8>)]) -> bool {
    let mut rest = all.iter();
    found.iter().all(|record| rest.any(|own| own == record))
}

#[test]
fn a_fragment_has_the_documented_bytes() {
    assert_eq!(
        write(&[(1, b"hi".to_vec())]),
        b"\xbe\xb2\xd3\x0b\x02\x00\x01\x01\x01\x00\xed\x5e\x00\x00\x00\x00hi"
    );
}

#[test]
fn records_of_all_sizes_are_read_as_they_were_written() {
    let records = varied();
    assert_eq!(read(&write(&records)), (records, vec![]));
    assert_eq!(read(b""), (vec![], vec![]));
}

#[test]
fn a_file_cut_at_any_byte_loses_the_record_that_is_cut() {
    let records = vec![(1, vec![9; 50]), (2, vec![8; BLOCK]), (3, vec![]), (4, vec![7; 30])];
    let bytes = write(&records);
    let mut ends = Vec::new();
    for count in 1..=records.len() {
        ends.push(write(&records[..count]).len());
    }
    // All but the inside of the long record, where every place is alike.
    let inside = |at: usize| (300..BLOCK - 300).contains(&at) && !at.is_multiple_of(97);
    for cut in (0..bytes.len()).filter(|at| !inside(*at)) {
        let (found, damages) = read(&bytes[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(found, records[..whole], "cut at {cut}");
        assert!(damages.iter().all(|damage| damage.torn_tail), "cut at {cut}: {damages:?}");
        let end = if whole == 0 { 0 } else { ends[whole - 1] };
        // What is left of a record that is cut is told; padding is not.
        if bytes[end..cut].iter().any(|byte| *byte != 0) {
            assert_eq!(damages.len(), 1, "cut at {cut}");
        }
    }
}

#[test]
fn a_flipped_bit_loses_the_record_that_it_is_in_and_no_other() {
    let records: Vec<_> = (0..12_u8).map(|number| (number, vec![number; 40])).collect();
    let bytes = write(&records);
    for bit in 0..bytes.len() * 8 {
        let mut spoiled = bytes.clone();
        spoiled[bit / 8] ^= 1 << (bit % 8);
        let (found, damages) = read(&spoiled);
        let number = bit / 8 / (HEADER + 40);
        let mut expected = records.clone();
        expected.remove(number);
        assert_eq!(found, expected, "bit {bit}");
        assert_eq!(damages.len(), 1, "bit {bit}: {damages:?}");
        assert_eq!(damages[0].offset, (number * (HEADER + 40)) as u64, "bit {bit}");
        assert_eq!(damages[0].torn_tail, number == 11, "bit {bit}");
    }
}

#[test]
fn sectors_of_zeros_or_of_another_file_are_told_and_passed_over() {
    let records = varied();
    let bytes = write(&records);
    let mut other = Vec::new();
    let mut writer = Writer::new(!GENERATION);
    for (kind, payload) in &records {
        writer.append(*kind, &[payload], &mut other);
    }
    for fill in [vec![0; other.len()], other] {
        for at in (0..bytes.len()).step_by(512) {
            let end = bytes.len().min(at + 512);
            let mut spoiled = bytes.clone();
            spoiled[at..end].copy_from_slice(&fill[at..end]);
            let (found, damages) = read(&spoiled);
            assert!(is_part_of(&found, &records), "sector at {at}");
            if spoiled != bytes {
                assert!(found.len() < records.len(), "sector at {at}");
                assert!(!damages.is_empty() || end == bytes.len(), "sector at {at}");
            }
        }
    }
}

#[test]
fn a_lost_block_is_counted_in_fragments() {
    let records: Vec<_> = (0..4_000_u32).map(|n| (5, n.to_le_bytes().repeat(10))).collect();
    let bytes = write(&records);
    let mut without = bytes[..BLOCK].to_vec();
    without.extend_from_slice(&bytes[2 * BLOCK..]);
    let (found, damages) = read(&without);
    let [damage] = damages.as_slice() else { panic!("{damages:?}") };
    assert_eq!(damage.lost, Some((BLOCK / 56) as u32));
    assert_eq!(found.len(), records.len() - BLOCK / 56);
}

#[test]
fn a_block_that_stands_twice_is_read_once() {
    let records: Vec<_> = (0..4_000_u32).map(|n| (5, n.to_le_bytes().repeat(10))).collect();
    let bytes = write(&records);
    let mut twice = bytes[..2 * BLOCK].to_vec();
    twice.extend_from_slice(&bytes[BLOCK..]);
    let (found, damages) = read(&twice);
    assert_eq!(found, records);
    assert_eq!(damages.len(), 1, "{damages:?}");
}

#[test]
fn the_largest_record_is_read_and_a_larger_one_is_not_written() {
    let one = write(&[(1, vec![0xaa; MAX_RECORD_BYTES])]);
    assert_eq!(read(&one).0.len(), 1);
    let mut writer = Writer::new(GENERATION);
    let mut bytes = Vec::new();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        writer.append(1, &[&vec![0; MAX_RECORD_BYTES + 1]], &mut bytes);
    }));
    assert!(result.is_err());
}

#[test]
fn a_file_holds_exchanges_and_no_secrets() {
    let folder = std::env::temp_dir().join(format!("capture-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("one.bfcap");
    let _ = fs::remove_file(&path);
    let headers = [
        ("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASECRET"),
        ("X-Amz-Security-Token", "SECRET"),
        ("x-api-key", "SECRET"),
        ("Cookie", "SECRET"),
        ("content-type", "application/json"),
    ];
    let head = Head {
        method: "POST".into(),
        target: "/model/m/converse?X-Amz-Signature=SECRET&a=b".into(),
        version: "HTTP/1.1".into(),
        headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
        ..Head::default()
    };
    let mut file = CaptureFile::create(&path, 7, 1_000, "a test").unwrap();
    assert!(CaptureFile::create(&path, 7, 1_000, "a test").is_err(), "it is there");
    file.request(3, 10, &head).unwrap();
    file.response_body(3, 20, &vec![b'x'; 3 << 20]).unwrap();
    file.end(3, 30, "complete", None).unwrap();
    file.finish().unwrap();

    let bytes = fs::read(&path).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"SECRET"));
    let (records, damages) = read(&bytes);
    assert_eq!(damages, []);
    let kinds: Vec<_> = records.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [1, 2, 5, 5, 5, 6, 7]);
    assert!(records[0].1.starts_with(MAGIC));
    let (exchange, time_ns, json) = decode_place(&records[1].1).unwrap();
    assert_eq!((exchange, time_ns), (3, 10));
    let said = String::from_utf8(json.to_vec()).unwrap();
    assert!(said.contains(r#"["content-type","application/json"]"#), "{said}");
    assert!(said.contains("/model/m/converse?X-Amz-Signature=[redacted]&a=b"), "{said}");
    assert_eq!(decode_place(&records[1].1[..15]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_records_survive_any_damage_around_them(
        records in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..9_000)), 0..24),
        at in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let bytes = write(&records);
        prop_assert_eq!(read(&bytes), (records.clone(), vec![]));
        let mut spoiled = bytes;
        if !spoiled.is_empty() {
            let start = at.index(spoiled.len());
            let end = spoiled.len().min(start + noise.len());
            spoiled[start..end].copy_from_slice(&noise[..end - start]);
        }
        let (found, _) = read(&spoiled);
        prop_assert!(is_part_of(&found, &records));
    }
}
