//! Blocks seen before are recognised, and never mistaken for others.

use std::collections::HashMap;

use eventstream::HeaderCache;
use eventstream::cache::BlockId;

use crate::message::block_of;

fn block(number: usize) -> Vec<u8> {
    block_of([format!("name-{number:03}").as_str()])
}

fn id(cache: &mut HeaderCache, block: &[u8]) -> Option<BlockId> {
    let (headers, id) = cache.validate(block).expect("it is valid");
    assert_eq!(headers.as_bytes(), block);
    id
}

#[test]
fn a_block_keeps_its_id_while_few_others_are_seen() {
    let mut cache = HeaderCache::default();
    let ids: Vec<_> = (0..BlockId::SLOTS).map(|number| id(&mut cache, &block(number))).collect();
    for round in 0..20 {
        let number = round * 5 % BlockId::SLOTS;
        assert_eq!(id(&mut cache, &block(number)), ids[number]);
    }
}

#[test]
fn an_id_never_stands_for_other_bytes() {
    let mut cache = HeaderCache::default();
    let mut seen: HashMap<BlockId, Vec<u8>> = HashMap::new();
    for round in 0..500 {
        let block = block(round * round % 23);
        let id = id(&mut cache, &block).expect("it is short");
        assert!(id.slot() < BlockId::SLOTS);
        assert_eq!(*seen.entry(id).or_insert_with(|| block.clone()), block);
    }
}

#[test]
fn a_block_that_was_pushed_out_comes_back_under_another_id() {
    let mut cache = HeaderCache::default();
    let first = id(&mut cache, &block(0));
    for number in 1..=BlockId::SLOTS {
        assert_ne!(id(&mut cache, &block(number)), first);
    }
    let again = id(&mut cache, &block(0));
    assert_ne!(again, first);
    assert_eq!(id(&mut cache, &block(0)), again);
}

#[test]
fn a_block_of_256_bytes_is_kept_and_a_longer_one_is_not() {
    let mut cache = HeaderCache::default();
    let kept = block_of(["n".repeat(254).as_str()]);
    assert_eq!(kept.len(), 256);
    let kept_id = id(&mut cache, &kept);
    assert!(kept_id.is_some());

    let long = block_of(["n".repeat(255).as_str()]);
    assert_eq!((long.len(), id(&mut cache, &long)), (257, None));
    assert_eq!(id(&mut cache, &long), None);
    assert_eq!(id(&mut cache, &kept), kept_id, "it pushes none out");
}

#[test]
fn the_empty_block_is_a_block_like_any_other() {
    let mut cache = HeaderCache::default();
    let empty = id(&mut cache, b"");
    assert!(empty.is_some());
    assert_ne!(id(&mut cache, &block(1)), empty);
    assert_eq!(id(&mut cache, b""), empty);
}

#[test]
fn a_bad_block_is_bad_each_time_and_takes_no_place() {
    let mut cache = HeaderCache::default();
    let good = id(&mut cache, &block(0));
    for number in 0..50 {
        let mut bad = block(number);
        *bad.last_mut().expect("it is not empty") = 10;
        let error = cache.validate(&bad).expect_err("there is no type 10");
        assert_eq!(cache.validate(&bad), Err(error));
    }
    assert_eq!(id(&mut cache, &block(0)), good);
}
