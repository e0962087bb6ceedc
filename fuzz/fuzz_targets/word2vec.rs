//! Whatever the bytes of word2vec's binary form are, they are read or refused: as they are, and behind a first line that fits them.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "vectors.rs"]
mod vectors;

fuzz_target!(|bytes: &[u8]| {
    vectors::check(bytes);
    let Some(([words, dim], rest)) = bytes.split_first_chunk() else { return };
    let (words, dim) = (words % 16, dim % 8);
    vectors::check(&[format!("{words} {dim}\n").as_bytes(), rest].concat());
});
