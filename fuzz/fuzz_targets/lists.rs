//! Whatever the bytes of a list are, in any of its formats, it is read or refused.
#![no_main]

use std::{fs, panic};

use libfuzzer_sys::fuzz_target;
use rekindle_data::TargetKind;
use rekindle_data::manifest::{Offer, Table, read};
use tempfile::TempDir;

#[path = "folder.rs"]
mod folder;

const EXTENSIONS: [&str; 4] = ["csv", "jsonl", "parquet", "txt"];

/// Panics of the Parquet reader are caught, by design; the fuzzer's own hook would end at the first.
fn tell_panics() {
    panic::set_hook(Box::new(|panic| {
        if !panic.location().is_some_and(|place| place.file().contains("parquet-")) {
            eprintln!("{panic}");
        }
    }));
}

fuzz_target!(init: tell_panics(), |bytes: &[u8]| {
    thread_local! {
        static FOLDER: TempDir = folder::folder();
    }
    let Some((format, content)) = bytes.split_first() else { return };
    let extension = EXTENSIONS[usize::from(*format) % EXTENSIONS.len()];
    FOLDER.with(|folder| {
        let path = folder.path().join("list").with_extension(extension);
        fs::write(&path, content).expect("cannot write the list");
        let Ok(table) = Table::read(&path) else { return };
        assert!(table.rows.iter().all(|(_, cells)| cells.len() == table.names.len()));
        let offer = Offer::of(&path).expect("it was read before");
        for kind in [TargetKind::Label, TargetKind::Labels, TargetKind::Numbers] {
            let _ = read(&path, kind, &[]);
        }
        let _ = read(&path, TargetKind::Numbers, &offer.numbers);
    });
});
