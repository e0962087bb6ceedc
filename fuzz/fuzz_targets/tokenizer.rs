//! Whatever the files of a tokenizer hold, it is read or refused, and what is read cuts texts within its limit.
//!
//! `tokenizer.json` as it is; `vocab.txt`; `vocab.json` and `merges.txt`, one behind the other with a NUL between.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use rekindle_text::{Text, Tokenizer};
use tempfile::TempDir;

#[path = "folder.rs"]
mod folder;

const FORMS: [&[&str]; 3] = [&["tokenizer.json"], &["vocab.txt"], &["vocab.json", "merges.txt"]];
const MOST: usize = 16;

fuzz_target!(|bytes: &[u8]| {
    thread_local! {
        static FOLDER: TempDir = folder::folder();
    }
    let Some((form, content)) = bytes.split_first() else { return };
    let names = FORMS[usize::from(*form) % FORMS.len()];
    FOLDER.with(|folder| {
        let folder = folder.path().join(names[0]);
        fs::create_dir_all(&folder).expect("cannot make a folder");
        let parts = content.splitn(names.len(), |byte| *byte == 0).chain([&b""[..]]);
        for (name, part) in names.iter().zip(parts) {
            fs::write(folder.join(name), part).expect("cannot write the file");
        }
        let Ok(tokenizer) = Tokenizer::open(&folder, MOST) else { return };
        for text in ["", "An ant, a bee; caf\u{e9}!", "\u{0}\u{fffd}", &"ab ".repeat(50)] {
            if let Ok(found) = tokenizer.encode(&Text::from(text)) {
                assert!(found.ids.len() <= MOST && found.ids.len() == found.types.len());
            }
        }
    });
});
