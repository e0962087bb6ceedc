//! Words of texts, counted and weighed: what scikit-learn's `CountVectorizer` and `TfidfTransformer` do with their defaults.

use ahash::AHashMap;

/// A text as counted words: places in a vocabulary and numbers, in the order of places.
pub type Sparse = Vec<(u32, f32)>;

/// The words of texts, in byte order: lower case, runs of at least two letters, digits or underscores.
#[derive(Debug, Clone)]
pub struct WordCounts {
    words: AHashMap<String, u32>,
    left_out: usize,
}

impl WordCounts {
    /// The words of these texts.
    pub fn learn<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        Self::learn_most(texts, usize::MAX)
    }

    /// The most frequent words of these texts; of equally frequent ones the first in byte order.
    pub fn learn_most<'a>(texts: impl Iterator<Item = &'a str>, most: usize) -> Self {
        let mut counts: AHashMap<String, usize> = AHashMap::new();
        for word in texts.flat_map(words) {
            *counts.entry(word).or_default() += 1;
        }
        let all = counts.len();
        let mut found: Vec<(String, usize)> = counts.into_iter().collect();
        if all > most {
            found.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
            found.truncate(most);
        }
        found.sort_unstable();
        let left_out = all - found.len();
        let words = (0..).zip(found).map(|(place, (word, _))| (word, place)).collect();
        Self { words, left_out }
    }

    /// How many words were too seldom to be among the most frequent.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// How many words there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How often each known word occurs in a text.
    #[must_use]
    pub fn count(&self, text: &str) -> Sparse {
        let mut places: Vec<u32> =
            words(text).filter_map(|word| self.words.get(&word).copied()).collect();
        places.sort_unstable();
        let runs = places.chunk_by(|a, b| a == b);
        runs.map(|run| (run[0], run.len() as f32)).collect()
    }
}

/// scikit-learn's pattern `\b\w\w+\b` on lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let found: Vec<String> = lower
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| word.chars().nth(1).is_some())
        .map(str::to_owned)
        .collect();
    found.into_iter()
}

/// Counts weighed by how few texts have a word: `count (ln((1 + n) / (1 + df)) + 1)`, then length 1.
#[derive(Debug, Clone)]
pub struct TfIdf {
    weights: Vec<f32>,
}

impl TfIdf {
    /// Weights of `words` words by counted texts.
    #[must_use]
    pub fn learn(counted: &[Sparse], words: usize) -> Self {
        let mut texts = vec![0_usize; words];
        for (place, _) in counted.iter().flatten() {
            texts[*place as usize] += 1;
        }
        let all = 1.0 + counted.len() as f64;
        let weight = |texts: usize| ((all / (1.0 + texts as f64)).ln() + 1.0) as f32;
        Self { weights: texts.into_iter().map(weight).collect() }
    }

    /// A counted text weighed.
    #[must_use]
    pub fn weigh(&self, counted: &Sparse) -> Sparse {
        let weighed: Sparse = counted
            .iter()
            .map(|&(place, count)| (place, count * self.weights[place as usize]))
            .collect();
        let length = weighed.iter().map(|(_, x)| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        weighed.into_iter().map(|(place, x)| (place, (f64::from(x) * scale) as f32)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_words_are_kept() {
        for (most, expected, left_out) in
            [(9, &["ant", "bee", "cat", "dog"][..], 0), (2, &["ant", "cat"], 2), (1, &["ant"], 3)]
        {
            let found = WordCounts::learn_most(["cat ant dog", "cat bee ant"].into_iter(), most);
            let places: Vec<Sparse> = expected.iter().map(|word| found.count(word)).collect();
            let alone = |place| vec![(place, 1.0)];
            let all: Vec<Sparse> = (0..expected.len() as u32).map(alone).collect();
            // Ants and cats are as frequent: byte order decides.
            assert_eq!((places, found.len(), found.left_out()), (all, expected.len(), left_out));
        }
    }

    #[test]
    fn words_are_scikit_learns() {
        let found: Vec<String> = words("It's a dog_1 -- CAFÉ a1 b").collect();
        assert_eq!(found, ["it", "dog_1", "café", "a1"]);
    }

    /// By hand: of two texts `ant bee` and `ant ant`, `ant` is in both and `bee` in one.
    #[test]
    fn weights_follow_the_formula() {
        let words = WordCounts::learn(["ant bee", "ant ant"].into_iter());
        let counted: Vec<Sparse> = ["ant bee", "ant ant"].map(|text| words.count(text)).into();
        assert_eq!(counted, [vec![(0, 1.0), (1, 1.0)], vec![(0, 2.0)]]);
        let weighed = TfIdf::learn(&counted, words.len()).weigh(&counted[0]);
        let bee = (1.5_f64).ln() + 1.0;
        let length = (1.0 + bee * bee).sqrt();
        for ((_, found), expected) in weighed.iter().zip([1.0 / length, bee / length]) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{weighed:?}");
        }
    }
}
