//! Folders that cannot be examined, and names that are odd.

use std::fs;
use std::path::Path;

use rekindle_doctor::{Error, Kind, Options, Severity, examine, least_for, text, write_manifest};

use crate::pictures::{png, write};

/// Two labels of a few pictures.
fn some(folder: &Path, first: u64) {
    for number in 0..12 {
        let label = ["cats", "dogs"][number as usize % 2];
        write(&folder.join(format!("{label}/{number}.png")), &png(first + number));
    }
}

fn refused(folder: &Path) -> String {
    let error = examine(folder, &Options::default()).unwrap_err().to_string();
    assert!(!error.contains('\n') && error.contains(folder.file_name().unwrap().to_str().unwrap()));
    error
}

#[test]
fn what_cannot_be_examined_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(refused(&at("missing")).contains("cannot be read"));
    write(&at("file"), b"");
    assert!(refused(&at("file")).contains("is no list; give a folder, or a list"));
    fs::create_dir(at("empty")).unwrap();
    assert!(refused(&at("empty")).contains("holds no labelled pictures (0 files"));
    write(&at("loose/one.png"), &png(1));
    assert!(refused(&at("loose")).contains("holds no labelled pictures (1 files"));
    some(&at("half/val"), 0);
    assert!(refused(&at("half")).contains("has `val` but no `train`"));
    write(&at(&format!("deep/a/{}/1.png", "x/".repeat(20))), &png(1));
    assert!(refused(&at("deep")).contains("16 folders deep"));
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_are_one_clear_error() {
    use std::os::unix::fs::symlink;
    for (link, to) in [("cats/again", ".."), ("cats/again", "."), ("dogs/in/again", "../../dogs")] {
        let folder = tempfile::tempdir().unwrap();
        some(folder.path(), 0);
        fs::create_dir_all(folder.path().join("dogs/in")).unwrap();
        symlink(to, folder.path().join(link)).unwrap();
        let error = examine(folder.path(), &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Loop { .. }), "{error}");
        assert!(error.to_string().contains(&format!("{link}: leads back to")), "{error}");
    }
    // A link to elsewhere is followed, one to nothing is a file that cannot be read.
    let [folder, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    some(folder.path(), 0);
    write(&other.path().join("more.png"), &png(50));
    symlink(other.path(), folder.path().join("cats/more")).unwrap();
    symlink("nowhere", folder.path().join("cats/none.png")).unwrap();
    symlink("itself.png", folder.path().join("cats/itself.png")).unwrap();
    let options = Options { least_examples: 0, ..Options::default() };
    let diagnosis = examine(folder.path(), &options).unwrap();
    assert_eq!(diagnosis.examined.len(), 15);
    let unreadable = |file: &str| {
        diagnosis
            .findings
            .iter()
            .any(|it| it.kind == Kind::Unreadable && it.files == [Path::new(file)])
    };
    assert!(unreadable("cats/none.png") && unreadable("cats/itself.png"));
    assert_eq!(diagnosis.findings.len(), 2, "{:?}", diagnosis.findings);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_one_clear_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    some(folder.path(), 0);
    let locked = folder.path().join("cats");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let allowed = fs::read_dir(&locked).is_ok();
    let result = examine(folder.path(), &Options::default());
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    if allowed {
        rekindle_skip::skip(
            "this user may read all folders",
            "run the tests as another user than root",
        );
        return;
    }
    let error = result.unwrap_err().to_string();
    assert!(error.contains("cats: cannot be read"), "{error}");
}

/// A pipe would be waited on for ever.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    some(folder.path(), 0);
    let pipe = folder.path().join("cats/pipe.png");
    let Ok(status) = std::process::Command::new("mkfifo").arg(&pipe).status() else {
        rekindle_skip::skip("there is no mkfifo", "install it, as coreutils have it");
        return;
    };
    assert!(status.success());
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    assert!(diagnosis.findings[0].what.contains("no regular file"), "{:?}", diagnosis.findings);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_unicode_are_found_and_left_out() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let [folder, out] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    some(folder.path(), 0);
    let named = |bytes: &[u8]| folder.path().join("cats").join(OsStr::from_bytes(bytes));
    fs::write(named(b"caf\xe9.png"), png(60)).unwrap();
    fs::write(named(b"\xff\xfe.txt"), b"").unwrap();
    fs::write(named(b"a,\"b\"\n\x1b[31m.png"), png(61)).unwrap();
    let label = folder.path().join(OsStr::from_bytes(b"\xffbirds"));
    write(&label.join("1.png"), &png(62));
    let options = Options { least_examples: 0, most_imbalance: 99.0, ..Options::default() };
    let diagnosis = examine(folder.path(), &options).unwrap();
    let kinds: Vec<Kind> = diagnosis.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::NotUnicode, Kind::NotUnicode, Kind::OtherFiles]);
    assert!(serde_json::to_string(&diagnosis).unwrap().contains("caf\u{fffd}.png"));
    assert!(!text(&diagnosis, 9).contains('\x1b'));
    let path = out.path().join("manifest.csv");
    let manifest = write_manifest(&diagnosis, &path).unwrap();
    assert_eq!((manifest.kept, manifest.left_out), (13, 2));
    let csv = fs::read_to_string(&path).unwrap();
    assert!(csv.contains("/cats/a,\"\"b\"\"\n\x1b[31m.png\",cats,train\n"), "{csv}");
}

#[test]
fn without_parts_a_split_by_chance_makes_near_duplicates_worse() {
    let folder = tempfile::tempdir().unwrap();
    some(folder.path(), 0);
    let picture = image::open(folder.path().join("cats/0.png")).unwrap().into_rgb8();
    write(&folder.path().join("cats/again.jpg"), &crate::pictures::jpeg(&picture, 60));
    let options = Options { least_examples: least_for("probe").unwrap(), ..Options::default() };
    let diagnosis = examine(folder.path(), &options).unwrap();
    let [finding] = &diagnosis.findings[..] else { panic!("{:?}", diagnosis.findings) };
    assert_eq!((finding.kind, finding.severity), (Kind::NearDuplicate, Severity::Warning));
    let few = examine(folder.path(), &Options { least_examples: 500, ..options }).unwrap();
    assert_eq!(few.findings.len(), 3);
    assert_eq!(few.labels[0].train, 7);
}

/// Parts in any spelling, without all labels, or without labels at all: looked at as they are trained on.
#[test]
fn parts_are_those_of_training() {
    let options = Options { least_examples: 0, ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    some(&folder.path().join("Train"), 0);
    write(&folder.path().join("Dev/cats/1.png"), &png(80));
    write(&folder.path().join("test/1.png"), &png(81));
    write(&folder.path().join("test/2.png"), &png(82));
    write(&folder.path().join("__MACOSX/cats/._1.png"), &png(83));
    write(&folder.path().join("Train/cats/13.jfif"), &png(84));
    let diagnosis = examine(folder.path(), &options).unwrap();
    let counts: Vec<_> =
        diagnosis.labels.iter().map(|label| [label.train, label.val, label.test]).collect();
    assert_eq!(counts, [[7, 1, 0], [6, 0, 0]]);
    let found: Vec<_> = diagnosis
        .findings
        .iter()
        .map(|it| (it.kind, it.severity, it.what.split(',').next().unwrap()))
        .collect();
    let expected = [
        (Kind::MissingLabel, Severity::Warning, "`dogs` is missing in val"),
        (Kind::WrongExtension, Severity::Warning, "named as JPEG"),
        (Kind::Unlabelled, Severity::Warning, "holds 2 pictures that are not read"),
    ];
    assert_eq!(found, expected);
    assert_eq!(diagnosis.findings[2].files, [Path::new("test")]);

    // Lists in a folder are looked at as one.
    fs::write(folder.path().join("Train/val.csv"), "path,label\ndogs/1.png,dogs\n").unwrap();
    fs::write(
        folder.path().join("Train/train.tsv"),
        "path\tlabel\ncats/0.png\tcats\ndogs/3.png\tdogs\n",
    )
    .unwrap();
    let diagnosis = examine(&folder.path().join("Train"), &options).unwrap();
    let splits: Vec<_> =
        diagnosis.examined.iter().map(|it| (it.split.as_str(), it.label.as_str())).collect();
    assert_eq!(splits, [("train", "cats"), ("train", "dogs"), ("val", "dogs")]);
}

#[test]
fn one_label_is_nothing_to_tell_apart() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12 {
        write(&folder.path().join(format!("train/cats/{number}.png")), &png(number));
    }
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    let [finding] = &diagnosis.findings[..] else { panic!("{:?}", diagnosis.findings) };
    assert_eq!((finding.kind, finding.severity), (Kind::OneLabel, Severity::Error));
}
