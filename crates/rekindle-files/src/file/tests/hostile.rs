//! One damaged file per way to be damaged; then thousands at random.

use std::collections::BTreeMap;

use super::*;
use crate::{Entry, write_safetensors};

/// A small file with every feature: metadata, types, a scalar and an empty tensor.
fn healthy() -> (TempDir, PathBuf) {
    let (folder, path) = folder_with("model.safetensors", "");
    let entries = [
        ("conv.weight", Dtype::F32, vec![2, 3]),
        ("conv.bias", Dtype::F16, vec![2]),
        ("bn.count", Dtype::I64, vec![]),
        ("empty", Dtype::BF16, vec![0, 7]),
    ]
    .map(|(name, dtype, shape)| Entry { name: name.into(), dtype, shape });
    let metadata = BTreeMap::from([("format".into(), "pt".into())]);
    write_safetensors(&path, &metadata, &entries, |index| {
        let entry = &entries[index];
        Ok::<_, Error>(vec![0x3c; entry.shape.iter().product::<usize>() * entry.dtype.bytes()])
    })
    .unwrap();
    (folder, path)
}

/// The error of a file with that header and as many bytes of data, which must name the file.
fn error_of(header: &str, data: usize) -> Error {
    let (_folder, path) = folder_with("bad.safetensors", safetensors_bytes(header, data));
    let error = CheckpointFile::open(&path).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("bad.safetensors") && !message.ends_with('.'), "{message}");
    error
}

fn tensor(name: &str, dtype: &str, shape: &str, start: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}"#)
}

macro_rules! assert_error {
    ($header:expr, $data:expr, $pattern:pat) => {
        let error = error_of(&$header, $data);
        assert!(matches!(error, $pattern), "{error:?}");
    };
}

#[test]
fn offsets_must_tile_the_data() {
    let a = tensor("a", "F32", "[1]", 0, 4);
    let cases = [
        (tensor("b", "F32", "[1]", 0, 4), 4, "an overlap"),
        (tensor("b", "F32", "[1]", 2, 6), 6, "an overlap"),
        (tensor("b", "F32", "[1]", 5, 9), 9, "a gap"),
    ];
    for (b, data, kind) in cases {
        for header in [format!("{{{a},{b}}}"), format!("{{{b},{a}}}")] {
            let error = error_of(&header, data);
            assert!(matches!(error, Error::Layout { .. }), "{error:?}");
            assert!(error.to_string().contains(kind), "{error}");
        }
    }
    assert_error!(format!("{{{}}}", tensor("a", "F32", "[1]", 4, 8)), 8, Error::Layout { .. });
    assert_error!(format!("{{{a}}}"), 5, Error::TrailingBytes { extra: 1, .. });
    assert_error!(format!("{{{a}}}"), 3, Error::Truncated { .. });
}

#[test]
fn the_order_of_the_header_is_free() {
    let header =
        format!("{{{},{}}}", tensor("b", "F32", "[1]", 4, 8), tensor("a", "F32", "[1]", 0, 4));
    let (_folder, path) = folder_with("x", safetensors_bytes(&header, 8));
    assert_eq!(read_everything(&path).unwrap(), 2);
}

#[test]
fn shapes_must_match_their_bytes() {
    let too_large = u64::MAX;
    for (dtype, shape, end) in [
        ("F32", "[2]", 4),
        ("F32", "[1]", 8),
        ("F16", "[1]", 4),
        ("I64", "[0]", 8),
        ("U8", "[]", 0),
    ] {
        let header = format!("{{{}}}", tensor("a", dtype, shape, 0, end));
        assert_error!(header, 8, Error::SizeMismatch { .. });
    }
    for shape in [
        format!("[{too_large}]"),
        format!("[{too_large},2]"),
        "[4294967296,4294967296]".into(),
        "[65536,65536,65536,65536]".into(),
        format!("[{}]", i64::MAX / 4),
    ] {
        let header = format!("{{{}}}", tensor("a", "F32", &shape, 0, 4));
        assert_error!(header, 4, Error::ShapeOverflow { .. });
    }
    let header = format!("{{{}}}", tensor("a", "F32", "[1099511627776]", 0, 1 << 42));
    assert_error!(header, 4, Error::Truncated { .. });
    let header = format!("{{{}}}", tensor("a", "F32", "[0]", 0, too_large));
    assert_error!(header, 4, Error::SizeMismatch { .. });
}

#[test]
fn names_must_be_unique() {
    let (a, b) = (tensor("a", "F32", "[1]", 0, 4), tensor("a", "F32", "[1]", 4, 8));
    let repeated = [
        (format!("{{{a},{b}}}"), "a"),
        (format!(r#"{{"__metadata__":{{"k":"1","k":"2"}},{a}}}"#), "k"),
        (format!(r#"{{"__metadata__":{{}},"__metadata__":{{}},{a}}}"#), "__metadata__"),
        // The same name, spelled with an escape.
        (format!("{{{a},{}}}", tensor(r"\u0061", "F32", "[1]", 4, 8)), "a"),
    ];
    for (header, name) in repeated {
        match error_of(&header, 8) {
            Error::DuplicateNames { names, .. } => assert_eq!(names, [name]),
            error => panic!("{error:?}"),
        }
    }
}

#[test]
fn headers_must_be_json_of_the_right_kind() {
    let a = tensor("a", "F32", "[1]", 0, 4);
    for header in [
        "{",
        "{}}",
        r#"{"a":1}"#,
        r#"{"a":{}}"#,
        r#"{"a":{"dtype":"F32","shape":[1]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
        r#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"__metadata__":{"k":1}}"#,
        r#"{"__metadata__":[]}"#,
        &format!("{{{a}}} x"),
        &"[".repeat(100_000),
        &format!(r#"{{"a":{}"#, "[".repeat(100_000)),
        &format!("{{{}}}", tensor("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4)),
        r#"{"a":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}"#,
    ] {
        assert_error!(header, 4, Error::Json { what: "header", .. });
    }
    let unknown = format!("{{{}}}", tensor("a", "F8_E4M3", "[4]", 0, 4));
    assert_error!(unknown, 4, Error::UnknownDtype { .. });
    let nothing = r#"{"__metadata__":null}"#;
    let (_folder, path) = folder_with("x", safetensors_bytes(nothing, 0));
    assert_eq!(CheckpointFile::open(&path).unwrap().tensors().count(), 0);
}

#[test]
fn names_do_not_command_the_terminal() {
    for name in [r"a\u001b[2J", r"\u0000", r"a\nb", r"\u009b1m"] {
        let named = format!("{{{}}}", tensor(name, "F32", "[1]", 0, 4));
        assert_error!(named, 4, Error::ControlCharacters { .. });
        let keyed = format!(r#"{{"__metadata__":{{"{name}":"x"}}}}"#);
        assert_error!(keyed, 0, Error::ControlCharacters { .. });
        let typed = format!("{{{}}}", tensor("a", name, "[1]", 0, 4));
        let message = error_of(&typed, 4).to_string();
        assert!(!message.contains(char::is_control), "{message}");
    }
    // A path is a name like any other: nothing is ever opened by it.
    let path = format!("{{{}}}", tensor("../../etc/passwd", "F32", "[1]", 0, 4));
    let (_folder, file) = folder_with("x", safetensors_bytes(&path, 4));
    assert_eq!(read_everything(&file).unwrap(), 1);
}

#[test]
fn only_regular_files_are_opened() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("model.safetensors");
    // Where the system has the command: nobody ever writes to it.
    let _ = std::process::Command::new("mkfifo").arg(&pipe).status();
    for path in [Path::new("/dev/zero"), Path::new("/dev/null"), Path::new("/dev/stdin"), &pipe] {
        if path.exists() && !path.is_file() {
            let error = CheckpointFile::open(path).unwrap_err();
            assert!(matches!(error, Error::UnknownFormat { .. }), "{error:?}");
        }
    }
}

#[test]
fn headers_must_be_as_long_as_they_say() {
    let (_folder, path) = healthy();
    let mut bytes = fs::read(&path).unwrap();
    for (length, is_too_large) in [
        (u64::MAX, true),
        (1 << 63, true),
        (100_000_001, true),
        (25_000_001, true),
        (25_000_000, false),
        (1, false),
        (0, false),
    ] {
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let error = CheckpointFile::open(&path).unwrap_err();
        assert_eq!(matches!(error, Error::HeaderTooLarge { .. }), is_too_large, "{error:?}");
    }
    let mut bytes = safetensors_bytes("{\"a\":1}", 0);
    bytes[10] = 0xff;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(CheckpointFile::open(&path), Err(Error::NotUtf8 { .. })));
}

#[test]
fn every_truncation_is_an_error() {
    let (_folder, path) = healthy();
    let bytes = fs::read(&path).unwrap();
    read_everything(&path).unwrap();
    for length in 0..bytes.len() {
        rewrite(&path, &bytes[..length]);
        match CheckpointFile::open(&path).unwrap_err() {
            Error::Truncated { bytes: found, expected, .. } => {
                assert_eq!(found, length as u64);
                assert!(expected > found && expected <= bytes.len() as u64, "{length}");
            }
            Error::UnknownFormat { .. } => assert_eq!(length, 0),
            error => panic!("{length}: {error:?}"),
        }
    }
}

#[test]
fn a_file_that_shrinks_after_it_was_opened_is_an_error() {
    let (_folder, path) = healthy();
    let file = CheckpointFile::open(&path).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
    assert!(matches!(file.read_f32("conv.weight"), Err(Error::Read { .. })));
    assert!(matches!(file.read_f32("missing"), Err(Error::TensorNotFound { .. })));
}

#[test]
fn what_is_no_checkpoint_says_what_it_is() {
    for (content, hint) in [
        ("", "empty"),
        ("<!DOCTYPE html>", "web page"),
        ("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("\x7fELF", "no known format"),
    ] {
        let (_folder, path) = folder_with("weights.bin", content);
        let error = CheckpointFile::open(&path).unwrap_err();
        assert!(matches!(error, Error::UnknownFormat { .. }), "{error:?}");
        assert!(error.to_string().contains(hint), "{error}");
    }
    let folder = TempDir::new().unwrap();
    let error = CheckpointFile::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::NoWeights { .. }), "{error:?}");
    assert!(error.to_string().contains("model.safetensors"), "{error}");
    fs::create_dir(folder.path().join("model.safetensors")).unwrap();
    assert!(matches!(CheckpointFile::open(folder.path()), Err(Error::NoWeights { .. })));
    let missing = folder.path().join("missing.safetensors");
    assert!(matches!(CheckpointFile::open(&missing), Err(Error::NotFound { .. })));
}
