//! A linear probe: multinomial logistic regression on features, solved to its optimum.
//!
//! It is the baseline that every fine-tuning must beat: what the pretrained features give with nothing but a
//! linear layer on them. The objective is scikit-learn's `LogisticRegression`: the sum of cross-entropies times
//! `strength`, and half the squared norm of the weights; biases are free. The solver is L-BFGS (Liu & Nocedal 1989).

use std::collections::VecDeque;

use rayon::prelude::*;

mod left_out;

pub use left_out::LeftOut;

/// Features of examples, and the label of each.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'a> {
    /// One row an example, `[examples, dim]`.
    pub features: &'a [f32],
    /// The label of each.
    pub labels: &'a [usize],
    /// Number of labels.
    pub classes: usize,
}

/// How to solve it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProbeConfig {
    /// scikit-learn's `C`: more of it fits the examples more closely. Counts for features of unit variance.
    pub strength: f64,
    /// The most steps of the solver.
    pub iterations: usize,
    /// The solver stops where no slope of the mean objective is steeper.
    pub tolerance: f64,
    /// Of the five parts of the examples by which a strength is chosen, how many judge: one for a fifth of the time.
    pub judges: usize,
}

/// A linear layer from features to logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Weights `[dim, classes]`, as Burn's linear layer has them.
    pub weight: Vec<f32>,
    /// Biases `[classes]`.
    pub bias: Vec<f32>,
    /// The strength it was solved with.
    pub strength: f64,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self { strength: 1.0, iterations: 500, tolerance: 1e-6, judges: FOLDS }
    }
}

/// Strengths that are tried.
const STRENGTHS: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// Parts of the training examples, each of which judges a probe of the others.
const FOLDS: usize = 5;

impl Probe {
    /// The probe of these examples.
    ///
    /// Features are brought to zero mean and unit variance first, and the weights back to the features as given.
    ///
    /// # Panics
    ///
    /// If the features are not a row an example, or a label is beyond the classes.
    pub fn fit(examples: &Examples<'_>, config: &ProbeConfig) -> Self {
        let problem = Problem::new(examples);
        let mut weights = problem.start();
        minimize(&problem, &mut weights, config);
        problem.unscale(&weights, config.strength)
    }

    /// The probe whose strength does best on parts of the training examples that it has not seen.
    ///
    /// # Panics
    ///
    /// As [`Probe::fit`].
    pub fn chosen(examples: &Examples<'_>, config: &ProbeConfig) -> Self {
        let strength = strength(examples, config, Scale::Standardized);
        Self::fit(examples, &ProbeConfig { strength, ..*config })
    }

    /// Logits `[examples, classes]` of features `[examples, dim]`.
    pub fn logits(&self, features: &[f32]) -> Vec<f32> {
        let classes = self.bias.len();
        let dim = self.weight.len() / classes.max(1);
        let mut logits = Vec::with_capacity(features.len() / dim.max(1) * classes);
        for row in features.chunks_exact(dim) {
            let mut sums: Vec<f64> = self.bias.iter().map(|&bias| f64::from(bias)).collect();
            for (&x, weights) in row.iter().zip(self.weight.chunks_exact(classes)) {
                for (sum, &w) in sums.iter_mut().zip(weights) {
                    *sum += f64::from(x) * f64::from(w);
                }
            }
            logits.extend(sums.iter().map(|&sum| sum as f32));
        }
        logits
    }

    /// Sum of the cross-entropies of examples.
    fn loss(&self, features: &[f32], labels: &[usize]) -> f64 {
        let logits = self.logits(features);
        let rows = logits.chunks_exact(self.bias.len()).zip(labels);
        rows.map(|(row, &label)| {
            let row: Vec<f64> = row.iter().map(|&value| f64::from(value)).collect();
            log_sum_exp(&row) - row[label]
        })
        .sum()
    }
}

/// What features are before a probe is solved.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// Of zero mean and unit variance over the examples.
    Standardized,
    /// What they were.
    AsGiven,
}

/// The strength that does best on parts of the examples that it has not seen; the config's own where there are too few.
fn strength(examples: &Examples<'_>, config: &ProbeConfig, scale: Scale) -> f64 {
    let folds = FOLDS.min(examples.labels.len());
    if folds < 2 {
        return config.strength;
    }
    let mut losses = [0.0; STRENGTHS.len()];
    let fold_of = examples.folds(folds);
    for fold in 0..folds.min(config.judges.max(1)) {
        let (seen, seen_labels) = examples.part(|i| fold_of[i] != fold);
        let (unseen, unseen_labels) = examples.part(|i| fold_of[i] == fold);
        let train = Examples { features: &seen, labels: &seen_labels, classes: examples.classes };
        let problem = Problem::of(scale, &train);
        // From the strongest decay to the weakest: each solution is near the next.
        let mut weights = problem.start();
        for (loss, strength) in losses.iter_mut().zip(STRENGTHS) {
            minimize(&problem, &mut weights, &ProbeConfig { strength, ..*config });
            *loss += problem.unscale(&weights, strength).loss(&unseen, &unseen_labels);
        }
    }
    let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap_or(0);
    STRENGTHS[best]
}

impl Examples<'_> {
    fn dim(&self) -> usize {
        self.features.len() / self.labels.len().max(1)
    }

    /// The fold of each example, so that every label is in every fold as far as it goes.
    fn folds(&self, folds: usize) -> Vec<usize> {
        let mut seen = vec![0; self.classes];
        let next = |&label: &usize| {
            seen[label] += 1;
            (seen[label] - 1 + label) % folds
        };
        self.labels.iter().map(next).collect()
    }

    /// Features and labels of some of the examples.
    fn part(&self, inside: impl Fn(usize) -> bool) -> (Vec<f32>, Vec<usize>) {
        let dim = self.dim();
        let places = || (0..self.labels.len()).filter(|&place| inside(place));
        let rows = places().flat_map(|i| &self.features[i * dim..(i + 1) * dim]);
        (rows.copied().collect(), places().map(|i| self.labels[i]).collect())
    }
}

/// The objective over standardized features; weights are `[classes, dim + 1]`, each class' bias behind its weights.
struct Problem<'a> {
    x: Vec<f32>,
    labels: &'a [usize],
    dim: usize,
    classes: usize,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

/// The most parts that examples are summed in: at once on several threads, and in the same order on any number.
const PARTS: usize = 16;

impl<'a> Problem<'a> {
    fn new(examples: &Examples<'a>) -> Self {
        let Examples { features, labels, classes } = *examples;
        let (count, dim) = (labels.len(), examples.dim());
        assert_eq!(features.len(), count * dim, "features are not a row an example");
        assert!(labels.iter().all(|&label| label < classes), "a label beyond {classes} classes");
        let (mut mean, mut deviation) = (vec![0.0; dim], vec![0.0; dim]);
        for row in features.chunks_exact(dim.max(1)) {
            row.iter().zip(&mut mean).for_each(|(&x, mean)| *mean += f64::from(x) / count as f64);
        }
        for row in features.chunks_exact(dim.max(1)) {
            for ((&x, mean), sum) in row.iter().zip(&mean).zip(&mut deviation) {
                *sum += (f64::from(x) - mean).powi(2) / count as f64;
            }
        }
        // A feature that never changes tells nothing, and gets no weight.
        deviation
            .iter_mut()
            .for_each(|value| *value = if *value > 1e-20 { value.sqrt() } else { f64::INFINITY });
        let scaled = |(place, &x): (usize, &f32)| {
            ((f64::from(x) - mean[place % dim]) / deviation[place % dim]) as f32
        };
        let x = features.iter().enumerate().map(scaled).collect();
        Self { x, labels, dim, classes, mean, deviation }
    }

    fn of(scale: Scale, examples: &Examples<'a>) -> Self {
        match scale {
            Scale::Standardized => Self::new(examples),
            Scale::AsGiven => Self::as_given(examples),
        }
    }

    fn as_given(examples: &Examples<'a>) -> Self {
        let Examples { features, labels, classes } = *examples;
        let dim = examples.dim();
        let (mean, deviation) = (vec![0.0; dim], vec![1.0; dim]);
        Self { x: features.to_vec(), labels, dim, classes, mean, deviation }
    }

    fn start(&self) -> Vec<f64> {
        vec![0.0; (self.dim + 1) * self.classes]
    }

    /// The objective, and its slope into `slope`; `decay` is of the squared weights, where the cross-entropy is a mean.
    fn value(&self, weights: &[f64], slope: &mut [f64], decay: f64) -> f64 {
        let (dim, width) = (self.dim, self.dim + 1);
        let rows = self.labels.len().div_ceil(PARTS).max(1);
        let parts = self.x.par_chunks(rows * dim.max(1)).zip(self.labels.par_chunks(rows));
        let parts: Vec<(f64, Vec<f64>)> =
            parts.map(|(x, labels)| self.part(x, labels, weights)).collect();
        slope.fill(0.0);
        let mut value = 0.0;
        for (part, slopes) in parts {
            value += part;
            slope.iter_mut().zip(&slopes).for_each(|(slope, part)| *slope += part);
        }
        for (slope, w) in slope.chunks_exact_mut(width).zip(weights.chunks_exact(width)) {
            for (slope, &w) in slope[..dim].iter_mut().zip(w) {
                *slope += decay * w;
                value += 0.5 * decay * w * w;
            }
        }
        value
    }

    /// What some of the examples add to the objective and to its slope.
    fn part(&self, x: &[f32], labels: &[usize], weights: &[f64]) -> (f64, Vec<f64>) {
        let (dim, width) = (self.dim, self.dim + 1);
        let count = self.labels.len().max(1) as f64;
        let mut value = 0.0;
        let mut slope = vec![0.0; weights.len()];
        let mut logits = vec![0.0; self.classes];
        for (row, &label) in x.chunks_exact(dim.max(1)).zip(labels) {
            for (logit, w) in logits.iter_mut().zip(weights.chunks_exact(width)) {
                *logit = product(row, &w[..dim]) + w[dim];
            }
            let normalizer = log_sum_exp(&logits);
            value += (normalizer - logits[label]) / count;
            logits.iter_mut().for_each(|logit| *logit = (*logit - normalizer).exp() / count);
            logits[label] -= 1.0 / count;
            for (slope, &error) in slope.chunks_exact_mut(width).zip(&logits) {
                slope.iter_mut().zip(row).for_each(|(slope, &x)| *slope += f64::from(x) * error);
                slope[dim] += error;
            }
        }
        (value, slope)
    }

    fn unscale(&self, weights: &[f64], strength: f64) -> Probe {
        let (dim, classes) = (self.dim, self.classes);
        let mut weight = vec![0.0; dim * classes];
        let mut bias = Vec::with_capacity(classes);
        for (class, w) in weights.chunks_exact(dim + 1).enumerate() {
            let mut shifted = w[dim];
            for place in 0..dim {
                shifted -= w[place] * self.mean[place] / self.deviation[place];
                weight[place * classes + class] = (w[place] / self.deviation[place]) as f32;
            }
            bias.push(shifted as f32);
        }
        Probe { weight, bias, strength }
    }
}

/// The sum of products, in lanes that a processor adds at once.
fn product(x: &[f32], w: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (wide, narrow) = (x.chunks_exact(8), x.chunks_exact(8).remainder());
    let rest = w.len() - narrow.len();
    for (x, w) in wide.zip(w.chunks_exact(8)) {
        for ((lane, &x), &w) in lanes.iter_mut().zip(x).zip(w) {
            *lane += f64::from(x) * w;
        }
    }
    let last: f64 = narrow.iter().zip(&w[rest..]).map(|(&x, &w)| f64::from(x) * w).sum();
    lanes.iter().sum::<f64>() + last
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// Steps that the curvature is estimated from.
const MEMORY: usize = 10;
/// Share of the slope's promise that a step must keep (Armijo).
const PROMISE: f64 = 1e-4;

/// L-BFGS with backtracking; the objective is smooth and convex.
fn minimize(problem: &Problem<'_>, weights: &mut Vec<f64>, config: &ProbeConfig) {
    let decay = 1.0 / (config.strength * problem.labels.len().max(1) as f64);
    let mut slope = vec![0.0; weights.len()];
    let mut value = problem.value(weights, &mut slope, decay);
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
    for _ in 0..config.iterations {
        if slope.iter().all(|slope| slope.abs() <= config.tolerance) {
            return;
        }
        let direction = direction(&slope, &memory);
        let promised = dot(&direction, &slope);
        let mut length =
            if memory.is_empty() { 1.0 / dot(&slope, &slope).sqrt().max(1.0) } else { 1.0 };
        let mut next_slope = vec![0.0; weights.len()];
        let (next, next_value) = loop {
            let next: Vec<f64> =
                weights.iter().zip(&direction).map(|(w, d)| w + length * d).collect();
            let next_value = problem.value(&next, &mut next_slope, decay);
            if next_value <= value + PROMISE * length * promised {
                break (next, next_value);
            }
            length *= 0.5;
            // As good as it gets in these numbers.
            if length < 1e-12 {
                return;
            }
        };
        let step: Vec<f64> = next.iter().zip(weights.iter()).map(|(new, old)| new - old).collect();
        let change: Vec<f64> = next_slope.iter().zip(&slope).map(|(new, old)| new - old).collect();
        let curvature = dot(&step, &change);
        if curvature > 1e-12 * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back((step, change, 1.0 / curvature));
        }
        (*weights, value, slope) = (next, next_value, next_slope);
    }
}

/// The slope through the inverse curvature that the last steps showed (two-loop recursion).
fn direction(slope: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>, f64)>) -> Vec<f64> {
    let mut d: Vec<f64> = slope.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (step, change, inverse) in memory.iter().rev() {
        let share = inverse * dot(step, &d);
        d.iter_mut().zip(change).for_each(|(d, change)| *d -= share * change);
        shares.push(share);
    }
    if let Some((_, change, inverse)) = memory.back() {
        let scale = 1.0 / (inverse * dot(change, change));
        d.iter_mut().for_each(|d| *d *= scale);
    }
    for ((step, change, inverse), share) in memory.iter().zip(shares.iter().rev()) {
        let back = share - inverse * dot(change, &d);
        d.iter_mut().zip(step).for_each(|(d, step)| *d += back * step);
    }
    d
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of three labels that overlap, from a formula.
    fn points() -> (Vec<f32>, Vec<usize>) {
        let mut features = Vec::new();
        let labels: Vec<usize> = (0..30).map(|i| i % 3).collect();
        for (i, &label) in labels.iter().enumerate() {
            let wave = |rate: f64| (rate * (i + 1) as f64).sin();
            features.extend(
                [wave(1.3) + label as f64, 2.0 * wave(2.1) - 0.5 * label as f64, wave(0.7)]
                    .map(|x| x as f32),
            );
        }
        (features, labels)
    }

    #[test]
    fn the_optimum_is_scikit_learns() {
        let (features, labels) = points();
        let examples = Examples { features: &features, labels: &labels, classes: 3 };
        let config = ProbeConfig { tolerance: 1e-9, ..ProbeConfig::default() };
        let probe = Probe::fit(&examples, &config);
        let found: Vec<f32> = probe.logits(&features[..6]);
        for (found, expected) in found.iter().zip(EXPECTED) {
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} against {expected}");
        }
    }

    /// What has nothing to do with the labels is best hardly believed, what tells them apart as much as may be.
    #[test]
    fn the_strength_is_the_one_that_unseen_examples_prefer() {
        let wave = |i: usize, rate: f64| (rate * (i + 1) as f64).sin() as f32;
        let labels: Vec<usize> = (0..60).map(|i| i % 2).collect();
        let noise: Vec<f32> = (0..60).flat_map(|i| [wave(i / 2, 1.3), wave(i / 2, 2.1)]).collect();
        let apart: Vec<f32> = (0..60)
            .flat_map(|i| [2.0 * (i % 2) as f32 + 0.1 * wave(i, 1.3), wave(i, 2.1)])
            .collect();
        for (name, features, expected) in
            [("noise", noise, STRENGTHS[0]), ("apart", apart, STRENGTHS[STRENGTHS.len() - 1])]
        {
            let examples = Examples { features: &features, labels: &labels, classes: 2 };
            let chosen = Probe::chosen(&examples, &ProbeConfig::default());
            assert_eq!(chosen.strength, expected, "{name}");
        }
    }

    /// `make_pipeline(StandardScaler(), LogisticRegression(C=1.0, tol=1e-10)).decision_function(x)[:2]`
    const EXPECTED: [f64; 6] =
        [1.923_350_69, -2.676_945_35, 0.753_594_66, -2.474_295_65, 1.822_151_33, 0.652_144_32];

    #[test]
    fn constant_features_and_labels_that_never_occur_are_no_trouble() {
        let features = [1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 3.0];
        let examples = Examples { features: &features, labels: &[0, 0, 1, 1], classes: 3 };
        let probe = Probe::fit(&examples, &ProbeConfig::default());
        assert!(probe.weight.iter().chain(&probe.bias).all(|value| value.is_finite()));
        assert_eq!(probe.weight[..3], [0.0; 3]);
        let logits = probe.logits(&features);
        for (row, label) in logits.chunks_exact(3).zip([0, 0, 1, 1]) {
            assert!(row.iter().all(|&other| other <= row[label]), "{row:?}");
        }
    }
}
