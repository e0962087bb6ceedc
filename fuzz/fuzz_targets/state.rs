//! Whatever the state of a run is, it is read or refused, and put into a model or not.
//!
//! As it is; then behind the opening and before the digest of what it says, which a fuzzer would not find; then as the parts
//! of a header that is sound.
#![no_main]

use std::fs;

use burn::nn::{Linear, LinearConfig};
use burn::prelude::Device;
use libfuzzer_sys::fuzz_target;
use rekindle_train::{EmaConfig, OptimizerConfig, SavedState, State};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

#[path = "folder.rs"]
mod folder;

const OPTIMIZER: OptimizerConfig = OptimizerConfig::AdamW { weight_decay: 0.01 };

struct Place {
    folder: TempDir,
    model: Linear,
}

impl Place {
    fn new() -> Self {
        let model = LinearConfig::new(3, 2).init(&Device::flex().autodiff());
        Self { folder: folder::folder(), model }
    }
}

fuzz_target!(|bytes: &[u8]| {
    thread_local! {
        static PLACE: Place = Place::new();
    }
    PLACE.with(|Place { folder, model }| {
        let path = folder.path().join("last.state");
        for content in [bytes.to_vec(), sealed(bytes), sealed(&parts(bytes))] {
            fs::write(&path, content).expect("cannot write the state");
            if let Ok(Some(saved)) = SavedState::read(&path) {
                let _ = saved.restore(model.clone(), &OPTIMIZER, None::<EmaConfig>);
            }
        }
    });
});

/// A sound header, then the bytes as its parts: the first two say how many of the others are the model's.
fn parts(bytes: &[u8]) -> Vec<u8> {
    let (model, parts) = bytes.split_first_chunk().unwrap_or((&[0; 2], bytes));
    let model = usize::from(u16::from_le_bytes(*model)).min(parts.len());
    let optimizer = parts.len() - model;
    let header = format!(
        r#"{{"note":"","history":[],"parts":[{{"name":"model","bytes":{model}}},{{"name":"optimizer","bytes":{optimizer}}}]}}"#
    );
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), parts].concat()
}

/// The bytes as a state that is as it was written.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut file = [b"rekindle state 1\n".as_slice(), bytes].concat();
    let digest = Sha256::digest(&file);
    file.extend(digest);
    file
}
