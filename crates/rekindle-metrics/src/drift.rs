//! Whether two samples are of one population: what a model meets against what it learned.

use rekindle_base::Random;

/// Random features of a Gaussian kernel: as many as keep its error near a tenth (Rahimi & Recht 2007).
const FEATURES: usize = 128;
/// Vectors whose distances say how wide the kernel is.
const MEASURED: usize = 200;
/// Runs of which the power of a test is a share.
const RUNS: u64 = 40;
/// The share of shifts that a test of enough power finds.
const POWER: f64 = 0.8;

/// How two samples are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoSampleConfig {
    /// Orders that the test draws.
    pub permutations: usize,
    /// The share of alarms where nothing differs.
    pub level: f64,
    /// What is drawn depends on this alone.
    pub seed: u64,
}

impl Default for TwoSampleConfig {
    fn default() -> Self {
        Self { permutations: 999, level: 0.05, seed: 0 }
    }
}

/// What a comparison of two samples of vectors found.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoSample {
    /// The squared distance of the means of both in the features of a kernel.
    pub statistic: f64,
    /// The share of orders, drawn at random, in which it is as large: small where the samples differ.
    pub p_value: f64,
    /// Of each vector of the second sample, how little it is like the first, in `[0, 1]`, more being less like it.
    pub unlike: Vec<f64>,
    /// The smallest shift of the mean in a random direction that this test would have found in four of five cases, with as many
    /// vectors as there are: in roots of the mean squared distance of the first sample from its mean. None up to 8 of them.
    pub detectable: Option<f64>,
}

/// Compares two samples of vectors of one width by their means in random features of a Gaussian kernel, as wide as the median
/// distance within the first: a two-sample test by permutations (Gretton et al. 2012,
/// <https://jmlr.org/papers/v13/gretton12a.html>; features as in Zhao & Meng 2015, <https://arxiv.org/abs/1405.2664>).
///
/// The p-value is exact in that it is at most `level` in a share of `level` of all cases where nothing differs.
///
/// # Panics
///
/// If a sample is empty, or vectors differ in width.
pub fn two_samples(first: &[Vec<f32>], second: &[Vec<f32>], config: &TwoSampleConfig) -> TwoSample {
    assert!(!first.is_empty() && !second.is_empty(), "an empty sample");
    let width = first[0].len();
    let all = || first.iter().chain(second);
    assert!(all().all(|vector| vector.len() == width), "vectors of several widths");
    let mut random = Random::new(config.seed, 0, 0);
    let kernel = Kernel::of(first, &mut random);
    let rows: Vec<Vec<f64>> = all().map(|vector| kernel.features(vector)).collect();
    let (statistic, p_value) = permuted(&rows, first.len(), config.permutations, &mut random);
    let middle = mean(&rows[..first.len()]);
    let like = rows[first.len()..].iter().map(|row| dot(row, &middle));
    let unlike = like.map(|like| (1.0 - like).clamp(0.0, 1.0)).collect();
    let detectable = detectable(first, second.len(), &kernel, config);
    TwoSample { statistic, p_value, unlike, detectable }
}

/// The smallest shift that is found often enough: of a grid in steps of the square root of two.
fn detectable(
    first: &[Vec<f32>],
    count: usize,
    kernel: &Kernel,
    config: &TwoSampleConfig,
) -> Option<f64> {
    let spread = deviation(first);
    let angles: Vec<Vec<f64>> = first.iter().map(|vector| kernel.angles(vector)).collect();
    // With a tenth of the orders shares are as good for this.
    let permutations = (config.permutations / 10).max(39);
    let found = |shift: f64| {
        let found = (0..RUNS).filter(|&run| {
            let mut random = Random::new(config.seed, 1, run);
            let direction: Vec<f32> =
                unit(first[0].len(), &mut random).into_iter().map(|part| part as f32).collect();
            // Angles of a sum are sums of angles.
            let direction = kernel.angles(&direction);
            let draw = |random: &mut Random, by: f64| {
                let drawn = angles[random.below(angles.len())].iter().zip(&direction);
                features(drawn.map(|(angle, part)| angle + by * spread * part))
            };
            let mut rows: Vec<Vec<f64>> =
                (0..first.len()).map(|_| draw(&mut random, 0.0)).collect();
            rows.extend((0..count).map(|_| draw(&mut random, shift)));
            permuted(&rows, first.len(), permutations, &mut random).1 <= config.level
        });
        found.count() as f64 >= POWER * RUNS as f64
    };
    let steps: Vec<f64> =
        (0..=12).map(|step| 0.125 * 2.0_f64.powf(f64::from(step) / 2.0)).collect();
    // More of a shift is found no less often.
    let place = steps.partition_point(|&shift| !found(shift));
    steps.get(place).copied()
}

/// Random features of a Gaussian kernel.
struct Kernel {
    /// Row by row.
    frequencies: Vec<Vec<f64>>,
}

impl Kernel {
    fn of(sample: &[Vec<f32>], random: &mut Random) -> Self {
        let pick = |random: &mut Random| &sample[random.below(sample.len())];
        let mut distances: Vec<f64> = (0..MEASURED)
            .map(|_| {
                let (one, other) = (pick(random), pick(random));
                let squares = one.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2));
                squares.sum::<f64>().sqrt()
            })
            .filter(|distance| *distance > 0.0)
            .collect();
        distances.sort_by(f64::total_cmp);
        let wide = distances.get(distances.len() / 2).copied().unwrap_or(1.0);
        let width = sample[0].len();
        let frequency = |random: &mut Random| (0..width).map(|_| random.normal() / wide).collect();
        Self { frequencies: (0..FEATURES / 2).map(|_| frequency(random)).collect() }
    }

    fn angles(&self, vector: &[f32]) -> Vec<f64> {
        let angle = |frequency: &Vec<f64>| {
            frequency.iter().zip(vector).map(|(f, x)| f * f64::from(*x)).sum::<f64>()
        };
        self.frequencies.iter().map(angle).collect()
    }

    fn features(&self, vector: &[f32]) -> Vec<f64> {
        features(self.angles(vector).into_iter())
    }
}

/// Cosine and sine of each angle, so that products of two are the kernel, nearly.
fn features(angles: impl Iterator<Item = f64>) -> Vec<f64> {
    let scale = (2.0 / FEATURES as f64).sqrt();
    angles.flat_map(|angle| [scale * angle.cos(), scale * angle.sin()]).collect()
}

/// The statistic of the first `count` rows against the others, and the share of orders in which it is as large, this one counted.
fn permuted(rows: &[Vec<f64>], count: usize, times: usize, random: &mut Random) -> (f64, f64) {
    let total: Vec<f64> = mean(rows).iter().map(|value| value * rows.len() as f64).collect();
    let others = (rows.len() - count).max(1) as f64;
    let apart = |order: &[usize]| {
        let mut sum = vec![0.0; total.len()];
        for &place in &order[..count] {
            sum.iter_mut().zip(&rows[place]).for_each(|(sum, value)| *sum += value);
        }
        let parts = sum.iter().zip(&total);
        parts.map(|(sum, total)| (sum / count as f64 - (total - sum) / others).powi(2)).sum::<f64>()
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let found = apart(&order);
    let mut as_large = 1;
    for _ in 0..times {
        random.shuffle(&mut order);
        as_large += usize::from(apart(&order) >= found);
    }
    (found, as_large as f64 / (times + 1) as f64)
}

fn mean(rows: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    sum.iter().map(|sum| sum / rows.len().max(1) as f64).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A direction of length one.
fn unit(width: usize, random: &mut Random) -> Vec<f64> {
    let direction: Vec<f64> = (0..width).map(|_| random.normal()).collect();
    let length = dot(&direction, &direction).sqrt().max(f64::MIN_POSITIVE);
    direction.into_iter().map(|part| part / length).collect()
}

/// The root of the mean squared distance of vectors from their mean.
fn deviation(vectors: &[Vec<f32>]) -> f64 {
    let count = vectors.len() as f64;
    (0..vectors[0].len())
        .map(|place| {
            let values = || vectors.iter().map(|vector| f64::from(vector[place]));
            let mean = values().sum::<f64>() / count;
            values().map(|value| (value - mean).powi(2)).sum::<f64>() / count
        })
        .sum::<f64>()
        .sqrt()
}

/// Half an item is in a bin that has none, so that its share has a logarithm.
const EMPTY: f64 = 0.5;

/// The population stability index of two histograms over the same bins: the sum of `(q - p) ln(q / p)` over their shares. Below
/// 0.1 is usually called stable, above 0.25 a shift (Siddiqi 2006, "Credit Risk Scorecards"); what equal populations give depends
/// on how many there are: [`stability_noise`].
///
/// # Panics
///
/// If the histograms are of different bins.
pub fn stability_index(reference: &[usize], data: &[usize]) -> f64 {
    assert_eq!(reference.len(), data.len(), "histograms of different bins");
    let shares = |counts: &[usize]| {
        let counts: Vec<f64> = counts.iter().map(|&count| (count as f64).max(EMPTY)).collect();
        let sum: f64 = counts.iter().sum();
        counts.into_iter().map(|count| count / sum).collect::<Vec<_>>()
    };
    let bins = shares(reference).into_iter().zip(shares(data));
    bins.map(|(p, q)| (q - p) * (q / p).ln()).sum()
}

/// Samples of which [`stability_noise`] is a quantile.
const DRAWN: usize = 2000;

/// The index that two samples of these sizes of one population, which the reference's shares are, stay below in 95 of 100 cases.
/// It is about the quantile of chi squared over `bins - 1`, times `1 / reference + 1 / data` (Yurdakul & Naranjo 2020, "Statistical
/// properties of the population stability index").
pub fn stability_noise(reference: &[usize], count: usize, seed: u64) -> f64 {
    let mut random = Random::new(seed, 2, 0);
    let total: usize = reference.iter().sum();
    if total == 0 || count == 0 {
        return 0.0;
    }
    let mut draw = |count: usize| {
        let mut drawn = vec![0; reference.len()];
        for _ in 0..count {
            let mut left = random.below(total);
            let place = reference.iter().position(|&of| {
                let here = left < of;
                left = left.saturating_sub(of);
                here
            });
            drawn[place.unwrap_or(0)] += 1;
        }
        drawn
    };
    let mut found: Vec<f64> =
        (0..DRAWN).map(|_| stability_index(&draw(total), &draw(count))).collect();
    found.sort_by(f64::total_cmp);
    found[DRAWN * 95 / 100]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seed: u64, count: usize, width: usize, shift: f64) -> Vec<Vec<f32>> {
        let mut random = Random::new(seed, 9, 9);
        let mut row = || (0..width).map(|_| (random.normal() + shift) as f32).collect();
        (0..count).map(|_| row()).collect()
    }

    /// By numpy: `((q - p) * np.log(q / p)).sum()` of the shares of [50, 30, 20] and [20, 30, 50].
    #[test]
    fn the_index_is_numpys() {
        let found = stability_index(&[50, 30, 20], &[20, 30, 50]);
        assert!((found - 0.549_774_439_1).abs() < 1e-9, "{found}");
        assert_eq!(stability_index(&[5, 3, 2], &[50, 30, 20]), 0.0);
        assert!(stability_index(&[9, 1, 0], &[9, 0, 1]).is_finite());
    }

    /// `scipy.stats.chi2.ppf(0.95, 4)` is 9.487729.
    #[test]
    fn the_noise_is_that_of_chi_squared() {
        let reference = [200; 5];
        let expected = 9.487_729 * (1.0 / 1000.0 + 1.0 / 400.0);
        let found = stability_noise(&reference, 400, 1);
        assert!((found / expected - 1.0).abs() < 0.1, "{found} against {expected}");
    }

    /// Equal samples raise the alarm in a twentieth of all cases, shifted ones nearly always.
    #[test]
    fn alarms_are_as_many_as_the_level_says() {
        let config = TwoSampleConfig { permutations: 99, ..TwoSampleConfig::default() };
        let test = |seed: u64, shift: f64| {
            let (first, second) = (sample(seed, 40, 5, 0.0), sample(seed + 1000, 40, 5, shift));
            let mut random = Random::new(seed, 0, 0);
            let kernel = Kernel::of(&first, &mut random);
            let rows: Vec<Vec<f64>> =
                first.iter().chain(&second).map(|vector| kernel.features(vector)).collect();
            permuted(&rows, first.len(), config.permutations, &mut random).1 <= config.level
        };
        let alarms = (0..400).filter(|&seed| test(seed, 0.0)).count();
        // 20 are expected, with a deviation of 4.4.
        assert!((5..=36).contains(&alarms), "{alarms} of 400");
        let found = (0..40).filter(|&seed| test(seed, 1.0)).count();
        assert!(found >= 38, "{found} of 40");
    }

    /// Products of features are the kernel: `exp(-d^2 / 2)` of vectors a median distance apart is 0.607.
    #[test]
    fn features_are_a_gaussian_kernels() {
        let vectors = sample(3, 200, 8, 0.0);
        let kernel = Kernel::of(&vectors, &mut Random::new(0, 0, 0));
        let like = |a: &[f32], b: &[f32]| dot(&kernel.features(a), &kernel.features(b));
        assert!((like(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-9);
        let pairs = (0..100).map(|place| like(&vectors[place], &vectors[place + 100]));
        let mean = pairs.sum::<f64>() / 100.0;
        assert!((mean - 0.607).abs() < 0.05, "{mean}");
    }

    /// Fewer items see larger shifts alone, and an item from elsewhere is unlike all.
    #[test]
    fn power_grows_with_items() {
        let config = TwoSampleConfig { permutations: 199, ..TwoSampleConfig::default() };
        let first = sample(1, 120, 6, 0.0);
        let mut few = sample(2, 12, 6, 0.0);
        let many = two_samples(&first, &sample(3, 120, 6, 0.0), &config);
        few.push(vec![8.0; 6]);
        let less = two_samples(&first, &few, &config);
        let (Some(fine), Some(coarse)) = (many.detectable, less.detectable) else {
            panic!("{many:?} {less:?}");
        };
        assert!(fine < coarse, "{fine} {coarse}");
        let most = less.unlike.iter().copied().fold(0.0, f64::max);
        assert_eq!(less.unlike.last(), Some(&most));
        assert_eq!(two_samples(&first, &few, &config), less);
    }
}
