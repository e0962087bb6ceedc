//! Embeddings with the names of what they are of: kept in files, and searched for neighbors.
//!
//! | file | embeddings | names, labels and maker |
//! |---|---|---|
//! | `.safetensors` | the tensor `embeddings`, `[items, dim]`, float32 | the metadata `items`, `labels` and `maker`, as JSON |
//! | `.npy` | `[items, dim]`, float32, row by row | beside it, as `FILE.names.txt`, `FILE.labels.txt` and `FILE.maker.json` |
//! | `.jsonl` | an object a line: `item`, `label` where there are labels, `embedding` | `FILE.maker.json` beside it |
//! | `.parquet` | columns `item`, `label` where there are labels, `embedding`; takes the feature `parquet` | the key `maker` |

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::{Error, Maker};

mod beside;
mod lines;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod tensors;
#[cfg(test)]
mod tests;
#[cfg(not(feature = "parquet"))]
mod parquet {
    use super::{Embeddings, Error, Path, PathBuf, wrong};

    /// Writes none.
    pub(super) fn save(_: &Embeddings, path: &Path) -> Result<Vec<PathBuf>, Error> {
        Err(wrong(path, super::NO_PARQUET))
    }

    /// Reads none.
    pub(super) fn open(path: &Path) -> Result<Embeddings, Error> {
        Err(wrong(path, super::NO_PARQUET))
    }
}

/// A vector an item, with the items' names and perhaps labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    dim: usize,
    items: Vec<String>,
    /// One an item, empty where it has none.
    labels: Vec<String>,
    values: Vec<f32>,
    maker: Option<Maker>,
}

/// An item that is like another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// Its place among the items.
    pub place: usize,
    /// The cosine of the angle between the two embeddings, in `[-1, 1]`; 0 where one of them is zero.
    pub similarity: f32,
}

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingFormat {
    /// `.safetensors`.
    Safetensors,
    /// `.npy`, as NumPy has it.
    Npy,
    /// `.jsonl`, an object a line.
    JsonLines,
    /// `.parquet`, in builds with the feature `parquet`.
    Parquet,
}

const FORMATS: [(&str, EmbeddingFormat); 4] = [
    ("safetensors", EmbeddingFormat::Safetensors),
    ("npy", EmbeddingFormat::Npy),
    ("jsonl", EmbeddingFormat::JsonLines),
    ("parquet", EmbeddingFormat::Parquet),
];

/// Most bytes of a file of embeddings, as they are in memory.
const MAX_FILE_BYTES: u64 = 4 << 30;

#[cfg(not(feature = "parquet"))]
const NO_PARQUET: &str = "this program reads and writes no Parquet; build it with the feature `parquet`, as in `cargo install --features parquet`, or embed into .safetensors, .npy or .jsonl";

impl EmbeddingFormat {
    /// The format that embeddings have in a file, by the ending of its name.
    ///
    /// # Errors
    ///
    /// [`Error::Embeddings`] for another ending, and for Parquet in a build without it.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let extension = path.extension().unwrap_or_default();
        let known = FORMATS.iter().find(|(ending, _)| extension.eq_ignore_ascii_case(ending));
        match known {
            #[cfg(not(feature = "parquet"))]
            Some((_, Self::Parquet)) => Err(wrong(path, NO_PARQUET)),
            Some((_, format)) => Ok(*format),
            None => Err(wrong(
                path,
                "says by its ending of no format; end it in .safetensors, .npy, .jsonl or .parquet",
            )),
        }
    }
}

impl Embeddings {
    /// None yet, of `dim` numbers each.
    pub fn new(dim: usize, maker: Option<Maker>) -> Self {
        Self { dim, items: Vec::new(), labels: Vec::new(), values: Vec::new(), maker }
    }

    /// Adds an item; its label is empty where it has none.
    ///
    /// # Panics
    ///
    /// If the row has another length.
    pub fn push(&mut self, item: impl Into<String>, label: impl Into<String>, row: &[f32]) {
        assert_eq!(row.len(), self.dim, "an embedding of another length");
        self.items.push(item.into());
        self.labels.push(label.into());
        self.values.extend_from_slice(row);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many numbers each has.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The names.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// A label an item, empty where it has none; several are separated by `|`.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether any item has a label.
    pub fn has_labels(&self) -> bool {
        self.labels.iter().any(|label| !label.is_empty())
    }

    /// All numbers, item by item.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The embedding at a place.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn row(&self, place: usize) -> &[f32] {
        &self.values[place * self.dim..][..self.dim]
    }

    /// What made them, where that is known.
    pub fn maker(&self) -> Option<&Maker> {
        self.maker.as_ref()
    }

    /// Where the first item of this name is.
    pub fn find(&self, item: &str) -> Option<usize> {
        self.items.iter().position(|known| known == item)
    }

    /// Scales each to length one; zero stays zero.
    pub fn normalize(&mut self) {
        for row in self.values.chunks_exact_mut(self.dim.max(1)) {
            let length = dot(row, row).sqrt();
            if length > 0.0 {
                row.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
            }
        }
    }

    /// The items most like a query, most like first, and of equals those that come first; all are looked at.
    ///
    /// `except` is left out: where the query is an item itself, that.
    ///
    /// # Panics
    ///
    /// If the query has another length.
    pub fn neighbors(&self, query: &[f32], top: usize, except: Option<usize>) -> Vec<Neighbor> {
        assert_eq!(query.len(), self.dim, "a query of another length");
        let length = dot(query, query).sqrt();
        let rows = self.values.par_chunks_exact(self.dim.max(1)).enumerate();
        let mut found: Vec<Neighbor> = rows
            .map(|(place, row)| {
                let lengths = length * dot(row, row).sqrt();
                let cosine = if lengths > 0.0 { dot(query, row) / lengths } else { 0.0 };
                Neighbor { place, similarity: cosine.clamp(-1.0, 1.0) as f32 }
            })
            .collect();
        found.retain(|neighbor| Some(neighbor.place) != except);
        found.sort_by(|one, other| {
            other.similarity.total_cmp(&one.similarity).then(one.place.cmp(&other.place))
        });
        found.truncate(top);
        found
    }

    /// Writes them in the format that the name ends in, and gives all files that were written; each is written aside and
    /// renamed, the one that was asked for last.
    ///
    /// # Errors
    ///
    /// [`Error::Embeddings`] for another ending, for numbers that are not finite, and for names that the format cannot hold;
    /// [`Error::Write`] where a file cannot be written.
    pub fn save(&self, path: &Path) -> Result<Vec<PathBuf>, Error> {
        let format = EmbeddingFormat::of(path)?;
        self.checked(path)?;
        match format {
            EmbeddingFormat::Safetensors => tensors::save(self, path),
            EmbeddingFormat::Npy => npy::save(self, path),
            EmbeddingFormat::JsonLines => lines::save(self, path),
            EmbeddingFormat::Parquet => parquet::save(self, path),
        }
    }

    /// Reads what [`save`](Self::save) wrote, or another wrote in the same way; rows without names are called `#0`, `#1`.
    ///
    /// # Errors
    ///
    /// [`Error::Embeddings`] where it cannot be read or is damaged, and for Parquet in a build without it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let found = match EmbeddingFormat::of(path)? {
            EmbeddingFormat::Safetensors => tensors::open(path),
            EmbeddingFormat::Npy => npy::open(path),
            EmbeddingFormat::JsonLines => lines::open(path),
            EmbeddingFormat::Parquet => parquet::open(path),
        }?;
        found.checked(path)?;
        Ok(found)
    }

    /// Of rows, with names and labels that are as many as these or none.
    fn of(
        path: &Path,
        (dim, values): (usize, Vec<f32>),
        [items, labels]: [Option<Vec<String>>; 2],
        maker: Option<Maker>,
    ) -> Result<Self, Error> {
        let count = values.len() / dim.max(1);
        let items = items.unwrap_or_else(|| (0..count).map(|row| format!("#{row}")).collect());
        let labels = labels.unwrap_or_else(|| vec![String::new(); count]);
        for (what, found) in [("names", items.len()), ("labels", labels.len())] {
            if found != count {
                let text = format!("has {count} rows and {found} {what}; embed once more");
                return Err(wrong(path, text));
            }
        }
        Ok(Self { dim, items, labels, values, maker })
    }

    fn checked(&self, path: &Path) -> Result<(), Error> {
        let place = self.values.iter().position(|value| !value.is_finite());
        place.map_or(Ok(()), |place| {
            let item = &self.items[place / self.dim.max(1)];
            let text = format!(
                "the embedding of {item} has a number that is not finite; look at the weights"
            );
            Err(wrong(path, text))
        })
    }
}

/// The sum of products, in float64 and in order.
fn dot(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
}

fn wrong(path: &Path, problem: impl Into<String>) -> Error {
    Error::Embeddings { path: path.to_owned(), problem: problem.into() }
}

fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    |source| Error::Write { path: path.to_owned(), source }
}
