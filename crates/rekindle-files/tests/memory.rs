//! Files that are small, or mostly header, and would be large in memory: what opening them takes.
//!
//! Each is read in a process of its own, whose peak the system tells.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]
#![allow(clippy::print_stdout, reason = "the process that is measured says so on its output")]

use std::path::Path;
use std::process::Command;

use rekindle_files::CheckpointFile;

/// Names the file for the process that opens it.
const FILE: &str = "REKINDLE_FILES_MEMORY";
/// Whether that process opens it by the reader that was weighed against ours.
const WEIGHED: &str = "REKINDLE_FILES_WEIGHED";
/// What may be taken in addition to twice the file, in bytes.
const CONSTANT: usize = 64 << 20;
/// How often a file may be read, and what may be read beside it, in bytes: a count that no slow machine changes.
const TIMES_READ: u64 = 3;
const READ_BESIDE: u64 = 1 << 20;

/// Peak and present size of this process, in bytes.
fn resident(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Bytes that this process has read, as the system counts them.
fn bytes_read() -> u64 {
    let counts = std::fs::read_to_string("/proc/self/io").unwrap();
    counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

fn safetensors(header: &str) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()
}

/// The items, separated by commas, as many as fit.
fn filled(limit: usize, start: &str, end: &str, item: impl Fn(usize) -> String) -> String {
    let mut text = start.to_owned();
    for index in 0.. {
        let item = item(index);
        if text.len() + item.len() + end.len() > limit {
            break;
        }
        text.push_str(&item);
        text.push(',');
    }
    text.pop();
    text + end
}

/// An archive of a pickle and of a storage `0` of 24 floats.
fn zip(pickle: &[u8]) -> Vec<u8> {
    let (mut local, mut central) = (Vec::new(), Vec::new());
    for (name, content) in [("data.pkl", pickle), ("data/0", &[0; 96])] {
        let [size, place] = [content.len(), local.len()].map(|it| (it as u32).to_le_bytes());
        let sizes = [[0; 4], size, size].concat();
        let fields = [b"\x14\0\0\0\0\0\0\0\0\0".as_slice(), &sizes, &[name.len() as u8, 0, 0, 0]];
        let (fields, name) = (fields.concat(), name.as_bytes());
        local.extend([b"PK\x03\x04".as_slice(), &fields, name, content].concat());
        let opening = [b"PK\x01\x02\x14\0".as_slice(), &fields, &[0; 10], &place, name];
        central.extend(opening.concat());
    }
    let place = [central.len() as u32, local.len() as u32].map(u32::to_le_bytes).concat();
    [local, central, b"PK\x05\x06\0\0\0\0\x02\0\x02\0".to_vec(), place, vec![0; 2]].concat()
}

/// A pickle of an opening, then the step again and again.
fn pickle(start: &[u8], step: &[u8], times: usize) -> Vec<u8> {
    zip(&[b"\x80\x02", start, &step.repeat(times), b"."].concat())
}

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A pickle that uses one object again and again.
fn again(object: &[u8], step: &[u8], times: usize) -> Vec<u8> {
    zip(&[b"\x80\x02".as_slice(), object, b"q\x01(", &step.repeat(times), b"t."].concat())
}

/// Ever new views of a storage with a key of so many bytes.
fn views(key: usize, count: i32) -> Vec<u8> {
    let [tag, key, device] = ["storage".into(), "k".repeat(key), "cpu".into()].map(|it| text(&it));
    let kind = b"q\x01ctorch\nFloatStorage\nq\x02";
    let mut pickle =
        [b"\x80\x02".as_slice(), &tag, kind, &key, b"q\x03", &device, b"q\x04"].concat();
    for offset in 0..count {
        pickle.extend(b"(h\x01h\x02h\x03h\x04J\0\0\x10\0(NJ");
        pickle.extend(offset.to_le_bytes());
        pickle.extend(b"K\x01ttQ");
    }
    zip(&[pickle, b".".to_vec()].concat())
}

/// What PyTorch wrote before 1.6: so many storages of nothing, in which nothing is read but their lengths.
fn empty_storages(count: i32) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    file.extend(b"\x80\x02M\xe9\x03.");
    file.extend([b"\x80\x02}".as_slice(), &text("little_endian"), b"\x88s."].concat());
    let start = [text("storage"), b"q\x01ctorch\nFloatStorage\nq\x02".to_vec(), text("cpu")];
    file.extend([b"\x80\x02".as_slice(), &start.concat(), b"q\x03"].concat());
    let key = |number: i32| [b"J".as_slice(), &number.to_le_bytes()].concat();
    for number in 0..count {
        file.extend([b"(h\x01h\x02".as_slice(), &key(number), b"h\x03K\0tQ"].concat());
    }
    file.extend(b".\x80\x02](");
    (0..count).for_each(|number| file.extend(key(number)));
    file.extend(b"e.");
    file.extend(vec![0; 8 * count as usize]);
    file
}

/// Puts of ever new places in the memo.
fn memo() -> Vec<u8> {
    let puts = (0..499_000_u32).flat_map(|place| [b"r".as_slice(), &place.to_le_bytes()].concat());
    zip(&[b"\x80\x02}".to_vec(), puts.collect(), b".".to_vec()].concat())
}

/// An archive of as many empty files as fit.
fn tar(bytes: usize) -> Vec<u8> {
    (0..bytes / 512)
        .flat_map(|index| {
            let mut header = vec![0; 512];
            let name = format!("{index}");
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(b"00000000000");
            header[156] = b'0';
            header[257..262].copy_from_slice(b"ustar");
            header
        })
        .collect()
}

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let limit = 24_999_000;
    let long = "x".repeat(limit - 100);
    let escaped = r"\u0061".repeat((limit - 100) / 6);
    let words = text(&"x".repeat(1000));
    let keyed = |bytes: usize| [b"}".as_slice(), &text(&"k".repeat(bytes)), b")s"].concat();
    let nothing = [b"}(".as_slice(), &b"NN".repeat(200_000), b"u"].concat();
    let pairs = [b"](".as_slice(), &b"NN\x86".repeat(90_000), b"e\x85"].concat();
    let ordered = [b"ccollections\nOrderedDict\nq\x02".as_slice(), &pairs].concat();
    let rebuilt = [
        b"ctorch._utils\n_rebuild_tensor_v2\nq\x02((".as_slice(),
        &text("storage"),
        b"ctorch\nFloatStorage\nK\0NK\x18tQ",
    ];
    let rebuilt = [&rebuilt.concat()[..], b"K\0(K\x01K\x01K\x01K\x01tq\x03h\x03\x89Nt"].concat();
    let tensor = [&rebuilt[..], b"R"].concat();
    vec![
        ("brackets", safetensors(&format!("{{\"a\":{}", "[".repeat(limit)))),
        ("a header of 100 MB", safetensors(&format!("{{\"a\":{}", "[".repeat(99_999_000)))),
        (
            "tensors",
            safetensors(&filled(limit, "{", "}", |index| {
                format!(
                    r#""{index:x}":{{"dtype":"U8","shape":[],"data_offsets":[{index},{}]}}"#,
                    index + 1
                )
            })),
        ),
        (
            "empty tensors",
            safetensors(&filled(9_000_000, "{", "}", |index| {
                format!(
                    r#""{index:x}":{{"dtype":"U8","shape":[0,1,1,1,1,1,1,1],"data_offsets":[0,0]}}"#
                )
            })),
        ),
        ("extents", safetensors(&filled(limit, r#"{"a":{"shape":["#, "]}}", |_| "0".into()))),
        (
            "offsets",
            safetensors(&filled(limit, r#"{"a":{"data_offsets":["#, "]}}", |_| "0".into())),
        ),
        (
            "metadata",
            safetensors(&filled(limit, r#"{"__metadata__":{"#, "}}", |index| {
                format!(r#""{index:x}":"""#)
            })),
        ),
        (
            "a long name",
            safetensors(&format!(
                r#"{{"{long}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}}}"#
            )),
        ),
        (
            "an escaped name",
            safetensors(&format!(
                r#"{{"{escaped}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}}}"#
            )),
        ),
        (
            "an escaped type",
            safetensors(&format!(
                r#"{{"a":{{"dtype":"{escaped}","shape":[0],"data_offsets":[0,0]}}}}"#
            )),
        ),
        (
            "names of control characters",
            safetensors(&filled(limit, "{", "}", |index| {
                let name = format!("{}{index:x}", "\u{9b}".repeat(500));
                format!(r#""{name}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#)
            })),
        ),
        (
            "unknown fields",
            safetensors(&filled(limit, r#"{"a":{"#, "}}", |index| format!(r#""{index:x}":[]"#))),
        ),
        (
            "an index",
            filled(limit, r#"{"weight_map":{"#, "}}", |index| {
                format!(r#""{index:x}":"{index:x}""#)
            })
            .into(),
        ),
        ("dictionaries", pickle(b"", b"}", 499_000)),
        ("lists", pickle(b"", b"]", 499_000)),
        ("marks", pickle(b"", b"(", 499_000)),
        ("tuples", pickle(b"N", b"\x85", 499_000)),
        ("shared tuples", pickle(b"Nq\0", b"h\0h\0\x86q\0", 124_000)),
        ("an item each", pickle(b"}q\0", b"NNs", 166_000)),
        ("a list each", pickle(b"", b"]Na", 166_000)),
        ("items", pickle(b"}(", b"NN", 249_000)),
        ("texts", pickle(b"", &words, 16_700)),
        ("views by a long key", views(8 << 20, 300)),
        ("views by a short key", views(1000, 38_000)),
        ("a walk over a long key", again(&keyed(16_000_000), b"h\x01", 1000)),
        ("a walk over a short key", again(&keyed(1000), b"h\x01", 480_000)),
        ("a walk over nothing", again(&nothing, b"h\x01", 90_000)),
        ("dictionaries of one list", again(&ordered, b"h\x02h\x01R", 40_000)),
        ("tensors of one storage", again(&rebuilt, b"h\x02h\x01R", 160_000)),
        ("names of one tensor", again(&tensor, b"h\x01", 99_999)),
        ("storages of nothing", empty_storages(40_000)),
        ("numbers", pickle(b"", &[b"\x8a\xff".as_slice(), &[1; 255]].concat(), 100_000)),
        ("memo", memo()),
        ("an archive", tar(60_000_000)),
    ]
}

/// What a process takes to open a file, and what it reads, in bytes; and what it says.
fn taken(test: &str, path: &Path, weighed: bool) -> (usize, u64, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(FILE, path);
    if weighed {
        command.env(WEIGHED, "1");
    }
    let child = command.output().unwrap();
    let output = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{output}");
    let number = |word: &str| {
        let rest = output.lines().find_map(|line| line.split(word).nth(1)).unwrap();
        rest.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    (number("taken ") as usize, number("read "), output)
}

#[test]
fn memory_is_bounded_by_twice_the_file() {
    if let Some(path) = std::env::var_os(FILE) {
        return open(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.pth");
    for (what, bytes) in bombs() {
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, &bytes).unwrap();
        let test = "memory_is_bounded_by_twice_the_file";
        let (taken, read, output) = taken(test, &path, false);
        let limit = 2 * bytes.len() + CONSTANT;
        assert!(taken <= limit, "{what}: {taken} bytes for a file of {}: {output}", bytes.len());
        let limit = TIMES_READ * bytes.len() as u64 + READ_BESIDE;
        assert!(read <= limit, "{what}: {read} bytes read of a file of {}", bytes.len());
    }
}

/// Why the crate that Burn reads PyTorch's files by is not what reads here. Where this fails it has become better, and is to be
/// weighed again.
#[test]
fn the_reader_that_was_weighed_takes_what_a_file_asks_for() {
    if let Some(path) = std::env::var_os(FILE) {
        return open(Path::new(&path));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/deflated_bomb.pth");
    let test = "the_reader_that_was_weighed_takes_what_a_file_asks_for";
    let [ours, theirs] = [false, true].map(|weighed| taken(test, &path, weighed).0);
    let file = std::fs::metadata(&path).unwrap().len();
    assert!(file < 4096 && ours < CONSTANT, "{ours} bytes for {file}");
    assert!(theirs > 4 * CONSTANT, "{theirs} bytes for {file}");
}

fn open(path: &Path) {
    let before = resident("VmRSS");
    let read = bytes_read();
    let outcome = if std::env::var_os(WEIGHED).is_some() {
        match pytorch_reader::PytorchReader::new(path) {
            Ok(file) => format!("{} tensors", file.len()),
            Err(error) => error.to_string(),
        }
    } else {
        match CheckpointFile::open(path) {
            Ok(file) => format!("{} tensors", file.tensors().count()),
            Err(error) => error.to_string(),
        }
    };
    let read = bytes_read() - read;
    let taken = resident("VmHWM").saturating_sub(before);
    let outcome: String = outcome.chars().take(200).collect();
    println!("\ntaken {taken} read {read} {outcome}");
}
