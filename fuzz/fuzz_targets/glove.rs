//! Whatever the lines of a table of word vectors are, they are read or refused: as they are, and below a line of two numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "vectors.rs"]
mod vectors;

fuzz_target!(|bytes: &[u8]| {
    vectors::check(bytes);
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let dim = bytes.first().map_or(1, |byte| byte % 8);
    vectors::check(&[format!("{lines} {dim}\n").as_bytes(), bytes].concat());
});
