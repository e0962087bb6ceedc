//! Logistic regression on weighed words: what scikit-learn's `LogisticRegression` finds with its defaults.
//!
//! Least of `sum of cross entropies + |weights|^2 / (2 C)`, where `C` is 1 and biases are free. Two labels have one row of
//! weights, more of them a row each.

use crate::{counts::Sparse, lbfgs};

/// The strength of the penalty: scikit-learn's default.
const C: f64 = 1.0;
/// No derivative of the mean loss is greater in the end. scikit-learn stops at 1e-4 already.
const TOLERANCE: f64 = 1e-6;

/// Weights of words for each label.
#[derive(Debug, Clone)]
pub struct LogisticRegression {
    /// One for two labels, else the number of labels.
    rows: usize,
    /// `[words, rows]`, then the biases.
    weights: Vec<f64>,
}

impl LogisticRegression {
    /// Learns from weighed texts and their labels below `classes`.
    ///
    /// # Panics
    ///
    /// If a label or a word's place is out of its range.
    #[must_use]
    pub fn learn(weighed: &[Sparse], labels: &[usize], classes: usize, words: usize) -> Self {
        assert!(labels.iter().all(|label| *label < classes), "a label beyond {classes}");
        let rows = if classes <= 2 { 1 } else { classes };
        let texts = labels.len().max(1) as f64;
        let penalty = 1.0 / (C * texts);
        let loss = |weights: &[f64], gradient: &mut [f64]| {
            let (of_words, _) = weights.split_at(words * rows);
            let square: f64 = of_words.iter().map(|weight| weight * weight).sum();
            gradient.fill(0.0);
            gradient.iter_mut().zip(of_words).for_each(|(to, weight)| *to = penalty * weight);
            let mut sum = 0.0;
            let mut scores = vec![0.0; rows];
            for (text, &label) in weighed.iter().zip(labels) {
                score(weights, text, &mut scores);
                sum += derive(&mut scores, label);
                let (of_words, of_biases) = gradient.split_at_mut(words * rows);
                for &(place, x) in text {
                    let row = &mut of_words[place as usize * rows..][..rows];
                    let x = f64::from(x) / texts;
                    row.iter_mut().zip(&scores).for_each(|(to, score)| *to += x * score);
                }
                of_biases.iter_mut().zip(&scores).for_each(|(to, score)| *to += score / texts);
            }
            sum / texts + penalty * square / 2.0
        };
        Self { rows, weights: lbfgs::minimize(vec![0.0; (words + 1) * rows], TOLERANCE, loss) }
    }

    /// How likely each label is of a weighed text.
    #[must_use]
    pub fn probabilities(&self, weighed: &Sparse) -> Vec<f64> {
        let mut scores = vec![0.0; self.rows];
        score(&self.weights, weighed, &mut scores);
        if let [score] = scores[..] {
            return vec![1.0 / (1.0 + score.exp()), 1.0 / (1.0 + (-score).exp())];
        }
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        scores.iter_mut().for_each(|score| *score = (*score - most).exp());
        let sum: f64 = scores.iter().sum();
        scores.iter_mut().for_each(|score| *score /= sum);
        scores
    }
}

/// The sums of weights of a text's words.
fn score(weights: &[f64], text: &Sparse, scores: &mut [f64]) {
    let rows = scores.len();
    scores.copy_from_slice(&weights[weights.len() - rows..]);
    for &(place, x) in text {
        let row = &weights[place as usize * rows..][..rows];
        scores.iter_mut().zip(row).for_each(|(score, weight)| *score += f64::from(x) * weight);
    }
}

/// The cross entropy of scores, which become its derivatives.
fn derive(scores: &mut [f64], label: usize) -> f64 {
    if let [score] = scores {
        let sign = if label == 1 { 1.0 } else { -1.0 };
        let margin = sign * *score;
        // ln(1 + e^-m) without overflow.
        let loss = (-margin).max(0.0) + (-margin.abs()).exp().ln_1p();
        *score = -sign / (1.0 + margin.exp());
        return loss;
    }
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = scores[label] - most;
    scores.iter_mut().for_each(|score| *score = (*score - most).exp());
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
    scores[label] -= 1.0;
    sum.ln() - own
}
