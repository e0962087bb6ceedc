//! Pictures on a list: found as in folders, and left out with the list's own columns kept.

use std::fs;
use std::path::Path;

use rekindle_data::DataConfig;
use rekindle_doctor::{
    DataLayout, Diagnosis, Error, Kind, Options, Severity, examine, html, write_manifest,
};
use rekindle_images::open_pictures;

use crate::pictures::{png, write};

/// 24 pictures of two labels, every sixth to test on, with a group each; a copy, a leak, and one that is cut short.
fn listed(folder: &Path) {
    let mut list = "\u{feff}Label,Image,split,group,taken by\n".to_owned();
    let mut add = |file: &str, number: u64, split: &str, bytes: &[u8]| {
        write(&folder.join(file), bytes);
        let label = ["ant", "bee, or not"][number as usize % 2];
        list += &format!("\"{label}\",{file},{split},g{number},\"A, B\"\n");
    };
    for number in 0..24 {
        let split = if number % 6 < 2 { "test" } else { "" };
        add(&format!("p/{number}.png"), number, split, &png(number));
    }
    add("p/copy.png", 2, "train", &png(2));
    add("p/leak.png", 6, "Train", &png(6));
    add("p/cut.png", 8, "train", &png(50)[..200]);
    fs::write(folder.join("list.csv"), list).unwrap();
}

fn found(diagnosis: &Diagnosis) -> Vec<(Kind, Severity, Vec<&str>)> {
    let said = diagnosis.findings.iter().map(|finding| {
        let files = finding.files.iter().map(|file| file.to_str().unwrap());
        (finding.kind, finding.severity, files.collect())
    });
    said.collect()
}

#[test]
fn a_list_is_examined_and_its_other_columns_are_kept() {
    let [folder, out] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    listed(folder.path());
    let list = folder.path().join("list.csv");
    let options = Options { least_examples: 5, ..Options::default() };
    let diagnosis = examine(&list, &options).unwrap();
    assert_eq!((diagnosis.layout, diagnosis.examined.len()), (DataLayout::List, 27));
    let expected = [
        (Kind::Truncated, Severity::Error, vec!["p/cut.png"]),
        (Kind::Leak, Severity::Error, vec!["p/leak.png", "p/6.png"]),
        (Kind::TornGroup, Severity::Warning, vec!["p/leak.png", "p/6.png"]),
        (Kind::ExactDuplicate, Severity::Warning, vec!["p/2.png", "p/copy.png"]),
    ];
    assert_eq!(found(&diagnosis), expected);
    assert_eq!(html(&diagnosis, 9).matches("<img src=\"data:image/jpeg").count(), 6);

    // Beside the list paths stay as they are, elsewhere they are absolute.
    let beside = folder.path().join("good.csv");
    let manifest = write_manifest(&diagnosis, &beside).unwrap();
    assert_eq!((manifest.kept, manifest.left_out), (24, 3));
    let text = fs::read_to_string(&beside).unwrap();
    assert!(text.starts_with("Label,Image,split,group,taken by\n"), "{text}");
    assert!(text.contains("\n\"bee, or not\",p/1.png,test,g1,\"A, B\"\n"), "{text}");
    let elsewhere = out.path().join("good.csv");
    assert_eq!(write_manifest(&diagnosis, &elsewhere).unwrap(), manifest);
    for good in [&beside, &elsewhere] {
        let left = examine(good, &options).unwrap();
        assert_eq!((left.findings, left.examined.len()), (vec![], 24));
        let opened = open_pictures::<usize>(&DataConfig::new(good)).unwrap();
        assert_eq!([opened.train.len() + opened.val.len(), opened.test.len()], [16, 8]);
    }
    // Over itself, but over no other list, and never over the one that was examined.
    assert_eq!(write_manifest(&diagnosis, &beside).unwrap(), manifest);
    let before = fs::read(&list).unwrap();
    let error = write_manifest(&diagnosis, &list).unwrap_err();
    assert!(matches!(error, Error::Same { .. }), "{error}");
    assert_eq!(fs::read(&list).unwrap(), before);
    let other = out.path().join("other.csv");
    fs::write(&other, "path,label,split\n").unwrap();
    let error = write_manifest(&diagnosis, &other).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
}

#[test]
fn groups_in_two_parts_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = "path,label,split,group\n".to_owned();
    for number in 0..12 {
        write(&folder.path().join(format!("{number}.png")), &png(number));
        let (label, group) =
            (["a", "b"][number as usize % 2], ["x", "y", "z", ""][number as usize / 3]);
        // The first picture of the second group is trained on, as is one of those without a group.
        let split = if number < 4 || number == 9 { "train" } else { "val" };
        list += &format!("{number}.png,{label},{split},{group}\n");
    }
    let path = folder.path().join("list.csv");
    fs::write(&path, list).unwrap();
    let options = Options { least_examples: 0, ..Options::default() };
    let diagnosis = examine(&path, &options).unwrap();
    let expected = (Kind::TornGroup, Severity::Warning, vec!["3.png", "4.png", "5.png"]);
    assert_eq!(found(&diagnosis), [expected]);
    assert_eq!(diagnosis.findings[0].what, "group `y` is in train and val");
}

#[test]
fn what_is_wrong_with_a_list_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    listed(folder.path());
    let list = folder.path().join("list.csv");
    for (rows, expected) in [
        ("path,label\np/1.png,a\np/2.png,\n", "line 3: no label"),
        ("path,label\np/1.png,a\np/none.png,b\n", "1 of its files are not there"),
        ("path\np/1.png\n", "has no column `label`"),
    ] {
        fs::write(&list, rows).unwrap();
        let error = examine(&list, &Options::default()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("list.csv"), "{error}");
    }
    // What is listed to test on alone is learned by nobody; what is not tested on is only not measured.
    fs::write(&list, "path,label,split\np/1.png,a,test\np/2.png,b,\np/3.png,b,\np/5.png,c,\n")
        .unwrap();
    let options = Options { least_examples: 0, ..Options::default() };
    let diagnosis = examine(&list, &options).unwrap();
    let labels: Vec<_> =
        diagnosis.findings.iter().map(|it| (it.kind, it.severity, it.what.as_str())).collect();
    let expected = [
        (Kind::EmptyLabel, Severity::Error, "`a` has no pictures in train"),
        (Kind::EmptyLabel, Severity::Warning, "`b` has no pictures in test"),
        (Kind::EmptyLabel, Severity::Warning, "`c` has no pictures in test"),
    ];
    assert_eq!(labels, expected);
}
