//! Pictures as people meet them, each equal to what Pillow sees or refused by the name of its format.
//!
//! Needs `REKINDLE_TEST_DATA`, where `cases/ref` has what Pillow makes of the files in `cases`.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::path::Path;

use rekindle_images::decode;

/// What a picture is allowed to become.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// The reference, to within so many levels of 255.
    ///
    /// JPEG decoders round differently. zune-jpeg's cosine transform is off by one level a component, which are 3 once
    /// brightness and colors are joined: what files of a scan a component show, as upsampling and colors are here those
    /// of libjpeg-turbo. Its own upsampling rounds twice where libjpeg-turbo does once, which makes 4; and the last column
    /// is mixed with what pads a color's last block, which makes up to 7 in a strip of noise.
    Within(u8),
    /// A picture, of which there is no reference.
    Decoded,
    /// An error that says this.
    Refused(&'static str),
}

use Expected::{Decoded, Refused, Within};

/// A folder of cases, the start of the names of its files, and what they become; the first row that fits counts.
const CASES: &[(&str, &str, Expected)] = &[
    (
        "I05",
        "jpegtran_y_then_cbcr",
        Refused("JPEG with scans of some components each is not read; save it as PNG"),
    ),
    (
        "I05",
        "sampling_221111_3x1",
        Refused("JPEG with brightness sampled three times as finely as colors is not read"),
    ),
    (
        "I05",
        "sampling_luma_low",
        Refused("JPEG with brightness sampled more coarsely than a color is not read"),
    ),
    ("I05", "interleaved", Within(4)),
    ("I05", "", Within(3)),
    ("I08", "", Refused("JPEG with arithmetic coding is not read; save it as PNG")),
    ("I10", "xmp_itxt", Within(0)),
    ("I10", "xmp_orientation6.jpg", Within(4)),
    ("I11", "", Within(0)),
    ("I12", "", Within(0)),
    ("I14", "", Within(4)),
    ("I15", "", Within(4)),
    ("I16", "", Refused("cut short")),
    ("I17", "jpeg_ycbcr_420", Within(7)),
    ("I17", "lab", Within(1)),
    ("I17", "", Within(0)),
    ("I19", "", Within(0)),
    ("I20", "bee.p", Within(0)),
    ("I20", "", Within(4)),
    ("I21", "ppm", Decoded),
    ("I21", "avif", Refused("an AVIF picture")),
    ("I21", "heic", Refused("an HEIC picture")),
    ("I21", "html", Refused("a page of HTML")),
    ("I21", "ico", Refused("a Windows icon")),
    ("I21", "jp2", Refused("a JPEG 2000 picture")),
    ("I21", "json", Refused("a JSON text")),
    ("I21", "lfs", Refused("a Git LFS pointer")),
    ("I21", "svg", Refused("an SVG drawing")),
];

/// What is wrong with what becomes of a file.
fn problem(file: &Path, reference: &Path, expected: Expected) -> Option<String> {
    let found = decode(file);
    let reference = decode(reference).ok();
    match (found, expected, reference) {
        (Err(error), Refused(words), _) => {
            (!error.to_string().contains(words)).then(|| format!("{error}"))
        }
        (Err(error), Within(_) | Decoded, _) => Some(error.to_string()),
        (Ok(_), Decoded, _) => None,
        (Ok(_), Refused(_), _) => Some("decoded".to_owned()),
        (Ok(_), Within(_), None) => Some("decoded, but there is no reference".to_owned()),
        (Ok(picture), Within(levels), Some(reference)) => {
            let sizes = [&picture, &reference].map(|picture| [picture.width(), picture.height()]);
            if sizes[0] != sizes[1] {
                return Some(format!("{sizes:?}"));
            }
            let (picture, reference) = (picture.to_rgb(), reference.to_rgb());
            let pairs = picture.pixels().iter().zip(reference.pixels());
            let (at, most) = pairs
                .map(|(one, other)| one.abs_diff(*other))
                .enumerate()
                .max_by_key(|(_, levels)| *levels)?;
            let [x, y] = [at / 3 % picture.width(), at / 3 / picture.width()];
            (most > levels).then(|| format!("differs by up to {most} levels, as at {x}, {y}"))
        }
    }
}

#[test]
fn every_case_is_as_pillow_sees_it_or_refused_in_words() {
    let Some(data) = rekindle_skip::real_data() else { return };
    let cases = data.join("cases");
    let mut problems = Vec::new();
    let mut rows = CASES.to_vec();
    rows.dedup_by_key(|row| row.0);
    for (folder, ..) in rows {
        let mut names: Vec<String> = std::fs::read_dir(cases.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        for name in names {
            let fits = |row: &&(&str, &str, Expected)| row.0 == folder && name.starts_with(row.1);
            let expected = CASES.iter().find(fits).unwrap().2;
            let reference = cases.join("ref").join(folder).join(format!("{name}.png"));
            if let Some(problem) = problem(&cases.join(folder).join(&name), &reference, expected) {
                problems.push(format!("{folder}/{name}: {problem}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
