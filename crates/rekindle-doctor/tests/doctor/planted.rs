//! A clean data set, and the same with faults planted: all are found where they are, and none elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use image::ImageFormat;
use rekindle_doctor::{Diagnosis, Kind, Options, Severity, examine, html, text, write_manifest};

use crate::pictures::{
    animated_png, cmyk_tiff, draw, encoded, gif, gray, jpeg, png, rotated_jpeg, rotated_png,
    sixteen_bit, with_alpha, write,
};

/// Labels with their pictures in each part.
const CLEAN: &[(&str, [u64; 3])] = &[("ants", [30, 8, 8]), ("bees", [30, 8, 8])];
const PARTS: [&str; 3] = ["train", "val", "test"];

/// `PART/LABEL/NUMBER.png` or `.jpg`.
fn clean(folder: &Path) {
    for (place, (label, counts)) in CLEAN.iter().enumerate() {
        fill(folder, label, *counts, 1000 * place as u64);
    }
}

/// Pictures of numbers that none else has.
fn fill(folder: &Path, label: &str, counts: [u64; 3], first: u64) {
    for (part, (name, count)) in PARTS.iter().zip(counts).enumerate() {
        for number in 0..count {
            let drawn = first + 100 * part as u64 + number;
            let (width, height) = (60 + 7 * (drawn as u32 % 9), 50 + 5 * (drawn as u32 % 11));
            let image = draw(drawn, width, height);
            let (extension, bytes) = match number % 2 {
                0 => ("png", encoded(&image.into(), ImageFormat::Png)),
                _ => ("jpg", jpeg(&image, 90)),
            };
            write(&folder.join(format!("{name}/{label}/{number}.{extension}")), &bytes);
        }
    }
}

/// Something to write, and what is to be said of it.
struct Fault {
    kind: Kind,
    severity: Severity,
    /// All that the finding is to name; the first is written.
    files: &'static [&'static str],
    bytes: fn(&Path) -> Vec<u8>,
}

const fn error(kind: Kind, files: &'static [&'static str], bytes: fn(&Path) -> Vec<u8>) -> Fault {
    Fault { kind, severity: Severity::Error, files, bytes }
}

const fn warning(kind: Kind, files: &'static [&'static str], bytes: fn(&Path) -> Vec<u8>) -> Fault {
    Fault { kind, severity: Severity::Warning, files, bytes }
}

const fn note(kind: Kind, files: &'static [&'static str], bytes: fn(&Path) -> Vec<u8>) -> Fault {
    Fault { kind, severity: Severity::Note, files, bytes }
}

fn shortened(mut bytes: Vec<u8>, percent: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() * percent / 100);
    bytes
}

fn copy(folder: &Path, file: &str) -> Vec<u8> {
    fs::read(folder.join(file)).unwrap()
}

fn again(folder: &Path, file: &str) -> image::DynamicImage {
    image::open(folder.join(file)).unwrap()
}

/// Faults of files. Those of a property that several share are one finding; see [`expected`].
const FAULTS: &[Fault] = &[
    error(Kind::Unreadable, &["train/ants/empty.jpg"], |_| Vec::new()),
    error(Kind::Unreadable, &["train/ants/words.png"], |_| b"not a picture at all".to_vec()),
    error(Kind::Unreadable, &["val/bees/page.jpg"], |_| b"<!DOCTYPE html><html></html>".to_vec()),
    error(Kind::Truncated, &["train/bees/cut.png"], |_| shortened(png(9000), 50)),
    error(Kind::Truncated, &["train/ants/cut.jpg"], |_| {
        shortened(jpeg(&draw(9001, 80, 60), 90), 60)
    }),
    error(Kind::Truncated, &["test/ants/cut.gif"], |_| shortened(gif(&[9002]), 40)),
    error(Kind::Truncated, &["test/ants/cut.webp"], |_| {
        shortened(encoded(&draw(9003, 80, 60).into(), ImageFormat::WebP), 70)
    }),
    error(Kind::Truncated, &["train/bees/tail.png"], |_| {
        let whole = png(9004);
        whole[..whole.len() - 12].to_vec()
    }),
    warning(Kind::Truncated, &["train/bees/tail.gif"], |_| {
        let whole = gif(&[9025]);
        whole[..whole.len() - 1].to_vec()
    }),
    warning(Kind::WrongExtension, &["train/ants/png.jpg"], |_| png(9005)),
    warning(Kind::WrongExtension, &["train/bees/jpeg.PNG"], |_| jpeg(&draw(9006, 80, 60), 90)),
    warning(Kind::WrongExtension, &["val/ants/webp.gif"], |_| {
        encoded(&draw(9007, 80, 60).into(), ImageFormat::WebP)
    }),
    note(Kind::Rotated, &["train/ants/turned.jpg"], |_| rotated_jpeg(9008)),
    note(Kind::Rotated, &["train/bees/turned.png"], |_| rotated_png(9009)),
    note(Kind::Animated, &["train/ants/moves.gif"], |_| gif(&[9010, 9011])),
    note(Kind::Animated, &["train/bees/moves.png"], |_| animated_png(9012)),
    note(Kind::Alpha, &["train/ants/alpha.png"], |_| with_alpha(9014, ImageFormat::Png)),
    note(Kind::Alpha, &["train/bees/alpha.webp"], |_| with_alpha(9015, ImageFormat::WebP)),
    note(Kind::Cmyk, &["train/bees/print.tif"], |_| cmyk_tiff(9016)),
    note(Kind::SixteenBit, &["test/bees/wide.png"], |_| sixteen_bit(9017)),
    note(Kind::Grayscale, &["train/ants/gray.png"], |_| gray(9018, ImageFormat::Png)),
    note(Kind::Grayscale, &["train/bees/gray.jpg"], |_| gray(9019, ImageFormat::Jpeg)),
    warning(Kind::Tiny, &["train/ants/tiny.png"], |_| {
        encoded(&draw(9020, 8, 9).into(), ImageFormat::Png)
    }),
    warning(Kind::ExtremeRatio, &["train/bees/long.png"], |_| {
        encoded(&draw(9021, 300, 40).into(), ImageFormat::Png)
    }),
    warning(Kind::ExtremeRatio, &["test/bees/high.jpg"], |_| jpeg(&draw(9022, 30, 200), 90)),
    warning(Kind::ExactDuplicate, &["train/ants/copy.png", "train/ants/2.png"], |folder| {
        copy(folder, "train/ants/2.png")
    }),
    warning(Kind::ExactDuplicate, &["val/bees/copy.jpg", "val/bees/3.jpg"], |folder| {
        copy(folder, "val/bees/3.jpg")
    }),
    note(Kind::NearDuplicate, &["train/bees/saved.jpg", "train/bees/4.png"], |folder| {
        jpeg(&again(folder, "train/bees/4.png").into_rgb8(), 60)
    }),
    note(Kind::NearDuplicate, &["train/ants/smaller.png", "train/ants/5.jpg"], |folder| {
        let filter = image::imageops::FilterType::Triangle;
        encoded(&again(folder, "train/ants/5.jpg").resize(40, 40, filter), ImageFormat::Png)
    }),
    error(Kind::TwoLabels, &["train/bees/both.png", "train/ants/6.png"], |folder| {
        copy(folder, "train/ants/6.png")
    }),
    warning(Kind::TwoLabels, &["train/bees/alike.jpg", "train/ants/8.png"], |folder| {
        jpeg(&again(folder, "train/ants/8.png").brighten(12).into_rgb8(), 70)
    }),
    error(Kind::Leak, &["train/ants/leak.png", "test/ants/0.png"], |folder| {
        copy(folder, "test/ants/0.png")
    }),
    error(Kind::Leak, &["val/ants/leak.jpg", "test/ants/1.jpg"], |folder| {
        copy(folder, "test/ants/1.jpg")
    }),
    warning(Kind::Leak, &["train/bees/leak.jpg", "val/bees/2.png"], |folder| {
        jpeg(&again(folder, "val/bees/2.png").into_rgb8(), 75)
    }),
    warning(Kind::Ignored, &["train/ants/photo.txt"], |_| jpeg(&draw(9023, 80, 60), 90)),
    warning(Kind::Ignored, &["train/bees/phone.heic"], |_| b"\0\0\0\x18ftypheic\0\0\0\0".to_vec()),
    warning(Kind::Unlabelled, &["train/loose.png"], |_| png(9024)),
    note(Kind::OtherFiles, &["train/ants/notes.txt"], |_| b"seen in May".to_vec()),
    note(Kind::OtherFiles, &["thumbs.bin"], |_| vec![0xd0, 0xcf, 0x11, 0xe0]),
];

/// Faults of labels: folders with pictures in each part, and what is to be said of them.
const LABELS: &[(&str, [u64; 3])] = &[
    ("Ants", [12, 2, 2]),
    ("caf\u{e9}", [12, 2, 2]),
    ("cafe\u{301}", [12, 2, 2]),
    ("flies", [12, 0, 2]),
    ("rare", [5, 2, 2]),
    ("wasps", [12, 0, 0]),
];
const ABOUT_LABELS: &[(Kind, Severity, &[&str])] = &[
    (Kind::SimilarLabels, Severity::Warning, &["Ants", "ants"]),
    (Kind::SimilarLabels, Severity::Warning, &["cafe\u{301}", "caf\u{e9}"]),
    (Kind::EmptyLabel, Severity::Warning, &["flies"]),
    (Kind::MissingLabel, Severity::Warning, &["wasps"]),
    (Kind::Imbalance, Severity::Warning, &["bees", "rare"]),
    (Kind::TooFew, Severity::Warning, &["rare"]),
];

fn plant(folder: &Path) {
    for fault in FAULTS {
        let bytes = (fault.bytes)(folder);
        write(&folder.join(fault.files[0]), &bytes);
    }
    for (place, (label, counts)) in LABELS.iter().enumerate() {
        fill(folder, label, *counts, 20_000 + 1000 * place as u64);
    }
    fs::create_dir_all(folder.join("val/flies")).unwrap();
}

type Said = (Kind, Severity, BTreeSet<String>);

/// What is to be found: a finding a fault, but one for all files of a property.
fn expected() -> BTreeSet<Said> {
    let mut shared: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
    let mut said = BTreeSet::new();
    for Fault { kind, severity, files, .. } in FAULTS {
        let files: BTreeSet<String> = files.iter().map(|file| (*file).to_owned()).collect();
        match severity {
            Severity::Note if *kind != Kind::NearDuplicate => {
                shared.entry(*kind).or_default().extend(files);
            }
            _ => drop(said.insert((*kind, *severity, files))),
        }
    }
    said.extend(shared.into_iter().map(|(kind, files)| (kind, Severity::Note, files)));
    for (kind, severity, labels) in ABOUT_LABELS {
        said.insert((*kind, *severity, labels.iter().map(|label| (*label).to_owned()).collect()));
    }
    said
}

fn found(diagnosis: &Diagnosis) -> BTreeSet<Said> {
    let said = diagnosis.findings.iter().map(|finding| {
        let files = finding.files.iter().map(|file| file.to_str().unwrap().to_owned());
        let named: BTreeSet<String> = if files.len() > 0 {
            files.collect()
        } else {
            finding.labels.iter().cloned().collect()
        };
        (finding.kind, finding.severity, named)
    });
    said.collect()
}

#[test]
fn nothing_is_invented_on_clean_pictures() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    assert_eq!(diagnosis.findings, []);
    assert_eq!(diagnosis.examined.len(), 92);
    assert!(text(&diagnosis, 5).ends_with("92 pictures, 2 labels: nothing found\n"));
}

#[test]
fn every_planted_fault_is_found_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    plant(folder.path());
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    let (expected, found) = (expected(), found(&diagnosis));
    let missed: Vec<_> = expected.difference(&found).collect();
    let invented: Vec<_> = found.difference(&expected).collect();
    assert!(missed.is_empty() && invented.is_empty(), "missed {missed:#?}\ninvented {invented:#?}");
    let kinds: BTreeSet<Kind> = expected.iter().map(|(kind, ..)| *kind).collect();
    assert!(FAULTS.len() + ABOUT_LABELS.len() >= 30 && kinds.len() >= 20, "{}", kinds.len());
    for finding in &diagnosis.findings {
        let sentence = finding.sentence();
        assert!(sentence.len() > 20 && !sentence.ends_with('.'), "{sentence}");
        assert!(text(&diagnosis, 99).contains(finding.kind.title()));
    }
}

#[test]
fn threads_and_json_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    plant(folder.path());
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| examine(folder.path(), &Options::default())).unwrap()
    };
    let diagnosis = with(1);
    assert_eq!(diagnosis, with(4));
    let json = serde_json::to_string(&diagnosis).unwrap();
    assert_eq!(serde_json::from_str::<Diagnosis>(&json).unwrap(), diagnosis);
    assert!(json.contains("\"kind\":\"two_labels\",\"severity\":\"error\""));
}

#[test]
fn a_page_shows_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    plant(folder.path());
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    let page = html(&diagnosis, 2);
    for Fault { kind, files, .. } in FAULTS {
        let title = kind.title();
        let title = title[..1].to_uppercase() + &title[1..];
        assert!(page.contains(&format!(">{title} (")), "{title}");
        let many = FAULTS.iter().filter(|fault| fault.kind == *kind).count() > 2;
        assert!(many || page.contains(files[0]), "{}", files[0]);
    }
    assert!(page.matches("<img src=\"data:image/jpeg;base64,").count() > 20);
    assert!(!page.contains("=\"https:") && !page.contains("src=\"http"));
    assert!(page.len() < 500_000, "{}", page.len());
    // What is gone by then is named all the same.
    fs::remove_dir_all(folder.path().join("train")).unwrap();
    assert!(html(&diagnosis, 2).contains("train/ants/moves.gif"));
}

/// All files and their bytes.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

#[test]
fn a_manifest_leaves_the_bad_out_and_touches_nothing() {
    let [place, out, rest] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let folder = place.path().join("pictures");
    clean(&folder);
    plant(&folder);
    let before = tree(&folder);
    let diagnosis = examine(&folder, &Options::default()).unwrap();
    // Paths start where the list is: beside the folder as much as far from it.
    let beside = place.path().join("manifest.csv");
    write_manifest(&diagnosis, &beside).unwrap();
    assert!(fs::read_to_string(&beside).unwrap().contains("\npictures/train/"));
    let path = out.path().join("manifest.csv");
    let manifest = write_manifest(&diagnosis, &path).unwrap();
    assert_eq!(tree(&folder), before);
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "nothing else is left beside it");

    let start = format!("{}/", folder.canonicalize().unwrap().display());
    let text = fs::read_to_string(&path).unwrap().replace(&start, "");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("path,label,split"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), manifest.kept);
    for row in &rows {
        assert_eq!(row[0].split('/').take(2).collect::<Vec<_>>(), [row[2], row[1]], "{row:?}");
        write(&rest.path().join(row[0]), &copy(&folder, row[0]));
    }
    let gone = [
        "train/ants/empty.jpg",
        "train/ants/words.png",
        "val/bees/page.jpg",
        "train/bees/cut.png",
        "train/ants/cut.jpg",
        "test/ants/cut.gif",
        "test/ants/cut.webp",
        "train/bees/tail.png",
        "train/ants/copy.png",
        "val/bees/copy.jpg",
        "train/bees/both.png",
        "train/ants/6.png",
        "train/ants/leak.png",
        "val/ants/leak.jpg",
        "train/bees/leak.jpg",
    ];
    assert_eq!(manifest.left_out, gone.len());
    gone.iter().for_each(|file| assert!(rows.iter().all(|row| row[0] != *file), "{file}"));

    // What is left has none of those faults.
    let left = examine(rest.path(), &Options::default()).unwrap();
    let bad = [Kind::Unreadable, Kind::Leak, Kind::ExactDuplicate];
    assert!(
        left.findings
            .iter()
            .all(|finding| !bad.contains(&finding.kind) && finding.left_out.is_empty())
    );

    // Again over itself, but over nothing else.
    assert_eq!(write_manifest(&diagnosis, &path).unwrap(), manifest);
    let picture = folder.join("train/ants/2.png");
    let error = write_manifest(&diagnosis, &picture).unwrap_err().to_string();
    assert!(error.contains("2.png: exists and is no manifest"), "{error}");
    assert_eq!(tree(&folder), before);

    let missing = out.path().join("missing/manifest.csv");
    let error = write_manifest(&diagnosis, &missing).unwrap_err().to_string();
    assert!(error.contains("missing/manifest.csv: cannot be written"), "{error}");
}
