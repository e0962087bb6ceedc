//! Pictures in packed files: the same faults planted in each format, and what is said of them by file and row.

use std::collections::BTreeSet;
use std::path::Path;

use image::{DynamicImage, RgbImage, imageops::brighten};
use rekindle_doctor::{
    DataLayout, Error, Kind, Options, Severity, examine, html, text, write_manifest,
};

use crate::pictures::{draw, write};

const SIDE: u32 = 32;

/// A picture and its label.
type Labelled = (RgbImage, u8);

/// 24 pictures of two labels to train on and 10 to test on, with copies in rows 24 and on.
fn pictures() -> [Vec<Labelled>; 2] {
    let drawn = |number: u64| (draw(number, SIDE, SIDE), (number % 2) as u8);
    let mut train: Vec<Labelled> = (0..24).map(drawn).collect();
    let test: Vec<Labelled> = (100..110).map(drawn).collect();
    train.extend([
        // Again, under the other label, from the test, and one that is brighter.
        train[4].clone(),
        (train[6].0.clone(), 1),
        test[3].clone(),
        (brighten(&train[8].0, 12), train[8].1),
    ]);
    [train, test]
}

/// Writes the parts into a folder.
type Packing = fn(&Path, &[Vec<Labelled>; 2]);

/// Each format, and the names of its files.
const FORMATS: &[(&str, Packing, [&str; 2])] = &[
    ("strips", strips, ["train_0.png", "test_0.png"]),
    ("idx", idx, ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"]),
    ("cifar", cifar, ["data_batch_1.bin", "test_batch.bin"]),
];

fn strips(folder: &Path, parts: &[Vec<Labelled>; 2]) {
    write(&folder.join("classes.txt"), b"ants\nbees\n");
    for (part, name) in parts.iter().zip(["train_0", "test_0"]) {
        let pixels = part.iter().flat_map(|(picture, _)| picture.as_raw().clone()).collect();
        let strip = RgbImage::from_raw(SIDE * SIDE, part.len() as u32, pixels).unwrap();
        strip.save(folder.join(name).with_extension("png")).unwrap();
        let labels: String = part.iter().map(|(_, label)| format!("{label}\n")).collect();
        write(&folder.join(name).with_extension("labels.txt"), labels.as_bytes());
    }
}

fn idx(folder: &Path, parts: &[Vec<Labelled>; 2]) {
    write(&folder.join("classes.txt"), b"ants\nbees\n");
    for (part, name) in parts.iter().zip(["train", "t10k"]) {
        let shape = |shape: &[u32]| shape.iter().flat_map(|it| it.to_be_bytes()).collect();
        let count = part.len() as u32;
        let pixels = part
            .iter()
            .flat_map(|(picture, _)| DynamicImage::from(picture.clone()).into_luma8().into_raw());
        let head: Vec<u8> = shape(&[0x803, count, SIDE, SIDE]);
        let images: Vec<u8> = head.into_iter().chain(pixels).collect();
        write(&folder.join(format!("{name}-images-idx3-ubyte")), &images);
        let head: Vec<u8> = shape(&[0x801, count]);
        let labels: Vec<u8> = head.into_iter().chain(part.iter().map(|it| it.1)).collect();
        write(&folder.join(format!("{name}-labels-idx1-ubyte")), &labels);
    }
}

fn cifar(folder: &Path, parts: &[Vec<Labelled>; 2]) {
    write(&folder.join("batches.meta.txt"), b"ants\nbees\n");
    for (part, name) in parts.iter().zip(["data_batch_1.bin", "test_batch.bin"]) {
        let mut records = Vec::new();
        for (picture, label) in part {
            records.push(*label);
            let plane = |channel: usize| picture.pixels().map(move |pixel| pixel.0[channel]);
            (0..3).for_each(|channel| records.extend(plane(channel)));
        }
        write(&folder.join(name), &records);
    }
}

#[test]
fn copies_are_found_by_file_and_row_in_each_format() {
    for (format, pack, [train, test]) in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        pack(folder.path(), &pictures());
        let diagnosis = examine(folder.path(), &Options::default()).unwrap();
        assert_eq!(
            (diagnosis.layout, diagnosis.examined.len()),
            (DataLayout::Packed, 38),
            "{format}"
        );
        let row = |file: &str, row: usize| format!("{file}#{row}");
        let expected = BTreeSet::from([
            (Kind::TwoLabels, Severity::Error, vec![row(train, 6), row(train, 25)]),
            (Kind::Leak, Severity::Error, vec![row(train, 26), row(test, 3)]),
            (Kind::ExactDuplicate, Severity::Warning, vec![row(train, 4), row(train, 24)]),
            (Kind::NearDuplicate, Severity::Warning, vec![row(train, 8), row(train, 27)]),
        ]);
        let found = diagnosis.findings.iter().map(|finding| {
            let files = finding.files.iter().map(|file| file.to_str().unwrap().to_owned());
            (finding.kind, finding.severity, files.collect())
        });
        assert_eq!(
            found.collect::<BTreeSet<(Kind, Severity, Vec<String>)>>(),
            expected,
            "{format}"
        );
        let text = text(&diagnosis, 5);
        assert!(text.contains("the same pixels 2 times, in train and test"), "{text}");
        // Pictures are shown from memory, two a finding.
        let page = html(&diagnosis, 5);
        assert_eq!(page.matches("<img src=\"data:image/jpeg;base64,").count(), 8, "{format}");
        assert!(page.contains(&row(train, 25)));
        assert!(!folder.path().join("list.csv").exists());
    }
}

#[test]
fn nothing_can_be_left_out_of_packed_files() {
    for (format, pack, _) in FORMATS {
        let [folder, out] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        pack(folder.path(), &pictures());
        let diagnosis = examine(folder.path(), &Options::default()).unwrap();
        let list = out.path().join("list.csv");
        let error = write_manifest(&diagnosis, &list).unwrap_err();
        assert!(matches!(error, Error::Packed { .. }), "{format}: {error}");
        assert!(error.to_string().contains("write each to a file of its own"), "{error}");
        assert!(!list.exists());
    }
}

#[test]
fn labels_are_counted_and_damage_is_one_clear_error() {
    for (format, pack, [train, _]) in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let [mut pictures, mut test] = pictures();
        // 14 of one label and two of the other, which the test lacks.
        pictures.truncate(24);
        pictures.retain(|(_, label)| *label == 0);
        pictures.push((draw(1, SIDE, SIDE), 1));
        pictures.push((draw(3, SIDE, SIDE), 1));
        test.retain(|(_, label)| *label == 0);
        pack(folder.path(), &[pictures, test]);
        let diagnosis = examine(folder.path(), &Options::default()).unwrap();
        let found: Vec<_> =
            diagnosis.findings.iter().map(|it| (it.kind, it.severity, &it.labels[..])).collect();
        let (both, bees) = (["bees", "ants"].map(str::to_owned), ["bees".to_owned()]);
        let expected = [
            (Kind::EmptyLabel, Severity::Warning, &bees[..]),
            (Kind::Imbalance, Severity::Warning, &both[..]),
            (Kind::TooFew, Severity::Warning, &bees[..]),
        ];
        assert_eq!(found, expected, "{format}");
        let path = folder.path().join(train);
        let bytes = std::fs::read(&path).unwrap();
        write(&path, &bytes[..bytes.len() - 100]);
        let error = examine(folder.path(), &Options::default()).unwrap_err().to_string();
        assert!(error.contains(train) && !error.contains('\n'), "{format}: {error}");
    }
}
