use std::collections::BTreeSet;
use std::fs;

use super::*;
use rekindle_data::Split;

use crate::{Picture, Sample};

mod lists;

/// A folder with empty files at these paths; their content is not looked at until they are decoded.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // A name that ends in a slash is a folder.
        if !file.ends_with('/') {
            fs::write(path, "").unwrap();
        } else {
            fs::create_dir_all(path).unwrap();
        }
    }
    folder
}

fn open(folder: &Path) -> Result<DataSet, Error> {
    open_pictures(&DataConfig::new(folder))
}

fn measurable(folder: &Path, part: Option<Part>) -> Result<Measurable, Error> {
    measure_pictures(&DataConfig::new(folder), part)
}

fn folder_of(files: &[String]) -> tempfile::TempDir {
    folder(&files.iter().map(String::as_str).collect::<Vec<_>>())
}

fn numbered(label: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{label}/{number:03}.jpg")).collect()
}

fn names(samples: &[Sample]) -> Vec<(String, usize)> {
    samples.iter().map(|sample| (label_of(sample.path().unwrap()), sample.label)).collect()
}

#[test]
fn labels_and_pictures_are_in_byte_order() {
    let files = [
        "train/b/2.JPG",
        "train/b/10.png",
        "train/Z/x.WebP",
        "train/b/sub/1.bmp",
        "val/Z/v.tiff",
        "val/b/v.gif",
    ];
    let folder = folder(&files);
    let found = open(folder.path()).unwrap();
    assert_eq!(found.names, ["Z", "b"]);
    let expected = [("x.WebP", 0), ("10.png", 1), ("2.JPG", 1), ("1.bmp", 1)];
    assert_eq!(names(&found.train), expected.map(|(name, label)| (name.to_owned(), label)));
    assert_eq!(
        names(&found.val),
        [("v.tiff", 0), ("v.gif", 1)].map(|(name, label)| (name.to_owned(), label))
    );
    assert_eq!(
        found.notes,
        [format!(
            "{}: labels are the folders directly in it, [Z, b]; folders within those, [sub], are not told apart",
            folder.path().join("train").display()
        )]
    );
}

#[test]
fn what_is_no_picture_is_ignored_and_counted() {
    let folder = folder(&[
        "a/1.jpg",
        "a/2.jpg",
        "b/1.png",
        "b/2.jpg",
        "a/notes.txt",
        "b/.hidden.jpg",
        ".git/x.jpg",
        "readme.md",
    ]);
    let found = open(folder.path()).unwrap();
    assert_eq!(found.names, ["a", "b"]);
    assert_eq!(found.train.len() + found.val.len(), 4);
    let expected = [
        "2 files that are no pictures are not read: [.md 1, .txt 1]",
        "1 hidden files and folders are not read",
        "1 files and folders that systems and tools leave behind are not read",
    ];
    assert_eq!(found.notes, expected);
}

#[test]
fn parts_are_known_in_any_usual_spelling() {
    let trains = ["train", "Train", "TRAINING", "train_set"];
    let vals = ["val", "Val", "valid", "validation", "dev", "Validation_Set", "VAL", "val2017"];
    let tests = ["test", "Testing", "TEST", "test-data"];
    for (place, val) in vals.into_iter().enumerate() {
        let (train, test) = (trains[place % trains.len()], tests[place % tests.len()]);
        let in_part = |part: &str| [format!("{part}/a/1.jpg"), format!("{part}/b/1.jpg")];
        let folder = folder_of(&[in_part(train), in_part(val), in_part(test)].concat());
        let found = open(folder.path()).unwrap();
        assert_eq!(found.names, ["a", "b"], "{train} {val}");
        assert_eq!([found.train.len(), found.val.len(), found.test.len()], [2; 3], "{train} {val}");
        for part in [Part::Train, Part::Val, Part::Test] {
            let measured = measurable(folder.path(), Some(part)).unwrap();
            assert_eq!((measured.part, measured.samples.len()), (part, 2), "{train} {val}");
        }
    }
    let folder =
        folder(&["seg_train/a/1.jpg", "seg_train/b/1.jpg", "seg_test/a/2.jpg", "seg_test/b/2.jpg"]);
    let measured = measurable(folder.path(), None).unwrap();
    assert_eq!((measured.part, measured.samples.len()), (Part::Test, 2));
}

#[test]
fn nothing_is_chosen_by_a_test_folder() {
    let train = [numbered("train/a", 10), numbered("train/b", 10)].concat();
    let test = ["test/a/x.jpg", "test/b/x.jpg", "test/b/y.jpg"].map(str::to_owned);
    let val = ["val/a/v.jpg", "val/b/v.jpg"].map(str::to_owned);
    let counted = |files: &[String]| {
        let folder = folder_of(files);
        let found = open(folder.path()).unwrap();
        let measured = measurable(folder.path(), None).unwrap();
        assert_eq!((measured.part, names(&measured.samples)), (Part::Test, names(&found.test)));
        (folder, [found.train.len(), found.val.len(), found.test.len()])
    };
    let (folder, counts) = counted(&[train.clone(), test.to_vec()].concat());
    assert_eq!(counts, [16, 4, 3]);
    let absent = measurable(folder.path(), Some(Part::Val)).unwrap_err().to_string();
    assert!(absent.contains("has no `val`"), "{absent}");
    let counts = counted(&[train, test.to_vec(), val.to_vec()].concat()).1;
    assert_eq!(counts, [20, 2, 3]);

    // Unless it is asked for.
    let val = Some(folder.path().join("test"));
    let found: DataSet =
        open_pictures(&DataConfig { val, ..DataConfig::new(folder.path()) }).unwrap();
    assert_eq!([found.train.len(), found.val.len(), found.test.len()], [20, 3, 0]);
    assert!(found.notes.concat().contains("is no test any more"), "{:?}", found.notes);
}

#[test]
fn a_split_takes_its_share_of_every_label() {
    let files: Vec<String> = [numbered("a", 50), numbered("b", 10), numbered("c", 2)].concat();
    let folder = folder(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let open = |fraction, seed| -> DataSet {
        let split = Split { fraction, seed };
        open_pictures(&DataConfig { split, ..DataConfig::new(folder.path()) }).unwrap()
    };
    let found = open(0.2, 0);
    let count =
        |samples: &[Sample], label| samples.iter().filter(|sample| sample.label == label).count();
    assert_eq!([0, 1, 2].map(|label| count(&found.val, label)), [10, 2, 1]);
    assert_eq!([0, 1, 2].map(|label| count(&found.train, label)), [40, 8, 1]);
    let paths = |found: &DataSet| {
        found.val.iter().filter_map(Sample::path).map(Path::to_owned).collect::<BTreeSet<_>>()
    };
    assert!(found.train.iter().all(|sample| !paths(&found).contains(sample.path().unwrap())));
    assert_eq!(paths(&found), paths(&open(0.2, 0)));
    assert_ne!(paths(&found), paths(&open(0.2, 1)));
    let measured = measurable(folder.path(), None).unwrap();
    assert_eq!((measured.part, measured.samples.len()), (Part::All, 62));
}

#[test]
fn a_label_may_be_called_train() {
    let folder = folder(&["bus/1.jpg", "bus/2.jpg", "train/1.jpg", "train/2.jpg"]);
    let found = open(folder.path()).unwrap();
    assert_eq!(found.names, ["bus", "train"]);
}

#[test]
fn folders_that_are_no_data_set_are_refused() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/c/1.jpg"],
            "nothing is trained on: [c] in val, but train has [a, b]",
        ),
        (&["a/1.jpg", "a/2.jpg", "b/", "c/notes.txt"], "no pictures in [b, c]"),
        (&["a/1.jpg", "a/2.jpg"], "one label alone, [a]"),
        (&["a/", "b/"], "no labelled pictures"),
        (&["1.jpg", "2.jpg"], "no labelled pictures (2 beside folders of labels)"),
        (&[], "no labelled pictures"),
        (&["val/a/1.jpg", "val/b/1.jpg"], "has `val` but no `train`"),
        (&["test/a/1.jpg", "test/b/1.jpg"], "has `test` but no `train`"),
        (&["a/1.jpg", "b/1.jpg"], "one item a label"),
    ];
    for (files, expected) in cases {
        let folder = folder(files);
        let message = open(folder.path()).unwrap_err().to_string();
        assert!(message.contains(expected), "{files:?}: {expected} is not in: {message}");
        assert!(message.contains(folder.path().to_str().unwrap()), "{message}");
    }
    let missing = Path::new("/no/such/folder");
    let errors = [open(missing).unwrap_err(), measurable(missing, None).unwrap_err()];
    for error in errors.map(|error| error.to_string()) {
        assert!(error.starts_with("/no/such/folder: cannot be read"), "{error}");
    }
}

#[test]
fn a_fraction_outside_its_range_is_refused() {
    let folder = folder(&["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"]);
    for fraction in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(
            open_pictures::<usize>(&DataConfig {
                split: Split { fraction, seed: 0 },
                ..DataConfig::new(folder.path())
            })
            .is_err(),
            "{fraction}"
        );
    }
}

#[test]
fn labels_are_numbered_as_a_checkpoint_does() {
    let folder = folder(&["a/1.jpg", "b/1.jpg", "b/2.jpg", "c/1.jpg"]);
    let named = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        measurable(folder.path(), None).unwrap().with_names(&names)
    };
    for (names, expected) in [
        (&["c", "a", "b"][..], [1, 2, 2, 0]),
        // Others that it knows are not there to measure on.
        (&["d", "c", "b", "a"], [3, 2, 2, 1]),
    ] {
        let found = named(names).unwrap();
        assert_eq!(found.names, names);
        assert_eq!(found.samples.iter().map(|sample| sample.label).collect::<Vec<_>>(), expected);
        assert_eq!(found.notes.concat().contains("of [d]"), names.len() == 4, "{:?}", found.notes);
    }
    for (names, unknown) in [(&["a", "b"][..], "[c]"), (&["a", "B"], "[b, c]")] {
        let error = named(names).unwrap_err().to_string();
        let expected = format!("does not know {unknown}; its names are [{}]", names.join(", "));
        assert!(error.contains(&expected), "{error}");
        assert_eq!(error.contains("`b` looks like `B`"), names[1] == "B", "{error}");
    }
}

/// One label alone, an empty folder: what is there is measured.
#[test]
fn some_of_the_labels_can_be_measured() {
    for files in [&["b/1.jpg", "b/2.jpg"][..], &["a/", "b/1.jpg", "b/2.jpg", "c/"]] {
        let folder = folder(files);
        let names = ["a", "b", "c"].map(str::to_owned);
        let found = measurable(folder.path(), None).unwrap().with_names(&names).unwrap();
        assert_eq!(found.samples.iter().map(|sample| sample.label).collect::<Vec<_>>(), [1, 1]);
        assert!(found.notes.concat().contains("nothing here is of [a, c]"), "{:?}", found.notes);
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_back_is_refused() {
    let folder = folder(&["a/1.jpg", "b/1.jpg"]);
    std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("a/again")).unwrap();
    let message = open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("leads back"), "{message}");
}

fn refused(files: &[&str]) -> String {
    open(folder(files).path()).unwrap_err().to_string()
}

/// What is opened, and a line that its notes have.
fn noted(files: &[&str], note: &str) -> DataSet {
    let found = open(folder(files).path()).unwrap();
    assert!(found.notes.iter().any(|found| found.contains(note)), "{note}: {:?}", found.notes);
    found
}

#[test]
fn parts_without_labels_are_said() {
    let train = ["train/a/1.jpg", "train/a/2.jpg", "train/b/1.jpg", "train/b/2.jpg"];
    for part in ["test", "val", "Validation", "TEST"] {
        let loose = [format!("{part}/1.jpg"), format!("{part}/2.jpg")];
        let files = [&train[..], &[&loose[0], &loose[1]]].concat();
        let note = format!("`{part}` holds no folders of labels: 2 pictures in it are not read");
        let found = noted(&files, &note);
        assert_eq!([found.train.len(), found.val.len(), found.test.len()], [2, 2, 0]);
    }
    let files = [&train[..], &["unlabelled/x/1.jpg", "3.jpg"]].concat();
    noted(&files, "`unlabelled` is no part of the data: 1 pictures in it are not read");
    // Beside other labels it may be one.
    let files = ["ant/1.jpg", "ant/2.jpg", "test/1.jpg", "test/2.jpg"];
    assert_eq!(noted(&files, "`test` is taken as a label").names, ["ant", "test"]);
    for (files, expected) in [
        (
            &["Train/1.jpg", "Val/1.jpg"][..],
            "[Train, Val], which are called as parts of a data set",
        ),
        (&["train/1.jpg", "val/a/1.jpg", "val/b/1.jpg"], "no `train` ([train] holds no folders"),
        (&["train/a/1.jpg", "Train/a/1.jpg"], "several folders for `train`, [Train, train]"),
        (&["train/a/1.jpg", "val/a/1.jpg", "dev/b/1.jpg"], "several folders for `val`, [dev, val]"),
    ] {
        let error = refused(files);
        assert!(error.contains(expected), "{files:?}: {error}");
    }
}

#[test]
fn a_file_is_a_picture_by_what_is_in_it() {
    let folder = folder(&["a/1.jfif", "a/2.JPE", "b/1.pgm", "b/2.ppm", "b/3.pnm", "b/4.pbm"]);
    let png = Picture::from_gray(1, 1, vec![7]).unwrap().to_png().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    for name in ["a/none", "a/odd.JPG_large", "a/blank.jpg ", "b/dot.v1.2"] {
        write(name, &png);
    }
    write("a/pnm", b"P5\n1 1\n255\n\x07");
    for (name, bytes) in [
        ("a/bmw.brands", &b"BMW and others"[..]),
        ("a/p6", b"P66 is a road"),
        ("b/words.txt", &png),
        ("b/empty", b""),
        ("b/film.mp4", b"\0\0\0\x18ftypmp42"),
    ] {
        write(name, bytes);
    }
    let found = open(folder.path()).unwrap();
    assert_eq!(found.train.len() + found.val.len(), 6 + 5);
    let decoded = crate::decode(&folder.path().join("a/pnm")).unwrap();
    assert_eq!(decoded.pixels(), [7; 3]);
    let note =
        "5 files that are no pictures are not read: [.brands 1, .mp4 1, .txt 1, no extension 2]";
    assert_eq!(found.notes, [note]);
}

#[test]
fn a_hidden_folder_of_pictures_is_a_label_and_junk_is_not() {
    let files = [
        ".net/1.jpg",
        ".net/2.jpg",
        "java/1.jpg",
        "java/2.jpg",
        ".empty/x.txt",
        "java/.secret.jpg",
        "__MACOSX/java/._1.jpg",
        "__MACOSX/java/2.jpg",
        "java/.ipynb_checkpoints/1.jpg",
        "java/Thumbs.db",
        "java/.DS_Store",
        "java/@eaDir/1.jpg",
        "java/._1.jpg",
        ".git/1.jpg",
        "java/desktop.ini",
        "@eaDir/x/1.jpg",
    ];
    let found = noted(&files, "`.net` is taken as a label, though it is hidden");
    assert_eq!(found.names, [".net", "java"]);
    assert_eq!(found.train.len() + found.val.len(), 4);
    noted(&files, "2 hidden files and folders are not read");
    noted(&files, "9 files and folders that systems and tools leave behind are not read");
}

#[test]
fn a_part_to_measure_on_may_lack_labels() {
    for lacks in [&["val/a/1.jpg"][..], &["val/a/1.jpg", "val/b/", "val/c/"]] {
        let train = ["train/a/1.jpg", "train/b/1.jpg", "train/c/1.jpg", "test/c/1.jpg"];
        let files = [&train[..], lacks].concat();
        let found = noted(&files, "val has nothing of [b, c]: measured is what is there");
        assert_eq!(found.names, ["a", "b", "c"]);
        assert_eq!([found.train.len(), found.val.len(), found.test.len()], [3, 1, 1]);
        noted(&files, "test has nothing of [a, b]");
    }
}

#[test]
fn accents_that_are_written_otherwise_are_shown() {
    let error = refused(&[
        "train/caf\u{e9}/1.jpg",
        "train/tea/1.jpg",
        "val/cafe\u{301}/1.jpg",
        "val/tea/1.jpg",
    ]);
    assert!(error.contains("`cafe\\u{301}` looks like `caf\\u{e9}`"), "{error}");
    let files = ["caf\u{e9}/1.jpg", "caf\u{e9}/2.jpg", "cafe\u{301}/1.jpg", "cafe\u{301}/2.jpg"];
    noted(&files, "labels `cafe\\u{301}` and `caf\\u{e9}` look the same");
}

#[test]
fn folders_in_folders_are_said_and_a_data_set_below_is_suggested() {
    let deep = ["plants/oak/1.jpg", "plants/elm/1.jpg", "pets/cat/1.jpg", "pets/dog/1.jpg"];
    let found =
        noted(&deep, "it, [pets, plants]; folders within those, [cat, dog, elm, oak], are not");
    assert_eq!(found.names, ["pets", "plants"]);
    for (files, meant) in [
        (&["dataset/train/a/1.jpg", "dataset/train/b/1.jpg", "dataset/val/a/1.jpg"][..], "dataset"),
        (&["set/a/1.jpg", "set/b/1.jpg"], "set"),
        (&["x/y/set/a/1.jpg", "x/y/set/b/1.jpg", "__MACOSX/a/1.jpg"], "x/y/set"),
        (&["set/a/1.jpg", "set/b/1.jpg", "docs/readme.md"], "set"),
        (&["one/train/a/1.jpg", "one/test/a/1.jpg", "two/train/a/1.jpg"], "one"),
        (&["list.csv", "pictures/1.jpg", "pictures/2.jpg"], "list.csv"),
    ] {
        let folder = folder(files);
        let error = open(folder.path()).unwrap_err().to_string();
        let meant = format!("did you mean {}?", folder.path().join(meant).display());
        assert!(error.contains(&meant), "{files:?}: {error}");
    }
}

/// A table beside folders of labels need not be a list.
#[test]
fn folders_come_before_a_table_of_something_else() {
    let folder = folder(&["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"]);
    fs::write(folder.path().join("train.csv"), "id,price\n1,2\n").unwrap();
    assert_eq!(open(folder.path()).unwrap().names, ["a", "b"]);
    let table = "path,label\na/1.jpg,x\na/2.jpg,x\nb/1.jpg,y\nb/2.jpg,y\n";
    fs::write(folder.path().join("train.csv"), table).unwrap();
    assert_eq!(open(folder.path()).unwrap().names, ["x", "y"]);
}

#[cfg(unix)]
#[test]
fn what_is_learned_is_not_measured_on() {
    use std::os::unix::fs::symlink;
    let train = ["train/a/1.jpg", "train/a/2.jpg", "train/b/1.jpg", "train/b/2.jpg"];
    let whole = |part: &str| {
        let folder = folder(&train);
        symlink("train", folder.path().join(part)).unwrap();
        open(folder.path()).unwrap_err().to_string()
    };
    for part in ["val", "test", "Dev"] {
        let error = whole(part);
        assert!(error.contains("but the same folder as") && error.contains("/train"), "{error}");
    }
    let link: fn(&Path, &Path) = |from, to| symlink(from, to).unwrap();
    let hard: fn(&Path, &Path) = |from, to| fs::hard_link(from, to).unwrap();
    for (part, make) in [("val", link), ("test", hard), ("val", hard)] {
        let folder = folder(&[&train[..], &["val/b/9.jpg"]].concat());
        fs::create_dir_all(folder.path().join(part).join("a")).unwrap();
        make(&folder.path().join("train/a/2.jpg"), &folder.path().join(part).join("a/7.jpg"));
        let error = open(folder.path()).unwrap_err().to_string();
        let expected = format!("1 files of {part} are files of train too, such as ");
        assert!(error.contains(&expected) && error.contains("a/7.jpg (also "), "{error}");
    }
    // A folder that is given to validate on.
    let folder = folder(&train);
    symlink("train", folder.path().join("other")).unwrap();
    for given in ["train", "other", ""] {
        let val = Some(folder.path().join(given));
        let config = DataConfig { val, ..DataConfig::new(folder.path()) };
        assert!(open_pictures::<usize>(&config).is_err(), "{given}");
    }
    // To choose by what is tested on is not to learn it.
    let folder = self::folder(&[&train[..], &["test/a/1.jpg", "test/b/2.jpg"]].concat());
    symlink("test", folder.path().join("val")).unwrap();
    assert!(open(folder.path()).is_err());
}

#[cfg(unix)]
#[test]
fn labels_that_cannot_be_are_refused() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    for (one, other, expected) in [
        (&b"a\xff"[..], &b"a\xfe"[..], "one label once they are text"),
        (b"a\nb", b"c", "control characters, `a\\u{a}b`"),
        (b"a\x1b[31m", b"c", "control characters, `a\\u{1b}[31m`"),
    ] {
        let folder = folder(&[]);
        for name in [one, other] {
            let label = folder.path().join(OsStr::from_bytes(name));
            fs::create_dir(&label).unwrap();
            fs::write(label.join("1.jpg"), "").unwrap();
        }
        let error = open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains(['\n', '\u{1b}']), "{error}");
    }
}
