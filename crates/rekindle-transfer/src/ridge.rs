//! A ridge regression on features, solved in closed form: the probe of numbers.
//!
//! The objective is scikit-learn's `Ridge` on standardized features: the sum of squared errors, and `1 / strength` times the
//! squared norm of the weights; biases are free. How strongly it fits is chosen by the errors that each example would have
//! if it were left out, which the hat matrix gives without solving again (Allen 1974's PRESS).

use rayon::prelude::*;

/// Strengths that are tried: inverses of scikit-learn's `alpha`.
const STRENGTHS: [f64; 7] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];

/// A linear layer from features to numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// Weights `[dim, outputs]`, as Burn's linear layer has them.
    pub weight: Vec<f32>,
    /// Biases `[outputs]`.
    pub bias: Vec<f32>,
    /// The strength it was solved with.
    pub strength: f64,
}

impl Ridge {
    /// About how many products solving takes.
    pub fn products(examples: usize, dim: usize) -> usize {
        let (small, large) = (examples.min(dim), examples.max(dim));
        small.saturating_mul(small).saturating_mul(large + small * STRENGTHS.len())
    }

    /// The most examples of so many features that can be solved for by at most so many [`products`](Self::products).
    pub fn examples(products: usize, dim: usize) -> usize {
        let (mut enough, mut many) = (0, products.max(1));
        while many - enough > 1 {
            let middle = enough + (many - enough) / 2;
            if Self::products(middle, dim) <= products { enough = middle } else { many = middle }
        }
        enough
    }

    /// The ridge regression of `outputs` numbers an example whose strength does best on examples that it has not seen.
    ///
    /// # Panics
    ///
    /// If features or numbers are not a row an example.
    pub fn chosen(features: &[f32], numbers: &[f32], outputs: usize) -> Self {
        let problem = Problem::new(features, numbers, outputs);
        let error = |strength: f64| problem.solve(strength).map_or(f64::INFINITY, |found| found.1);
        let errors: Vec<f64> = STRENGTHS.iter().map(|&strength| error(strength)).collect();
        let best = (0..errors.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
        problem.fit(STRENGTHS[best])
    }

    /// The ridge regression of one strength.
    ///
    /// # Panics
    ///
    /// As [`Ridge::chosen`].
    pub fn fit(features: &[f32], numbers: &[f32], outputs: usize, strength: f64) -> Self {
        Problem::new(features, numbers, outputs).fit(strength)
    }
}

/// Mean and variance of each column of rows of so many numbers.
pub fn moments(values: &[f32], width: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = || values.chunks_exact(width.max(1));
    let count = rows().len().max(1) as f64;
    let (mut mean, mut variance) = (vec![0.0; width], vec![0.0; width]);
    for row in rows() {
        row.iter().zip(&mut mean).for_each(|(&x, mean)| *mean += f64::from(x));
    }
    mean.iter_mut().for_each(|mean| *mean /= count);
    for row in rows() {
        for ((&x, mean), variance) in row.iter().zip(&mean).zip(&mut variance) {
            *variance += (f64::from(x) - mean).powi(2) / count;
        }
    }
    (mean, variance)
}

/// Standardized features and centered numbers, and the smaller of both products of the features with themselves.
struct Problem {
    x: Vec<f64>,
    y: Vec<f64>,
    examples: usize,
    dim: usize,
    outputs: usize,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    center: Vec<f64>,
    /// `x xᵀ` where there are fewer examples than features, else `xᵀ x`.
    gram: Vec<f64>,
}

impl Problem {
    fn new(features: &[f32], numbers: &[f32], outputs: usize) -> Self {
        let examples = numbers.len() / outputs.max(1);
        let dim = features.len() / examples.max(1);
        assert!(
            features.len() == examples * dim && numbers.len() == examples * outputs,
            "features and numbers are not a row an example"
        );
        let (mean, variance) = moments(features, dim);
        // A feature that never changes tells nothing, and gets no weight.
        let deviation: Vec<f64> =
            variance.iter().map(|&v| if v > 1e-20 { v.sqrt() } else { f64::INFINITY }).collect();
        let (center, _) = moments(numbers, outputs);
        let scaled = |(place, &x): (usize, &f32)| {
            (f64::from(x) - mean[place % dim]) / deviation[place % dim]
        };
        let x: Vec<f64> = features.iter().enumerate().map(scaled).collect();
        let y: Vec<f64> = numbers
            .iter()
            .enumerate()
            .map(|(place, &y)| f64::from(y) - center[place % outputs])
            .collect();
        let dual = examples <= dim;
        let side = if dual { examples } else { dim };
        let columns = if dual { x.clone() } else { transposed(&x, examples, dim) };
        let width = if dual { dim } else { examples };
        let mut gram = vec![0.0; side * side];
        gram.par_chunks_mut(side.max(1)).enumerate().for_each(|(i, row)| {
            let left = &columns[i * width..(i + 1) * width];
            for (j, value) in row[..=i].iter_mut().enumerate() {
                *value = dot(left, &columns[j * width..(j + 1) * width]);
            }
        });
        // It is the same on both sides of its diagonal.
        for i in 0..side {
            for j in i + 1..side {
                gram[i * side + j] = gram[j * side + i];
            }
        }
        Self { x, y, examples, dim, outputs, mean, deviation, center, gram }
    }

    fn is_dual(&self) -> bool {
        self.examples <= self.dim
    }

    /// Weights over standardized features `[dim, outputs]`, and the mean squared error of examples left out; none where
    /// rounding leaves nothing to divide by.
    fn solve(&self, strength: f64) -> Option<(Vec<f64>, f64)> {
        let (n, d, k) = (self.examples, self.dim, self.outputs);
        let side = if self.is_dual() { n } else { d };
        let mut damped = self.gram.clone();
        (0..side).for_each(|i| damped[i * side + i] += 1.0 / strength);
        let lower = cholesky(damped, side)?;
        if self.is_dual() {
            // The weights are xᵀ a, with a = (x xᵀ + λ)⁻¹ y.
            let a = solved(&lower, &self.y, n, k);
            let diagonal: Vec<f64> = (0..n)
                .into_par_iter()
                .map(|i| {
                    let mut unit = vec![0.0; n];
                    unit[i] = 1.0;
                    forward(&lower, &mut unit, n, i);
                    dot(&unit, &unit)
                })
                .collect();
            // An example's residual is λ aᵢ, and 1 minus its share in its own answer is λ times the inverse's diagonal
            // minus 1/n, for the mean that is estimated too.
            let of = |place: usize| {
                let share = diagonal[place / k] - strength / n as f64;
                (a[place] / share.max(1e-12)).powi(2)
            };
            let error: f64 = (0..n * k).map(of).sum();
            let weight = product(&transposed(&self.x, n, d), &a, n, k);
            return Some((weight, error / (n * k) as f64));
        }
        let xy = product(&transposed(&self.x, n, d), &self.y, n, k);
        let weight = solved(&lower, &xy, d, k);
        let fitted = product(&self.x, &weight, d, k);
        let errors: Vec<f64> = (0..n)
            .into_par_iter()
            .map(|i| {
                let mut row = self.x[i * d..(i + 1) * d].to_vec();
                forward(&lower, &mut row, d, 0);
                let share = (1.0 - dot(&row, &row) - 1.0 / n as f64).max(1e-12);
                (i * k..(i + 1) * k).map(|o| ((self.y[o] - fitted[o]) / share).powi(2)).sum()
            })
            .collect();
        Some((weight, errors.iter().sum::<f64>() / (n * k) as f64))
    }

    fn fit(&self, strength: f64) -> Ridge {
        let weight =
            self.solve(strength).map_or_else(|| vec![0.0; self.dim * self.outputs], |f| f.0);
        let mut bias = self.center.clone();
        let mut plain = Vec::with_capacity(weight.len());
        for ((row, mean), deviation) in
            weight.chunks_exact(self.outputs.max(1)).zip(&self.mean).zip(&self.deviation)
        {
            for (w, bias) in row.iter().zip(&mut bias) {
                let w = w / deviation;
                *bias -= w * mean;
                plain.push(w as f32);
            }
        }
        let bias = bias.iter().map(|&bias| bias as f32).collect();
        Ridge { weight: plain, bias, strength }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Four sums, so that the processor has something to overlap.
    let mut sums = [0.0; 4];
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (x, y))| *sum += x * y);
    }
    sums.iter().sum::<f64>() + rest
}

fn transposed(x: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|place| x[place % rows * columns + place / rows]).collect()
}

/// `a` `[…, inner]` times `b` `[inner, columns]`.
fn product(a: &[f64], b: &[f64], inner: usize, columns: usize) -> Vec<f64> {
    let b = transposed(b, inner, columns);
    let row = |row: &[f64]| b.chunks_exact(inner.max(1)).map(|column| dot(row, column)).collect();
    a.par_chunks_exact(inner.max(1)).flat_map_iter(|a: &[f64]| -> Vec<f64> { row(a) }).collect()
}

/// The lower triangle whose product with its own transpose is `a`, row by row; none where that is not positive.
fn cholesky(mut a: Vec<f64>, side: usize) -> Option<Vec<f64>> {
    for j in 0..side {
        let (above, below) = a.split_at_mut((j + 1) * side);
        let pivot_row = &mut above[j * side..];
        let pivot = pivot_row[j] - dot(&pivot_row[..j], &pivot_row[..j]);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        let pivot = pivot.sqrt();
        pivot_row[j] = pivot;
        let pivot_row = &pivot_row[..j];
        below.par_chunks_exact_mut(side).with_min_len(64).for_each(|row| {
            row[j] = (row[j] - dot(&row[..j], pivot_row)) / pivot;
        });
    }
    Some(a)
}

/// Solves `lower y = x` in place, where `x` is zero before `first`.
fn forward(lower: &[f64], x: &mut [f64], side: usize, first: usize) {
    for i in first..side {
        let row = &lower[i * side..i * side + i + 1];
        x[i] = (x[i] - dot(&row[first..i], &x[first..i])) / row[i];
    }
}

/// Solves `lower lowerᵀ y = b` for the columns of `b` `[side, columns]`.
fn solved(lower: &[f64], b: &[f64], side: usize, columns: usize) -> Vec<f64> {
    let mut y = vec![0.0; side * columns];
    for column in 0..columns {
        let mut x: Vec<f64> = b.iter().skip(column).step_by(columns).copied().collect();
        forward(lower, &mut x, side, 0);
        for i in (0..side).rev() {
            x[i] /= lower[i * side + i];
            let value = x[i];
            let row = &lower[i * side..i * side + i];
            x[..i].iter_mut().zip(row).for_each(|(x, l)| *x -= l * value);
        }
        y.iter_mut().skip(column).step_by(columns).zip(x).for_each(|(y, x)| *y = x);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few rows of numbers without a pattern.
    fn rows(examples: usize, dim: usize) -> (Vec<f32>, Vec<f32>) {
        let value = |seed: usize| ((seed * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
        let features: Vec<f32> = (0..examples * dim).map(value).collect();
        let numbers = (0..examples)
            .flat_map(|i| {
                let row = &features[i * dim..(i + 1) * dim];
                [2.0 * row[0] - row[1] + 5.0, row.iter().sum::<f32>() + value(i * 31)]
            })
            .collect();
        (features, numbers)
    }

    /// Errors of examples left out, by leaving them out.
    fn left_out(features: &[f32], numbers: &[f32], dim: usize, strength: f64) -> f64 {
        // Standardized once, by all of them, as the formula has it: then examples are left out.
        let all = Problem::new(features, numbers, 2);
        let n = all.examples;
        let mut sum = 0.0;
        for out in 0..n {
            let keep = |width: usize, values: &[f64]| -> Vec<f64> {
                values
                    .chunks_exact(width)
                    .enumerate()
                    .filter(|(i, _)| *i != out)
                    .flat_map(|(_, r)| r.to_vec())
                    .collect()
            };
            let (x, y) = (keep(dim, &all.x), keep(2, &all.y));
            // Centered anew: weights of the others, by plain elimination.
            let m = (n - 1) as f64;
            let mean = |values: &[f64], width: usize| -> Vec<f64> {
                (0..width).map(|c| values.iter().skip(c).step_by(width).sum::<f64>() / m).collect()
            };
            let (mx, my) = (mean(&x, dim), mean(&y, 2));
            let mut a = vec![0.0; dim * dim];
            let mut b = vec![0.0; dim * 2];
            for (rx, ry) in x.chunks_exact(dim).zip(y.chunks_exact(2)) {
                for i in 0..dim {
                    for j in 0..dim {
                        a[i * dim + j] += (rx[i] - mx[i]) * (rx[j] - mx[j]);
                    }
                    (0..2).for_each(|o| b[i * 2 + o] += (rx[i] - mx[i]) * (ry[o] - my[o]));
                }
            }
            (0..dim).for_each(|i| a[i * dim + i] += 1.0 / strength);
            let w = solved(&cholesky(a, dim).unwrap(), &b, dim, 2);
            for o in 0..2 {
                let row = &all.x[out * dim..(out + 1) * dim];
                let answer: f64 = (0..dim).map(|i| (row[i] - mx[i]) * w[i * 2 + o]).sum();
                sum += (all.y[out * 2 + o] - my[o] - answer).powi(2);
            }
        }
        sum / (n * 2) as f64
    }

    #[test]
    fn both_ways_agree_with_leaving_examples_out() {
        for (examples, dim) in [(40, 6), (7, 9), (12, 12)] {
            let (features, numbers) = rows(examples, dim);
            for strength in [0.01, 1.0] {
                let (_, error) = Problem::new(&features, &numbers, 2).solve(strength).unwrap();
                let expected = left_out(&features, &numbers, dim, strength);
                assert!(
                    (error / expected - 1.0).abs() < 1e-6,
                    "{examples} {dim}: {error} {expected}"
                );
            }
        }
    }

    #[test]
    fn what_is_linear_is_found() {
        for (examples, dim) in [(60, 5), (30, 40)] {
            let (features, numbers) = rows(examples, dim);
            let first: Vec<f32> = numbers.iter().copied().step_by(2).collect();
            let ridge = Ridge::chosen(&features, &first, 1);
            let answer = |row: &[f32]| {
                row.iter().zip(&ridge.weight).map(|(x, w)| x * w).sum::<f32>() + ridge.bias[0]
            };
            let worst =
                features.chunks_exact(dim).zip(&first).map(|(row, y)| (answer(row) - y).abs());
            assert!(worst.fold(0.0, f32::max) < 0.1, "{examples} {dim}: {ridge:?}");
        }
    }

    #[test]
    fn a_feature_that_never_changes_gets_no_weight() {
        let ridge = Ridge::fit(&[1.0, 3.0, 2.0, 3.0, 4.0, 3.0], &[1.0, 2.0, 4.0], 1, 1.0);
        assert_eq!(ridge.weight[1], 0.0);
        assert!(ridge.bias[0].is_finite());
    }

    #[test]
    fn as_many_examples_as_products_allow() {
        for (products, dim) in [(0, 3), (1000, 3), (1_000_000, 40), (40_000_000_000, 1008)] {
            let most = Ridge::examples(products, dim);
            assert!(Ridge::products(most, dim) <= products, "{products} {dim}: {most}");
            assert!(Ridge::products(most + 1, dim) > products, "{products} {dim}: {most}");
        }
    }
}
