//! What any network for texts must beat: the most frequent label, and counted words.
//!
//! | baseline | is | equal to |
//! |---|---|---|
//! | most frequent label | the label that most texts to train on have | scikit-learn's `DummyClassifier` |
//! | TF-IDF + naive Bayes | [`WordCounts`], [`TfIdf`], [`NaiveBayes`] | `TfidfVectorizer`, `MultinomialNB` |
//! | TF-IDF + logistic regression | [`WordCounts`], [`TfIdf`], [`LogisticRegression`] | `TfidfVectorizer`, `LogisticRegression` |

use std::borrow::Cow;

use rayon::prelude::*;
use rekindle_data::Random;

use crate::{
    LogisticRegression, NaiveBayes, Sample, Sparse, Text, TfIdf, WordCounts, bayes::likeliest,
};

/// Most texts that baselines learn from: of more, so many are drawn.
pub const MAX_BASELINE_TEXTS: usize = 50_000;
/// Most weights, words times labels: of more words, the most frequent are taken.
pub const MAX_BASELINE_WEIGHTS: usize = 1 << 20;

/// A way to answer texts without a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaselineKind {
    /// The most frequent label, whatever the text.
    MostFrequent,
    /// Words, counted and weighed, by multinomial naive Bayes.
    NaiveBayes,
    /// The same words by logistic regression.
    LogisticRegression,
}

impl BaselineKind {
    /// All of them, the simplest first.
    pub const ALL: [Self; 3] = [Self::MostFrequent, Self::NaiveBayes, Self::LogisticRegression];

    /// As a table of results calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MostFrequent => "most frequent label",
            Self::NaiveBayes => "TF-IDF + naive Bayes",
            Self::LogisticRegression => "TF-IDF + logistic regression",
        }
    }
}

/// What was learned of texts without a network.
#[derive(Debug, Clone)]
pub struct TextBaseline {
    kind: BaselineKind,
    words: Words,
    model: Model,
}

/// Words of texts and their weights.
#[derive(Debug, Clone)]
struct Words {
    counts: WordCounts,
    weights: TfIdf,
}

#[derive(Debug, Clone)]
enum Model {
    MostFrequent(Vec<f64>),
    NaiveBayes(NaiveBayes),
    LogisticRegression(LogisticRegression),
}

/// What a baseline reaches on texts that it has not learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineScore {
    /// Which baseline.
    pub kind: BaselineKind,
    /// Texts whose label it says.
    pub right: usize,
    /// All texts.
    pub texts: usize,
}

impl BaselineScore {
    /// The share of texts whose label it says, 0 where there is no text.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.texts.max(1) as f64
    }
}

/// `TF-IDF + naive Bayes 79.27%`
impl std::fmt::Display for BaselineScore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {:.2}%", self.kind.name(), 100.0 * self.accuracy())
    }
}

/// All baselines on the same texts.
#[derive(Debug, Clone)]
pub struct Baselines {
    /// The baselines, the simplest first.
    pub all: Vec<TextBaseline>,
    /// What was left out for a limit, a line each.
    pub notes: Vec<String>,
}

impl Baselines {
    /// Learns all baselines from texts of labels below `classes`, of at most [`MAX_BASELINE_TEXTS`] texts and
    /// [`MAX_BASELINE_WEIGHTS`] weights.
    ///
    /// # Panics
    ///
    /// If a label is out of its range.
    #[must_use]
    pub fn learn(train: &[Sample<usize>], classes: usize) -> Self {
        Self::learn_at_most(train, classes, MAX_BASELINE_TEXTS, MAX_BASELINE_WEIGHTS)
    }

    fn learn_at_most(
        train: &[Sample<usize>],
        classes: usize,
        most_texts: usize,
        most_weights: usize,
    ) -> Self {
        let mut notes = Vec::new();
        let mut places: Vec<usize> = (0..train.len()).collect();
        if places.len() > most_texts {
            // Of any seed: the same texts for the same data.
            Random::new(0, 0, 0).shuffle(&mut places);
            places.truncate(most_texts);
            places.sort_unstable();
            notes.push(format!(
                "baselines learn from {most_texts} of {} texts, drawn by chance: the limit",
                train.len()
            ));
        }
        let texts: Vec<Cow<'_, str>> =
            places.iter().map(|place| joined(&train[*place].item)).collect();
        let labels: Vec<usize> = places.iter().map(|place| train[*place].label).collect();
        let most_words = (most_weights / classes.max(1)).max(1);
        let counts = WordCounts::learn_most(texts.iter().map(|text| &**text), most_words);
        if counts.left_out() > 0 {
            notes.push(format!(
                "baselines know the {} most frequent of {} words: the limit is {most_weights} words times labels",
                counts.len(),
                counts.len() + counts.left_out()
            ));
        }
        let counted: Vec<Sparse> = texts.par_iter().map(|text| counts.count(text)).collect();
        let weights = TfIdf::learn(&counted, counts.len());
        let weighed: Vec<Sparse> = counted.par_iter().map(|text| weights.weigh(text)).collect();
        let words = Words { counts, weights };
        let learned = BaselineKind::ALL.par_iter().map(|&kind| {
            let model = Model::learn(kind, &weighed, &labels, classes, words.counts.len());
            TextBaseline { kind, words: words.clone(), model }
        });
        Self { all: learned.collect(), notes }
    }

    /// What each reaches on other texts.
    #[must_use]
    pub fn measure(&self, val: &[Sample<usize>]) -> Vec<BaselineScore> {
        self.all.iter().map(|baseline| baseline.measure(val)).collect()
    }
}

impl Model {
    fn learn(
        kind: BaselineKind,
        weighed: &[Sparse],
        labels: &[usize],
        classes: usize,
        words: usize,
    ) -> Self {
        match kind {
            BaselineKind::MostFrequent => {
                let mut shares = vec![0.0; classes];
                let one = 1.0 / labels.len().max(1) as f64;
                labels.iter().for_each(|&label| shares[label] += one);
                Self::MostFrequent(shares)
            }
            BaselineKind::NaiveBayes => {
                Self::NaiveBayes(NaiveBayes::learn(weighed, labels, classes, words))
            }
            BaselineKind::LogisticRegression => {
                Self::LogisticRegression(LogisticRegression::learn(weighed, labels, classes, words))
            }
        }
    }
}

impl TextBaseline {
    /// All baselines, learned from texts of labels below `classes`, and what each reaches on others.
    ///
    /// # Panics
    ///
    /// If a label to train on is out of its range.
    #[must_use]
    pub fn all(
        train: &[Sample<usize>],
        val: &[Sample<usize>],
        classes: usize,
    ) -> Vec<BaselineScore> {
        Baselines::learn(train, classes).measure(val)
    }

    /// Which it is.
    #[must_use]
    pub fn kind(&self) -> BaselineKind {
        self.kind
    }

    /// The likeliest label of a text; the first of equally likely ones.
    #[must_use]
    pub fn predict(&self, text: &Text) -> usize {
        match &self.model {
            Model::NaiveBayes(bayes) => bayes.predict(&self.words.weigh(text)),
            _ => likeliest(&self.probabilities(text)),
        }
    }

    /// How likely each label is; of the most frequent label how often each is.
    #[must_use]
    pub fn probabilities(&self, text: &Text) -> Vec<f64> {
        match &self.model {
            Model::MostFrequent(shares) => shares.clone(),
            Model::NaiveBayes(bayes) => bayes.probabilities(&self.words.weigh(text)),
            Model::LogisticRegression(model) => model.probabilities(&self.words.weigh(text)),
        }
    }

    /// How many texts it answers as they are labelled.
    #[must_use]
    pub fn measure(&self, samples: &[Sample<usize>]) -> BaselineScore {
        let is_right = |sample: &&Sample<usize>| self.predict(&sample.item) == sample.label;
        let right = samples.par_iter().filter(is_right).count();
        BaselineScore { kind: self.kind, right, texts: samples.len() }
    }
}

impl Words {
    fn weigh(&self, text: &Text) -> Sparse {
        self.weights.weigh(&self.counts.count(&joined(text)))
    }
}

/// Both texts of a pair as one: their words are counted together.
fn joined(text: &Text) -> Cow<'_, str> {
    match &text.pair {
        None => Cow::Borrowed(&text.text),
        Some(pair) => Cow::Owned(format!("{} {pair}", text.text)),
    }
}

#[cfg(test)]
mod tests;
