//! Whatever the bytes of a picture are, decoding ends in a picture or in an error that is no panic of a decoder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rekindle_images::{Error, decode_bytes};

fuzz_target!(|bytes: &[u8]| {
    if let Err(error @ Error::Panicked { .. }) = decode_bytes(bytes, "fuzzed") {
        panic!("{error}");
    }
});
