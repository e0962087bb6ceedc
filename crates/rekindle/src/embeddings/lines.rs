//! Embeddings as lines of JSON: an object an item.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use rekindle_base::AtomicFile;
use serde::{Deserialize, Serialize};

use super::{Embeddings, beside, unwritable, wrong};
use crate::Error;

#[derive(Serialize)]
struct Written<'a> {
    item: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    embedding: &'a [f32],
}

#[derive(Deserialize)]
struct Read {
    item: String,
    #[serde(default)]
    label: Option<String>,
    embedding: Vec<f32>,
}

pub(super) fn save(embeddings: &Embeddings, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut written = beside::save_maker(embeddings, path)?;
    let labelled = embeddings.has_labels();
    let write = || {
        let mut file = BufWriter::new(AtomicFile::create(path)?);
        for (place, (item, label)) in embeddings.items.iter().zip(&embeddings.labels).enumerate() {
            let label = labelled.then_some(label.as_str());
            serde_json::to_writer(
                &mut file,
                &Written { item, label, embedding: embeddings.row(place) },
            )?;
            file.write_all(b"\n")?;
        }
        file.into_inner().map_err(|error| error.into_error())?.commit()
    };
    write().map_err(unwritable(path))?;
    written.push(path.to_owned());
    Ok(written)
}

pub(super) fn open(path: &Path) -> Result<Embeddings, Error> {
    let unread = |error| wrong(path, format!("cannot be read: {error}; look whether it is there"));
    let mut found: Option<Embeddings> = None;
    let maker = beside::maker(path)?;
    for (line, text) in (1..).zip(BufReader::new(File::open(path).map_err(unread)?).lines()) {
        let text = text.map_err(unread)?;
        if text.trim().is_empty() {
            continue;
        }
        let Read { item, label, embedding } = serde_json::from_str(&text).map_err(|error| {
            wrong(path, format!("line {line} is no embedding: {error}; embed once more"))
        })?;
        let found = found.get_or_insert_with(|| Embeddings::new(embedding.len(), maker.clone()));
        if embedding.len() != found.dim {
            let (now, before) = (embedding.len(), found.dim);
            let text = format!("line {line} has {now} numbers, those before {before}");
            return Err(wrong(path, text + "; embed once more"));
        }
        found.push(item, label.unwrap_or_default(), &embedding);
    }
    found.ok_or_else(|| wrong(path, "holds no embeddings; embed once more"))
}
