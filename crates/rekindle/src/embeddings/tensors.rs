//! Embeddings as a tensor of a safetensors file, all else in its metadata.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rekindle_checkpoint::{CheckpointFile, Dtype, Entry, write_safetensors};
use serde_json::json;

use super::{Embeddings, wrong};
use crate::Error;

const TENSOR: &str = "embeddings";
/// Keys of the metadata.
const ITEMS: &str = "items";
const LABELS: &str = "labels";
const MAKER: &str = "maker";

pub(super) fn save(embeddings: &Embeddings, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut metadata = BTreeMap::from([(ITEMS.to_owned(), json!(embeddings.items).to_string())]);
    if embeddings.has_labels() {
        metadata.insert(LABELS.to_owned(), json!(embeddings.labels).to_string());
    }
    if let Some(maker) = &embeddings.maker {
        metadata.insert(MAKER.to_owned(), json!(maker).to_string());
    }
    let shape = vec![embeddings.len(), embeddings.dim];
    let entry = Entry { name: TENSOR.to_owned(), dtype: Dtype::F32, shape };
    let bytes = |_| -> Result<Vec<u8>, std::io::Error> {
        Ok(embeddings.values.iter().flat_map(|value| value.to_le_bytes()).collect())
    };
    write_safetensors(path, &metadata, &[entry], bytes)?;
    Ok(vec![path.to_owned()])
}

pub(super) fn open(path: &Path) -> Result<Embeddings, Error> {
    let file = CheckpointFile::open(path)?;
    let Some([_, dim]) = file.get(TENSOR).map(|info| &info.shape[..]) else {
        let text =
            "holds no tensor `embeddings` of two axes; give a file that `rekindle embed` wrote";
        return Err(wrong(path, text));
    };
    let text = |key: &str| file.metadata().get(key);
    let damaged = |key: &str, error: serde_json::Error| {
        wrong(path, format!("its `{key}` cannot be understood: {error}; embed once more"))
    };
    let names = |key: &str| {
        let names = text(key).map(|text| serde_json::from_str(text)).transpose();
        names.map_err(|error| damaged(key, error))
    };
    let maker = text(MAKER).map(|text| serde_json::from_str(text)).transpose();
    let maker = maker.map_err(|error| damaged(MAKER, error))?;
    let rows = (*dim, file.read_f32(TENSOR)?);
    Embeddings::of(path, rows, [names(ITEMS)?, names(LABELS)?], maker)
}
