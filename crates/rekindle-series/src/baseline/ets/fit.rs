//! Fitting a model: its weights and first level and trend by the greatest likelihood.

use super::nelder_mead::minimize;
use super::{ErrorKind, Kind, Trend};
use crate::baseline::seasonality::{Season, SeasonKind};
use crate::baseline::theta::line;

/// Bounds of weights: R's usual ones.
const LOWEST: f64 = 1e-4;
const HIGHEST: f64 = 0.9999;
const DAMPING: [f64; 2] = [0.8, 0.98];
/// Expected values closer to zero than this, of values about 1, are no ground for relative errors.
const NEAREST: f64 = 1e-8;
/// How many expected values are multiplied before a logarithm is taken.
const FACTORS: usize = 8;

/// How much of an error goes into level, trend and season, and how much of a trend is left after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
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

/// A model that was fitted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted {
    pub(super) kind: Kind,
    pub(super) weights: Weights,
    pub(super) state: State,
    /// The mean square of the errors, relative ones where they multiply.
    pub(super) variance: f64,
    pub(super) aicc: f64,
}

impl Fitted {
    /// Fits a model; none where there are too few values for it.
    pub(super) fn fit(kind: Kind, values: &[f64], season: usize) -> Option<Self> {
        let parameters = parameters(kind, season);
        let left = values.len().checked_sub(parameters + 2).filter(|left| *left > 0)?;
        let figure = match kind.season {
            Some(of) => Some(Season::of_kind(values, season, of)?),
            None => None,
        };
        let first: Vec<f64> = figure
            .as_ref()
            .map_or(Vec::new(), |it| (0..season).map(|place| it.at(place)).collect());
        let multiplied = kind.season == Some(SeasonKind::Multiplicative);
        if multiplied && first.iter().any(|value| *value < NEAREST) {
            return None;
        }
        let plain = figure.map_or_else(|| values.to_vec(), |it| it.removed(values));
        let head = &plain[..plain.len().min((2 * season).max(10))];
        let (middle, slope) = line(head);
        let slope = if kind.trend == Trend::None { 0.0 } else { slope };
        let level = middle - slope * (head.len() + 1) as f64 / 2.0;
        let start = State { level, trend: slope, season: first, place: 0 };
        let mut state = start.clone();
        let cost = |point: &[f64]| {
            let weights = read(kind, point, &start, &mut state);
            follow(kind, &weights, values, &mut state).0
        };
        let spread =
            plain.iter().map(|value| (value - middle).abs()).sum::<f64>() / plain.len() as f64;
        let (point, cost) = minimize(starting(kind, spread), cost);
        let mut state = start.clone();
        let weights = read(kind, &point, &start, &mut state);
        let (_, squares) = follow(kind, &weights, values, &mut state);
        // The variance is a parameter too.
        let count = (parameters + 1) as f64;
        let aicc = cost + 2.0 * count + 2.0 * count * (count + 1.0) / left as f64;
        let variance = squares / (values.len() - parameters) as f64;
        aicc.is_finite().then_some(Self { kind, weights, state, variance, aicc })
    }
}

/// Weights and first values of a model.
fn parameters(kind: Kind, season: usize) -> usize {
    let trend = match kind.trend {
        Trend::None => 0,
        Trend::Additive => 2,
        Trend::Damped => 3,
    };
    2 + trend + if kind.season.is_some() { season } else { 0 }
}

/// Where the search begins, and how far it steps at first: alpha, the first level, then gamma, then beta and the first trend,
/// then phi. Weights are logits within their bounds, and first values are shifts of those that a line gave.
fn starting(kind: Kind, spread: f64) -> Vec<(f64, f64)> {
    let spread = spread.max(1e-3);
    let mut point = vec![(-0.5, 1.0), (0.0, spread / 2.0)];
    if kind.season.is_some() {
        point.push((-2.0, 1.0));
    }
    if kind.trend != Trend::None {
        point.extend([(-2.0, 1.0), (0.0, spread / 20.0)]);
    }
    if kind.trend == Trend::Damped {
        point.push((2.0, 1.0));
    }
    point
}

/// What a point of the search stands for: weights, and the state before the first value.
fn read(kind: Kind, point: &[f64], start: &State, state: &mut State) -> Weights {
    let within = |logit: f64, low: f64, high: f64| low + (high - low) / (1.0 + (-logit).exp());
    let mut point = point.iter().copied();
    let mut next = || point.next().unwrap_or_default();
    let alpha = within(next(), LOWEST, HIGHEST);
    state.level = start.level + next();
    state.season.copy_from_slice(&start.season);
    state.place = 0;
    let gamma = match kind.season {
        Some(_) => within(next(), LOWEST.min(1.0 - alpha), 1.0 - alpha),
        None => 0.0,
    };
    let beta = match kind.trend {
        Trend::None => 0.0,
        _ => within(next(), LOWEST.min(alpha), alpha),
    };
    state.trend = start.trend + if kind.trend == Trend::None { 0.0 } else { next() };
    let phi = match kind.trend {
        Trend::Damped => within(next(), DAMPING[0], DAMPING[1]),
        _ => 1.0,
    };
    Weights { alpha, beta, gamma, phi }
}

/// Follows the values: twice the negative logarithm of the likelihood, but for a constant, and the sum of squared errors. The
/// same steps as [`State::advance`], without a choice at each of them.
fn follow(kind: Kind, weights: &Weights, values: &[f64], state: &mut State) -> (f64, f64) {
    let Weights { alpha, beta, gamma, phi } = *weights;
    let (mut level, mut trend) = (state.level, state.trend);
    let mut sums = Sums { squares: 0.0, logarithms: 0.0, product: 1.0, factors: 0, near: false };
    let period = state.season.len().max(1);
    match kind.season {
        None => {
            for &value in values {
                let moved = level + phi * trend;
                let error = value - moved;
                sums.add(kind.error, moved, error);
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
                    let relative = if expected == 0.0 { 0.0 } else { error / expected };
                    *season *= 1.0 + gamma * relative;
                    level = moved + alpha * relative * moved;
                    trend = phi * trend + beta * relative * moved;
                }
            }
        }
    }
    (state.level, state.trend, state.place) = (level, trend, values.len() % period);
    (sums.cost(values.len()), sums.squares)
}

/// What a likelihood is made of.
struct Sums {
    squares: f64,
    logarithms: f64,
    /// Expected values of which no logarithm is taken yet, and how many.
    product: f64,
    factors: usize,
    /// Whether an expected value was too near to zero.
    near: bool,
}

impl Sums {
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

    fn cost(&self, count: usize) -> f64 {
        let logarithms = self.logarithms + self.product.ln();
        let cost = count as f64 * self.squares.max(f64::MIN_POSITIVE).ln() + 2.0 * logarithms;
        if self.near || cost.is_nan() { f64::INFINITY } else { cost }
    }
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
            let (cost, squares) = follow(kind, &weights, &values, &mut state);
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
