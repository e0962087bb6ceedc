//! Files of events: read again by a reader of their own, and by TensorBoard's.
//!
//! The second needs an interpreter with tensorboard, named by `REKINDLE_PYTHON`.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rekindle_train::EventFile;
use serde_json::{Value, json};

/// A black picture of 3 by 2 pixels, in grays.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x03\0\0\0\x02\x08\0\0\0\0\xb8\x1f\x39\xc6\
    \0\0\0\x0bIDAT\x78\xda\x63\x60\x80\0\0\0\x08\0\x01\x24\xfc\x04\x72\0\0\0\0IEND\xaeB`\x82";

#[test]
fn every_record_is_whole_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::read(write_run(folder.path())).unwrap();
    let records = records(&file);
    assert_eq!(&records[0][9..], b"\x1a\x0dbrain.Event:2");
    let steps: Vec<u64> = records[1..].iter().map(|record| step(record)).collect();
    assert_eq!(steps, [1, 1, 1, 2, 3, 3, 1, 300]);
    let times: Vec<f64> =
        records.iter().map(|record| f64::from_le_bytes(record[1..9].try_into().unwrap())).collect();
    assert!(times.is_sorted() && times[0] > 1.7e9, "{times:?}");
}

/// Wherever a file is cut off, the records before are read.
#[test]
fn a_file_that_is_cut_off_has_its_first_records() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::read(write_run(folder.path())).unwrap();
    let whole = records(&file);
    let mut counts = Vec::new();
    for length in 0..=file.len() {
        let cut = records(&file[..length]);
        assert_eq!(cut, whole[..cut.len()], "{length}");
        counts.push(cut.len());
    }
    assert_eq!((counts[0], *counts.last().unwrap()), (0, whole.len()));
    assert!(counts.windows(2).all(|pair| pair[1] - pair[0] <= 1), "one more at a time");
}

#[test]
fn what_is_flushed_is_in_the_file_and_the_rest_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventFile::create(&folder.path().join("new/run"), 0).unwrap();
    let path = events.path().to_owned();
    let count = || records(&fs::read(&path).unwrap()).len();
    assert_eq!(count(), 2);
    events.scalar("loss", 1, 0.5).unwrap();
    assert_eq!(count(), 2);
    events.flush().unwrap();
    assert_eq!(count(), 3);
    for step in 0..100_000 {
        events.scalar("loss", step, 0.5).unwrap();
    }
    assert!((4..100_003).contains(&count()), "memory is bounded: {}", count());
    drop(events);
    assert_eq!(count(), 100_003);
}

#[test]
fn tensorboard_reads_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let Some(output) = tensorboard(folder.path()) else { return };
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({
        "scalars": {"loss/train": [[1, 0.5], [2, 0.25], [300, 0.0]]},
        "histograms": {"weights": [[3, -2.0, 3.0, 4.0, 1.5]], "nothing": [[3, 0.0, 0.0, 0.0, 0.0]]},
        "images": {"hardest": [[1, 3, 2, PNG.len()]]},
        "texts": {"plan": [[1, "# Plan\n\nTräume"]]},
    });
    assert_eq!(read, expected);
}

/// A run that stopped in epoch 4 and goes on from the checkpoint of epoch 2.
#[test]
fn tensorboard_forgets_what_a_resumed_run_repeats() {
    let folder = tempfile::tempdir().unwrap();
    for (first, value) in [(1, 1.0), (3, 2.0)] {
        let mut events = EventFile::create(folder.path(), first).unwrap();
        for step in first..5 {
            events.scalar("loss", step, value).unwrap();
            events.histogram("weights", step, &[value as f32]).unwrap();
            events.image("hardest", step, PNG).unwrap();
            events.text("plan", step, &value.to_string()).unwrap();
        }
    }
    let Some(output) = tensorboard(folder.path()) else { return };
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = |row: fn(i64, f64) -> Value| {
        [(1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0)].map(|(step, value)| row(step, value))
    };
    let expected = json!({
        "scalars": {"loss": steps(|step, value| json!([step, value]))},
        "histograms": {"weights": steps(|step, value| json!([step, value, value, 1.0, value]))},
        "images": {"hardest": steps(|step, _| json!([step, 3, 2, PNG.len()]))},
        "texts": {"plan": steps(|step, value| json!([step, value.to_string()]))},
    });
    assert_eq!(read, expected);
}

/// The script says so when a file is damaged, so that the two tests above can fail.
#[test]
fn the_script_refuses_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_run(folder.path());
    let file = fs::read(&path).unwrap();
    let mut flipped = file.clone();
    flipped[file.len() / 2] ^= 1;
    for (bytes, message) in [
        (&flipped[..], "damaged after"),
        (&file[..file.len() - 1], "damaged after 8 events"),
        (&[], "holds no event"),
    ] {
        fs::write(&path, bytes).unwrap();
        let Some(output) = run_script(folder.path()) else { return };
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && errors.contains(message), "{message}: {errors}");
    }
}

/// Writes a file with one event of each kind and more, and says where it is.
fn write_run(folder: &Path) -> PathBuf {
    let mut events = EventFile::create(folder, 1).unwrap();
    events.text("plan", 1, "# Plan\n\nTräume").unwrap();
    events.scalar("loss/train", 1, 0.5).unwrap();
    events.scalar("loss/train", 2, 0.25).unwrap();
    events.histogram("weights", 3, &[0.25, -2.0, 0.25, 3.0]).unwrap();
    events.histogram("nothing", 3, &[]).unwrap();
    events.image("hardest", 1, PNG).unwrap();
    events.scalar("loss/train", 300, 0.0).unwrap();
    events.flush().unwrap();
    events.path().to_owned()
}

/// The whole records of a file whose sums are right, up to the first that is not.
fn records(mut file: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while let Some((record, rest)) = record(file) {
        records.push(record);
        file = rest;
    }
    records
}

fn record(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let (length_sum, rest) = rest.split_first_chunk::<4>()?;
    assert_eq!(u32::from_le_bytes(*length_sum), masked(crc32c(length)));
    let (record, rest) = rest.split_at_checked(u64::from_le_bytes(*length).try_into().ok()?)?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    assert_eq!(u32::from_le_bytes(*sum), masked(crc32c(record)));
    Some((record, rest))
}

/// A CRC-32C bit by bit, so that no table can be wrong.
fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The step of an event: a varint after the time.
fn step(event: &[u8]) -> u64 {
    assert_eq!((event[0], event[9]), (0x09, 0x10), "{event:?}");
    let last = event[10..].iter().position(|byte| byte & 0x80 == 0).unwrap();
    event[10..=10 + last].iter().rev().fold(0, |step, byte| step << 7 | u64::from(byte & 0x7f))
}

/// What the script says of a folder that it must be able to read.
fn tensorboard(folder: &Path) -> Option<Output> {
    let output = run_script(folder)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output)
}

/// Nothing where no interpreter is named.
fn run_script(folder: &Path) -> Option<Output> {
    let python = rekindle_skip::python(&["tensorboard"])?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/tensorboard_read.py");
    Some(Command::new(python).arg(script).arg(folder).output().unwrap())
}
