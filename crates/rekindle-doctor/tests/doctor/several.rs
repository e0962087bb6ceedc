//! Several labels a picture: clean lists, the same with faults planted, and labels that neighbors contradict.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use rekindle_data::{DataConfig, Random};
use rekindle_doctor::{
    EmbeddingOptions, Kind, Options, Severity, examine, html, pictures, text, write_manifest,
};
use rekindle_images::open_pictures;

use crate::listed::{Listed, check, said};
use crate::pictures::{jpeg, png};

/// What picture `n` shows: every second, third and fifth.
fn shown(n: u64) -> String {
    let labels = [(2, "even"), (3, "third"), (5, "fifth")];
    let labels = labels.iter().filter(|(every, _)| n.is_multiple_of(*every)).map(|(_, it)| *it);
    labels.collect::<Vec<_>>().join("|")
}

/// 90 pictures, those whose number is 1 or 2 less than a multiple of 6 to validate and to test on.
fn clean() -> Listed {
    let mut list = Listed::new("path,labels,split,group");
    for n in 0..90 {
        let split = ["", "", "", "", "val", "test"][(n * 7 / 6 % 6) as usize];
        list.add(n, &format!("{},{split},", shown(n)));
    }
    list
}

/// All that are in no other label's multiples have none, which is a note.
fn unlabelled() -> Vec<String> {
    (0..90).filter(|n| shown(*n).is_empty()).map(|n| format!("{n}.png")).collect()
}

/// The rarest label has six pictures to train on.
fn options() -> Options {
    Options { least_examples: 5, ..Options::default() }
}

#[test]
fn nothing_is_invented_on_a_clean_list() {
    let list = clean();
    let diagnosis = examine(&list.path(), &options()).unwrap();
    let none = unlabelled();
    let none: Vec<&str> = none.iter().map(String::as_str).collect();
    check(&diagnosis, &[said(Kind::NoLabel, Severity::Note, &none)]);
    let counts: Vec<usize> =
        diagnosis.labels.iter().map(|label| label.train + label.val + label.test).collect();
    assert_eq!(counts, [45, 18, 30]);
    let labels: Vec<&str> = diagnosis.examined.iter().map(|it| it.label.as_str()).collect();
    assert!(labels.contains(&"even|fifth|third") && labels.contains(&""), "{labels:?}");
    let text = text(&diagnosis, 5);
    let even = &diagnosis.labels[0];
    let expected = format!("`even`: {} to train on (", even.train);
    assert!(
        text.contains(&expected) && text.ends_with("90 pictures, 3 labels: 1 note\n"),
        "{text}"
    );
    let page = html(&diagnosis, 5);
    assert!(
        page.contains("Pictures of each label") && page.contains("to validate on"),
        "no counts"
    );
}

#[test]
fn every_planted_fault_is_found() {
    let mut list = clean();
    // Again with other labels, with the same, in another part, and looking the same with other labels.
    list.add_file("other.png", &png(2), "even|third,,");
    list.add_file("copy.png", &png(8), "even,,");
    list.add_file("leak.png", &png(5), "fifth,,");
    let alike = image::load_from_memory(&png(12)).unwrap().brighten(12).into_rgb8();
    list.add_file("alike.jpg", &jpeg(&alike, 70), "even,,");
    list.add_file("broken.png", b"no picture", "even,,");
    list.add_file("torn.png", &png(100), "even,,nest");
    list.add_file("apart.png", &png(101), "third,val,nest");
    // Two labels that are never apart, and one that is rare and measured nowhere.
    for n in 110..122 {
        let split = if n % 4 == 0 { ",val," } else { ",," };
        list.add(n, &format!("even|hive|queen{split}"));
    }
    list.add(130, "third|rare,,");
    let diagnosis = examine(&list.path(), &options()).unwrap();
    let is_measured = |n: u64| (n * 7 / 6 % 6) > 3;
    assert!(is_measured(5) && !is_measured(2) && !is_measured(8) && !is_measured(12));
    let none = unlabelled();
    let none: Vec<&str> = none.iter().map(String::as_str).collect();
    let (error, warning, note) = (Severity::Error, Severity::Warning, Severity::Note);
    let expected = [
        said(Kind::NoLabel, note, &none),
        said(Kind::DifferentLabels, error, &["2.png", "other.png"]),
        said(Kind::ExactDuplicate, warning, &["8.png", "copy.png"]),
        said(Kind::Leak, error, &["5.png", "leak.png"]),
        said(Kind::DifferentLabels, warning, &["12.png", "alike.jpg"]),
        said(Kind::Unreadable, error, &["broken.png"]),
        said(Kind::TornGroup, warning, &["apart.png", "torn.png"]),
        said(Kind::AlwaysTogether, warning, &["hive", "queen"]),
        said(Kind::EmptyLabel, warning, &["hive"]),
        said(Kind::EmptyLabel, warning, &["queen"]),
        said(Kind::EmptyLabel, warning, &["rare"]),
        said(Kind::Imbalance, warning, &["even", "fifth"]),
        said(Kind::Imbalance, warning, &["even", "rare"]),
        said(Kind::TooFew, warning, &["rare"]),
    ];
    check(&diagnosis, &expected);
    let of = |kind, severity| {
        let mut all = diagnosis.findings.iter();
        all.find(|it| (it.kind, it.severity) == (kind, severity)).unwrap()
    };
    let different = of(Kind::DifferentLabels, Severity::Error);
    assert_eq!(different.what, "the same bytes 2 times, labelled [even] and [even, third]");

    // What is left is learned from, with its columns.
    let good = list.folder.path().join("good.csv");
    let manifest = write_manifest(&diagnosis, &good).unwrap();
    assert_eq!(manifest.left_out, 5, "both of two labels, a copy, a leak, the broken");
    let opened = open_pictures::<Vec<usize>>(&DataConfig::new(&good)).unwrap();
    assert_eq!(opened.train.len() + opened.val.len() + opened.test.len(), manifest.kept);
    assert!(fs::read_to_string(&good).unwrap().starts_with("path,labels,split,group\n"));
}

#[test]
fn a_label_that_every_picture_has_is_found() {
    let mut list = Listed::new("path,labels");
    (0..12).for_each(|n| list.add(n, ["bug|ant", "bug|bee"][n as usize % 2]));
    let options = Options { least_examples: 0, ..Options::default() };
    let diagnosis = examine(&list.path(), &options).unwrap();
    check(&diagnosis, &[said(Kind::EveryPicture, Severity::Warning, &["bug"])]);
}

/// Lists in a folder are examined as one, and what is left of them is a list of several labels.
#[test]
fn lists_in_a_folder_are_left_without_the_bad() {
    let list = clean();
    let text = fs::read_to_string(list.path()).unwrap();
    fs::remove_file(list.path()).unwrap();
    fs::write(list.folder.path().join("train.csv"), text + "broken.png,even,,\n").unwrap();
    fs::write(list.folder.path().join("broken.png"), "").unwrap();
    let diagnosis = examine(list.folder.path(), &Options::default()).unwrap();
    let out = tempfile::tempdir().unwrap();
    let good = out.path().join("good.csv");
    assert_eq!(write_manifest(&diagnosis, &good).unwrap().kept, 90);
    assert!(fs::read_to_string(&good).unwrap().starts_with("path,labels,split\n"));
    let again = examine(&good, &Options::default()).unwrap();
    assert_eq!((again.columns, again.examined.len()), (diagnosis.columns, 90));
}

/// Each of three labels is an axis of the embeddings; some labels are taken away, and some given.
#[test]
fn labels_that_neighbors_contradict_are_found_a_label_a_time() {
    const NAMES: [&str; 3] = ["ant", "bee", "fly"];
    for seed in 0..3 {
        let mut random = Random::new(11, seed, 0);
        let (mut list, mut rows) = (Listed::new("path,labels"), BTreeMap::new());
        let mut planted = BTreeSet::new();
        for n in 0..160_u64 {
            let is: Vec<bool> = (0..3).map(|_| random.unit() < 0.5).collect();
            let row =
                is.iter().map(|is| f32::from(u8::from(*is)) + random.between(-0.2, 0.2) as f32);
            let row: Vec<f32> = row.collect();
            let flipped = (n % 20 == 7).then_some((n / 20 % 3) as usize);
            let told = |label: usize| is[label] != (flipped == Some(label));
            let told: Vec<&str> = (0..3).filter(|it| told(*it)).map(|it| NAMES[it]).collect();
            let file = format!("{n}.png");
            list.add(n, &told.join("|"));
            if let Some(label) = flipped {
                planted.insert((file.clone(), NAMES[label].to_owned()));
            }
            rows.insert(PathBuf::from(file), row);
        }
        let path = list.path();
        let names: BTreeSet<PathBuf> =
            pictures(&path, &[]).unwrap().into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().eq(rows.keys()));
        let embeddings = Some(EmbeddingOptions { rows });
        let diagnosis = examine(&path, &Options { embeddings, ..Options::default() }).unwrap();
        let doubted = diagnosis.findings.iter().filter(|it| it.kind == Kind::LabelError);
        let doubted: BTreeSet<(String, String)> = doubted
            .map(|it| {
                assert!(it.score.is_some_and(|score| (0.5..=1.0).contains(&score)), "{it:?}");
                (it.files[0].to_str().unwrap().to_owned(), it.labels[0].clone())
            })
            .collect();
        assert_eq!(doubted, planted, "seed {seed}");
        // Without embeddings nothing is.
        let plain = examine(&path, &Options::default()).unwrap();
        assert!(plain.findings.iter().all(|it| it.kind != Kind::LabelError));
    }
}

/// EmbeddingOptions that say nothing of the labels doubt none.
#[test]
fn where_nothing_is_told_apart_nothing_is_doubted() {
    let mut random = Random::new(5, 0, 0);
    let (mut list, mut rows) = (Listed::new("path,labels"), BTreeMap::new());
    for n in 0..120_u64 {
        let told = ["", "ant", "bee", "ant|bee"][random.below(4)];
        list.add(n, told);
        let row = (0..6).map(|_| random.unit() as f32).collect();
        rows.insert(PathBuf::from(format!("{n}.png")), row);
    }
    let embeddings = Some(EmbeddingOptions { rows });
    let diagnosis = examine(&list.path(), &Options { embeddings, ..Options::default() }).unwrap();
    let kinds: Vec<Kind> = diagnosis.findings.iter().map(|it| it.kind).collect();
    assert!(kinds.iter().filter(|kind| **kind == Kind::LabelError).count() <= 2, "{kinds:?}");
}
