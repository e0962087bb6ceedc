//! Numbers: clean lists, the same with faults planted, and numbers that neighbors contradict.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use rekindle_data::{DataConfig, Random};
use rekindle_doctor::{
    Diagnosis, EmbeddingOptions, Error, Kind, Options, Severity, examine, html, pictures, text,
    write_manifest,
};
use rekindle_images::open_pictures;

use crate::listed::{Listed, check, said};
use crate::pictures::{jpeg, png};

/// For the columns that are named.
fn options(targets: &[&str]) -> Options {
    let targets = targets.iter().map(|target| (*target).to_owned()).collect();
    Options { targets, ..Options::default() }
}

/// Numbers of picture `n`: one spread evenly from 10 to 20, and one that is mostly near zero.
fn numbers(n: u64) -> [f64; 2] {
    let mut random = Random::new(3, 0, n);
    let even = 10.0 + 10.0 * random.unit();
    let normal: f64 = (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
    [even, normal]
}

/// 120 pictures, a sixth of them to validate and a sixth to test on.
fn clean() -> Listed {
    let mut list = Listed::new("path,size,tilt,split,group,day");
    for n in 0..120 {
        let [size, tilt] = numbers(n);
        let split = ["", "", "", "", "val", "test"][n as usize % 6];
        list.add(n, &format!("{size:.3},{tilt:.3},{split},,1"));
    }
    list
}

#[test]
fn nothing_is_invented_on_a_clean_list() {
    let list = clean();
    let diagnosis = examine(&list.path(), &options(&["size", "tilt"])).unwrap();
    check(&diagnosis, &[]);
    assert!(diagnosis.labels.is_empty());
    assert_eq!(diagnosis.columns, ["size", "tilt"]);
    let size = &diagnosis.numbers[0];
    let parts = [&size.train, &size.val, &size.test].map(|part| part.unwrap());
    assert_eq!(parts.map(|part| part.count), [80, 20, 20]);
    for part in parts {
        let [low, middle, high] = part.quartiles;
        let ordered = [10.0, part.low, low, middle, high, part.high, 20.0];
        assert!(ordered.is_sorted(), "{part:?}");
    }
    let text = text(&diagnosis, 5);
    let train = parts[0];
    let expected = format!(
        "`size`: {} to {}, median {}, in 80 to train on; ",
        train.low, train.high, train.quartiles[1]
    );
    assert!(text.contains(&expected), "{text}");
    assert!(text.ends_with("120 pictures, 2 columns of numbers: nothing found\n"), "{text}");
    let page = html(&diagnosis, 5);
    assert!(page.contains("size, validation") && page.contains(&train.high.to_string()));
    let json = serde_json::to_string(&diagnosis).unwrap();
    assert_eq!(serde_json::from_str::<Diagnosis>(&json).unwrap(), diagnosis);
}

#[test]
fn every_planted_fault_is_found() {
    let mut list = clean();
    let ([size, tilt], [other, turned]) = (numbers(0), numbers(1));
    // The same picture with another number, with the same, in another part, and looking the same.
    list.add_file("other.png", &png(0), &format!("{},{tilt:.3},,,1", size + 0.5));
    list.add_file("copy.png", &png(1), &format!("{other:.3},{turned:.3},,,1"));
    let [measured, level] = numbers(4);
    list.add_file("leak.png", &png(4), &format!("{measured:.3},{level:.3},,,1"));
    let alike = |number: u64| {
        jpeg(&image::load_from_memory(&png(number)).unwrap().brighten(12).into_rgb8(), 70)
    };
    let near = numbers(6);
    list.add_file("near.jpg", &alike(6), &format!("{:.3},{:.3},,,1", near[0] + 0.01, near[1]));
    let far = numbers(7);
    list.add_file("far.jpg", &alike(7), &format!("{:.3},{:.3},,,1", far[0], far[1] + 1.0));
    // What is missing, far out, and torn apart.
    list.add_file("empty.png", &png(200), ",0.1,,,1");
    list.add_file("words.png", &png(201), "12,n/a,,,1");
    list.add_file("never.png", &png(202), "NaN,inf,val,,1");
    list.add_file("huge.png", &png(203), "12000,0.2,,,1");
    list.add_file("low.png", &png(204), "12,-40,test,,1");
    list.add_file("torn.png", &png(205), "12,0.1,,nest,1");
    list.add_file("apart.png", &png(206), "13,0.2,val,nest,1");
    list.add_file("broken.png", b"no picture", "13,0.2,,,1");
    let diagnosis = examine(&list.path(), &options(&["size", "tilt", "day"])).unwrap();
    let (error, warning, note) = (Severity::Error, Severity::Warning, Severity::Note);
    let expected = [
        said(Kind::DifferentNumbers, error, &["0.png", "other.png"]),
        said(Kind::ExactDuplicate, warning, &["1.png", "copy.png"]),
        said(Kind::Leak, error, &["4.png", "leak.png"]),
        said(Kind::NearDuplicate, note, &["6.png", "near.jpg"]),
        said(Kind::DifferentNumbers, warning, &["7.png", "far.jpg"]),
        said(Kind::MissingNumber, error, &["empty.png", "never.png"]),
        said(Kind::MissingNumber, error, &["words.png", "never.png"]),
        said(Kind::Outlier, warning, &["huge.png"]),
        said(Kind::Outlier, warning, &["low.png"]),
        said(Kind::TornGroup, warning, &["apart.png", "torn.png"]),
        said(Kind::Unreadable, error, &["broken.png"]),
        said(Kind::ConstantNumber, error, &["day"]),
    ];
    check(&diagnosis, &expected);
    let of = |kind| diagnosis.findings.iter().filter(move |it| it.kind == kind);
    let different = of(Kind::DifferentNumbers).next().unwrap();
    let said =
        format!("the same bytes 2 times, with `size` from {size:.3} to {}", size as f32 + 0.5);
    assert!(different.what.starts_with(&said[..said.len() - 3]), "{} {said}", different.what);
    let scores: Vec<f64> = of(Kind::Outlier).map(|it| it.score.unwrap()).collect();
    assert!(scores[0] > 1000.0 && (5.0..100.0).contains(&scores[1]), "{scores:?}");
    assert!(html(&diagnosis, 9).contains("size missing"));

    // What is left is learned from, with its columns.
    let good = list.folder.path().join("good.csv");
    let manifest = write_manifest(&diagnosis, &good).unwrap();
    assert_eq!(
        manifest.left_out, 8,
        "both of two numbers, a copy, a leak, three missing, the broken"
    );
    let targets = ["size", "tilt"].map(str::to_owned).to_vec();
    let opened =
        open_pictures::<Vec<f32>>(&DataConfig { targets, ..DataConfig::new(&good) }).unwrap();
    assert_eq!(opened.train.len() + opened.val.len() + opened.test.len(), manifest.kept);
    assert!(fs::read_to_string(&good).unwrap().starts_with("path,size,tilt,split,group,day\n"));
}

/// A part that lies elsewhere, by a few far outside and by all a little off; and one that never changes.
#[test]
fn parts_that_lie_elsewhere_are_found() {
    type Shift = fn(f64) -> f64;
    let shifts: [(&str, Shift, Option<Kind>); 4] = [
        ("none", |x| x, None),
        ("all", |x| 14.0 + 0.6 * (x - 10.0), Some(Kind::DifferentRanges)),
        ("outside", |x| if x > 15.0 { x + 5.0 } else { x }, Some(Kind::DifferentRanges)),
        ("constant", |_| 15.0, Some(Kind::ConstantNumber)),
    ];
    for (name, shift, expected) in shifts {
        let mut list = Listed::new("path,size,split");
        for n in 0..180 {
            let [size, _] = numbers(n);
            let (size, split) = if n % 3 == 0 { (shift(size), "test") } else { (size, "") };
            list.add(n, &format!("{size:.3},{split}"));
        }
        let diagnosis = examine(&list.path(), &options(&["size"])).unwrap();
        let kinds: Vec<Kind> = diagnosis.findings.iter().map(|it| it.kind).collect();
        assert!(expected.iter().all(|kind| kinds.contains(kind)), "{name}: {kinds:?}");
        assert!(expected.is_some() || kinds.is_empty(), "{name}: {kinds:?}");
        assert!(diagnosis.findings.iter().all(|it| it.severity == Severity::Warning));
        assert!(diagnosis.findings.iter().all(|it| it.labels == ["size"]));
    }
}

#[test]
fn too_few_numbers_and_columns_that_are_not_named_are_said() {
    let mut list = Listed::new("path,size");
    (0..6).for_each(|n| list.add(n, &format!("{n}")));
    let diagnosis = examine(&list.path(), &options(&["size"])).unwrap();
    check(&diagnosis, &[said(Kind::TooFew, Severity::Warning, &[])]);
    let error = examine(&list.path(), &options(&[])).unwrap_err();
    assert!(matches!(error, Error::Unnamed { .. }), "{error}");
    assert!(error.to_string().contains("such as the column `size`"), "{error}");
    let error = examine(&list.path(), &options(&["age"])).unwrap_err().to_string();
    assert!(error.contains("has no column [age]"), "{error}");
    let error = examine(tempfile::tempdir().unwrap().path(), &options(&["age"])).unwrap_err();
    assert!(error.to_string().contains("is a folder, which names no numbers"), "{error}");
}

/// The number is how far along a curve the embedding is; some numbers are moved along it.
#[test]
fn numbers_that_neighbors_contradict_are_found() {
    for seed in 0..3 {
        let mut random = Random::new(17, seed, 0);
        let (mut list, mut rows) = (Listed::new("path,age,other"), BTreeMap::new());
        let mut planted = BTreeSet::new();
        for n in 0..150_u64 {
            let age = random.between(0.0, 3.0);
            let noise = |random: &mut Random| random.between(-0.05, 0.05);
            let row = [age.cos(), age.sin(), 0.3 * age].map(|x| (x + noise(&mut random)) as f32);
            let file = format!("{n}.png");
            let mut told = age;
            if n % 30 == 11 {
                // Half the way to the other end.
                told = (age + 1.5) % 3.0;
                planted.insert(file.clone());
            }
            // Another number, of which the embedding says nothing.
            list.add(n, &format!("{:.3},{:.3}", 1000.0 * told, random.unit()));
            rows.insert(PathBuf::from(file), row.to_vec());
        }
        let path = list.path();
        let all = options(&["age", "other"]);
        assert_eq!(pictures(&path, &all.targets).unwrap().len(), rows.len());
        let with = Options { embeddings: Some(EmbeddingOptions { rows }), ..all.clone() };
        let diagnosis = examine(&path, &with).unwrap();
        let doubted = diagnosis.findings.iter().filter(|it| it.kind == Kind::NumberError);
        let doubted: BTreeSet<String> = doubted
            .map(|it| {
                assert!(
                    it.score.is_some_and(|score| score > 5.0) && it.labels == ["age"],
                    "{it:?}"
                );
                it.files[0].to_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(doubted, planted, "seed {seed}");
        let plain = examine(&path, &all).unwrap();
        assert!(plain.findings.iter().all(|it| it.kind != Kind::NumberError));
    }
}
