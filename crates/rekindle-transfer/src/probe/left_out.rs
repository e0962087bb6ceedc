//! What probes say of examples that they were not shown: how well a head does, without others to measure it on.
//!
//! The features of all are standardized once, with those of the one that is left out. As the penalty is the squared norm, the
//! weights lie in the span of the examples: instead of `dim` features a row of the Cholesky factor of their products with
//! one another serves, which is shorter where there are fewer examples than features, and has the same solutions.

use rayon::prelude::*;

use super::{Examples, Probe, ProbeConfig, Problem, Scale, dot, minimize, product, strength};

/// About how many products each example may be left out by itself for: a second or so on one core.
const MOST_PRODUCTS: u64 = 4_000_000_000;
/// About how many times the solver looks at all examples, from the solution for all of them.
const LOOKS: usize = 24;
/// Parts where leaving out each by itself takes too long.
const PARTS: usize = 10;
/// Steepest slope at which a solution is good enough to judge by.
const TOLERANCE: f64 = 1e-5;

/// A probe, and what probes of the other examples say of each.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// Of all examples, with the strength that does best on unseen ones.
    pub probe: Probe,
    /// Logits `[examples, classes]`, each row of a probe that has not seen its example.
    pub logits: Vec<f32>,
    /// How many probes there were: as many as examples where each was left out by itself.
    pub parts: usize,
}

impl LeftOut {
    /// The probe of examples, and what it says of each if that is left out: exactly, or in ten parts where there are many.
    ///
    /// The strength is chosen once, with all examples.
    ///
    /// # Panics
    ///
    /// As [`Probe::fit`].
    pub fn fit(examples: &Examples<'_>, config: &ProbeConfig) -> Self {
        let Examples { labels, classes, .. } = *examples;
        let shortened = shortened(&Problem::new(examples));
        let examples_short = Examples { features: &shortened, labels, classes };
        let strength = strength(&examples_short, config, Scale::AsGiven);
        let config = ProbeConfig { strength, ..*config };
        let probe = Probe::fit(examples, &config);

        let count = labels.len();
        let factors = [2, LOOKS, classes, count, count, examples_short.dim()];
        let products = factors.into_iter().fold(1, |all, it| it as u64 * all);
        let part_of: Vec<usize> = match products <= MOST_PRODUCTS || count <= PARTS {
            true => (0..count).collect(),
            false => examples.folds(PARTS),
        };
        let parts = part_of.iter().max().map_or(0, |last| last + 1);
        let all = Problem::as_given(&examples_short);
        let mut start = all.start();
        minimize(&all, &mut start, &config);
        let config = ProbeConfig { tolerance: TOLERANCE, ..config };
        let logits: Vec<Vec<(usize, Vec<f32>)>> = (0..parts)
            .into_par_iter()
            .map(|part| {
                let (seen, seen_labels) = examples_short.part(|place| part_of[place] != part);
                let seen = Examples { features: &seen, labels: &seen_labels, classes };
                let mut weights = start.clone();
                minimize(&Problem::as_given(&seen), &mut weights, &config);
                let left_out = (0..count).filter(|place| part_of[*place] == part);
                left_out.map(|place| (place, all.logits(place, &weights))).collect()
            })
            .collect();
        let mut logits: Vec<(usize, Vec<f32>)> = logits.into_iter().flatten().collect();
        logits.sort_by_key(|(place, _)| *place);
        let logits = logits.into_iter().flat_map(|(_, row)| row).collect();
        Self { probe, logits, parts }
    }
}

impl Problem<'_> {
    /// What weights say of an example.
    fn logits(&self, place: usize, weights: &[f64]) -> Vec<f32> {
        let row = &self.x[place * self.dim..][..self.dim];
        let classes = weights.chunks_exact(self.dim + 1);
        classes.map(|w| (product(row, &w[..self.dim]) + w[self.dim]) as f32).collect()
    }
}

/// Rows whose products with one another are those of the problem's examples, `[examples, min(examples, dim)]`.
fn shortened(problem: &Problem<'_>) -> Vec<f32> {
    let (count, dim) = (problem.labels.len(), problem.dim);
    if dim <= count {
        return problem.x.clone();
    }
    let wide: Vec<f64> = problem.x.iter().map(|value| f64::from(*value)).collect();
    let row = |place: usize| &wide[place * dim..][..dim];
    let products: Vec<Vec<f64>> = (0..count)
        .into_par_iter()
        .map(|one| (0..=one).map(|other| dot(row(one), row(other))).collect())
        .collect();
    // Cholesky; what a row adds to those before it may be nothing.
    let mut factor = vec![0.0; count * count];
    for one in 0..count {
        for other in 0..=one {
            let [before, now] = [other, one].map(|it| &factor[it * count..][..other]);
            let left = products[one][other] - dot(now, before);
            factor[one * count + other] = if one == other {
                if left > 1e-9 * products[one][one] { left.sqrt() } else { 0.0 }
            } else {
                let pivot = factor[other * count + other];
                if pivot > 0.0 { left / pivot } else { 0.0 }
            };
        }
    }
    factor.into_iter().map(|value| value as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of labels that overlap, from a formula.
    fn examples(count: usize, dim: usize, classes: usize) -> (Vec<f32>, Vec<usize>) {
        let labels: Vec<usize> = (0..count).map(|place| place % classes).collect();
        let value = |place: usize| {
            let (row, column) = (place / dim, place % dim);
            let wave = (1.3 * (row + 1) as f64 * (column + 2) as f64 + 0.7 * row as f64).sin();
            (wave + if column % classes == row % classes { 0.4 } else { 0.0 }) as f32
        };
        ((0..count * dim).map(value).collect(), labels)
    }

    #[test]
    fn what_is_said_of_an_example_is_what_a_probe_of_the_others_says() {
        for (count, dim, classes) in [(12, 40, 2), (30, 5, 3), (9, 9, 3)] {
            let (mut features, labels) = examples(count, dim, classes);
            // Two of one and the same, and a feature that never changes.
            features.copy_within(..dim, dim);
            features.chunks_exact_mut(dim).for_each(|row| row[dim - 1] = 1.0);
            let all = Examples { features: &features, labels: &labels, classes };
            let found = LeftOut::fit(&all, &ProbeConfig::default());
            assert_eq!((found.parts, found.logits.len()), (count, count * classes));
            let config = ProbeConfig { strength: found.probe.strength, ..ProbeConfig::default() };
            assert_eq!(found.probe, Probe::fit(&all, &config));
            let whole = Problem::new(&all);
            let scaled = Examples { features: &whole.x, labels: &labels, classes };
            for (place, row) in found.logits.chunks_exact(classes).enumerate() {
                let (seen, seen_labels) = scaled.part(|other| other != place);
                let seen = Examples { features: &seen, labels: &seen_labels, classes };
                let problem = Problem::as_given(&seen);
                let mut weights = problem.start();
                minimize(&problem, &mut weights, &ProbeConfig { tolerance: 1e-9, ..config });
                let expected = whole.logits(place, &weights);
                // Biases share what no penalty tells apart: differences are what a softmax sees.
                for (value, other) in row.iter().zip(&expected) {
                    let (found, expected) = (value - row[0], other - expected[0]);
                    assert!((found - expected).abs() < 2e-3, "{place}: {found} against {expected}");
                }
            }
        }
    }

    #[test]
    fn many_are_left_out_in_parts() {
        let (features, labels) = examples(1400, 16, 3);
        let all = Examples { features: &features, labels: &labels, classes: 3 };
        let found = LeftOut::fit(&all, &ProbeConfig::default());
        assert_eq!((found.parts, found.logits.len()), (PARTS, 4200));
    }
}
