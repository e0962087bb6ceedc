use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::CheckpointFile;

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.safetensors");
    (folder, path)
}

fn entry(name: &str, dtype: Dtype, shape: &[usize]) -> Entry {
    Entry { name: name.into(), dtype, shape: shape.into() }
}

/// Names of the files in a folder.
fn listing(folder: &TempDir) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn write(path: &Path, entries: &[Entry]) -> Result<(), Error> {
    let zeros = |index: usize| {
        let entry: &Entry = &entries[index];
        Ok::<_, Error>(vec![0; entry.shape.iter().product::<usize>() * entry.dtype.bytes()])
    };
    write_safetensors(path, &BTreeMap::new(), entries, zeros)
}

#[test]
fn what_is_written_is_read_back() {
    let (_folder, path) = folder();
    let metadata: BTreeMap<_, _> = [("format", "pt"), ("note", "\"quoted\"\n\u{e9}")]
        .map(|(k, v)| (k.into(), v.into()))
        .into();
    let entries = [
        entry("b.half", Dtype::F16, &[2]),
        entry("scalar", Dtype::F32, &[]),
        entry("a", Dtype::F32, &[1, 2]),
        entry("count", Dtype::I64, &[]),
        entry("empty", Dtype::F32, &[0, 3]),
        entry("odd", Dtype::U8, &[3]),
        entry("double", Dtype::F64, &[1]),
        entry("brain", Dtype::BF16, &[1]),
    ];
    let payloads: [Vec<u8>; 8] = [
        [half::f16::from_f32(1.5), half::f16::from_f32(-2.0)]
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect(),
        7.25f32.to_le_bytes().into(),
        [0.1f32, f32::NEG_INFINITY].iter().flat_map(|x| x.to_le_bytes()).collect(),
        3i64.to_le_bytes().into(),
        vec![],
        vec![1, 2, 3],
        0.5f64.to_le_bytes().into(),
        half::bf16::from_f32(-4.0).to_le_bytes().into(),
    ];
    let mut asked = Vec::new();
    write_safetensors(&path, &metadata, &entries, |index| {
        asked.push(entries[index].name.clone());
        Ok::<_, Error>(payloads[index].clone())
    })
    .unwrap();
    assert_eq!(asked, ["count", "double", "a", "empty", "scalar", "brain", "b.half", "odd"]);

    let file = CheckpointFile::open(&path).unwrap();
    assert_eq!(file.metadata(), &metadata);
    let mut names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(file.tensors().map(|(name, _)| name).collect::<Vec<_>>(), names);
    for entry in &entries {
        let info = file.get(&entry.name).unwrap();
        assert_eq!((info.dtype, &info.shape), (entry.dtype, &entry.shape), "{}", entry.name);
    }
    for (name, values) in [
        ("b.half", vec![1.5, -2.0]),
        ("scalar", vec![7.25]),
        ("a", vec![0.1, f32::NEG_INFINITY]),
        ("empty", vec![]),
        ("double", vec![0.5]),
        ("brain", vec![-4.0]),
    ] {
        assert_eq!(file.read_f32(name).unwrap(), values, "{name}");
    }
    for name in ["count", "odd"] {
        assert!(matches!(file.read_f32(name), Err(Error::NotFloat { .. })), "{name}");
    }
}

#[test]
fn the_header_is_aligned_and_padded_with_spaces() {
    let (_folder, path) = folder();
    for length in 1..10 {
        write(&path, &[entry(&"n".repeat(length), Dtype::F32, &[1])]).unwrap();
        let bytes = fs::read(&path).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!(header % 8, 0);
        assert_eq!(bytes.len(), 8 + header + 4);
        assert!(bytes[8..8 + header].trim_ascii_end().ends_with(b"}"));
    }
}

#[test]
fn a_failure_leaves_the_old_file_and_no_other() {
    let (folder, path) = folder();
    fs::write(&path, "old").unwrap();
    let two = [entry("a", Dtype::F32, &[1]), entry("b", Dtype::F32, &[1])];
    let none = BTreeMap::new();
    let results = [
        write_safetensors(&path, &none, &two, |index| match index {
            0 => Ok(vec![0; 4]),
            _ => Err("the GPU is gone"),
        }),
        write_safetensors(&path, &none, &two, |index| Ok::<_, Error>(vec![0; 4 + index])),
        write(&path, &[entry("a", Dtype::F32, &[1]), entry("a", Dtype::F32, &[1])]),
        write(&path, &[entry(METADATA_KEY, Dtype::F32, &[1])]),
        write(&path, &[entry("a", Dtype::F32, &[usize::MAX, 2])]),
    ];
    let causes =
        ["could not be read", "needs 4 bytes but got 5", "repeat: a", "may be called", "too large"];
    for (result, cause) in results.into_iter().zip(causes) {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("model.safetensors") && message.contains(cause), "{message}");
    }
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(listing(&folder), ["model.safetensors"]);
}

#[test]
fn a_path_that_cannot_be_written_is_an_error_with_a_remedy() {
    let (folder, path) = folder();
    let one = [entry("a", Dtype::F32, &[1])];
    fs::create_dir(&path).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for (path, remedy) in [
        (path, "no folder"),
        (folder.path().join("missing/model.safetensors"), "create its folder"),
        (folder.path().join("file/model.safetensors"), "create its folder"),
        (PathBuf::from("/proc/model.safetensors"), "check"),
    ] {
        let error = write(&path, &one).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Write { .. }), "{message}");
        assert!(message.contains(remedy) || path.starts_with("/proc"), "{message}");
    }
    assert_eq!(listing(&folder).len(), 2);
}

#[cfg(unix)]
#[test]
fn permissions_are_those_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let other = folder.path().join("other");
    fs::write(&other, "").unwrap();
    write(&path, &[entry("a", Dtype::F32, &[1])]).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&other));
}
