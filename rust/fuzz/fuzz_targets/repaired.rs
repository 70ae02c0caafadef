//! Streams whose checksums are right, whatever else is wrong with them.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| {
    let mut stream = data.to_vec();
    fuzz::frames::repair(&mut stream);
    fuzz::check::all(&stream);
});

// One mutation in four may break the lengths; the others keep them right, to get to the headers.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let inside = if seed.is_multiple_of(4) {
        None
    } else {
        fuzz::frames::mutate_inside(data, size, seed / 4, |part, used| {
            let room = part.len();
            fuzzer_mutate(part, used, room)
        })
    };
    let size = inside.unwrap_or_else(|| fuzzer_mutate(data, size, max_size));
    fuzz::frames::repair(&mut data[..size]);
    size
});
