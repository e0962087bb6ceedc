//! Files cut short at many places, and bytes changed: all are found, and none brings the examination down.

use image::ImageFormat;
use rekindle_doctor::{Kind, Options, Severity, examine};

use crate::pictures::{animated_png, draw, encoded, gif, jpeg, png, rotated_jpeg, write};

/// Two labels of six whole pictures, and one that is added.
fn with(files: &[(String, Vec<u8>)]) -> Vec<(String, Kind, Severity)> {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..12 {
        write(
            &folder.path().join(format!("{}/whole {number}.png", ["a", "b"][number % 2])),
            &png(number as u64),
        );
    }
    for (name, bytes) in files {
        write(&folder.path().join("a").join(name), bytes);
    }
    let diagnosis = examine(folder.path(), &Options::default()).unwrap();
    let damaged = diagnosis.findings.into_iter().filter(|finding| finding.kind <= Kind::Truncated);
    let named = damaged.map(|finding| {
        let name = finding.files[0].file_name().unwrap().to_str().unwrap().to_owned();
        (name, finding.kind, finding.severity)
    });
    named.collect()
}

#[test]
fn pictures_cut_short_anywhere_are_found() {
    let picture = draw(500, 90, 70);
    for (extension, whole) in [
        ("png", encoded(&picture.clone().into(), ImageFormat::Png)),
        ("jpg", jpeg(&picture, 85)),
        ("jpg", rotated_jpeg(501)),
        ("gif", gif(&[502])),
        ("webp", encoded(&picture.clone().into(), ImageFormat::WebP)),
        ("tif", encoded(&picture.clone().into(), ImageFormat::Tiff)),
        ("bmp", encoded(&picture.into(), ImageFormat::Bmp)),
    ] {
        let cuts: Vec<usize> = (0..20).map(|part| whole.len() * part / 20).collect();
        let cuts = cuts.into_iter().chain([whole.len() - 16]);
        let cut = |length: usize| (format!("{length:06}.{extension}"), whole[..length].to_vec());
        let files: Vec<(String, Vec<u8>)> = cuts.map(cut).collect();
        let found = with(&files);
        for (name, bytes) in &files {
            let [(_, kind, severity)] =
                found.iter().filter(|(other, ..)| other == name).collect::<Vec<_>>()[..]
            else {
                panic!("{name} of {}: found {found:?}", whole.len())
            };
            assert_eq!(*severity, Severity::Error, "{name}");
            // BMP says nowhere for certain how long it is.
            let told = bytes.len() > 16 && extension != "bmp";
            assert!(*kind == Kind::Truncated || !told, "{name}: {kind:?}");
        }
        assert_eq!(found.len(), files.len());
    }
}

#[test]
fn changed_bytes_bring_nothing_down() {
    let mut files = Vec::new();
    let picture = draw(600, 40, 30);
    for (extension, whole) in [
        ("png", animated_png(601)),
        ("jpg", rotated_jpeg(602)),
        ("gif", gif(&[603, 604])),
        ("webp", encoded(&picture.clone().into(), ImageFormat::WebP)),
        ("tif", encoded(&picture.clone().into(), ImageFormat::Tiff)),
        ("bmp", encoded(&picture.into(), ImageFormat::Bmp)),
    ] {
        let mut random = rekindle_data::Random::new(whole.len() as u64, 0, 0);
        for number in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..1 + number % 4 {
                // Heads are what is trusted.
                let reach = if number % 2 == 0 { 64.min(bytes.len()) } else { bytes.len() };
                bytes[random.below(reach)] = random.below(256) as u8;
            }
            files.push((format!("{extension} {number}.{extension}"), bytes));
        }
    }
    assert!(with(&files).len() > 30);
}
