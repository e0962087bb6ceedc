//! Lists that pandas and Polars wrote, by `reference/lists.py`.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
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

/// A list with a column of one text in every row, packed.
fn packed(path: &Path, rows: usize, text: &str, compression: Compression) {
    let schema = "message list { REQUIRED BINARY path (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let file = fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let text = ByteArray::from(text);
    let batch = vec![text; rows];
    column.typed::<ByteArrayType>().write_batch(&batch, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

/// A file of kilobytes that is a list of gigabytes, and one whose pages hold other than they announce.
#[test]
fn no_more_is_unpacked_than_a_list_may_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.parquet");
    let gzip = Compression::GZIP(GzipLevel::default());
    // A dictionary of one text of half a megabyte, which two thousand rows share.
    packed(&path, 2000, &"x".repeat(1 << 19), gzip);
    assert!(fs::metadata(&path).unwrap().len() < 1 << 20);
    let error = manifest::Table::read(&path).unwrap_err().to_string();
    assert!(error.contains("more than the limit of 536870912 bytes"), "{error}");
    packed(&path, 2, &"x".repeat(manifest::MAX_LINE_BYTES + 1), gzip);
    let error = manifest::Table::read(&path).unwrap_err().to_string();
    assert!(error.contains("longer than the limit of 1048576 bytes"), "{error}");
    packed(&path, 1000, &"x".repeat(1 << 16), gzip);
    assert_eq!(manifest::Table::read(&path).unwrap().rows.len(), 1000);
    let mut bytes = fs::read(&path).unwrap();
    // Kind and size of the first page, the dictionary: 65,540 is 4 and the text. It is made to say 4.
    let header = [0x15, 4, 0x15, 0x88, 0x80, 0x08];
    assert_eq!(bytes[4..10], header);
    bytes[7..10].copy_from_slice(&[0x88, 0x80, 0]);
    fs::write(&path, &bytes).unwrap();
    let error = manifest::Table::read(&path).unwrap_err().to_string();
    assert!(error.contains("unpacks to more than the 4 bytes that it announces"), "{error}");
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
