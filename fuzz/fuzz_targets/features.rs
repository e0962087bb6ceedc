//! Whatever a file of features is, it is read, made anew or refused, and what is put into it is found again.
//!
//! Once as it is, then with the header in front that it is opened by, and with checksums that are right where the first
//! byte of a record is even: a fuzzer would not get through them.
#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rekindle_base::{Header, Key, RecordFile, Sizes};
use tempfile::TempDir;

#[path = "folder.rs"]
mod folder;

/// Bytes of the values of a record.
const VALUES: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    thread_local! {
        static FOLDER: TempDir = folder::folder();
    }
    FOLDER.with(|folder| {
        let path = folder.path().join("features.bin");
        for sizes in [Sizes::Equal(VALUES), Sizes::Own] {
            for content in [bytes.to_vec(), whole(bytes, sizes)] {
                fs::write(&path, content).expect("cannot write the file");
                check(&path, sizes, bytes);
            }
        }
    });
});

fn header(sizes: Sizes) -> Header {
    Header { name: b"rekindle fuzzed ", version: b"1", key: [7; 32], sizes }
}

/// The keys that records may have: of 32 equal bytes.
fn key(byte: u8) -> Key {
    [byte; 32]
}

/// A header, and a record for each nine bytes: its key, and its values or how long it says that they are.
fn whole(bytes: &[u8], sizes: Sizes) -> Vec<u8> {
    let own = if sizes == Sizes::Own { 0 } else { VALUES as u64 };
    let mut file = [b"rekindle fuzzed 1".as_slice(), &[7; 32], &own.to_le_bytes()].concat();
    for record in bytes.chunks(1 + VALUES) {
        let (key, values) = (key(record[0]), &record[1..]);
        let checksum = |values: &[u8]| {
            let right = crc32fast::hash(&[&key[..], values].concat());
            right.wrapping_add(u32::from(record[0] % 2)).to_le_bytes()
        };
        file.extend(key);
        if sizes == Sizes::Own {
            let says = values.first_chunk::<4>().copied().unwrap_or_default();
            let says = if record[0] % 3 == 0 { says } else { (values.len() as u32).to_le_bytes() };
            file.extend(says);
            file.extend(checksum(&says));
        }
        file.extend(values);
        file.extend(checksum(values));
    }
    file
}

fn check(path: &Path, sizes: Sizes, bytes: &[u8]) {
    let Ok(records) = RecordFile::open(path, &header(sizes)) else { return };
    for byte in bytes.iter().take(16).copied() {
        if let Ok(Some(values)) = records.get(&key(byte)) {
            assert_eq!(Some(values.len()), records.size(&key(byte)));
        }
        let put = [byte; VALUES];
        if !records.contains(&key(byte)) {
            records.put(&key(byte), &put).expect("nobody else writes it");
            assert_eq!(records.get(&key(byte)).expect("it can be read"), Some(put.to_vec()));
        }
    }
    drop(records);
    let records = RecordFile::open(path, &header(sizes)).expect("it was opened before");
    for byte in bytes.iter().take(16) {
        assert!(records.contains(&key(*byte)), "what was put is gone");
    }
}
