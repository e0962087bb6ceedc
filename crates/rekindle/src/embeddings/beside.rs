//! What lies beside a file that has no place for it: names, labels, and what made the embeddings.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rekindle_base::{read_text, write_file};

use super::{Embeddings, unwritable, wrong};
use crate::{Error, Maker};

const NAMES: &str = ".names.txt";
const LABELS: &str = ".labels.txt";
const MAKER: &str = ".maker.json";

/// Writes names and labels, a line each; of an older file's labels nothing is left.
pub(super) fn save_names(embeddings: &Embeddings, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let labels = if embeddings.has_labels() { embeddings.labels() } else { &[] };
    let columns = [(NAMES, embeddings.items()), (LABELS, labels)];
    for line in columns.iter().flat_map(|(_, lines)| *lines) {
        if line.contains(['\n', '\r']) {
            let text = format!(
                "{line:?} has a line break, and names are kept a line each; end the file's name in .safetensors"
            );
            return Err(wrong(path, text));
        }
    }
    let mut written = Vec::new();
    for (ending, lines) in columns {
        let beside = named(path, ending);
        if lines.is_empty() {
            remove(&beside)?;
            continue;
        }
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        write_file(&beside, text).map_err(unwritable(&beside))?;
        written.push(beside);
    }
    Ok(written)
}

/// Writes what made them, where that is known.
pub(super) fn save_maker(embeddings: &Embeddings, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let beside = named(path, MAKER);
    let Some(maker) = embeddings.maker() else {
        remove(&beside)?;
        return Ok(Vec::new());
    };
    let text =
        serde_json::to_string_pretty(maker).map_err(|error| wrong(path, error.to_string()))?;
    write_file(&beside, text + "\n").map_err(unwritable(&beside))?;
    Ok(vec![beside])
}

/// Names and labels, where they are there.
pub(super) fn names(path: &Path) -> Result<[Option<Vec<String>>; 2], Error> {
    let lines = |ending| -> Result<_, Error> {
        let text = read(&named(path, ending))?;
        Ok(text.map(|text| text.lines().map(str::to_owned).collect()))
    };
    Ok([lines(NAMES)?, lines(LABELS)?])
}

/// What made them, where that is there.
pub(super) fn maker(path: &Path) -> Result<Option<Maker>, Error> {
    let beside = named(path, MAKER);
    let of = |text: String| {
        let problem =
            |error| format!("says nothing of what made embeddings: {error}; embed once more");
        serde_json::from_str(&text).map_err(|error| wrong(&beside, problem(error)))
    };
    read(&beside)?.map(of).transpose()
}

fn named(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(path)(error)),
        _ => Ok(()),
    }
}

/// Most bytes of a text beside embeddings: a name an item.
const MAX_TEXT_BYTES: u64 = 256 << 20;

fn read(path: &Path) -> Result<Option<String>, Error> {
    match read_text(path, MAX_TEXT_BYTES) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(path, format!("cannot be read: {error}; embed once more"))),
    }
}
