//! What the readers accept, and everything that they refuse.

mod forge;
mod hostile;
mod mutated;
mod pickles;
mod pytorch;
mod real;
mod sharded;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// A folder with one file of that name and content.
fn folder_with(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

/// Writes a file anew: one that is overwritten is flushed to the disk each time.
fn rewrite(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

/// The bytes of a safetensors file with this header and this many bytes of data.
fn safetensors_bytes(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend((0..data).map(|byte| byte as u8));
    bytes
}

/// Opens a file and reads every float in it, as loading a model would.
fn read_everything(path: &Path) -> Result<usize, Error> {
    let file = CheckpointFile::open(path)?;
    let mut elements = 0;
    for (name, info) in file.tensors().filter(|(_, info)| info.dtype.is_float()) {
        let values = file.read_f32(name)?;
        assert_eq!(values.len(), info.num_elements());
        elements += values.len();
    }
    Ok(elements)
}

/// Small generator of numbers, so that a failure can be repeated (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

#[test]
fn the_table_of_types_has_the_order_of_the_enum() {
    for name in
        ["BOOL", "U8", "I8", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "F64", "I64", "U64"]
    {
        let dtype = Dtype::from_name(name).unwrap();
        assert_eq!((dtype.name(), dtype.to_string()), (name, name.to_owned()));
        assert_eq!(dtype.is_float(), name.contains('F'));
        let bits = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        assert_eq!(dtype.bytes() * 8, bits.parse().unwrap_or(8), "{name}");
    }
}

#[test]
fn a_tensor_larger_than_a_chunk_is_read_whole() {
    let elements = CHUNK_BYTES / 2 + 12_345;
    let header = format!(
        r#"{{"x":{{"dtype":"F32","shape":[{elements}],"data_offsets":[0,{}]}}}}"#,
        elements * 4
    );
    let mut bytes = safetensors_bytes(&header, 0);
    bytes.extend((0..elements).flat_map(|index| (index as f32).to_le_bytes()));
    let (_folder, path) = folder_with("x.safetensors", bytes);
    let values = CheckpointFile::open(&path).unwrap().read_f32("x").unwrap();
    assert!(values.iter().enumerate().all(|(index, value)| *value == index as f32));
}

#[test]
fn the_config_belongs_to_the_files_of_a_folder() {
    let empty = safetensors_bytes("{}", 0);
    let (folder, path) = folder_with("model.safetensors", &empty);
    let best = folder.path().join("best.safetensors");
    fs::write(&best, &empty).unwrap();
    assert_eq!(CheckpointFile::open(folder.path()).unwrap().config_json(), None);
    fs::write(folder.path().join("config.json"), "{\"a\": 1}").unwrap();
    for (path, config) in
        [(folder.path(), Some("{\"a\": 1}")), (&path, Some("{\"a\": 1}")), (&best, None)]
    {
        let file = CheckpointFile::open(path).unwrap();
        assert_eq!((file.path(), file.config_json()), (path, config));
    }
    fs::write(folder.path().join("config.json"), [0xff]).unwrap();
    assert!(matches!(CheckpointFile::open(&path), Err(Error::NotUtf8 { .. })));
    fs::write(folder.path().join("config.json"), vec![b' '; MAX_CONFIG_BYTES as usize + 1])
        .unwrap();
    assert!(matches!(CheckpointFile::open(&path), Err(Error::TooLarge { .. })));
    // A terabyte, of which nothing is on the disk; then what is no file at all.
    let config = folder.path().join("config.json");
    fs::File::create(&config).unwrap().set_len(1 << 40).unwrap();
    let error = CheckpointFile::open(&path).unwrap_err().to_string();
    assert!(error.contains("above the limit of 8388608 bytes"), "{error}");
    let refused = || {
        let error = CheckpointFile::open(&path).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().contains("config.json") && cause.contains("no regular file"));
    };
    fs::remove_file(&config).unwrap();
    fs::create_dir(&config).unwrap();
    refused();
    fs::remove_dir(&config).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/dev/zero", &config).unwrap();
        refused();
        fs::remove_file(&config).unwrap();
        // Where the system has the command: nobody ever writes to it.
        let made = std::process::Command::new("mkfifo").arg(&config).status();
        if made.is_ok_and(|status| status.success()) {
            refused();
        }
    }
}
