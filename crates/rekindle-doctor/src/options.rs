//! What counts as too small, too alike, too few.

use std::{collections::BTreeMap, path::PathBuf};

/// From where on something is worth a word.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The fewest pixels that a picture's shorter side may have.
    pub least_side: usize,
    /// The most that a picture's longer side may be of its shorter one.
    pub most_ratio: f64,
    /// The fewest training pictures that a label may have, or numbers in all; [`least_for`] knows some.
    pub least_examples: usize,
    /// The most that the most frequent label's training pictures may be of another's.
    pub most_imbalance: f64,
    /// How many of the 128 bits of two pictures' hashes may differ for the pictures to be compared as near duplicates, at
    /// most [`MOST_BITS`].
    pub near_bits: u32,
    /// The least correlation of two such pictures, shrunk to 18 x 18 pixels, in `[-1, 1]`; more is asked of pictures with
    /// little detail. Above 1 none is near.
    pub near_likeness: f64,
    /// The share of two texts' words and pairs of neighboring words, in `[0, 1]`, that both have where they are near duplicates.
    /// Above 1 none is near but what is the same without case, punctuation and addresses.
    pub near_words: f64,
    /// The most words that a text may have, where no tokenizer says how much is read.
    pub most_words: usize,
    /// The columns of a list of pictures that hold the numbers to learn; none where labels are learned.
    pub targets: Vec<String>,
    /// How many times the range of the middle half of its column a number may lie beyond that.
    pub most_beyond: f64,
    /// What a network sees in the pictures; without it no label and no number is doubted.
    pub embeddings: Option<EmbeddingOptions>,
    /// How many of the pictures most like one vote on its label; 4 at least, or none does.
    pub neighbors: usize,
    /// How far a number may be from the median of the pictures most like it: times as far as is usual, by the median of all such
    /// differences at the scale of a normal distribution's standard deviation.
    pub most_off: f64,
}

/// A vector a picture, near another's where the pictures show the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EmbeddingOptions {
    /// By the names that [`pictures`](crate::pictures) or [`texts`](crate::texts()) gives, all of one length; those that cannot be read may lack.
    pub rows: BTreeMap<PathBuf, Vec<f32>>,
}

/// Most bits that may differ between near duplicates: what the index finds without missing any.
pub const MOST_BITS: u32 = 15;

/// How many training pictures of each label a recipe wants at least.
///
/// Rules of thumb, not results: what learns a head alone gets by on a handful, what moves the backbone forgets it on
/// a handful, and what begins with nothing needs hundreds.
const LEAST: &[(&str, usize)] = &[
    ("as-is", 0),
    ("probe", 5),
    ("setfit", 5),
    ("head", 10),
    ("lora", 20),
    ("gradual", 20),
    ("fine-tune", 20),
    ("full", 50),
    ("scratch", 500),
];

impl Default for Options {
    fn default() -> Self {
        Self {
            least_side: 16,
            most_ratio: 4.0,
            least_examples: 10,
            most_imbalance: 5.0,
            near_bits: MOST_BITS,
            near_likeness: 0.95,
            near_words: 0.8,
            most_words: 350,
            targets: Vec::new(),
            most_beyond: 5.0,
            embeddings: None,
            neighbors: 15,
            most_off: 5.0,
        }
    }
}

/// How many training pictures of each label the recipe of this name wants at least; none where it is not known.
pub fn least_for(recipe: &str) -> Option<usize> {
    LEAST.iter().find(|(name, _)| *name == recipe).map(|(_, least)| *least)
}
