//! Odd files from the test suites of several decoders, against what Pillow makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rekindle_doctor::{Kind, Options, Severity, examine};

/// Files that one reads and the other does not, and why.
const READ_HERE: &[(&str, &str)] = &[];
const NOT_READ_HERE: &[(&str, &str)] = &[
    (
        "broken/truncated_app14.jpg",
        "its Adobe segment is cut short; Pillow passes over it and guesses the colors",
    ),
    (
        "pngsuite/xcsn0g01.png",
        "the checksum of its pixels is wrong; Pillow does not check that one",
    ),
];
/// Pillow tells of alpha by the mode of the pixels, and leaves that of palettes and of one transparent color out.
const ALPHA_HERE: &[&str] =
    &["pngsuite/tb", "pngsuite/tm3", "pngsuite/tp1", "animated/large-gif", "basic/alpha_gif"];

/// A line of the manifest, by the names of its columns.
fn rows(manifest: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let names: Vec<String> = lines.next().unwrap().collect();
    lines.map(|line| names.iter().cloned().zip(line).collect()).collect()
}

#[test]
fn odd_files_are_judged_as_pillow_judges_them() {
    let Some(data) = rekindle_skip::real_data() else { return };
    let folder = data.join("images/edge_images");
    let diagnosis = examine(&folder, &Options::default()).unwrap();
    let rows = rows(&folder.join("manifest.csv"));
    assert_eq!(rows.len(), 259);
    assert_eq!(diagnosis.examined.len(), rows.len());

    // One and the same file under several names is found as that, not as something else.
    let with = |wanted: &dyn Fn(Kind, Severity) -> bool| -> BTreeSet<String> {
        let findings = diagnosis.findings.iter();
        let findings = findings.filter(|finding| wanted(finding.kind, finding.severity));
        findings.flat_map(|it| &it.files).map(|file| file.to_str().unwrap().to_owned()).collect()
    };
    let said = |wanted: Kind| with(&|kind, _| kind == wanted);
    let bad = with(&|kind, severity| kind <= Kind::Truncated && severity == Severity::Error);
    let by = |judge: &dyn Fn(&BTreeMap<String, String>) -> bool| -> BTreeSet<String> {
        rows.iter().filter(|row| judge(row)).map(|row| row["file"].clone()).collect()
    };
    let bad_for_pillow = by(&|row| row["pillow_result"] != "ok");
    let differ = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
        one.difference(other).cloned().collect()
    };
    let files = |table: &[(&str, &str)]| -> Vec<String> {
        table.iter().map(|(file, _)| (*file).to_owned()).collect()
    };
    assert_eq!(differ(&bad_for_pillow, &bad), files(READ_HERE));
    assert_eq!(differ(&bad, &bad_for_pillow), files(NOT_READ_HERE));

    let nothing: Vec<String> = Vec::new();
    for (kind, theirs) in [
        (Kind::Animated, by(&|row| row["frames"].parse::<usize>().is_ok_and(|frames| frames > 1))),
        (Kind::Rotated, by(&|row| row["exif_orientation"].parse::<usize>().is_ok_and(|it| it > 1))),
        (Kind::Cmyk, by(&|row| row["mode"] == "CMYK")),
    ] {
        assert!(!theirs.is_empty());
        // Nothing more is said of what is not read.
        let read: BTreeSet<String> = theirs.difference(&bad).cloned().collect();
        assert_eq!(said(kind), read, "{kind:?}");
    }
    let has_alpha =
        |row: &BTreeMap<String, String>| row["mode"].ends_with('A') && !bad.contains(&row["file"]);
    let (ours, theirs) = (said(Kind::Alpha), by(&has_alpha));
    assert_eq!(differ(&theirs, &ours), nothing);
    for file in differ(&ours, &theirs) {
        assert!(ALPHA_HERE.iter().any(|start| file.starts_with(start)), "{file}");
    }
    // Of 16-bit colors Pillow keeps 8, so it tells of 16-bit gray alone; the names of PngSuite tell the others.
    let (ours, theirs) = (said(Kind::SixteenBit), by(&|row| row["mode"] == "I;16"));
    assert_eq!(differ(&theirs, &ours), nothing);
    for file in differ(&ours, &theirs) {
        assert!(file.ends_with("16.png") || file == "deep/tiff_16bit_RGB.tiff", "{file}");
    }
    let is_gray = |mode: &str| ["1", "L", "LA", "I;16"].contains(&mode);
    let gray = by(&|row| is_gray(&row["mode"]) && !bad.contains(&row["file"]));
    assert_eq!(differ(&gray, &said(Kind::Grayscale)), nothing);
}
