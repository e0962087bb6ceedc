//! Reading checkpoints: their directory when they are opened, their tensors one at a time.
//!
//! | format | decided by |
//! |---|---|
//! | safetensors | a length below 100 MB and `{` |
//! | index of safetensors shards | JSON with a `weight_map` |
//! | PyTorch: ZIP, legacy pickle, TAR | the magic bytes of each |
//! | folder | the first of its known files that exists |
//!
//! <https://github.com/huggingface/safetensors#format>

mod container;
mod dtype;
pub(crate) mod json;
mod pickle;
mod positioned;
mod pytorch;
pub(crate) mod safetensors;
mod sharded;
mod single;
mod tar;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use self::dtype::Dtype;
use self::positioned::PositionedFile;
use crate::Error;

/// The files that hold weights in a folder, best first: timm and the Hub name them so.
const WEIGHT_FILES: [&str; 3] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"];
/// The file beside them that says which architecture they are for.
const CONFIG_FILE: &str = "config.json";
/// Largest `config.json` that is read, in bytes; that of ImageNet-21k with all labels has 2 MB.
const MAX_CONFIG_BYTES: u64 = 16 << 20;
/// Bytes that are read and converted at once; a multiple of every element's size.
const CHUNK_BYTES: usize = 1 << 20;

/// Element type and shape of a tensor in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Type of each element.
    pub dtype: Dtype,
    /// Extents, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
}

impl TensorInfo {
    /// Number of elements: the product of the shape.
    pub fn num_elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Size of the elements in bytes, as the checkpoint stores them.
    pub fn bytes(&self) -> usize {
        self.num_elements() * self.dtype.bytes()
    }
}

/// A checkpoint on disk, its directory of tensors read and checked, their values not.
///
/// It keeps its files open, so it goes on reading what it opened if a file is replaced.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    contents: Contents,
    config_json: Option<String>,
}

/// What the files of a checkpoint hold together.
#[derive(Debug, Default)]
struct Contents {
    tensors: BTreeMap<String, (TensorInfo, Location)>,
    files: Vec<(PathBuf, PositionedFile)>,
    metadata: BTreeMap<String, String>,
    nested_under: Option<String>,
}

/// Where the values of a tensor are.
#[derive(Debug)]
enum Location {
    /// From `offset` on in one of the files, contiguous, row-major and little-endian.
    Range { file: usize, offset: u64 },
    /// Wherever PyTorch put them.
    PyTorch(pytorch_reader::Tensor),
}

impl Contents {
    /// Takes over another file's tensors; the caller has checked that no name is in both.
    fn append(&mut self, mut part: Self) {
        let first = self.files.len();
        for (_, location) in part.tensors.values_mut() {
            if let Location::Range { file, .. } = location {
                *file += first;
            }
        }
        self.tensors.append(&mut part.tensors);
        self.files.append(&mut part.files);
        self.metadata.append(&mut part.metadata);
    }
}

impl CheckpointFile {
    /// Opens a checkpoint and checks everything that can be told without reading the values.
    ///
    /// `path` is a safetensors file, the `.index.json` of a sharded one, a PyTorch checkpoint
    /// (`.pth`, `.pt`, `.th`, `.bin`, `.ckpt`), or a folder laid out as timm's repositories on the
    /// Hub are: `config.json` and `model.safetensors`, else `model.safetensors.index.json`, else
    /// `pytorch_model.bin`. The content decides, not the extension.
    ///
    /// Nothing that a PyTorch checkpoint contains is executed. Its tensors are looked for where
    /// training scripts put them, see [`nested_under`](Self::nested_under), and a `module.` or
    /// `_orig_mod.` in front of every name is dropped, as timm does.
    ///
    /// # Errors
    ///
    /// If there is nothing at `path`, if it is no checkpoint, or if it is damaged in any way: every
    /// byte of a safetensors file must belong to the header or to exactly one tensor.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path: path.to_owned() },
            _ => Error::Read { path: path.to_owned(), source },
        })?;
        let file = if metadata.is_dir() { find_weights(path)? } else { path.to_owned() };
        let contents = single::open(&file)?;
        Ok(Self { path: path.to_owned(), contents, config_json: read_config(&file)? })
    }

    /// The path that was opened: a file, or a folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every tensor, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.contents.tensors.iter().map(|(name, (info, _))| (name.as_str(), info))
    }

    /// Type and shape of one tensor.
    pub fn get(&self, name: &str) -> Option<&TensorInfo> {
        self.contents.tensors.get(name).map(|(info, _)| info)
    }

    /// The `__metadata__` of a safetensors file, or of all shards; empty for PyTorch.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.contents.metadata
    }

    /// Text of the `config.json` in the same folder.
    ///
    /// Read where a folder was opened, or a file under the name it has in such a folder
    /// (`model.safetensors`, its index, `pytorch_model.bin`): the `config.json` beside a
    /// `best.safetensors` may well belong to something else.
    pub fn config_json(&self) -> Option<&str> {
        self.config_json.as_deref()
    }

    /// The top-level key of a PyTorch checkpoint that its tensors were taken from.
    ///
    /// The first of `state_dict`, `model_state`, `model_state_dict`, `model`, `net`,
    /// `state_dict_ema`, `model_ema` that holds a dictionary; `None` where the tensors are at the
    /// top level, and for safetensors. (timm prefers the averaged weights, `*_ema`, by default.)
    pub fn nested_under(&self) -> Option<&str> {
        self.contents.nested_under.as_deref()
    }

    /// Reads the values of one float tensor, row-major, converted to float32.
    ///
    /// Needs the memory of the result and one MiB. For a PyTorch checkpoint a sixteenth of the
    /// tensor more, where the allocator shrinks in place, and twice the tensor if it is strided; a
    /// TAR archive, which PyTorch wrote before 0.1.10, is held in memory whole.
    ///
    /// # Errors
    ///
    /// If there is no such tensor, if it holds no floats, or if the file cannot be read.
    pub fn read_f32(&self, name: &str) -> Result<Vec<f32>, Error> {
        let Some((info, location)) = self.contents.tensors.get(name) else {
            return Err(Error::TensorNotFound { path: self.path.clone(), name: name.to_owned() });
        };
        if !info.dtype.is_float() {
            return Err(Error::NotFloat {
                path: self.path.clone(),
                name: name.to_owned(),
                dtype: info.dtype,
            });
        }
        match location {
            Location::PyTorch(tensor) => pytorch::read_f32(tensor, info, &self.path),
            Location::Range { file, offset } => {
                let (path, file) = &self.contents.files[*file];
                read_range(file, info, *offset)
                    .map_err(|source| Error::Read { path: path.clone(), source })
            }
        }
    }
}

/// Reads contiguous values in chunks, so that no second copy of the tensor is ever held.
fn read_range(file: &PositionedFile, info: &TensorInfo, offset: u64) -> io::Result<Vec<f32>> {
    let mut values = vec![0.0; info.num_elements()];
    let mut chunk = vec![0; CHUNK_BYTES.min(info.bytes())];
    let mut offset = offset;
    for values in values.chunks_mut(CHUNK_BYTES / info.dtype.bytes()) {
        let part = &mut chunk[..values.len() * info.dtype.bytes()];
        file.read_exact_at(part, offset)?;
        info.dtype.convert(part, values);
        offset += part.len() as u64;
    }
    Ok(values)
}

/// The first of the known files that the folder has.
fn find_weights(folder: &Path) -> Result<PathBuf, Error> {
    WEIGHT_FILES.iter().map(|name| folder.join(name)).find(|file| file.is_file()).ok_or_else(|| {
        Error::NoWeights { path: folder.to_owned(), expected: WEIGHT_FILES.join(", ") }
    })
}

/// Reads the `config.json` beside a file that is called as weights in a folder are.
fn read_config(file: &Path) -> Result<Option<String>, Error> {
    let is_known = WEIGHT_FILES.iter().any(|name| file.file_name() == Some(name.as_ref()));
    let config = file.with_file_name(CONFIG_FILE);
    if is_known && config.exists() {
        json::read_text(&config, MAX_CONFIG_BYTES).map(Some)
    } else {
        Ok(None)
    }
}
