//! PyTorch's containers, as `tests/reference/make_pth.py` wrote them.

use super::forge::{Tensor, checkpoint, pickle, text};
use super::*;

pub(super) fn fixture(name: &str) -> PathBuf {
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
        // Beside the weights, two of them hold averages of one.
        let averaged = CheckpointFile::open(&fixture(name)).unwrap();
        assert_eq!(averaged.nested_under(), key.map(|_| "model_ema"), "{name}");
        let file = CheckpointFile::open_set(&fixture(name), &WeightsSet::Raw).unwrap();
        assert_eq!(file.nested_under(), key, "{name}");
        assert_eq!(file.wrapper(), if key.is_some() { "module." } else { "" }, "{name}");
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

#[test]
fn a_compressed_archive_is_refused_unread() {
    let error = CheckpointFile::open(&fixture("deflated_bomb.pth")).unwrap_err();
    assert!(error.to_string().contains("is compressed"), "{error}");
}

#[test]
fn what_scripts_keep_beside_the_weights_does_no_harm() {
    let file = CheckpointFile::open(&fixture("beside.pth")).unwrap();
    assert_eq!(file.nested_under(), Some("state_dict"));
    assert_eq!(file.read_f32("float").unwrap(), [0.0, 1.0, 2.0]);
    assert_eq!(file.get("short").unwrap().dtype, Dtype::U16);
    assert_eq!(file.tensors().count(), 2);
}

#[test]
fn the_oldest_container_is_read() {
    let file = CheckpointFile::open(&fixture("old_tar.pth")).unwrap();
    for (name, dtype, shape, values) in [
        ("whole", Dtype::F32, vec![3, 4], (0..12).map(|value| value as f32).collect()),
        ("turned", Dtype::F32, vec![4, 2], vec![4.0, 8.0, 5.0, 9.0, 6.0, 10.0, 7.0, 11.0]),
        ("viewed", Dtype::F64, vec![2], vec![3.0, 4.0]),
    ] {
        assert_eq!(file.get(name), Some(&TensorInfo { dtype, shape }), "{name}");
        assert_eq!(file.read_f32(name).unwrap(), values, "{name}");
    }
}

#[test]
fn wrappers_are_dropped_where_every_name_has_them() {
    for (names, wrapper, unwrapped) in [
        (["module.a", "module.b"], "module.", ["a", "b"]),
        (["_orig_mod.module.a", "_orig_mod.module.b"], "_orig_mod.module.", ["a", "b"]),
        (["module._orig_mod.a", "module._orig_mod.b"], "module._orig_mod.", ["a", "b"]),
        (["module.a", "other.b"], "", ["module.a", "other.b"]),
        (["module.", "module.b"], "", ["module.", "module.b"]),
    ] {
        let tensors = names.map(|name| (name.to_owned(), ())).into();
        let (dropped, tensors) = super::super::pytorch::unwrap_names(tensors);
        assert_eq!(dropped, wrapper);
        assert_eq!(tensors.into_keys().collect::<Vec<_>>(), unwrapped);
    }
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
    for name in ["nested_zip.pth", "nested_legacy.pth", "beside.pth"] {
        let bytes = fs::read(fixture(name)).unwrap();
        let (_folder, path) = folder_with(name, "");
        for length in 0..bytes.len() {
            rewrite(&path, &bytes[..length]);
            assert!(read_everything(&path).is_err(), "{name}: {length} of {}", bytes.len());
        }
    }
}

#[test]
fn a_changed_value_is_found_by_its_checksum() {
    let bytes = fs::read(fixture("flat_zip.pth")).unwrap();
    let doubles: Vec<u8> = (0..12).flat_map(|i| (f64::from(i) / 3.0).to_le_bytes()).collect();
    let place = bytes.windows(doubles.len()).position(|window| window == doubles).unwrap();
    let (_folder, path) = folder_with("changed.pth", "");
    for at in [0, 50, 95] {
        let mut bytes = bytes.clone();
        bytes[place + at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let file = CheckpointFile::open(&path).unwrap();
        let error = file.read_f32("double").unwrap_err();
        assert!(matches!(error, Error::Checksum { .. }), "{error:?}");
        file.read_f32("float").unwrap();
    }
}

#[test]
fn strides_of_every_order_are_read() {
    let ramp = |start: usize, count: usize| -> Vec<f32> {
        (start..start + count).map(|value| value as f32).collect()
    };
    type Row = (&'static [i64], &'static [i64], i64, Vec<f32>);
    let rows: [Row; 7] = [
        (&[2, 3, 4], &[12, 4, 1], 0, ramp(0, 24)),
        (&[4, 3], &[1, 4], 12, vec![12., 16., 20., 13., 17., 21., 14., 18., 22., 15., 19., 23.]),
        (&[2, 1, 2], &[12, 7, 4], 1, vec![1.0, 5.0, 13.0, 17.0]),
        (&[2, 2], &[0, 3], 5, vec![5.0, 8.0, 5.0, 8.0]),
        (&[2, 2], &[3, 0], 5, vec![5.0, 5.0, 8.0, 8.0]),
        (&[3, 0, 2], &[9, 9, 9], 24, vec![]),
        (&[], &[], 23, vec![23.0]),
    ];
    for (shape, stride, offset, values) in rows {
        let tensor = Tensor { shape, stride, offset, ..Tensor::default() };
        let (_folder, path) = folder_with("strided.pth", tensor.file());
        let file = CheckpointFile::open(&path).unwrap();
        assert_eq!(file.read_f32("x").unwrap(), values, "{shape:?} {stride:?}");
    }
}

/// A dictionary of dictionaries of one tensor `x` each, which starts at the key's number.
fn training(keys: &[(&str, i64)]) -> Vec<u8> {
    let items = keys.iter().flat_map(|(key, offset)| {
        let tensor = Tensor { shape: &[2], stride: &[1], offset: *offset, ..Tensor::default() };
        let inner = [b"}".as_slice(), &text("x"), &tensor.rebuilt(), b"s"].concat();
        // Settings without a tensor.
        let inner = if *offset < 0 { [b"}", &*text("a"), b"Ns"].concat() } else { inner };
        [text(key), inner, b"s".to_vec()].concat()
    });
    let items: Vec<u8> = items.collect();
    checkpoint(&pickle(&[b"}".as_slice(), &items].concat()))
}

/// timm loads the averaged set before the raw one; the other can be asked for.
#[test]
fn of_two_sets_the_averaged_one_is_read_unless_asked_otherwise() {
    type Row<'a> = (&'a [(&'a str, i64)], &'a str, Option<(&'a str, f32)>);
    let both = &[("state_dict", 1), ("state_dict_ema", 2)];
    let rows: [Row<'_>; 16] = [
        (both, "preferred", Some(("state_dict_ema", 2.0))),
        (both, "averaged", Some(("state_dict_ema", 2.0))),
        (both, "raw", Some(("state_dict", 1.0))),
        (both, "state_dict", Some(("state_dict", 1.0))),
        (both, "model_ema", None),
        (&[("model", 3), ("model_ema", 4)], "preferred", Some(("model_ema", 4.0))),
        (&[("model", 3), ("model_ema", 4)], "raw", Some(("model", 3.0))),
        (&[("model_state", 3), ("ema_state_dict", 4)], "preferred", Some(("ema_state_dict", 4.0))),
        (&[("model_ema", 3), ("state_dict_ema", 4)], "preferred", Some(("state_dict_ema", 4.0))),
        (&[("model", 3), ("state_dict", 4)], "preferred", Some(("state_dict", 4.0))),
        (&[("module", 3), ("ema", -1)], "preferred", Some(("module", 3.0))),
        (&[("state_dict_ema", 5)], "raw", Some(("", 5.0))),
        (&[("state_dict", 5)], "averaged", None),
        (&[("state_dict", 5)], "raw", Some(("state_dict", 5.0))),
        (&[("generator", 5), ("state_dict", 6)], "generator", Some(("generator", 5.0))),
        (&[("state_dict", -1), ("model", 6)], "preferred", Some(("model", 6.0))),
    ];
    for (keys, set, expected) in rows {
        let row = format!("{keys:?} {set}");
        let (_folder, path) = folder_with("model_best.pth.tar", training(keys));
        let opened = CheckpointFile::open_set(&path, &set.parse().unwrap());
        let Some((key, first)) = expected else {
            let error = opened.unwrap_err();
            assert!(matches!(error, Error::NoSuchSet { .. }), "{row}: {error}");
            assert!(error.to_string().contains(keys[0].0), "{row}: {error}");
            continue;
        };
        let file = opened.unwrap();
        assert_eq!(file.nested_under().unwrap_or_default(), key, "{row}");
        let name = if key.is_empty() { "state_dict_ema.x" } else { "x" };
        assert_eq!(file.read_f32(name).unwrap(), [first, first + 1.0], "{row}");
        let sets = keys.iter().filter(|(key, at)| *at >= 0 && *key != "generator");
        assert_eq!(file.sets().len(), sets.count(), "{row}");
    }
}

#[test]
fn safetensors_hold_one_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let entry = crate::Entry { name: "x".into(), dtype: Dtype::F32, shape: vec![1] };
    crate::write_safetensors(&path, &BTreeMap::new(), &[entry], |_| Ok::<_, io::Error>(vec![0; 4]))
        .unwrap();
    for (set, is_there) in
        [("preferred", true), ("raw", true), ("averaged", false), ("state_dict", false)]
    {
        let opened = CheckpointFile::open_set(&path, &set.parse().unwrap());
        assert_eq!(opened.is_ok(), is_there, "{set}");
    }
}
