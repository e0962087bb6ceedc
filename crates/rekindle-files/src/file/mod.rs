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

mod dtype;
pub(crate) mod json;
mod positioned;
mod pytorch;
pub(crate) mod safetensors;
mod section;
mod sets;
mod sharded;
mod single;
mod strided;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use self::dtype::Dtype;
use self::positioned::PositionedFile;
pub use self::sets::WeightsSet;
use crate::Error;

/// The files that hold weights in a folder, best first: timm and the Hub name them so.
const WEIGHT_FILES: [&str; 3] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"];
/// The file beside them that says which architecture they are for.
const CONFIG_FILE: &str = "config.json";
/// Largest `config.json` that is read, in bytes; that of ImageNet-21k with all labels has 2 MB.
const MAX_CONFIG_BYTES: u64 = 8 << 20;
/// Tensors that a file may have, and names that an index may.
pub(crate) const MAX_TENSORS: usize = 100_000;
/// Bytes that a name may have: of a tensor, of what it is kept under, of a shard. Those of networks have less than 100.
pub(crate) const MAX_NAME_BYTES: usize = 1024;
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
    sets: Vec<String>,
    wrapper: String,
}

/// Where the values of a tensor are.
#[derive(Debug)]
enum Location {
    /// From `offset` on in one of the files, contiguous, row-major and little-endian. Their
    /// checksum (CRC-32) is compared when they are read, where the file has one.
    Range { file: usize, offset: u64, checksum: Option<u32> },
    /// From `offset` on as well, but with steps between them.
    Strided { file: usize, offset: u64, axes: strided::Axes },
}

impl Contents {
    /// Takes over another file's tensors; the caller has checked that no name is in both.
    fn append(&mut self, mut part: Self) {
        let first = self.files.len();
        for (_, location) in part.tensors.values_mut() {
            let (Location::Range { file, .. } | Location::Strided { file, .. }) = location;
            *file += first;
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
    /// training scripts put them, see [`WeightsSet`], and a `module.` or
    /// `_orig_mod.` in front of every name is dropped, as timm does.
    ///
    /// # Errors
    ///
    /// If there is nothing at `path`, if it is no checkpoint, or if it is damaged in any way: every
    /// byte of a safetensors file must belong to the header or to exactly one tensor.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_set(path, &WeightsSet::Preferred)
    }

    /// As [`open`](Self::open), where a training checkpoint may hold several sets of weights.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::NoSuchSet`] where the file lacks the set.
    pub fn open_set(path: &Path, set: &WeightsSet) -> Result<Self, Error> {
        let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path: path.to_owned() },
            _ => Error::Read { path: path.to_owned(), source },
        })?;
        let file = if metadata.is_dir() { find_weights(path)? } else { path.to_owned() };
        // A pipe would be waited for, and a device may never end.
        if !file.is_file() {
            let found = "it is no regular file".to_owned();
            return Err(Error::UnknownFormat { path: file, found });
        }
        let contents = single::open(&file, set)?;
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
    /// Averaged weights come before raw ones, as where timm loads a checkpoint, unless another set was
    /// asked for; `None` where the tensors are at the top level, and for safetensors.
    pub fn nested_under(&self) -> Option<&str> {
        self.contents.nested_under.as_deref()
    }

    /// The top-level keys of a PyTorch checkpoint that hold weights, the one that was taken included.
    pub fn sets(&self) -> &[String] {
        &self.contents.sets
    }

    /// What stood before every name of a PyTorch checkpoint and was dropped; empty where nothing did.
    ///
    /// `module.` of `DataParallel`, `_orig_mod.` of `torch.compile`, or both.
    pub fn wrapper(&self) -> &str {
        &self.contents.wrapper
    }

    /// Reads the values of one float tensor, row-major, converted to float32.
    ///
    /// Needs the memory of the result and one MiB.
    ///
    /// # Errors
    ///
    /// If there is no such tensor, if it holds no floats, if the file cannot be read, or if what is
    /// read has not the checksum that a PyTorch checkpoint says it has.
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
        let (Location::Range { file, .. } | Location::Strided { file, .. }) = location;
        let (path, file) = &self.contents.files[*file];
        let values = match location {
            Location::Range { offset, checksum, .. } => read_range(file, info, *offset, *checksum),
            Location::Strided { offset, axes, .. } => {
                strided::read(file, info, *offset, axes).map(Some)
            }
        };
        let values = values.map_err(|source| Error::Read { path: path.clone(), source })?;
        values.ok_or_else(|| Error::Checksum { path: path.clone(), name: name.to_owned() })
    }
}

/// Reads contiguous values in chunks, so that no second copy of the tensor is ever held.
///
/// `None` where they have another checksum.
fn read_range(
    file: &PositionedFile,
    info: &TensorInfo,
    offset: u64,
    checksum: Option<u32>,
) -> io::Result<Option<Vec<f32>>> {
    let mut values = vec![0.0; info.num_elements()];
    let mut chunk = vec![0; CHUNK_BYTES.min(info.bytes())];
    let mut hasher = crc32fast::Hasher::new();
    let mut offset = offset;
    for values in values.chunks_mut(CHUNK_BYTES / info.dtype.bytes()) {
        let part = &mut chunk[..values.len() * info.dtype.bytes()];
        file.read_exact_at(part, offset)?;
        if checksum.is_some() {
            hasher.update(part);
        }
        info.dtype.convert(part, values);
        offset += part.len() as u64;
    }
    Ok(checksum.is_none_or(|checksum| checksum == hasher.finalize()).then_some(values))
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
    // What is there and is no regular file is refused, not passed over.
    if is_known && config.exists() {
        json::read_text(&config, MAX_CONFIG_BYTES).map(Some)
    } else {
        Ok(None)
    }
}
