//! What is written is read again, and what is damaged is refused.

use std::fs;

use super::*;

fn maker() -> Maker {
    Maker {
        architecture: "resnet18".to_owned(),
        stage: Some("layer3".to_owned()),
        config: "c0".to_owned(),
        weights: "e1".to_owned(),
    }
}

fn some(labelled: bool, maker: Option<Maker>) -> Embeddings {
    let mut embeddings = Embeddings::new(3, maker);
    for (place, name) in ["a.png", "ä \"b\".png", "c,|.png", "c,|.png"].into_iter().enumerate() {
        let x = place as f32;
        let label = if labelled && place != 1 { "ant|bee" } else { "" };
        embeddings.push(name, label, &[0.1 * x - 1e-30, 1.0 / 3.0, f32::MIN_POSITIVE * x]);
    }
    embeddings
}

#[test]
fn every_format_that_is_read_gives_the_same_back() {
    let folder = tempfile::tempdir().unwrap();
    let parquet = cfg!(feature = "parquet").then_some("x.parquet");
    for name in ["x.safetensors", "x.npy", "x.jsonl", "x.NPY"].into_iter().chain(parquet) {
        let path = folder.path().join(name);
        for labelled in [true, false] {
            for maker in [Some(maker()), None] {
                let embeddings = some(labelled, maker);
                let written = embeddings.save(&path).unwrap();
                assert_eq!(written.last(), Some(&path));
                assert!(written.iter().all(|path| path.is_file()), "{written:?}");
                assert_eq!(Embeddings::open(&path).unwrap(), embeddings, "{name} {labelled}");
            }
        }
    }
}

#[test]
fn numpy_finds_what_its_format_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    some(true, None).save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert!(start.is_multiple_of(64) && bytes[start - 1] == b'\n');
    let line = str::from_utf8(&bytes[10..start]).unwrap();
    let expected = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }";
    assert_eq!(line.trim_end(), expected);
    assert_eq!(bytes.len() - start, 4 * 3 * 4);
    let names = fs::read_to_string(folder.path().join("x.npy.names.txt")).unwrap();
    assert_eq!(names, "a.png\nä \"b\".png\nc,|.png\nc,|.png\n");
    // An array from elsewhere has no names.
    fs::remove_file(folder.path().join("x.npy.names.txt")).unwrap();
    assert_eq!(Embeddings::open(&path).unwrap().items()[3], "#3");
}

#[test]
fn what_is_damaged_or_foreign_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    some(true, None).save(&path("whole.npy")).unwrap();
    let whole = fs::read(path("whole.npy")).unwrap();
    let replaced = |from: &str, to: &str| {
        let text: Vec<u8> = whole.clone();
        let at = text.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat()
    };
    let lines = "{\"item\":\"a\",\"embedding\":[1,2]}\n";
    for (name, bytes, said) in [
        ("cut.npy", whole[..whole.len() - 1].to_vec(), "no whole NumPy array"),
        ("short.npy", whole[..9].to_vec(), "no whole NumPy array"),
        ("empty.npy", Vec::new(), "no whole NumPy array"),
        ("long.npy", [&whole[..], &[0]].concat(), "no whole NumPy array"),
        ("double.npy", replaced("<f4", "<f8"), "float32"),
        ("columns.npy", replaced("False", "True "), "row by row"),
        ("cube.npy", replaced("(4, 3)", "(4,3,1"), "two axes"),
        ("other.npy", replaced("(4, 3)", "(4, 4)"), "no whole NumPy array"),
        ("huge.npy", replaced("(4, 3), }", "(9999999999,9)"), "no whole NumPy array"),
        ("uneven.jsonl", format!("{lines}{{\"item\":\"b\",\"embedding\":[1]}}").into(), "line 2"),
        ("words.jsonl", format!("{lines}ant").into(), "line 2"),
        ("null.jsonl", b"{\"item\":\"b\",\"embedding\":[null]}".to_vec(), "line 1"),
        ("none.jsonl", b"\n".to_vec(), "holds no embeddings"),
        ("endless.jsonl", vec![b' '; (16 << 20) + 1], "a line of more than 16777216 bytes"),
        ("words.safetensors", b"not tensors at all".to_vec(), "words.safetensors"),
        ("x.parquet", Vec::new(), "Parquet"),
        ("x.csv", Vec::new(), ".jsonl"),
    ] {
        fs::write(path(name), bytes).unwrap();
        let error = Embeddings::open(&path(name)).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(name), "{name}: {error}");
    }
    // Of which nothing is on the disk.
    fs::File::create(path("sparse.npy")).unwrap().set_len(1 << 40).unwrap();
    let error = Embeddings::open(&path("sparse.npy")).unwrap_err().to_string();
    assert!(error.contains("more than 4294967296 bytes"), "{error}");
    fs::write(path("whole.npy.labels.txt"), "ant\n").unwrap();
    let error = Embeddings::open(&path("whole.npy")).unwrap_err().to_string();
    assert!(error.contains("4 rows and 1 labels"), "{error}");
    let mut broken = Embeddings::new(1, None);
    broken.push("a\nb", "", &[1.0]);
    let error = broken.save(&path("x.npy")).unwrap_err().to_string();
    assert!(error.contains("line break"), "{error}");
    broken.push("c", "", &[f32::NAN]);
    for name in ["x.safetensors", "x.jsonl", "x.npy"] {
        let error = broken.save(&path(name)).unwrap_err().to_string();
        assert!(error.contains("not finite") && !path(name).exists(), "{error}");
    }
}

#[test]
fn neighbors_are_by_cosine_and_ties_by_place() {
    let mut embeddings = Embeddings::new(2, None);
    for (name, row) in [
        ("east", [2.0, 0.0]),
        ("north", [0.0, 1.0]),
        ("zero", [0.0, 0.0]),
        ("far east", [300.0, 0.0]),
        ("west", [-1.0, 0.0]),
        ("north-east", [1.0, 1.0]),
    ] {
        embeddings.push(name, "", &row);
    }
    let names = |query: &[f32], top, except| -> Vec<&str> {
        let found = embeddings.neighbors(query, top, except);
        found.iter().map(|neighbor| embeddings.items()[neighbor.place].as_str()).collect()
    };
    let all = ["east", "far east", "north-east", "north", "zero", "west"];
    assert_eq!(names(&[5.0, 0.0], 9, None), all);
    assert_eq!(names(&[5.0, 0.0], 2, Some(0)), ["far east", "north-east"]);
    assert_eq!(names(&[0.0, 0.0], 2, None), ["east", "north"]);
    let similarities: Vec<f32> =
        embeddings.neighbors(&[1.0, 0.0], 6, None).iter().map(|found| found.similarity).collect();
    assert_eq!(similarities, [1.0, 1.0, 0.5_f32.sqrt(), 0.0, 0.0, -1.0]);
    embeddings.normalize();
    assert_eq!(embeddings.row(3), [1.0, 0.0]);
    assert_eq!(embeddings.row(2), [0.0, 0.0]);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_holds_a_row_an_item() {
    use ::parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::{Field, RowAccessor},
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    for labelled in [true, false] {
        let embeddings = some(labelled, Some(maker()));
        embeddings.save(&path).unwrap();
        let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
        let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(metadata.iter().any(|pair| pair.key == "maker"));
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), embeddings.len());
        for (place, row) in rows.iter().enumerate() {
            assert_eq!(row.get_string(0).unwrap(), &embeddings.items()[place]);
            let values = row.get_list(1 + usize::from(labelled)).unwrap().elements().iter();
            let values: Vec<f32> = values
                .map(|value| match value {
                    Field::Float(value) => *value,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(values, embeddings.row(place));
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn a_damaged_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    some(true, Some(maker())).save(&path).unwrap();
    let good = fs::read(&path).unwrap();
    for cut in (0..good.len()).step_by(7) {
        fs::write(&path, &good[..cut]).unwrap();
        let error = Embeddings::open(&path).unwrap_err().to_string();
        assert!(error.contains("x.parquet"), "{cut}: {error}");
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_so() {
    let path = Path::new("x.parquet");
    for error in [some(true, None).save(path).unwrap_err(), Embeddings::open(path).unwrap_err()] {
        let error = error.to_string();
        assert!(error.contains("x.parquet") && error.contains("`parquet`"), "{error}");
        assert!(error.contains("--features parquet") && error.contains(".safetensors"), "{error}");
    }
}
