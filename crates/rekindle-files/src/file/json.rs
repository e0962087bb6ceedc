//! Small text files, and JSON maps that keep what a map would drop.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use rekindle_base::{open_regular, read_at_most};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::{MAX_NAME_BYTES, MAX_TENSORS};
use crate::Error;
use crate::error::shown;

/// A JSON map as its pairs, in the order of the file and with names that occur twice.
#[derive(Debug)]
pub(super) struct Entries<V>(pub(super) Vec<(String, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for PairsVisitor<V> {
    type Value = Entries<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries<V>, M::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            check_length(&pair)?;
            if pairs.len() == MAX_TENSORS {
                return Err(M::Error::custom(format!("more than {MAX_TENSORS} entries")));
            }
            pairs.push(pair);
        }
        Ok(Entries(pairs))
    }
}

/// The name of an entry, which no program needs to be long.
pub(super) fn check_length<V, E: serde::de::Error>((name, _): &(String, V)) -> Result<(), E> {
    if name.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    Err(E::custom(format!("a name of {} bytes, more than {MAX_NAME_BYTES}", name.len())))
}

/// The names that occur more than once, each of them once.
pub(crate) fn duplicates<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let repeated: BTreeSet<_> = names.filter(|name| !seen.insert(*name)).collect();
    shown(repeated)
}

/// Reads a text file of at most `limit` bytes.
pub(super) fn read_text(path: &Path, limit: u64) -> Result<String, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    let file = open_regular(path).map_err(read_error)?;
    let bytes = file.metadata().map_err(read_error)?.len();
    if bytes > limit {
        return Err(Error::TooLarge { path: path.to_owned(), bytes, limit });
    }
    // The file may grow while it is read, so the limit holds here as well.
    let text = read_at_most(file, limit).map_err(read_error)?;
    String::from_utf8(text)
        .map_err(|error| Error::NotUtf8 { path: path.to_owned(), source: error.utf8_error() })
}
