//! Real pictures: what is said to be a near duplicate is one, and nothing else is said of clean sets.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use rekindle_doctor::{Diagnosis, Kind, Options, Severity, examine};
use rekindle_images::decode;

use crate::pictures::write;

fn images() -> Option<PathBuf> {
    Some(rekindle_skip::real_data()?.join("images"))
}

#[test]
fn photographs_of_two_small_sets_are_clean() {
    let Some(images) = images() else { return };
    for (set, notes) in [
        ("hymenoptera", &[Kind::Grayscale, Kind::OtherFiles][..]),
        ("pizza_steak_sushi", &[Kind::OtherFiles]),
    ] {
        let diagnosis = examine(&images.join(set), &Options::default()).unwrap();
        let kinds: Vec<Kind> = diagnosis.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, notes, "{set}");
        assert_eq!(diagnosis.count(Severity::Note), notes.len());
    }
}

fn alike(diagnosis: &Diagnosis) -> Vec<Vec<&str>> {
    let near = [Kind::NearDuplicate, Kind::TwoLabels, Kind::Leak, Kind::ExactDuplicate];
    let near = diagnosis.findings.iter().filter(|finding| near.contains(&finding.kind));
    near.map(|it| it.files.iter().map(|file| file.to_str().unwrap()).collect()).collect()
}

/// Each pair was looked at: the same horse, car and calf, cut out a little differently.
#[test]
fn near_duplicates_of_cifar_10_are_real() {
    let Some(images) = images() else { return };
    let diagnosis = examine(&images.join("cifar10_lossless"), &Options::default()).unwrap();
    assert_eq!((diagnosis.examined.len(), diagnosis.labels.len()), (5000, 10));
    let expected = [
        ["train_3000-3999.png#473", "test_0000-0999.png#856"],
        ["train_0000-0999.png#206", "train_2000-2999.png#844"],
        ["train_0000-0999.png#661", "train_2000-2999.png#210"],
    ];
    assert_eq!(alike(&diagnosis), expected);
    assert_eq!(diagnosis.count(Severity::Error), 0);
}

/// MNIST of 12,000 digits to train on, whose pictures lie there as strips, as its own files.
fn mnist(images: &Path, to: &Path) {
    let from = images.join("mnist");
    let strips = ["00000-02999", "03000-05999", "06000-08999", "09000-11999"];
    let mut pixels = [0x803_u32, 12_000, 28, 28].map(u32::to_be_bytes).concat();
    for strip in strips {
        let strip = decode(&from.join(format!("train_{strip}.png"))).unwrap();
        pixels.extend(strip.to_gray().into_pixels());
    }
    write(&to.join("train-images-idx3-ubyte"), &pixels);
    for name in ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let labels = fs::File::open(from.join("train-labels-idx1-ubyte.gz")).unwrap();
    let mut all = Vec::new();
    flate2::read::GzDecoder::new(labels).read_to_end(&mut all).unwrap();
    let head = [0x801_u32, 12_000].map(u32::to_be_bytes).concat();
    write(&to.join("train-labels-idx1-ubyte"), &[&head, &all[8..8 + 12_000]].concat());
}

/// Of digits, thousands of pairs correlate by more than 0.98, and none is the same.
#[test]
fn digits_are_no_near_duplicates() {
    let Some(images) = images() else { return };
    let folder = tempfile::tempdir().unwrap();
    mnist(&images, folder.path());
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    assert_eq!((diagnosis.examined.len(), diagnosis.labels.len()), (22_000, 10));
    assert_eq!(diagnosis.findings, []);
}
