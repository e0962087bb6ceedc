//! Multinomial naive Bayes on counted or weighed words: what a text classifier must beat.

use crate::counts::Sparse;

/// Multinomial naive Bayes with one word more of each kind in each class, as scikit-learn's default.
#[derive(Debug, Clone)]
pub struct NaiveBayes {
    prior: Vec<f64>,
    /// `[classes, words]`
    likelihood: Vec<Vec<f64>>,
}

impl NaiveBayes {
    /// Learns from counted texts and their labels below `classes`.
    ///
    /// # Panics
    ///
    /// If a label or a word's place is out of its range.
    #[must_use]
    pub fn learn(counted: &[Sparse], labels: &[usize], classes: usize, words: usize) -> Self {
        let mut counts = vec![vec![1.0; words]; classes];
        let mut texts = vec![0_usize; classes];
        for (counted, &label) in counted.iter().zip(labels) {
            texts[label] += 1;
            for &(place, count) in counted {
                counts[label][place as usize] += f64::from(count);
            }
        }
        let all = labels.len().max(1) as f64;
        let prior = texts.into_iter().map(|texts| (texts as f64 / all).ln()).collect();
        for counts in &mut counts {
            let sum: f64 = counts.iter().sum();
            counts.iter_mut().for_each(|count| *count = (*count / sum).ln());
        }
        Self { prior, likelihood: counts }
    }

    /// The likeliest label of a counted text; the first of equally likely ones.
    #[must_use]
    pub fn predict(&self, counted: &Sparse) -> usize {
        likeliest(&self.scores(counted))
    }

    /// How likely each label is of a counted text.
    #[must_use]
    pub fn probabilities(&self, counted: &Sparse) -> Vec<f64> {
        let mut scores = self.scores(counted);
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        scores.iter_mut().for_each(|score| *score = (*score - most).exp());
        let sum: f64 = scores.iter().sum();
        scores.iter_mut().for_each(|score| *score /= sum);
        scores
    }

    /// The logarithm of each label's share and of all words given it.
    fn scores(&self, counted: &Sparse) -> Vec<f64> {
        let score = |(prior, words): (&f64, &Vec<f64>)| {
            prior
                + counted
                    .iter()
                    .map(|&(place, count)| words[place as usize] * f64::from(count))
                    .sum::<f64>()
        };
        self.prior.iter().zip(&self.likelihood).map(score).collect()
    }
}

/// The place of the greatest; the first of equal ones.
pub(crate) fn likeliest(scores: &[f64]) -> usize {
    (1..scores.len()).fold(0, |best, label| if scores[label] > scores[best] { label } else { best })
}
