//! Whatever the bytes of a safetensors file or of an index are, they are read or refused; and of those that are safetensors the
//! format's own crate says the same.
//!
//! The JSON is fuzzed as text; its length is put in front where it is a header, and so are bytes of data.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/rekindle-files/tests/peer/mod.rs"]
mod peer;
#[path = "weights.rs"]
mod weights;

fuzz_target!(|bytes: &[u8]| {
    // The file as it is, then the same as a header with some data, then as an index.
    let _ = weights::read_everything(bytes);
    let (data, json) = bytes.split_first().map_or((0, bytes), |(data, json)| (*data, json));
    let mut file = (json.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(json);
    file.resize(file.len() + usize::from(data), data);
    let _ = weights::read_everything(&file);
    let opened = weights::with_file(&file, |path| peer::agreement(path, &file));
    if let Err(disagreement) = opened {
        panic!("{disagreement}");
    }
});
