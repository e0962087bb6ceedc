//! Whatever a folder of model2vec's holds, it is read or refused, and what is read gives every text a vector.
//!
//! The bytes are a table of 32-bit floats, behind a header that fits it, and a `config.json`.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use rekindle_text::{StaticEmbeddings, Text};
use tempfile::TempDir;

#[path = "folder.rs"]
mod folder;

const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "vocab": {"[PAD]": 0, "[UNK]": 1, "ant": 2, "bee": 3}, "unk_token": "[UNK]"}}"#;

fuzz_target!(|bytes: &[u8]| {
    thread_local! {
        static FOLDER: TempDir = folder::folder();
    }
    let Some((config, table)) = bytes.split_first() else { return };
    let (config, table) = table.split_at(usize::from(*config).min(table.len()));
    FOLDER.with(|folder| {
        let write = |name: &str, bytes: &[u8]| {
            fs::write(folder.path().join(name), bytes).expect("cannot write the file");
        };
        write("tokenizer.json", TOKENIZER.as_bytes());
        write("config.json", config);
        let rows = 4;
        let dim = table.len() / (4 * rows);
        let end = 4 * rows * dim;
        let weights = if table.len() >= end + 16 { r#","weights":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}"# } else { "" };
        let header = format!(
            r#"{{"embeddings":{{"dtype":"F32","shape":[{rows},{dim}],"data_offsets":[0,{end}]}}{weights}}}"#
        );
        let sound = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &table[..end]].concat();
        for content in [bytes, &sound] {
            write("model.safetensors", content);
            let Ok(found) = StaticEmbeddings::open(folder.path()) else { continue };
            for text in ["ant bee", "", "wasp"] {
                let vector = found.embed(&Text::from(text)).expect("it is a text");
                assert_eq!(vector.len(), found.dim);
            }
        }
    });
});
