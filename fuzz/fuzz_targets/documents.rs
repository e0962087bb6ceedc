//! Whatever the bytes of a file of documents or of a text are, in either form, they are read or refused, and told where.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use rekindle_data::TargetKind;
use rekindle_text::{TextConfig, TextTable, is_documents, is_texts, offer, read_texts};
use tempfile::TempDir;

#[path = "folder.rs"]
mod folder;

const NAMES: [&str; 4] = ["a.txt", "a.jsonl", "a/1.txt", "a.tsv"];

fuzz_target!(|bytes: &[u8]| {
    thread_local! {
        static FOLDER: TempDir = folder::folder();
    }
    let Some((format, content)) = bytes.split_first() else { return };
    let name = NAMES[usize::from(*format) % NAMES.len()];
    FOLDER.with(|folder| {
        let folder = folder.path().join(name.replace(['.', '/'], "_"));
        let file = folder.join(name);
        fs::create_dir_all(file.parent().expect("it has one")).expect("cannot make a folder");
        fs::write(&file, content).expect("cannot write the file");
        let path = if name.contains('/') { folder } else { file };
        let config = TextConfig::new(&path);
        let (is_document, _) = (is_documents(&path), is_texts(&path));
        let _ = offer(&config);
        if let (true, Ok(found)) = (is_document, TextTable::open(&path)) {
            let width = found.table.names.len();
            assert!(found.table.rows.iter().all(|(_, cells)| cells.len() == width));
            assert!(found.names.len() == found.table.rows.len());
        }
        for kind in [TargetKind::Label, TargetKind::Labels, TargetKind::Numbers] {
            let Ok(found) = read_texts(&config, kind) else { continue };
            for row in &found.rows {
                assert!(kind != TargetKind::Label || row.labels.len() == 1);
                let place = row.item.place.as_ref();
                assert!(place.is_some() == is_document);
                assert!(place.is_none_or(|place| place.position < place.total));
            }
        }
    });
});
