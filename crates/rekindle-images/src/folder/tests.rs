use std::collections::BTreeSet;
use std::fs;

use rekindle_data::Part;

use super::*;

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
    let found = ImageFolder::open(folder.path(), &Split::default()).unwrap();
    assert_eq!(found.classes, ["Z", "b"]);
    let expected = [("x.WebP", 0), ("10.png", 1), ("2.JPG", 1), ("1.bmp", 1)];
    assert_eq!(names(&found.train), expected.map(|(name, label)| (name.to_owned(), label)));
    assert_eq!(
        names(&found.val),
        [("v.tiff", 0), ("v.gif", 1)].map(|(name, label)| (name.to_owned(), label))
    );
    assert_eq!(found.ignored, 0);
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
    let found = ImageFolder::open(folder.path(), &Split::default()).unwrap();
    assert_eq!(found.classes, ["a", "b"]);
    assert_eq!(found.train.len() + found.val.len(), 4);
    assert_eq!(found.ignored, 2);
}

#[test]
fn every_name_of_a_validation_folder_is_known() {
    for named in VALIDATION {
        let files = ["train/a/1.jpg", "train/b/1.jpg"].map(str::to_owned);
        let files: Vec<String> = files
            .into_iter()
            .chain(["a", "b"].map(|label| format!("{named}/{label}/v.jpg")))
            .collect();
        let folder = folder(&files.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(
            ImageFolder::open(folder.path(), &Split::default()).unwrap().val.len(),
            2,
            "{named}"
        );
        let measured = Measurable::open(folder.path(), None).unwrap();
        assert_eq!((measured.part, measured.samples.len()), (Part::Val, 2), "{named}");
    }
}

#[test]
fn nothing_is_chosen_by_a_test_folder() {
    let train = [numbered("train/a", 10), numbered("train/b", 10)].concat();
    let test = ["test/a/x.jpg", "test/b/x.jpg", "test/b/y.jpg"].map(str::to_owned);
    let val = ["val/a/v.jpg", "val/b/v.jpg"].map(str::to_owned);
    let open = |files: &[String]| {
        let folder = folder(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let found = ImageFolder::open(folder.path(), &Split::default()).unwrap();
        let measured = Measurable::open(folder.path(), None).unwrap();
        assert_eq!((measured.part, names(&measured.samples)), (Part::Test, names(&found.test)));
        (folder, [found.train.len(), found.val.len(), found.test.len()])
    };
    let (folder, counts) = open(&[train.clone(), test.to_vec()].concat());
    assert_eq!(counts, [16, 4, 3]);
    let absent = Measurable::open(folder.path(), Some(Part::Val)).unwrap_err().to_string();
    assert!(absent.contains("has no `val`"), "{absent}");
    let counts = open(&[train, test.to_vec(), val.to_vec()].concat()).1;
    assert_eq!(counts, [20, 2, 3]);

    // Unless it is asked for.
    let parts = Parts::find(folder.path()).unwrap();
    let parts = Parts { val: parts.test.clone(), test: None, ..parts };
    let found = ImageFolder::of(&parts, &Split::default()).unwrap();
    assert_eq!([found.train.len(), found.val.len(), found.test.len()], [20, 3, 0]);
}

#[test]
fn a_split_takes_its_share_of_every_label() {
    let files: Vec<String> = [numbered("a", 50), numbered("b", 10), numbered("c", 2)].concat();
    let folder = folder(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let open =
        |fraction, seed| ImageFolder::open(folder.path(), &Split { fraction, seed }).unwrap();
    let found = open(0.2, 0);
    let count =
        |samples: &[Sample], label| samples.iter().filter(|sample| sample.label == label).count();
    assert_eq!([0, 1, 2].map(|label| count(&found.val, label)), [10, 2, 1]);
    assert_eq!([0, 1, 2].map(|label| count(&found.train, label)), [40, 8, 1]);
    let paths = |found: &ImageFolder| {
        found.val.iter().filter_map(Sample::path).map(Path::to_owned).collect::<BTreeSet<_>>()
    };
    assert!(found.train.iter().all(|sample| !paths(&found).contains(sample.path().unwrap())));
    assert_eq!(paths(&found), paths(&open(0.2, 0)));
    assert_ne!(paths(&found), paths(&open(0.2, 1)));
    let measured = Measurable::open(folder.path(), None).unwrap();
    assert_eq!((measured.part, measured.samples.len()), (Part::All, 62));
}

#[test]
fn a_label_may_be_called_train() {
    let folder = folder(&["bus/1.jpg", "bus/2.jpg", "train/1.jpg", "train/2.jpg"]);
    let found = ImageFolder::open(folder.path(), &Split::default()).unwrap();
    assert_eq!(found.classes, ["bus", "train"]);
}

#[test]
fn folders_that_are_no_data_set_are_refused() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/c/1.jpg"],
            "expects [a, b], the folder has [a, c]",
        ),
        (&["a/1.jpg", "a/2.jpg", "b/", "c/notes.txt"], "no pictures in [b, c]"),
        (&["a/1.jpg", "a/2.jpg"], "one label alone, a"),
        (&["a/", "b/"], "no labelled pictures"),
        (&["1.jpg", "2.jpg"], "no labelled pictures (2 beside them)"),
        (&[], "no labelled pictures"),
        (&["val/a/1.jpg", "val/b/1.jpg"], "has `val` but no `train`"),
        (&["test/a/1.jpg", "test/b/1.jpg"], "has `test` but no `train`"),
        (&["a/1.jpg", "b/1.jpg"], "one picture a label"),
    ];
    for (files, expected) in cases {
        let folder = folder(files);
        let message = ImageFolder::open(folder.path(), &Split::default()).unwrap_err().to_string();
        assert!(message.contains(expected), "{files:?}: {expected} is not in: {message}");
        assert!(message.contains(folder.path().to_str().unwrap()), "{message}");
    }
    let missing = Path::new("/no/such/folder");
    let errors = [
        ImageFolder::open(missing, &Split::default()).unwrap_err(),
        Measurable::open(missing, None).unwrap_err(),
    ];
    for error in errors.map(|error| error.to_string()) {
        assert!(error.starts_with("/no/such/folder: cannot be read"), "{error}");
    }
}

#[test]
fn a_fraction_outside_its_range_is_refused() {
    let folder = folder(&["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"]);
    for fraction in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(
            ImageFolder::open(folder.path(), &Split { fraction, seed: 0 }).is_err(),
            "{fraction}"
        );
    }
}

#[test]
fn labels_are_numbered_as_a_checkpoint_does() {
    let folder = folder(&["a/1.jpg", "b/1.jpg", "b/2.jpg", "c/1.jpg"]);
    let classes = ["c", "a", "b"].map(str::to_owned);
    let found = Measurable::open(folder.path(), None).unwrap().with_classes(&classes).unwrap();
    assert_eq!(found.classes, classes);
    assert_eq!(found.samples.iter().map(|sample| sample.label).collect::<Vec<_>>(), [1, 2, 2, 0]);
    for other in [&["a", "b"][..], &["a", "b", "d"], &["a", "b", "c", "d"]] {
        let other: Vec<String> = other.iter().map(|&class| class.to_owned()).collect();
        let error = Measurable::open(folder.path(), None)
            .unwrap()
            .with_classes(&other)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("[{}], the folder has [a, b, c]", other.join(", "))),
            "{error}"
        );
    }
}

#[test]
fn a_checkpoint_may_know_other_labels_too() {
    let folder = folder(&["a/1.jpg", "b/1.jpg"]);
    let open = || Measurable::open(folder.path(), None).unwrap();
    let found = open().with_some_of(&["c", "b", "a"].map(str::to_owned)).unwrap();
    assert_eq!(found.samples.iter().map(|sample| sample.label).collect::<Vec<_>>(), [2, 1]);
    let error = open().with_some_of(&["c", "b"].map(str::to_owned)).unwrap_err().to_string();
    assert!(error.contains("does not know [a]; its labels are such as [c, b]"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_back_is_refused() {
    let folder = folder(&["a/1.jpg", "b/1.jpg"]);
    std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("a/again")).unwrap();
    let message = ImageFolder::open(folder.path(), &Split::default()).unwrap_err().to_string();
    assert!(message.contains("leads back"), "{message}");
}

#[test]
fn a_part_of_a_list_is_measured_on() {
    let folder = folder(&["p/1.jpg", "p/2.jpg", "p/3.jpg", "p/4.jpg"]);
    let path = folder.path().join("list.csv");
    let text = "label,image,split\nb,p/3.jpg,test\na,p/2.jpg,\na,p/1.jpg,train\nb,p/4.jpg,val\n";
    fs::write(&path, text).unwrap();
    assert_eq!(Measurable::open(&path, None).unwrap().part, Part::Test);
    assert_eq!(Measurable::open(&path, Some(Part::Train)).unwrap().samples.len(), 2);
    assert_eq!(Measurable::open(&path, Some(Part::All)).unwrap().samples.len(), 4);
    let found = ImageFolder::open(&path, &Split::default()).unwrap();
    assert_eq!(names(&found.val), [("4.jpg".to_owned(), 1)]);
}
