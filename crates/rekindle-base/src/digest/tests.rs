use std::{thread, time::Duration};

use super::*;

fn hexadecimal(key: Key) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// From FIPS 180-2, appendix B, the last of them a million times the letter a.
#[test]
fn digests_are_those_that_were_published() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for (text, expected) in [
        ("abc".to_owned(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (String::new(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ] {
        fs::write(&path, text).unwrap();
        assert_eq!(hexadecimal(digest_file(&path).unwrap()), expected);
    }
    assert!(digest_file(folder.path()).is_err());
}

#[test]
fn keys_tell_lists_apart() {
    assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
    assert_ne!(key(&[b"ab"]), key(&[b"ab", b""]));
}

/// Puts a digest that is wrong in the place of a file's, which shows where the memory is believed.
fn forge(folder: &Path, file: &Path) {
    let digests = Digests::open(folder).unwrap();
    let real = fs::canonicalize(file).unwrap();
    let item = FileState::of(&real).unwrap().key(&real);
    digests.records.as_ref().unwrap().put(&item, &[9; 32]).unwrap();
}

#[test]
fn a_file_is_hashed_once_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, file) = (folder.path().join("deep/memory"), folder.path().join("file"));
    fs::write(&file, "one").unwrap();
    forge(&memory, &file);
    let digest = || Digests::open(&memory).unwrap().digest(&file).unwrap();
    assert_eq!(digest(), [9; 32]);

    // Same size, same date: the system's own time tells.
    let date = file.metadata().unwrap().modified().unwrap();
    thread::sleep(Duration::from_millis(20));
    fs::write(&file, "two").unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(date).unwrap();
    if cfg!(unix) {
        assert_eq!(digest(), digest_file(&file).unwrap());
    }

    // Another file in its place, and a link to it.
    fs::write(folder.path().join("other"), "another").unwrap();
    fs::rename(folder.path().join("other"), &file).unwrap();
    assert_eq!(digest(), digest_file(&file).unwrap());
    assert!(Digests::open(&memory).unwrap().digest(folder.path()).is_err());
}

#[test]
fn what_was_computed_is_remembered_from_run_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("memory");
    let files: Vec<_> = (0..50).map(|n| folder.path().join(n.to_string())).collect();
    for (number, file) in files.iter().enumerate() {
        fs::write(file, vec![7; number]).unwrap();
    }
    for (run, known) in [0, 50, 50].into_iter().enumerate() {
        let digests = Digests::open(&memory).unwrap();
        assert_eq!(digests.records.as_ref().unwrap().len(), known, "run {run}");
        for file in &files {
            assert_eq!(digests.digest(file).unwrap(), digest_file(file).unwrap());
        }
        // While it is open, another knows what was there, and what it finds itself.
        let other = Digests::open(&memory).unwrap();
        assert_eq!(other.records.as_ref().unwrap().len(), known, "run {run}");
        assert_eq!(other.digest(&files[9]).unwrap(), digest_file(&files[9]).unwrap());
    }
    let alone = Digests::in_memory();
    assert_eq!(alone.digest(&files[3]).unwrap(), digest_file(&files[3]).unwrap());
    assert_eq!(alone.lock().len(), 1);
}
