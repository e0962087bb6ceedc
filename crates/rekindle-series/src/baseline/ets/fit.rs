//! Fitting a model: its weights and first level and trend by the greatest likelihood.

use super::descent::{Slope, descend};
use super::likelihood::{NEAREST, State, Step, Weights, backwards, follow};
use super::{Kind, Trend};
use crate::baseline::seasonality::{Season, SeasonKind};
use crate::baseline::theta::line;
use crate::metrics::mean;

/// Bounds of weights: R's usual ones.
const LOWEST: f64 = 1e-4;
const HIGHEST: f64 = 0.9999;
const DAMPING: [f64; 2] = [0.8, 0.98];

/// The numbers of a search: logits of alpha, beta, gamma and phi within their bounds, then how far the first level and trend
/// are from those that a line gave, in units that are about as great as errors. Those that a model lacks stay 0.
const NUMBERS: usize = 6;
const ALPHA: usize = 0;
const BETA: usize = 1;
const GAMMA: usize = 2;
const PHI: usize = 3;
const LEVEL: usize = 4;
const TREND: usize = 5;

/// Logits of alpha, of beta and of gamma of which each pair is tried: the search begins at the best.
const ALPHAS: [f64; 3] = [-2.0, 0.0, 2.0];
const OTHERS: [f64; 2] = [-3.0, 0.0];
/// The logit of phi at which it begins.
const FIRST_PHI: f64 = 1.0;
/// A trend of this share of an error is as much as a level of one.
const TREND_UNIT: f64 = 0.1;

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
        let mut search = Search::new(kind, values, season)?;
        let (point, cost) = descend(search.start(), |point| search.slope(point));
        let (weights, mut state) = (search.read(&point), search.state);
        let sums = follow(kind, &weights, values, &mut state, |_| ());
        // The variance is a parameter too.
        let count = (parameters + 1) as f64;
        let aicc = cost + 2.0 * count + 2.0 * count * (count + 1.0) / left as f64;
        let variance = sums.squares / (values.len() - parameters) as f64;
        aicc.is_finite().then_some(Self { kind, weights, state, variance, aicc })
    }
}

/// Weights and first values of a model.
fn parameters(kind: Kind, season: usize) -> usize {
    let trend = if kind.trend == Trend::Damped { 3 } else { 0 };
    2 + trend + if kind.season.is_some() { season } else { 0 }
}

/// A search for the greatest likelihood of some values.
struct Search<'a> {
    kind: Kind,
    values: &'a [f64],
    /// What stands before the first value if level and trend are those of a line.
    first: State,
    /// About as great as errors are.
    unit: f64,
    /// The state that goes through the values, and what each step leaves for the way back: kept, so that none is made anew.
    state: State,
    steps: Vec<Step>,
}

impl<'a> Search<'a> {
    /// Its first season is that of the classical decomposition, its first level and trend are those of a line through the first
    /// seasons, as Hyndman and others begin.
    fn new(kind: Kind, values: &'a [f64], season: usize) -> Option<Self> {
        let found = match kind.season {
            Some(of) => Some(Season::of_kind(values, season, of)?),
            None => None,
        };
        let places = if found.is_some() { season } else { 0 };
        let figure: Vec<f64> =
            found.iter().flat_map(|it| (0..places).map(|at| it.at(at))).collect();
        let multiplied = kind.season == Some(SeasonKind::Multiplicative);
        if multiplied && figure.iter().any(|value| *value < NEAREST) {
            return None;
        }
        let plain = found.map_or_else(|| values.to_vec(), |it| it.removed(values));
        let head = &plain[..plain.len().min((2 * season).max(10))];
        let (middle, slope) = line(head);
        let trend = if kind.trend == Trend::None { 0.0 } else { slope };
        let level = middle - trend * (head.len() + 1) as f64 / 2.0;
        let first = State { level, trend, season: figure, place: 0 };
        let unit = mean(plain.iter().map(|value| (value - middle).abs())).max(1e-3);
        let steps = Vec::with_capacity(values.len());
        Some(Self { kind, values, state: first.clone(), first, unit, steps })
    }

    /// The best of some points.
    fn start(&mut self) -> [f64; NUMBERS] {
        let mut best = (f64::INFINITY, [0.0; NUMBERS]);
        let betas = if self.kind.trend == Trend::None { &OTHERS[..1] } else { &OTHERS };
        let gammas = if self.kind.season.is_none() { &OTHERS[..1] } else { &OTHERS };
        for alpha in ALPHAS {
            for &beta in betas {
                for &gamma in gammas {
                    let point = [alpha, beta, gamma, FIRST_PHI, 0.0, 0.0];
                    let weights = self.read(&point);
                    let sums = follow(self.kind, &weights, self.values, &mut self.state, |_| ());
                    let cost = sums.cost(self.values.len());
                    if cost < best.0 {
                        best = (cost, point);
                    }
                }
            }
        }
        best.1
    }

    /// What a point stands for: weights, and the state before the first value.
    fn read(&mut self, point: &[f64; NUMBERS]) -> Weights {
        let trended = self.kind.trend == Trend::Damped;
        let alpha = LOWEST + (HIGHEST - LOWEST) * share(point[ALPHA]);
        let beta = LOWEST + (alpha - LOWEST) * share(point[BETA]);
        let gamma = LOWEST + (1.0 - alpha - LOWEST) * share(point[GAMMA]);
        let phi = DAMPING[0] + (DAMPING[1] - DAMPING[0]) * share(point[PHI]);
        self.state.level = self.first.level + self.unit * point[LEVEL];
        self.state.trend = self.first.trend + self.unit * TREND_UNIT * point[TREND];
        self.state.season.copy_from_slice(&self.first.season);
        self.state.place = 0;
        Weights {
            alpha,
            beta: if trended { beta } else { 0.0 },
            gamma: if self.kind.season.is_some() { gamma } else { 0.0 },
            phi: if trended { phi } else { 1.0 },
        }
    }

    /// The cost of a point, and its gradient.
    fn slope(&mut self, point: &[f64; NUMBERS]) -> Slope<NUMBERS> {
        let weights = self.read(point);
        let steps = &mut self.steps;
        steps.clear();
        let sums = follow(self.kind, &weights, self.values, &mut self.state, |it| steps.push(it));
        let cost = sums.cost(self.values.len());
        let mut gradient = [0.0; NUMBERS];
        if !cost.is_finite() {
            return (f64::INFINITY, gradient);
        }
        let by = backwards(self.kind, &weights, &self.steps, sums.squares, &mut self.state);
        let bend = |number: usize| share(point[number]) * share(-point[number]);
        // Beta reaches up to alpha, and gamma to what alpha leaves.
        let mut by_alpha = by.alpha;
        if self.kind.trend == Trend::Damped {
            by_alpha += by.beta * share(point[BETA]);
            gradient[BETA] = by.beta * (weights.alpha - LOWEST) * bend(BETA);
            gradient[PHI] = by.phi * (DAMPING[1] - DAMPING[0]) * bend(PHI);
            gradient[TREND] = self.state.trend * self.unit * TREND_UNIT;
        }
        if self.kind.season.is_some() {
            by_alpha -= by.gamma * share(point[GAMMA]);
            gradient[GAMMA] = by.gamma * (1.0 - weights.alpha - LOWEST) * bend(GAMMA);
        }
        gradient[ALPHA] = by_alpha * (HIGHEST - LOWEST) * bend(ALPHA);
        gradient[LEVEL] = self.state.level * self.unit;
        (cost, gradient)
    }
}

/// The share that a logit is of.
fn share(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::super::KINDS;
    use super::*;

    #[test]
    fn gradients_are_those_of_differences() {
        let values: Vec<f64> = (0..23).map(|at| 1.0 + 0.1 * f64::from(at * 7 % 5)).collect();
        for kind in KINDS {
            let mut search = Search::new(kind, &values, 3).unwrap();
            let point = [-0.3, 0.2, -0.1, 0.4, 0.3, -0.2];
            let (_, gradient) = search.slope(&point);
            for number in 0..NUMBERS {
                let mut by = |step: f64| {
                    let mut moved = point;
                    moved[number] += step;
                    search.slope(&moved).0
                };
                let expected = (by(1e-5) - by(-1e-5)) / 2e-5;
                let lacks_season = kind.season.is_none() && number == GAMMA;
                let lacks_trend = kind.trend == Trend::None && [BETA, PHI, TREND].contains(&number);
                let expected = if lacks_season || lacks_trend { 0.0 } else { expected };
                assert!(
                    (gradient[number] - expected).abs() < 1e-5 * expected.abs().max(1.0),
                    "{} {number}: {}, not {expected}",
                    kind.name,
                    gradient[number]
                );
            }
        }
    }
}
