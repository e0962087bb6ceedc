//! Words as one of those that were trained on: each in a place of its own, or as a vector that is learned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most words that have a place each; more of them are embedded.
pub const MAX_ONE_HOT: usize = 32;
/// Most words of a column: the rarest of more share the place of the others.
pub const MAX_WORDS: usize = 4096;
/// Rows of which a word is known; what is rarer tells little, and stands for what was never seen.
const KNOWN: usize = 2;
/// Cells from which a word that stands once is rare.
const MANY: usize = 20;

/// Words, as one of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryCode {
    /// The words, sorted; an empty one where cells were missing in training.
    pub values: Vec<String>,
    /// Of each word the share of the training cells: what stands for an unknown word where none was rare in training.
    #[serde(default)]
    pub shares: Vec<f64>,
    /// Whether there is a place of its own for all other words, learned of those that were rare in training.
    #[serde(default)]
    pub others: bool,
    /// Of many words, how long the vector of each is.
    #[serde(default)]
    pub embed: Option<usize>,
}

impl CategoryCode {
    /// By the words of the cells. Words of a single row share the place of those that are not known.
    pub(crate) fn learn<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut all = 0_usize;
        for cell in cells {
            *counts.entry(cell).or_default() += 1;
            all += 1;
        }
        let mut known: Vec<(&str, usize)> =
            counts.iter().map(|(word, count)| (*word, *count)).collect();
        known.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        known.retain(|(_, count)| *count >= KNOWN || all < MANY);
        known.truncate(MAX_WORDS);
        // A row of a vector that nobody trains would say nothing: the rarest word stands for what is not known.
        if known.len() > MAX_ONE_HOT && known.len() == counts.len() {
            known.pop();
        }
        let others = known.len() < counts.len();
        known.sort_unstable();
        let embed = (known.len() > MAX_ONE_HOT).then(|| embed_dim(known.len()));
        let share = |(_, count): &(&str, usize)| *count as f64 / all.max(1) as f64;
        let shares = known.iter().map(share).collect();
        let values = known.into_iter().map(|(word, _)| word.to_owned()).collect();
        Self { values, shares, others, embed }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { values, shares, others, embed } = self;
        if values.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err("values are not sorted, or one is there twice".to_owned());
        }
        if !shares.is_empty() && shares.len() != values.len()
            || shares.iter().any(|share| !(0.0..=1.0).contains(share))
        {
            return Err("shares are not one of each value, from 0 to 1".to_owned());
        }
        match embed {
            Some(dim) if *dim == 0 || *dim > MAX_WORDS || !others => Err(format!(
                "embed is {dim}, outside of 1..={MAX_WORDS}, or there is no row of others"
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn width(&self) -> usize {
        if self.embed.is_some() { 1 } else { self.one_hot_width() }
    }

    pub(crate) fn one_hot_width(&self) -> usize {
        self.values.len() + usize::from(self.others)
    }

    /// The row of the word's vector, or its place among all.
    pub(crate) fn encode(&self, cell: &str, row: &mut Vec<f32>) {
        match self.embed {
            Some(_) => row.push(self.place(cell).map_or(0.0, |place| (place + 1) as f32)),
            None => self.one_hot(cell, row),
        }
    }

    /// Zeros but in the word's place, in that of the others, or what is usual in training.
    pub(crate) fn one_hot(&self, cell: &str, row: &mut Vec<f32>) {
        let start = row.len();
        row.resize(start + self.one_hot_width(), 0.0);
        let row = &mut row[start..];
        match self.place(cell) {
            Some(place) => row[place] = 1.0,
            None if self.others => row[self.values.len()] = 1.0,
            None => row.iter_mut().zip(&self.shares).for_each(|(to, share)| *to = *share as f32),
        }
    }

    fn place(&self, cell: &str) -> Option<usize> {
        self.values.binary_search_by(|value| value.as_str().cmp(cell)).ok()
    }
}

/// Rows of vectors, and how long each is: fastai's rule, 1.6 n^0.56 (Howard and Gugger 2020, arXiv 2002.04688).
fn embed_dim(words: usize) -> usize {
    ((1.6 * (words as f64).powf(0.56)).round() as usize).clamp(1, 600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(code: &CategoryCode, cell: &str) -> Vec<f32> {
        let mut row = Vec::new();
        code.encode(cell, &mut row);
        assert_eq!(row.len(), code.width());
        row
    }

    #[test]
    fn rare_words_and_unknown_ones_share_a_place() {
        let words = ["a", "b"].into_iter().cycle().take(MANY);
        let code = CategoryCode::learn(words.chain(["c"]));
        assert_eq!(code.values, ["a", "b"]);
        assert_eq!(encoded(&code, "b"), [0.0, 1.0, 0.0]);
        assert_eq!(encoded(&code, "c"), [0.0, 0.0, 1.0]);
        assert_eq!(encoded(&code, "never seen"), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn where_no_word_was_rare_an_unknown_one_is_what_is_usual() {
        let code = CategoryCode::learn(["a", "b", "a", "a", "b"].into_iter());
        assert_eq!(encoded(&code, "x"), [0.6, 0.4]);
        // Of a handful of rows nothing is rare.
        assert_eq!(CategoryCode::learn(["a", "b"].into_iter()).values, ["a", "b"]);
        // A missing one is known where it was missing in training.
        let code = CategoryCode::learn(["a", "", "a", ""].into_iter());
        assert_eq!(encoded(&code, ""), [1.0, 0.0]);
    }

    #[test]
    fn many_words_are_embedded() {
        let words: Vec<String> = (0..80).map(|word| format!("w{}", word % 40)).collect();
        let code = CategoryCode::learn(words.iter().map(String::as_str));
        assert_eq!((code.values.len(), code.embed, code.width()), (39, Some(12), 1));
        assert!(code.others && code.check().is_ok());
        assert_eq!(encoded(&code, "w0"), [1.0]);
        assert_eq!(encoded(&code, "never seen"), [0.0]);
        let many: Vec<String> = (0..3 * MAX_WORDS).map(|word| format!("w{}", word / 2)).collect();
        let code = CategoryCode::learn(many.iter().map(String::as_str));
        assert_eq!((code.values.len(), code.others), (MAX_WORDS, true));
    }
}
