//! Embeddings as lines of JSON: an object an item.

use std::{
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
};

use rekindle_base::{AtomicFile, open_regular};
use serde::{Deserialize, Serialize};

use super::{Embeddings, beside, unwritable, wrong};
use crate::Error;

/// Most bytes of a line: a million numbers, and the item's name.
const MAX_LINE_BYTES: u64 = 16 << 20;

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
    let mut file = BufReader::new(open_regular(path).map_err(unread)?);
    for line in 1.. {
        let Some(text) = next_line(&mut file).map_err(unread)? else { break };
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

/// The next line, with its end; none where the file ends.
fn next_line(file: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut text = String::new();
    match file.take(MAX_LINE_BYTES + 1).read_line(&mut text)? {
        0 => Ok(None),
        bytes if bytes as u64 > MAX_LINE_BYTES => {
            let problem = format!("it has a line of more than {MAX_LINE_BYTES} bytes, the limit");
            Err(io::Error::new(io::ErrorKind::InvalidData, problem))
        }
        _ => Ok(Some(text)),
    }
}
