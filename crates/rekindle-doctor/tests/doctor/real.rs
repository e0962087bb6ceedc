//! Real pictures: what is said to be a near duplicate is one, and nothing else is said of clean sets.

use std::path::{Path, PathBuf};

use rekindle_data::{Picture, decode};
use rekindle_doctor::{Diagnosis, Kind, Options, Severity, examine};

use crate::pictures::write;

fn images() -> Option<PathBuf> {
    let data = std::env::var_os("REKINDLE_TEST_DATA");
    if data.is_none() {
        // Not `eprintln`, which only shows where a test fails.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: REKINDLE_TEST_DATA is not set\n",
        );
    }
    Some(PathBuf::from(data?).join("images"))
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

/// Writes the rows of strips as files `PART/ROW.png`, the first row of all being 0, in one label of two.
fn unrolled(strips: &[(&str, PathBuf)], to: &Path) {
    let mut rows = [0; 2];
    for (part, strip) in strips {
        let sheet = decode(strip).unwrap();
        let side = sheet.width().isqrt();
        let row = &mut rows[usize::from(*part == "test")];
        for pixels in sheet.pixels().chunks_exact(sheet.width() * 3) {
            let picture = Picture::from_rgb(side, side, pixels.to_vec()).unwrap();
            write(&to.join(format!("{part}/all/{row}.png")), &picture.to_png().unwrap());
            *row += 1;
        }
        write(&to.join(part).join("other/notes.txt"), b"");
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
    let at = |name: &str| images.join(format!("cifar10_lossless/{name}.png"));
    let folder = tempfile::tempdir().unwrap();
    let strips = [
        ("train", at("train_0000-0999")),
        ("train", at("train_1000-1999")),
        ("train", at("train_2000-2999")),
        ("train", at("train_3000-3999")),
        ("test", at("test_0000-0999")),
    ];
    unrolled(&strips, folder.path());
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    assert_eq!(diagnosis.examined.len(), 5000);
    let expected = [
        ["train/all/3473.png", "test/all/856.png"],
        ["train/all/206.png", "train/all/2844.png"],
        ["train/all/2210.png", "train/all/661.png"],
    ];
    assert_eq!(alike(&diagnosis), expected);
}

/// Of digits, thousands of pairs correlate by more than 0.98, and none is the same.
#[test]
fn digits_are_no_near_duplicates() {
    let Some(images) = images() else { return };
    let folder = tempfile::tempdir().unwrap();
    unrolled(&[("train", images.join("mnist/train_00000-02999.png"))], folder.path());
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    assert_eq!(diagnosis.examined.len(), 3000);
    assert_eq!(alike(&diagnosis), Vec::<Vec<&str>>::new());
}
