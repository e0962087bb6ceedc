//! Kinds of files: the doctor refuses what training refuses, in the same words, and nothing else.

use std::fs;
use std::path::Path;

use rekindle_doctor::{Diagnosis, Finding, Kind, Options, Severity, examine};
use rekindle_images::{Error, decode};

use crate::pictures::{png, write};

/// Two labels of four whole pictures, and files of odd kinds in the first.
fn diagnosis(folder: &Path, odd: &[(&str, Vec<u8>)]) -> Diagnosis {
    for number in 0..8 {
        let label = ["a", "b"][number as usize % 2];
        write(&folder.join(format!("{label}/whole {number}.png")), &png(number));
    }
    for (name, bytes) in odd {
        write(&folder.join("a").join(name), bytes);
    }
    examine(folder, &Options::default()).unwrap()
}

/// What is said against a file.
fn errors<'a>(diagnosis: &'a Diagnosis, name: &str) -> Vec<&'a Finding> {
    let of = |finding: &&Finding| {
        finding.severity == Severity::Error
            && finding.files.iter().any(|file| file.file_name().unwrap() == name)
            && [Kind::Unreadable, Kind::Truncated].contains(&finding.kind)
    };
    diagnosis.findings.iter().filter(of).collect()
}

#[test]
fn kinds_of_files_are_refused_where_decoding_refuses_them() {
    let Some(data) = rekindle_skip::real_data() else { return };
    let mut refused = 0;
    for case in ["I05", "I08", "I17", "I19"] {
        let files: Vec<_> = fs::read_dir(data.join("cases").join(case))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(!files.is_empty());
        let names = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap());
        let odd: Vec<(&str, Vec<u8>)> =
            names.zip(&files).map(|(name, file)| (name, fs::read(file).unwrap())).collect();
        let folder = tempfile::tempdir().unwrap();
        let diagnosis = diagnosis(folder.path(), &odd);
        for (name, _) in &odd {
            let found = errors(&diagnosis, name);
            match decode(&folder.path().join("a").join(name)) {
                Ok(_) => assert!(found.is_empty(), "{case}/{name}: {found:?}"),
                Err(Error::Unsupported { format, kind, .. }) => {
                    refused += 1;
                    let [finding] = found[..] else { panic!("{case}/{name}: {found:?}") };
                    assert_eq!(finding.what, format!("{format} with {kind} is not read"));
                    assert_eq!(finding.remedy, "save it as PNG, or remove it");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(refused > 0);
}

/// A file of 3 GiB that takes no room, as none of them was written.
#[test]
fn a_file_that_training_does_not_read_is_not_read_here() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/long.png");
    write(&path, &png(9));
    fs::File::options().write(true).open(&path).unwrap().set_len(3 << 30).unwrap();
    let diagnosis = diagnosis(folder.path(), &[]);
    let [finding] = errors(&diagnosis, "long.png")[..] else { panic!("{:?}", diagnosis.findings) };
    assert_eq!(finding.what, "a file of more than 2 GiB");
    let refused = decode(&path).unwrap_err().to_string();
    assert!(refused.contains(&finding.what), "{refused}");
}
