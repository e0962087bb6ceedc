//! Files that are whole, and files that were broken in some way, before our reader and safetensors' own; and what each writes
//! before the other.
//!
//! The format's crate is not what reads here: it wants the whole file in memory, keeps the last of two tensors of one name, and a
//! header of 25 MB can ask it for ten times as much; what it writes differs from one process to the next where there are two
//! entries of metadata. So it judges.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod peer;

use std::{collections::BTreeMap, fs, path::Path};

use peer::agreement;
use rekindle_base::Random;
use rekindle_files::{CheckpointFile, Dtype, Entry, write_safetensors};
use safetensors::{SafeTensors, tensor::TensorView};

const DTYPES: [Dtype; 6] =
    [Dtype::F32, Dtype::F16, Dtype::I64, Dtype::U8, Dtype::Bool, Dtype::BF16];

/// Some tensors, and the bytes of each.
fn drawn(random: &mut Random) -> Vec<(Entry, Vec<u8>)> {
    (0..random.below(5))
        .map(|index| {
            let shape: Vec<usize> = (0..random.below(4)).map(|_| random.below(4)).collect();
            let dtype = DTYPES[random.below(DTYPES.len())];
            let bytes = shape.iter().product::<usize>() * dtype.bytes();
            let name = format!("{}.{index}", ["weight", "conv.bias", "ü"][random.below(3)]);
            let values = (0..bytes).map(|_| random.below(2) as u8).collect();
            (Entry { name, dtype, shape }, values)
        })
        .collect()
}

fn written(
    path: &Path,
    tensors: &[(Entry, Vec<u8>)],
    metadata: &BTreeMap<String, String>,
) -> Vec<u8> {
    let entries: Vec<Entry> = tensors.iter().map(|(entry, _)| entry.clone()).collect();
    let data = |index: usize| Ok::<_, std::io::Error>(tensors[index].1.clone());
    write_safetensors(path, metadata, &entries, data).unwrap();
    fs::read(path).unwrap()
}

/// Breaks a file in one of many ways, or not.
fn broken(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let text = String::from_utf8(bytes[8..header].to_vec()).unwrap();
    let with_header = |text: String| {
        let mut file = (text.len() as u64).to_le_bytes().to_vec();
        file.extend(text.into_bytes());
        file.extend(&bytes[header..]);
        file
    };
    let replaced = |from: &str, to: &str| with_header(text.replacen(from, to, 1));
    match random.below(14) {
        0 => bytes.truncate(random.below(bytes.len() + 1)),
        1 => bytes.extend(vec![0; 1 + random.below(9)]),
        2 => bytes[0] = bytes[0].wrapping_add(1 + random.below(9) as u8),
        3 => {
            let at = 8 + random.below(header - 8);
            bytes[at] = random.below(128) as u8;
        }
        4 => return replaced("F32", "F64"),
        5 => return replaced("\"shape\":[", "\"shape\":[0,"),
        6 => return replaced("\"data_offsets\":[0,", "\"data_offsets\":[1,"),
        7 => {
            return replaced("{", "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,0]},");
        }
        8 => {
            return replaced(
                "{",
                "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[0],\"data_offsets\":[0,0]},",
            );
        }
        9 => {
            return replaced(
                "{",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"b\":1},",
            );
        }
        10 => return replaced("{", "{\"__metadata__\":null,"),
        11 => return replaced("weight.0", "weight.1"),
        _ => {}
    }
    bytes
}

#[test]
fn both_read_the_same_and_refuse_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..1500 {
        let mut random = Random::new(seed, 0, 0);
        let metadata = [("format", "pt"), ("π", "3")].into_iter().take(random.below(3));
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let tensors = drawn(&mut random);
        let bytes = broken(written(&path, &tensors, &metadata), &mut random);
        fs::write(&path, &bytes).unwrap();
        match agreement(&path, &bytes) {
            Ok(true) => taken += 1,
            Ok(false) => refused += 1,
            Err(disagreement) => {
                panic!("seed {seed}: {disagreement}: {:?}", String::from_utf8_lossy(&bytes))
            }
        }
    }
    assert!(taken > 250 && refused > 250, "{taken} taken, {refused} refused");
}

#[test]
fn what_one_writes_is_what_the_other_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for seed in 0..200 {
        let mut random = Random::new(seed, 1, 0);
        let tensors = drawn(&mut random);
        // One entry of metadata: of two the crate writes either first.
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        let ours = written(&path, &tensors, &metadata);
        let views = tensors.iter().map(|(entry, bytes)| {
            let dtype = serde_json::from_value(entry.dtype.name().into()).unwrap();
            (entry.name.clone(), TensorView::new(dtype, entry.shape.clone(), bytes).unwrap())
        });
        let theirs =
            safetensors::serialize(views, Some(metadata.clone().into_iter().collect())).unwrap();
        assert!(ours == theirs, "seed {seed}");
        fs::write(&path, &theirs).unwrap();
        let read = CheckpointFile::open(&path).unwrap();
        assert_eq!(read.tensors().count(), SafeTensors::deserialize(&ours).unwrap().len());
    }
}
