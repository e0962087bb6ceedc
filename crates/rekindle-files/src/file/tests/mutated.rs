//! Thousands of files that are nearly right: whatever they hold, they are read or refused in time.

use std::time::{Duration, Instant};

use super::forge::{Tensor, dict_of, pickle};
use super::*;

/// Files of each kind that are changed at random.
const CHANGES: usize = 3_000;
/// More than the slowest of them takes, on a machine that does something else as well.
const TIME: Duration = Duration::from_secs(5);

/// Files that are right: each container, safetensors, an index, a bare pickle.
fn seeds() -> Vec<Vec<u8>> {
    let names = ["nested_zip", "nested_legacy", "flat_zip", "beside", "old_tar", "ambiguous"];
    let fixtures =
        names.map(|name| fs::read(super::pytorch::fixture(&format!("{name}.pth"))).unwrap());
    let header = r#"{"__metadata__":{"format":"pt"},"a.b":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"c":{"dtype":"BF16","shape":[],"data_offsets":[24,26]}}"#;
    let mut seeds = fixtures.to_vec();
    seeds.push(safetensors_bytes(header, 26));
    seeds.push(Tensor { shape: &[4, 3], stride: &[1, 4], ..Tensor::default() }.file());
    seeds.push(br#"{"metadata":{},"weight_map":{"a":"x.safetensors"}}"#.to_vec());
    seeds.push(pickle(&dict_of("x", b"N")));
    seeds
}

/// Numbers that sizes and lengths are made of.
const NUMBERS: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

/// One change: a bit, a byte, a number, a part cut out, doubled, moved, or from another file.
fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    let end = at + random.below((bytes.len() - at).min(64) + 1);
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.below(256) as u8,
        2 => {
            let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
            let count = (1 << random.below(4)).min(bytes.len() - at);
            bytes[at..at + count].copy_from_slice(&number[..count]);
        }
        3 => drop(bytes.drain(at..end)),
        4 => {
            let part = bytes[at..end].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, part);
        }
        5 => bytes.truncate(at),
        6 => {
            let other = &others[random.below(others.len())];
            let from = random.below(other.len());
            let part = other[from..(from + random.below(64)).min(other.len())].to_vec();
            bytes.splice(at..end, part);
        }
        _ => {
            let to = random.below(bytes.len());
            bytes.swap(at, to);
        }
    }
}

#[test]
fn changed_files_are_read_or_refused() {
    let seeds = seeds();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("changed.bin");
    let mut random = Random(2026);
    let mut read = 0;
    for seed in &seeds {
        for _ in 0..CHANGES {
            let mut bytes = seed.clone();
            for _ in 0..=random.below(3) {
                change(&mut bytes, &seeds, &mut random);
            }
            rewrite(&path, &bytes);
            let start = Instant::now();
            match read_everything(&path) {
                Ok(_) => read += 1,
                Err(error) => {
                    let message = error.to_string();
                    assert!(message.len() < 10_000 && !message.contains('\u{1b}'), "{message}");
                }
            }
            assert!(start.elapsed() < TIME, "{} bytes took {:?}", bytes.len(), start.elapsed());
        }
    }
    // Otherwise the changes are too rough to get anywhere.
    assert!(read > seeds.len() * CHANGES / 50, "{read} of {} are read", seeds.len() * CHANGES);
}
