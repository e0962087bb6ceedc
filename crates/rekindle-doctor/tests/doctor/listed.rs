//! A list that is put together picture by picture, and what is said of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use rekindle_doctor::{Diagnosis, Kind, Severity};
use tempfile::TempDir;

use crate::pictures::{png, write};

/// Pictures in a folder, and a list of them.
pub(crate) struct Listed {
    pub(crate) folder: TempDir,
    text: String,
}

impl Listed {
    pub(crate) fn new(columns: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), text: format!("{columns}\n") }
    }

    /// The picture of a number, and the rest of its line.
    pub(crate) fn add(&mut self, number: u64, rest: &str) {
        self.add_file(&format!("{number}.png"), &png(number), rest);
    }

    pub(crate) fn add_file(&mut self, file: &str, bytes: &[u8], rest: &str) {
        write(&self.folder.path().join(file), bytes);
        self.text += &format!("{file},{rest}\n");
    }

    /// Writes the list.
    pub(crate) fn path(&self) -> PathBuf {
        let path = self.folder.path().join("list.csv");
        fs::write(&path, &self.text).unwrap();
        path
    }
}

/// A kind, how bad it is, and the files that it names, or else labels.
pub(crate) type Said = (Kind, Severity, BTreeSet<String>);

pub(crate) fn said(kind: Kind, severity: Severity, names: &[&str]) -> Said {
    (kind, severity, names.iter().map(|name| (*name).to_owned()).collect())
}

pub(crate) fn found(diagnosis: &Diagnosis) -> BTreeSet<Said> {
    let of = |finding: &rekindle_doctor::Finding| {
        let files: BTreeSet<String> =
            finding.files.iter().map(|file| file.to_str().unwrap().to_owned()).collect();
        let names = if files.is_empty() { finding.labels.iter().cloned().collect() } else { files };
        (finding.kind, finding.severity, names)
    };
    diagnosis.findings.iter().map(of).collect()
}

/// Fails with what is missed and what is invented.
pub(crate) fn check(diagnosis: &Diagnosis, expected: &[Said]) {
    let expected: BTreeSet<Said> = expected.iter().cloned().collect();
    let found = found(diagnosis);
    let missed: Vec<_> = expected.difference(&found).collect();
    let invented: Vec<_> = found.difference(&expected).collect();
    assert!(missed.is_empty() && invented.is_empty(), "missed {missed:#?}\ninvented {invented:#?}");
}
