use std::fs;

use rekindle_base::causes;

use super::*;
use crate::{History, Metric};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// What reading a file with this content fails with.
fn failure(content: &[u8]) -> Error {
    let folder = folder();
    let path = folder.path().join("run.json");
    fs::write(&path, content).unwrap();
    RunRecord::read(&path).unwrap_err()
}

#[test]
fn what_is_written_is_read_and_no_number_stays_none() {
    let folder = folder();
    let path = folder.path().join("run.json");
    let metric = |value| Metric { name: "loss".to_owned(), value };
    let epoch = crate::EpochRecord {
        number: 1,
        train: vec![metric(f64::NAN), metric(f64::INFINITY), metric(0.1 + 0.2)],
        ..crate::EpochRecord::default()
    };
    let history = History { epochs: vec![epoch], ..History::default() };
    let run =
        RunRecord { title: "a <b>".to_owned(), history: Some(history), ..RunRecord::default() };
    run.write(&path).unwrap();
    let values = |run: &RunRecord| -> Vec<f64> {
        run.history.as_ref().unwrap().epochs[0].train.iter().map(|metric| metric.value).collect()
    };
    let back = RunRecord::read(&path).unwrap();
    let [first, second, third] = values(&back)[..] else { panic!("{back:?}") };
    assert!(first.is_nan() && second.is_nan());
    assert_eq!(third, 0.1 + 0.2);
    assert_eq!(back.title, run.title);
}

#[test]
fn writing_replaces_the_old_record_and_leaves_nothing_else() {
    let folder = folder();
    let path = folder.path().join("run.json");
    fs::write(&path, "old").unwrap();
    RunRecord { title: "new".to_owned(), ..RunRecord::default() }.write(&path).unwrap();
    assert_eq!(RunRecord::read(&path).unwrap().title, "new");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let other = folder.path().join("other");
        fs::write(&other, "").unwrap();
        assert_eq!(mode(&path), mode(&other), "as any new file");
    }
}

#[test]
fn a_record_that_cannot_be_written_says_so() {
    let folder = folder();
    let path = folder.path().join("nowhere/run.json");
    let error = RunRecord::default().write(&path).unwrap_err();
    assert!(error.to_string().contains("nowhere/run.json: cannot write"), "{error}");
}

#[test]
fn hostile_files_are_told_apart() {
    let whole = serde_json::to_string(&RunRecord::default()).unwrap();
    let check = |content: &[u8], part: &str| {
        let error = causes(&failure(content));
        assert!(error.contains("run.json: ") && error.contains(part), "no `{part}` in: {error}");
    };
    check(&whole.as_bytes()[..whole.len() / 2], "training again: EOF");
    check(b"", "training again: EOF");
    check(b"[]", "not the record of a run");
    check(b"\xff\xfe", "training again: expected value");
    check(b"{\"title\": \"a\"}", "missing field `version`");
    check(b"{\"version\": 1}", "missing field `title`");
    check(whole.replace("\"title\"", "\"name\"").as_bytes(), "unknown field `name`");
    check(
        b"{\"version\": 2, \"anything\": 3}",
        "written in format 2, but this version reads format 1; use the version",
    );
    let picture = "{\"file\":\"\",\"label\":\"\",\"guesses\":[],\"image\":\"?\"}";
    let gallery = format!("\"galleries\":[{{\"title\":\"\",\"pictures\":[{picture}]}}]");
    check(whole.replace("\"galleries\":[]", &gallery).as_bytes(), "a picture: Invalid symbol");
}

#[test]
fn no_file_and_too_large_a_file_are_told_apart() {
    let folder = folder();
    let missing = RunRecord::read(&folder.path().join("none.json")).unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    let unreadable = RunRecord::read(folder.path()).unwrap_err();
    assert!(matches!(unreadable, Error::Read { .. }), "{unreadable}");
    let path = folder.path().join("large.json");
    fs::write(&path, "x".repeat(11)).unwrap();
    let large = bytes(&path, 10).unwrap_err();
    assert!(matches!(large, Error::TooLarge { limit: 10, .. }), "{large}");
    assert_eq!(bytes(&path, 11).unwrap().len(), 11);
}
