//! Lists that pandas and Polars wrote, by `reference/lists.py`.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::fs;
use std::path::{Path, PathBuf};

use rekindle_data::{DataSet, Error, Sample, Split, Target, manifest};

const WRITERS: [&str; 2] = ["pandas", "polars"];

/// The list of a writer, with the files that it names.
fn list(folder: &Path, writer: &str) -> PathBuf {
    for number in 0..8 {
        fs::write(folder.join(format!("{number}.jpg")), "").unwrap();
    }
    let name = format!("list.{writer}.parquet");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(&name);
    fs::copy(golden, folder.join(&name)).unwrap();
    folder.join(name)
}

fn open<L: Target>(list: &Path) -> Result<DataSet<L>, Error> {
    DataSet::of(list, manifest::read(list, L::KIND, &[])?, &Split::default())
}

fn names<L>(samples: &[Sample<L>]) -> Vec<String> {
    samples
        .iter()
        .map(|sample| sample.path().unwrap().file_stem().unwrap().display().to_string())
        .collect()
}

#[test]
fn labels_splits_and_weights_are_those_of_the_list() {
    for writer in WRITERS {
        let folder = tempfile::tempdir().unwrap();
        let path = list(folder.path(), writer);
        let found = open::<usize>(&path).unwrap();
        assert_eq!(found.names, ["ant", "bee"]);
        assert_eq!(names(&found.train), ["1", "3", "7", "0", "2", "4"]);
        assert_eq!([names(&found.val), names(&found.test)], [["5"], ["6"]]);
        let weights: Vec<f32> = found.train.iter().map(|sample| sample.weight).collect();
        assert_eq!(weights, [2.0, 1.0, 1.0, 0.5, 1.0, 3.0]);
        let tagged = open::<Vec<usize>>(&path).unwrap();
        assert_eq!(tagged.names, ["ant", "bee", "leaf"]);
        let labels: Vec<_> = tagged.train.iter().map(|sample| sample.label.clone()).collect();
        assert_eq!(labels, [vec![], vec![0, 2], vec![1], vec![1], vec![1, 2], vec![2]]);
    }
}

/// Cut anywhere, or with any byte another, it is read or refused by name.
#[test]
fn damaged_lists_do_no_harm() {
    for writer in WRITERS {
        let folder = tempfile::tempdir().unwrap();
        let path = list(folder.path(), writer);
        let whole = fs::read(&path).unwrap();
        let cut = (0..whole.len()).map(|end| whole[..end].to_vec());
        let flipped = (0..whole.len()).map(|place| {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            bytes
        });
        for bytes in cut.chain(flipped) {
            fs::write(&path, bytes).unwrap();
            if let Err(error) = open::<usize>(&path) {
                assert!(error.to_string().contains(".parquet"), "{error}");
            }
        }
    }
}
