//! Pictures that are small on disk, or say that they are, and would be large in memory: what decoding them takes.
//!
//! Each is decoded in a process of its own, whose peak the system tells.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]
#![allow(clippy::print_stdout, reason = "the process that is measured says so on its output")]

use std::io::{Cursor, Write};
use std::path::Path;
use std::process::Command;

use image::{GrayImage, ImageFormat};
use rekindle_cards::{CropMode, Interpolation, Preprocessing};
use rekindle_data::LoaderConfig;
use rekindle_images::{Loader, PictureConfig, PreparePictures, Preprocess, Sample, decode};

/// Names the file for the process that decodes it, and how many threads do.
const FILE: &str = "REKINDLE_IMAGES_MEMORY";
const THREADS: &str = "REKINDLE_IMAGES_THREADS";
/// What may be taken in addition, in bytes.
const CONSTANT: usize = 64 << 20;

/// Peak and present size of this process, in bytes.
fn resident(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

fn png(side: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    GrayImage::new(side, side).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A PNG of few pixels, with a profile of colors that is inflated to a gigabyte.
fn profile() -> Vec<u8> {
    let mut profile = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..1024).for_each(|_| profile.write_all(&vec![0; 1 << 20]).unwrap());
    let body = [b"iCCPa\0\0".as_slice(), &profile.finish().unwrap()].concat();
    let length = (body.len() as u32 - 4).to_be_bytes();
    let chunk = [&length[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat();
    let mut bytes = png(8);
    // Behind the header.
    bytes.splice(33..33, chunk);
    bytes
}

/// A JPEG of so many Huffman tables and scans, all of them empty.
fn scans(count: usize) -> Vec<u8> {
    let frame = b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0";
    let [tables, scans] = [b"\xff\xc4\0\x02", b"\xff\xda\0\x02"].map(|it| it.repeat(count));
    [frame.as_slice(), &tables, &scans, b"\xff\xd9"].concat()
}

/// What is in a file, by how many threads it is decoded at once, and the bytes that all of them may take together.
fn bombs() -> Vec<(&'static str, Vec<u8>, usize, usize)> {
    // Gray and in color.
    let large = 4 * 6000 * 6000;
    vec![
        ("a profile of a gigabyte", profile(), 1, 0),
        ("tables times scans", scans(20_000), 1, 0),
        ("a large picture", png(6000), 1, large),
        ("large pictures by many threads", png(6000), 6, large),
    ]
}

#[test]
fn memory_is_bounded_by_what_one_picture_takes() {
    if let Some(path) = std::env::var_os(FILE) {
        return decoded(Path::new(&path), std::env::var(THREADS).unwrap().parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb");
    for (what, bytes, threads, most) in bombs() {
        std::fs::write(&path, &bytes).unwrap();
        let program = std::env::current_exe().unwrap();
        let child = Command::new(program)
            .args(["--exact", "memory_is_bounded_by_what_one_picture_takes", "--nocapture"])
            .env(FILE, &path)
            .env(THREADS, threads.to_string())
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{what}: {output}");
        let taken = output.lines().find_map(|line| line.split("taken ").nth(1)).unwrap();
        let taken: usize = taken.split_whitespace().next().unwrap().parse().unwrap();
        // A buffer that grows is there twice for a moment.
        let limit = most + most / 2 + 2 * bytes.len() + CONSTANT;
        assert!(taken <= limit, "{what}: {taken} bytes, more than {limit}: {output}");
    }
}

/// Decodes a file once for each thread, as a loader does for training.
fn decoded(path: &Path, threads: usize) {
    let before = resident("VmRSS");
    let outcome = if threads == 1 {
        decode(path).map_or_else(|error| error.to_string(), |picture| format!("{picture:?}"))
    } else {
        let preprocess = Preprocess::new(&Preprocessing {
            input_size: [3, 32, 32],
            interpolation: Interpolation::Bilinear,
            crop_pct: 1.0,
            crop_mode: CropMode::Center,
            mean: vec![0.5],
            std: vec![0.5],
        });
        let config = PictureConfig { cache_bytes: 0, ..PictureConfig::default() };
        let prepare = PreparePictures::new(&preprocess.unwrap(), &config).unwrap();
        let samples = (0..2 * threads).map(|_| Sample::file(path, 0)).collect();
        let config = LoaderConfig { batch_size: 2, workers: threads, ..LoaderConfig::default() };
        let loader: Loader = Loader::new(samples, prepare, &config).unwrap();
        format!("{} batches", loader.epoch(0).map(Result::unwrap).count())
    };
    let taken = resident("VmHWM").saturating_sub(before);
    println!("\ntaken {taken} {outcome}");
}
