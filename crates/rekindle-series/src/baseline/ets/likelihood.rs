//! The likelihood of a model, and its gradient by weights and first values.
//!
//! ```text
//! m = l + phi b       expected = m, m + s or m s      e = value - expected
//! l' = m + alpha r    b' = phi b + beta r             s' = s + gamma e, or s (1 + gamma e / expected)
//! ```
//!
//! `r` is `e`, or `m e / expected` where a season multiplies: the same steps as [`State::advance`], without a choice at each of
//! them. The gradient follows them backwards (reverse accumulation), so that it takes three times as long as the likelihood,
//! however many first values there are.

use super::{ErrorKind, Kind};
use crate::baseline::seasonality::SeasonKind;

/// Expected values closer to zero than this, of values about 1, are no ground for relative errors.
pub(super) const NEAREST: f64 = 1e-8;
/// How many expected values are multiplied before a logarithm is taken.
const FACTORS: usize = 8;

/// How much of an error goes into level, trend and season, and how much of a trend is left after a step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Weights {
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) gamma: f64,
    pub(super) phi: f64,
}

/// What is known after a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) level: f64,
    pub(super) trend: f64,
    /// The season, and which of its places is next.
    pub(super) season: Vec<f64>,
    pub(super) place: usize,
}

impl State {
    /// What the next value is expected to be.
    pub(super) fn expected(&self, kind: Kind, phi: f64) -> f64 {
        let moved = self.level + phi * self.trend;
        match kind.season {
            None => moved,
            Some(SeasonKind::Additive) => moved + self.season[self.place],
            Some(SeasonKind::Multiplicative) => moved * self.season[self.place],
        }
    }

    /// Goes on by a step at which the value was so much more than expected. Relative errors change the state in the same way.
    pub(super) fn advance(&mut self, kind: Kind, weights: &Weights, expected: f64, error: f64) {
        let moved = self.level + weights.phi * self.trend;
        let of_level = match kind.season {
            None => error,
            Some(SeasonKind::Additive) => {
                self.season[self.place] += weights.gamma * error;
                error
            }
            Some(SeasonKind::Multiplicative) => {
                let season = self.season[self.place];
                let relative = if expected == 0.0 { 0.0 } else { error / expected };
                self.season[self.place] = season * (1.0 + weights.gamma * relative);
                relative * moved
            }
        };
        self.level = moved + weights.alpha * of_level;
        self.trend = weights.phi * self.trend + weights.beta * of_level;
        if !self.season.is_empty() {
            self.place += 1;
            if self.place == self.season.len() {
                self.place = 0;
            }
        }
    }
}

/// What a step of following values leaves for the way back.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    moved: f64,
    trend: f64,
    season: f64,
    expected: f64,
    error: f64,
}

/// What a likelihood is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    /// The sum of squared errors, relative ones where they multiply.
    pub(super) squares: f64,
    logarithms: f64,
    /// Expected values of which no logarithm is taken yet, and how many.
    product: f64,
    factors: usize,
    /// Whether an expected value was too near to zero.
    near: bool,
}

impl Sums {
    const NONE: Self =
        Self { squares: 0.0, logarithms: 0.0, product: 1.0, factors: 0, near: false };

    fn add(&mut self, kind: ErrorKind, expected: f64, error: f64) {
        if kind == ErrorKind::Additive {
            self.squares += error * error;
            return;
        }
        let relative = error / expected;
        self.squares += relative * relative;
        self.product *= expected;
        self.near |= expected < NEAREST;
        self.factors += 1;
        if self.factors == FACTORS {
            self.logarithms += self.product.ln();
            (self.product, self.factors) = (1.0, 0);
        }
    }

    /// Twice the negative logarithm of the likelihood of so many values, but for a constant; infinite where there is none.
    pub(super) fn cost(&self, count: usize) -> f64 {
        let logarithms = self.logarithms + self.product.ln();
        let cost = count as f64 * self.squares.max(f64::MIN_POSITIVE).ln() + 2.0 * logarithms;
        if self.near || cost.is_nan() { f64::INFINITY } else { cost }
    }
}

/// Follows the values from a state to that after the last of them.
pub(super) fn follow(
    kind: Kind,
    weights: &Weights,
    values: &[f64],
    state: &mut State,
    mut each: impl FnMut(Step),
) -> Sums {
    let Weights { alpha, beta, gamma, phi } = *weights;
    let (mut level, mut trend) = (state.level, state.trend);
    let mut sums = Sums::NONE;
    let period = state.season.len().max(1);
    match kind.season {
        None => {
            for &value in values {
                let moved = level + phi * trend;
                let error = value - moved;
                sums.add(kind.error, moved, error);
                each(Step { moved, trend, season: 0.0, expected: moved, error });
                level = moved + alpha * error;
                trend = phi * trend + beta * error;
            }
        }
        Some(SeasonKind::Additive) => {
            for year in values.chunks(period) {
                for (&value, season) in year.iter().zip(&mut state.season) {
                    let moved = level + phi * trend;
                    let expected = moved + *season;
                    let error = value - expected;
                    sums.add(kind.error, expected, error);
                    each(Step { moved, trend, season: *season, expected, error });
                    *season += gamma * error;
                    level = moved + alpha * error;
                    trend = phi * trend + beta * error;
                }
            }
        }
        Some(SeasonKind::Multiplicative) => {
            for year in values.chunks(period) {
                for (&value, season) in year.iter().zip(&mut state.season) {
                    let moved = level + phi * trend;
                    let expected = moved * *season;
                    let error = value - expected;
                    sums.add(kind.error, expected, error);
                    each(Step { moved, trend, season: *season, expected, error });
                    let relative = if expected == 0.0 { 0.0 } else { error / expected };
                    *season *= 1.0 + gamma * relative;
                    level = moved + alpha * relative * moved;
                    trend = phi * trend + beta * relative * moved;
                }
            }
        }
    }
    (state.level, state.trend, state.place) = (level, trend, values.len() % period);
    sums
}

/// The gradient of the cost by weights, and by the first values, which `first` becomes.
pub(super) fn backwards(
    kind: Kind,
    weights: &Weights,
    steps: &[Step],
    squares: f64,
    first: &mut State,
) -> Weights {
    let Weights { alpha, beta, gamma, phi } = *weights;
    let by_error = 2.0 * steps.len() as f64 / squares.max(f64::MIN_POSITIVE);
    let mut by = Weights::default();
    let (mut level, mut trend) = (0.0, 0.0);
    first.season.fill(0.0);
    let period = first.season.len().max(1);
    let relative_errors = kind.error == ErrorKind::Multiplicative;
    let mut place = steps.len() % period;
    for step in steps.iter().rev() {
        let Step { moved, trend: before, season, expected, error } = *step;
        let into = alpha * level + beta * trend;
        let (mut of_moved, mut of_expected, mut of_error) = (level, 0.0, 0.0);
        let mut of_place = 0.0;
        place = if place == 0 { period - 1 } else { place - 1 };
        let inverse = if relative_errors { 1.0 / expected } else { 0.0 };
        let relative = error * inverse;
        match kind.season {
            None | Some(SeasonKind::Additive) => {
                by.alpha += level * error;
                by.beta += trend * error;
                of_error += into;
                if relative_errors {
                    let at = by_error * relative * inverse;
                    of_error += at;
                    of_expected += 2.0 * inverse - at * relative;
                } else {
                    of_error += by_error * error;
                }
                if kind.season.is_some() {
                    of_place = first.season[place];
                    by.gamma += of_place * error;
                    of_error += of_place * gamma;
                }
                of_expected -= of_error;
                of_moved += of_expected;
                of_place += of_expected;
            }
            Some(SeasonKind::Multiplicative) => {
                let of_level = relative * moved;
                by.alpha += level * of_level;
                by.beta += trend * of_level;
                let after = first.season[place];
                by.gamma += after * season * relative;
                of_place = after * (1.0 + gamma * relative);
                let of_relative = into * moved + after * season * gamma + by_error * relative;
                of_moved += into * relative;
                of_expected += 2.0 * inverse - of_relative * (1.0 + relative) * inverse;
                of_moved += of_expected * season;
                of_place += of_expected * moved;
            }
        }
        if kind.season.is_some() {
            first.season[place] = of_place;
        }
        by.phi += of_moved * before + trend * before;
        trend = phi * (trend + of_moved);
        level = of_moved;
    }
    (first.level, first.trend, first.place) = (level, trend, 0);
    by
}

#[cfg(test)]
mod tests {
    use super::super::KINDS;
    use super::*;

    #[test]
    fn all_at_once_is_the_same_as_step_by_step() {
        let weights = Weights { alpha: 0.3, beta: 0.1, gamma: 0.2, phi: 0.9 };
        let values: Vec<f64> = (0..23).map(|at| 1.0 + 0.1 * f64::from(at * 7 % 5)).collect();
        for kind in KINDS {
            let season = if kind.season.is_some() { vec![1.1, 0.9, 1.0] } else { Vec::new() };
            let mut state = State { level: 0.9, trend: 0.01, season, place: 0 };
            let mut other = state.clone();
            let sums = follow(kind, &weights, &values, &mut state, |_| ());
            let (cost, squares) = (sums.cost(values.len()), sums.squares);
            let (mut sum, mut logarithms) = (0.0, 0.0);
            for value in &values {
                let expected = other.expected(kind, weights.phi);
                let error = value - expected;
                other.advance(kind, &weights, expected, error);
                if kind.error == ErrorKind::Multiplicative {
                    sum += (error / expected).powi(2);
                    logarithms += expected.ln();
                } else {
                    sum += error * error;
                }
            }
            let expected = 23.0 * sum.ln() + 2.0 * logarithms;
            assert!((cost - expected).abs() < 1e-9, "{}: {cost}, not {expected}", kind.name);
            assert!((squares - sum).abs() < 1e-12, "{}", kind.name);
            assert_eq!(state.place, other.place, "{}", kind.name);
            for (one, other) in [(state.level, other.level), (state.trend, other.trend)] {
                assert!((one - other).abs() < 1e-12, "{}: {one}, not {other}", kind.name);
            }
            for (one, other) in state.season.iter().zip(&other.season) {
                assert!((one - other).abs() < 1e-12, "{}: {one}, not {other}", kind.name);
            }
        }
    }
}
