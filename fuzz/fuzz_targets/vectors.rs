//! What the targets for tables of word vectors have in common.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{Seek, SeekFrom, Write};

use rekindle_text::{WantedWords, WordVectors};
use tempfile::NamedTempFile;

/// What is kept is all or what is wanted, each word once, with as many numbers as are said, all finite.
pub fn check(bytes: &[u8]) {
    thread_local! {
        static FILE: RefCell<NamedTempFile> = RefCell::new(file());
    }
    let words = ["the", "of", "a", "\u{e9}", ""].map(str::to_owned);
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("cannot empty the file");
        file.seek(SeekFrom::Start(0)).expect("cannot go to its start");
        file.write_all(bytes).expect("cannot write the file");
        for wanted in [WantedWords::All, WantedWords::Only(&words)] {
            let Ok(found) = WordVectors::read(file.path(), wanted) else { continue };
            assert_eq!(found.vectors.len(), found.words.len() * found.dim);
            assert!(found.vectors.iter().all(|number| number.is_finite()));
            assert!(found.words.len() <= found.of);
            let each: BTreeSet<&String> = found.words.iter().collect();
            assert_eq!(each.len(), found.words.len());
            if matches!(wanted, WantedWords::Only(_)) {
                assert_eq!(found.words.len() + found.missing.len(), words.len());
            }
        }
    });
}

/// In memory where the system has a place for that: a disk would be what is measured.
fn file() -> NamedTempFile {
    NamedTempFile::new_in("/dev/shm").or_else(|_| NamedTempFile::new()).expect("cannot make a file")
}
