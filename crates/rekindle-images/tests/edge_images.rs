//! 259 odd and broken files: each is decoded as Pillow does, or refused by name, or listed here with the reason.
//!
//! Needs `REKINDLE_TEST_DATA`; what Pillow makes of the files is in `reference/edge_images.json`.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::collections::BTreeMap;

use rekindle_images::{Picture, decode};
use serde_json::Value;

/// How a file differs from what Pillow makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// Pillow decodes it.
    Refused,
    /// Pillow refuses it.
    Decoded,
    /// Both decode it, to other colors.
    Colors,
}

/// Every file that differs from Pillow 13, and why.
const DIFFERENCES: &[(&str, Difference, &str)] = &[
    (
        "animated/anim.webp",
        Difference::Colors,
        "pixels that are wholly transparent: libwebp keeps their colors",
    ),
    (
        "broken/dc-predictor-overflow.jpg",
        Difference::Colors,
        "corrupt coefficients overflow differently",
    ),
    (
        "broken/truncated_app14.jpg",
        Difference::Refused,
        "zune-jpeg insists on a whole APP14 segment",
    ),
    (
        "jpeg_special/jpg-size-2x2.jpg",
        Difference::Colors,
        "zune-jpeg mixes padding into a chroma plane of one column",
    ),
    (
        "pngsuite/xcsn0g01.png",
        Difference::Refused,
        "a wrong checksum over the pixels, which Pillow does not look at",
    ),
];

/// Greatest difference of a block's mean color that JPEG decoders are allowed, in levels of 255.
const TOLERANCE: f64 = 2.0;

#[test]
fn every_odd_file_is_decoded_as_pillow_does_or_refused() {
    let Some(data) = rekindle_skip::real_data() else { return };
    let folder = data.join("images/edge_images");
    let manifest = std::fs::read_to_string(folder.join("manifest.csv")).unwrap();
    let reference: Value =
        serde_json::from_str(include_str!("reference/edge_images.json")).unwrap();
    let reference: BTreeMap<&str, &Value> = reference["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["file"].as_str().unwrap(), row))
        .collect();
    let mut problems = Vec::new();
    let mut files = 0;
    for row in manifest.lines().skip(1) {
        let file = row.split(',').next().unwrap();
        let (found, detail) = check(&folder, file, reference.get(file).copied());
        let listed = DIFFERENCES
            .iter()
            .find(|(name, ..)| *name == file)
            .map(|(_, difference, _)| *difference);
        if found != listed {
            problems.push(format!("{file}: {found:?}, but listed as {listed:?}: {detail}"));
        }
        files += 1;
    }
    assert_eq!(files, 259);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// How a file differs from its row of the reference, which is missing where Pillow refuses the file.
fn check(
    folder: &std::path::Path,
    file: &str,
    reference: Option<&Value>,
) -> (Option<Difference>, String) {
    let decoded = decode(&folder.join(file));
    if let Err(error) = &decoded {
        assert!(error.to_string().contains(file), "the error does not name {file}: {error}");
        assert!(!error.to_string().contains("panicked"), "{error}");
    }
    match (decoded, reference) {
        (Err(_), None) => (None, String::new()),
        (Err(error), Some(_)) => (Some(Difference::Refused), error.to_string()),
        (Ok(picture), None) => (Some(Difference::Decoded), format!("{picture:?}")),
        (Ok(picture), Some(row)) => {
            assert_eq!(
                row["size"],
                serde_json::json!([picture.width(), picture.height()]),
                "{file}"
            );
            let difference = greatest_difference(&blocks(&picture), &row["blocks"]);
            (
                (difference > TOLERANCE).then_some(Difference::Colors),
                format!("block means differ by {difference:.2}"),
            )
        }
    }
}

/// Means of 4 x 4 blocks, as `reference/edge_images.py` cuts them.
fn blocks(picture: &Picture) -> Vec<f64> {
    let spans = |length: usize| {
        (0..4).map(move |i| i * length / 4..((i + 1) * length / 4).max(i * length / 4 + 1))
    };
    let mut means = Vec::new();
    for rows in spans(picture.height()) {
        for columns in spans(picture.width()) {
            for channel in 0..3 {
                let mut sum = 0;
                for row in rows.clone() {
                    for column in columns.clone() {
                        sum += usize::from(
                            picture.pixels()[(row * picture.width() + column) * 3 + channel],
                        );
                    }
                }
                means.push(sum as f64 / (rows.len() * columns.len()) as f64);
            }
        }
    }
    means
}

fn greatest_difference(found: &[f64], expected: &Value) -> f64 {
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected.as_f64().unwrap()).abs())
        .fold(0.0, f64::max)
}
