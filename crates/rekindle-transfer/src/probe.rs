//! A linear probe: multinomial logistic regression on features, solved to its optimum.
//!
//! It is the baseline that every fine-tuning must beat: what the pretrained features give with nothing but a
//! linear layer on them. The objective is scikit-learn's `LogisticRegression`: the sum of cross-entropies times
//! `strength`, and half the squared norm of the weights; biases are free. The solver is L-BFGS (Liu & Nocedal 1989).

use std::collections::VecDeque;

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
        Self { strength: 1.0, iterations: 500, tolerance: 1e-6 }
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
        let problem = Problem::new(examples, config.strength);
        let mut weights = vec![0.0; (problem.dim + 1) * problem.classes];
        minimize(&problem, &mut weights, config);
        problem.unscale(&weights, config.strength)
    }

    /// The probe whose strength does best on parts of the training examples that it has not seen.
    ///
    /// # Panics
    ///
    /// As [`Probe::fit`].
    pub fn chosen(examples: &Examples<'_>, config: &ProbeConfig) -> Self {
        let dim = examples.dim();
        let folds = FOLDS.min(examples.labels.len());
        let loss = |strength: f64| -> f64 {
            (0..folds)
                .map(|fold| {
                    // Every label is in every fold as far as it goes: examples come ordered by label.
                    let part = |inside: bool| {
                        let places = (0..examples.labels.len())
                            .filter(move |i| (i % folds == fold) == inside);
                        let labels: Vec<usize> =
                            places.clone().map(|i| examples.labels[i]).collect();
                        let rows = places.flat_map(|i| &examples.features[i * dim..(i + 1) * dim]);
                        (rows.copied().collect::<Vec<f32>>(), labels)
                    };
                    let ((seen, seen_labels), (unseen, unseen_labels)) = (part(false), part(true));
                    let train = Examples {
                        features: &seen,
                        labels: &seen_labels,
                        classes: examples.classes,
                    };
                    let probe = Self::fit(&train, &ProbeConfig { strength, ..*config });
                    probe.loss(&unseen, &unseen_labels)
                })
                .sum()
        };
        let losses: Vec<f64> = if folds < 2 { vec![0.0] } else { STRENGTHS.map(loss).to_vec() };
        let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap_or(0);
        let strength = if folds < 2 { config.strength } else { STRENGTHS[best] };
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

impl Examples<'_> {
    fn dim(&self) -> usize {
        self.features.len() / self.labels.len().max(1)
    }
}

/// The objective over standardized features; weights are `[dim + 1, classes]`, the biases last.
struct Problem<'a> {
    x: Vec<f64>,
    labels: &'a [usize],
    dim: usize,
    classes: usize,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    /// Of the squared weights, where the cross-entropy is a mean.
    decay: f64,
}

impl<'a> Problem<'a> {
    fn new(examples: &Examples<'a>, strength: f64) -> Self {
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
            (f64::from(x) - mean[place % dim]) / deviation[place % dim]
        };
        let x = features.iter().enumerate().map(scaled).collect();
        Self {
            x,
            labels,
            dim,
            classes,
            mean,
            deviation,
            decay: 1.0 / (strength * count.max(1) as f64),
        }
    }

    /// The objective, and its slope into `slope`.
    fn value(&self, weights: &[f64], slope: &mut [f64]) -> f64 {
        let Self { dim, classes, .. } = *self;
        let count = self.labels.len().max(1) as f64;
        let (w, bias) = weights.split_at(dim * classes);
        slope.fill(0.0);
        let mut value = 0.0;
        let mut logits = vec![0.0; classes];
        for (row, &label) in self.x.chunks_exact(dim.max(1)).zip(self.labels) {
            logits.copy_from_slice(bias);
            for (&x, weights) in row.iter().zip(w.chunks_exact(classes)) {
                logits.iter_mut().zip(weights).for_each(|(sum, &w)| *sum += x * w);
            }
            let normalizer = log_sum_exp(&logits);
            value += (normalizer - logits[label]) / count;
            logits.iter_mut().for_each(|logit| *logit = (*logit - normalizer).exp() / count);
            logits[label] -= 1.0 / count;
            let (slopes, bias_slopes) = slope.split_at_mut(dim * classes);
            for (&x, slopes) in row.iter().zip(slopes.chunks_exact_mut(classes)) {
                slopes.iter_mut().zip(&logits).for_each(|(slope, &error)| *slope += x * error);
            }
            bias_slopes.iter_mut().zip(&logits).for_each(|(slope, &error)| *slope += error);
        }
        for (slope, &w) in slope.iter_mut().zip(w) {
            *slope += self.decay * w;
            value += 0.5 * self.decay * w * w;
        }
        value
    }

    fn unscale(&self, weights: &[f64], strength: f64) -> Probe {
        let (w, bias) = weights.split_at(self.dim * self.classes);
        let mut bias = bias.to_vec();
        let mut weight = Vec::with_capacity(w.len());
        for ((row, mean), deviation) in
            w.chunks_exact(self.classes).zip(&self.mean).zip(&self.deviation)
        {
            for (&w, bias) in row.iter().zip(&mut bias) {
                *bias -= w * mean / deviation;
                weight.push((w / deviation) as f32);
            }
        }
        Probe { weight, bias: bias.iter().map(|&bias| bias as f32).collect(), strength }
    }
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
    let mut slope = vec![0.0; weights.len()];
    let mut value = problem.value(weights, &mut slope);
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
            let next_value = problem.value(&next, &mut next_slope);
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
        let chosen = Probe::chosen(&examples, &ProbeConfig::default());
        assert!(STRENGTHS.contains(&chosen.strength));
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
