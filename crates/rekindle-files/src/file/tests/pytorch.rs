//! PyTorch's containers, as `tests/reference/make_pth.py` wrote them.

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The formulas of the script.
fn expected() -> Vec<(&'static str, Dtype, Vec<usize>, Vec<f32>)> {
    let ramp = || (0..12).map(|i| i as f32);
    let transposed = (0..12).map(|i| (i % 3 * 4 + i / 3) as f32 + 0.5);
    vec![
        ("float", Dtype::F32, vec![3, 4], ramp().map(|x| x / 8.0).collect()),
        ("half", Dtype::F16, vec![12], ramp().map(|x| x / 4.0).collect()),
        ("brain", Dtype::BF16, vec![12], ramp().map(|x| x * 2.0).collect()),
        ("double", Dtype::F64, vec![12], (0..12).map(|i| (f64::from(i) / 3.0) as f32).collect()),
        ("transposed", Dtype::F32, vec![4, 3], transposed.collect()),
        ("tail", Dtype::F32, vec![4], ramp().skip(8).map(|x| x / 8.0).collect()),
        ("expanded", Dtype::F32, vec![4], vec![1.5; 4]),
        ("scalar", Dtype::F32, vec![], vec![-7.25]),
        ("empty", Dtype::F32, vec![0, 5], vec![]),
        ("parameter", Dtype::F32, vec![12], ramp().map(|x| x - 6.0).collect()),
    ]
}

#[test]
fn every_container_holds_the_same_values() {
    for (name, key) in [
        ("nested_zip.pth", Some("state_dict")),
        ("nested_legacy.pth", Some("state_dict")),
        ("flat_zip.pth", None),
    ] {
        let file = CheckpointFile::open(&fixture(name)).unwrap();
        assert_eq!(file.nested_under(), key, "{name}");
        assert_eq!(file.tensors().count(), expected().len() + 2, "{name}");
        for (tensor, dtype, shape, values) in expected() {
            let info = file.get(tensor).unwrap_or_else(|| panic!("{name}: {tensor}"));
            assert_eq!((info.dtype, &info.shape), (dtype, &shape), "{name}: {tensor}");
            assert_eq!(file.read_f32(tensor).unwrap(), values, "{name}: {tensor}");
        }
        for (tensor, dtype) in [("bn.num_batches_tracked", Dtype::I64), ("mask", Dtype::Bool)] {
            assert_eq!(file.get(tensor).unwrap().dtype, dtype, "{name}");
            let error = file.read_f32(tensor).unwrap_err();
            assert!(matches!(error, Error::NotFloat { .. }), "{error:?}");
        }
    }
}

#[test]
fn a_network_with_an_attribute_called_model_is_not_nested() {
    let file = CheckpointFile::open(&fixture("attribute.pth")).unwrap();
    assert_eq!(file.nested_under(), None);
    let names: Vec<_> = file.tensors().map(|(name, _)| name).collect();
    assert_eq!(names, ["model.bias", "model.float"]);
}

#[test]
fn what_cannot_be_told_or_held_is_refused() {
    let error = |name| CheckpointFile::open(&fixture(name)).unwrap_err();
    match error("ambiguous.pth") {
        Error::DuplicateNames { names, .. } => assert_eq!(names, ["a.b"]),
        error => panic!("{error:?}"),
    }
    match error("no_tensors.pth") {
        Error::NoTensors { keys, .. } => assert_eq!(keys, ["arch", "epoch"]),
        error => panic!("{error:?}"),
    }
    match error("expand_bomb.pth") {
        Error::Refused { reason, .. } => assert!(reason.contains("4294967296 bytes"), "{reason}"),
        error => panic!("{error:?}"),
    }
}

/// A pickle of a tuple of that many `None`s, each an opcode of one byte.
fn pickle_of(nones: usize) -> Vec<u8> {
    [b"\x80\x02(".as_slice(), &vec![b'N'; nones], b"t."].concat()
}

/// A ZIP archive as PyTorch writes it, of that pickle alone.
fn stored_zip(pickle: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("bomb/data.pkl", options).unwrap();
    std::io::Write::write_all(&mut archive, pickle).unwrap();
    archive.finish().unwrap().into_inner()
}

#[test]
fn pickles_of_too_many_objects_are_refused_unread() {
    let error = CheckpointFile::open(&fixture("deflated_bomb.pth")).unwrap_err();
    assert!(error.to_string().contains("is compressed"), "{error}");
    for (pickle, is_refused) in [
        (pickle_of(900_000), false),
        (pickle_of(1_000_000), true),
        // The stops inside of texts are none.
        ([b"\x80\x02".as_slice(), &b"U\x03...".repeat(1_000_000)].concat(), true),
    ] {
        for bytes in [stored_zip(&pickle), pickle] {
            let (_folder, path) = folder_with("bomb.pth", bytes);
            let error = CheckpointFile::open(&path).unwrap_err();
            assert_eq!(matches!(error, Error::Refused { .. }), is_refused, "{error:?}");
        }
    }
}

#[test]
fn wrappers_are_dropped_where_every_name_has_them() {
    for (names, unwrapped) in [
        (["module.a", "module.b"], ["a", "b"]),
        (["_orig_mod.module.a", "_orig_mod.module.b"], ["a", "b"]),
        (["module._orig_mod.a", "module._orig_mod.b"], ["a", "b"]),
        (["module.a", "other.b"], ["module.a", "other.b"]),
        (["module.", "module.b"], ["module.", "module.b"]),
    ] {
        let tensors = names.map(|name| (name.to_owned(), ())).into();
        let tensors = super::super::pytorch::unwrap_names(tensors);
        assert_eq!(tensors.into_keys().collect::<Vec<_>>(), unwrapped);
    }
}

#[test]
fn a_pickle_that_runs_code_runs_nothing() {
    // posix.system("touch <file>"), as the usual demonstration of the danger has it.
    let (folder, path) = folder_with("evil.pth", "");
    let victim = folder.path().join("victim");
    let command = format!("touch {}", victim.display());
    let mut bytes = b"\x80\x02cposix\nsystem\nX".to_vec();
    bytes.extend((command.len() as u32).to_le_bytes());
    bytes.extend(command.as_bytes());
    bytes.extend(b"\x85R.");
    fs::write(&path, bytes).unwrap();
    assert!(CheckpointFile::open(&path).is_err());
    assert!(!victim.exists());
}

/// A TAR archive of one entry.
fn tar(kind: u8, size: &str) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    bytes[..8].copy_from_slice(b"storages");
    bytes[124..124 + size.len()].copy_from_slice(size.as_bytes());
    bytes[156] = kind;
    bytes[257..265].copy_from_slice(b"ustar  \0");
    bytes
}

#[test]
fn tar_archives_with_extensions_are_refused_unread() {
    for (kind, size, is_plain) in [
        (b'0', "00000001000", true),
        (b'S', "00000001000", false),
        (b'x', "00000001000", false),
        (b'L', "00000001000", false),
        (b'0', "nonsense", false),
        (b'0', "", false),
    ] {
        let (_folder, path) = folder_with("old.pth", tar(kind, size));
        let error = CheckpointFile::open(&path).unwrap_err();
        assert_eq!(matches!(error, Error::Refused { .. }), !is_plain, "{kind} {size}: {error:?}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    for name in ["nested_zip.pth", "nested_legacy.pth"] {
        let bytes = fs::read(fixture(name)).unwrap();
        let (_folder, path) = folder_with(name, "");
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(read_everything(&path).is_err(), "{name}: {length} of {}", bytes.len());
        }
    }
}

#[test]
fn random_damage_never_panics() {
    for name in ["nested_zip.pth", "nested_legacy.pth"] {
        let healthy = fs::read(fixture(name)).unwrap();
        let (_folder, path) = folder_with(name, "");
        let mut random = Random(11);
        for _ in 0..5_000 {
            let mut bytes = healthy.clone();
            for _ in 0..=random.below(4) {
                let place = random.below(bytes.len());
                bytes[place] = random.below(256) as u8;
            }
            fs::write(&path, &bytes).unwrap();
            if let Err(Error::Refused { reason, .. }) = read_everything(&path) {
                assert!(!reason.contains("parser"), "{name}: the reader panicked");
            }
        }
    }
}
