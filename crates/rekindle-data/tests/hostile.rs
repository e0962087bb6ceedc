//! Lists that are no lists, have no end, or ask for more than one may have: refused by name, and by the limit.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::fs::{self, File};
use std::path::Path;

use rekindle_base::causes;
use rekindle_data::manifest::{MAX_LIST_BYTES, Table, read};
use rekindle_data::{Error, TargetKind};

const EXTENSIONS: [&str; 6] = ["csv", "tsv", "tab", "txt", "jsonl", "ndjson"];

fn refused(path: &Path) -> String {
    causes(&Table::read(path).unwrap_err())
}

#[test]
fn a_list_is_a_regular_file_of_bounded_length() {
    let folder = tempfile::tempdir().unwrap();
    for extension in EXTENSIONS {
        let path = folder.path().join(format!("list.{extension}"));
        let check = |expected: &str| {
            let text = refused(&path);
            assert!(text.contains("list.") && text.contains(expected), "{extension}: {text}");
        };
        fs::create_dir(&path).unwrap();
        check("it is a folder");
        fs::remove_dir(&path).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
            check("no regular file");
            fs::remove_file(&path).unwrap();
            // Where the system has the command: nobody ever writes to it.
            let made = std::process::Command::new("mkfifo").arg(&path).status();
            if made.is_ok_and(|status| status.success()) {
                check("no regular file");
                fs::remove_file(&path).unwrap();
            }
        }
        // Zeros that are on no disk, and are not read.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        check("1099511627776 bytes, more than the limit of 536870912");
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(MAX_LIST_BYTES, 536_870_912);
}

#[test]
fn a_message_is_short_whatever_is_wrong_with_how_many_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    let long = "x".repeat(100_000);
    for (text, expected) in [
        (format!("path,label,split\n{}", format!("1.jpg,a,{long}\n").repeat(50)), "is no split"),
        (format!("path,label,weight\n{}", format!("1.jpg,a,{long}\n").repeat(50)), "is no weight"),
        (format!("path,label\n{}", "1.jpg,\n".repeat(50_000)), "and 49995 more"),
        (format!("path,label\n{}", "1.jpg,a\n".repeat(50_000)), "50000 of its files are not there"),
    ] {
        fs::write(&path, text).unwrap();
        let Err(error) = read(&path, TargetKind::Label, &[]) else { panic!("{expected}") };
        assert!(matches!(error, Error::Folder { .. }));
        let text = error.to_string();
        assert!(text.contains(expected) && text.len() < 2000, "{} bytes: {text:.300}", text.len());
    }
}
