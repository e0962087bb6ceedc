//! Loading the largest common checkpoint needs the memory of the network, and next to nothing more.

use std::{env, fs, io::Write, path::Path, process::Command};

use burn::prelude::*;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, load};
use rekindle_layers::parameters;
use serde_json::{Map, json};

use crate::support::network;

/// Where the child finds the file; by hand, any checkpoint of VGG16 may be given.
const CHILD: &str = "REKINDLE_TEST_LOAD";
const MARK: &str = "peak resident bytes: ";

#[test]
fn vgg16_takes_a_tenth_more_than_its_file() {
    if let Some(path) = env::var_os(CHILD) {
        return child(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vgg16.safetensors");
    let size = write_sparse(&path);
    assert!(size > 553_000_000, "{size}");

    // A process of its own, since peaks are counted by process and tests share one.
    let test = "memory::vgg16_takes_a_tenth_more_than_its_file";
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, &path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let peak = text.split(MARK).nth(1).and_then(|rest| rest.split_whitespace().next());
    let peak: u64 = peak.unwrap().parse().unwrap();
    eprintln!("{peak} bytes at most for a file of {size}");
    assert!(peak <= size + size / 10, "{peak} bytes at most for a file of {size}");
}

fn child(path: &Path) {
    let (model, naming) = network("vgg16", 3, 1000, &Device::flex());
    let file = CheckpointFile::open(path).unwrap();
    let (model, report) = load(model, &file, &naming, HeadPolicy::Required).unwrap();
    assert_eq!((report.loaded.len(), model.classes()), (32, 1000));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("{MARK}{} ", 1024 * kibibytes);
}

/// A whole checkpoint of zeros, which takes no room on disk: its size in bytes.
fn write_sparse(path: &Path) -> u64 {
    let (model, naming) = network("vgg16", 3, 1000, &Device::flex());
    let mut header = Map::new();
    let mut end = 0;
    for parameter in parameters(&model) {
        let start = end;
        end += 4 * parameter.count() as u64;
        let tensor = json!({
            "dtype": "F32", "shape": parameter.checkpoint_shape(), "data_offsets": [start, end],
        });
        header.insert(naming.in_checkpoint(&parameter.name), tensor);
    }
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    let size = 8 + header.len() as u64 + end;
    let mut file = fs::File::create(path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(size).unwrap();
    size
}
