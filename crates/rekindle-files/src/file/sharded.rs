//! Checkpoints in several safetensors files: `model.safetensors.index.json` and its shards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use super::json::{Entries, duplicates, read_text};
use super::{Contents, safetensors};
use crate::Error;
use crate::error::shown;

/// Disagreements that are listed, when there is no end of them.
const MAX_PROBLEMS: usize = 1000;

/// An index that maps names of tensors to names of files, all in the index's own folder.
#[derive(serde::Deserialize)]
struct Index {
    weight_map: Entries<String>,
}

/// Opens every shard that the index names, and checks that they agree with it.
pub(super) fn open(path: &Path) -> Result<Contents, Error> {
    let text = read_text(path, safetensors::MAX_HEADER_BYTES)?;
    let index: Index = serde_json::from_str(&text).map_err(|source| Error::Json {
        path: path.to_owned(),
        what: "index",
        source,
    })?;
    safetensors::check_names(path, index.weight_map.0.iter().map(|(name, _)| name))?;
    let names = duplicates(index.weight_map.0.iter().map(|(name, _)| name));
    if !names.is_empty() {
        return Err(Error::DuplicateNames { path: path.to_owned(), names });
    }
    let mut mapped: BTreeMap<String, String> = index.weight_map.0.into_iter().collect();
    let shards: BTreeSet<String> = mapped.values().cloned().collect();
    check_shards(path, &shards)?;

    let mut contents = Contents::default();
    let mut problems = Vec::new();
    for shard in &shards {
        let part = safetensors::open(&path.with_file_name(shard))?;
        for name in part.tensors.keys() {
            match mapped.remove(name) {
                Some(file) if file == *shard => {}
                Some(file) => {
                    problems.push(format!("{name} is in {shard}, but mapped to {file}"));
                }
                None => problems.push(format!("{name} is in {shard}, but not mapped to it")),
            }
        }
        for (key, value) in &part.metadata {
            if contents.metadata.get(key).is_some_and(|earlier| earlier != value) {
                problems.push(format!("metadata {key} of {shard} differs from another shard's"));
            }
        }
        contents.append(part);
        // Whatever else the shards hold, it is not what the index promises.
        if problems.len() > MAX_PROBLEMS {
            problems.truncate(MAX_PROBLEMS);
            problems.push("and more".to_owned());
            return Err(Error::ShardMismatch { path: path.to_owned(), problems });
        }
    }
    let told = mapped.iter().take(MAX_PROBLEMS);
    problems.extend(told.map(|(name, file)| format!("{name} is mapped to {file}, but not in it")));
    if mapped.len() > MAX_PROBLEMS {
        problems.push(format!("and {} more", mapped.len() - MAX_PROBLEMS));
    }
    if problems.is_empty() {
        Ok(contents)
    } else {
        Err(Error::ShardMismatch { path: path.to_owned(), problems })
    }
}

/// Refuses names that lead out of the folder, then lists every shard that is not there.
fn check_shards(path: &Path, shards: &BTreeSet<String>) -> Result<(), Error> {
    let names = shown(shards.iter().filter(|shard| !is_plain_name(shard)));
    if !names.is_empty() {
        return Err(Error::UnsafeShardNames { path: path.to_owned(), names });
    }
    let names = shown(shards.iter().filter(|shard| !path.with_file_name(shard).exists()));
    if !names.is_empty() {
        return Err(Error::MissingShards { path: path.to_owned(), names });
    }
    Ok(())
}

/// Whether a name is one component on every system: Windows reads `\` and `C:` as more than that.
fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(only)) if only == name)
        && components.next().is_none()
        && !name.contains(['/', '\\', ':'])
        && !name.contains(char::is_control)
}
