//! Exponential smoothing in state space: error, trend and season, of which AICc chooses.
//!
//! Hyndman, Koehler, Snyder & Grose, "A state space framework for automatic forecasting using exponential smoothing methods",
//! 2002; Hyndman, Koehler, Ord & Snyder, "Forecasting with exponential smoothing", 2008, tables 2.1 and 6.2. As R's `ets` by its
//! defaults, trends are never multiplicative, and a season is not multiplied where errors are added. Unlike there:
//!
//! * A trend is always damped, since the likelihood of the next step says little of many steps ahead (Gardner & McKenzie,
//!   "Forecasting trends in time series", 1985). With trends that go on for ever among the models, OWA of the M4 competition's
//!   hourly series is 0.99 in place of 0.83, and sMAPE of the M3 competition's yearly ones 17.5 in place of 16.5.
//! * The first values of the season are those of the classical decomposition. To search for them too makes nothing better
//!   there, and takes longer.

use rekindle_base::Random;
use rekindle_metrics::quantile;

use super::seasonality::SeasonKind;
use super::{Forecast, ForecastConfig, simple};

mod descent;
mod fit;
mod likelihood;

use fit::Fitted;

/// Longest season that is smoothed; longer ones are left out of the choice.
pub const MAX_ETS_SEASON: usize = 366;
/// Paths of which quantiles are taken where no formula has them.
const PATHS: usize = 1000;

/// How errors come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorKind {
    Additive,
    Multiplicative,
}

/// How the level moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trend {
    None,
    Damped,
}

/// A model of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    name: &'static str,
    error: ErrorKind,
    trend: Trend,
    season: Option<SeasonKind>,
}

const fn kind(
    name: &'static str,
    error: ErrorKind,
    trend: Trend,
    season: Option<SeasonKind>,
) -> Kind {
    Kind { name, error, trend, season }
}

use ErrorKind::{Additive as A, Multiplicative as M};
const ADDED: Option<SeasonKind> = Some(SeasonKind::Additive);
const MULTIPLIED: Option<SeasonKind> = Some(SeasonKind::Multiplicative);

/// All models that are tried, the simplest first: of equal ones, the first is taken.
const KINDS: [Kind; 10] = [
    kind("ETS(A,N,N)", A, Trend::None, None),
    kind("ETS(M,N,N)", M, Trend::None, None),
    kind("ETS(A,Ad,N)", A, Trend::Damped, None),
    kind("ETS(M,Ad,N)", M, Trend::Damped, None),
    kind("ETS(A,N,A)", A, Trend::None, ADDED),
    kind("ETS(M,N,A)", M, Trend::None, ADDED),
    kind("ETS(M,N,M)", M, Trend::None, MULTIPLIED),
    kind("ETS(A,Ad,A)", A, Trend::Damped, ADDED),
    kind("ETS(M,Ad,A)", M, Trend::Damped, ADDED),
    kind("ETS(M,Ad,M)", M, Trend::Damped, MULTIPLIED),
];

/// The forecast of the model with the least AICc.
pub(super) fn ets(history: &[f64], ask: &ForecastConfig) -> Forecast {
    // Likelihoods are compared of values about 1, where no product of some of them leaves the range of numbers.
    let scale = simple::size(history);
    if scale == 0.0 {
        return simple::naive(history, ask);
    }
    let values: Vec<f64> = history.iter().map(|value| value / scale).collect();
    let positive = values.iter().all(|value| *value > 0.0);
    let possible = |kind: &&Kind| {
        let multiplies = kind.error == ErrorKind::Multiplicative || kind.season == MULTIPLIED;
        let has_season = (2..=MAX_ETS_SEASON).contains(&ask.season());
        (positive || !multiplies) && (has_season || kind.season.is_none())
    };
    let mut best: Option<Fitted> = None;
    for kind in KINDS.iter().filter(possible) {
        if let Some(found) = Fitted::fit(*kind, &values, ask.season())
            && best.as_ref().is_none_or(|best| found.aicc < best.aicc)
        {
            best = Some(found);
        }
    }
    let Some(best) = best else { return simple::naive(history, ask) };
    let mut found = forecast(&best, ask);
    found.points.iter_mut().chain(&mut found.quantiles).for_each(|value| *value *= scale);
    found
}

fn forecast(fitted: &Fitted, ask: &ForecastConfig) -> Forecast {
    let mut state = fitted.state.clone();
    let points = (0..ask.horizon())
        .map(|_| {
            let next = state.expected(fitted.kind, fitted.weights.phi);
            state.advance(fitted.kind, &fitted.weights, next, 0.0);
            next
        })
        .collect();
    if fitted.kind.error == ErrorKind::Additive && fitted.kind.season != MULTIPLIED {
        let deviations = deviations(fitted, ask);
        return Forecast::normal(fitted.kind.name, points, ask, |step| deviations[step - 1]);
    }
    let quantiles = simulated(fitted, ask);
    Forecast { model: fitted.kind.name.into(), points, quantiles }
}

/// The deviation of each step ahead (table 6.2): what an error adds to all that follows.
fn deviations(fitted: &Fitted, ask: &ForecastConfig) -> Vec<f64> {
    let weights = fitted.weights;
    let (mut sum, mut carried, mut power) = (1.0, 0.0, 1.0);
    (1..=ask.horizon())
        .map(|step| {
            let now = (fitted.variance * sum).sqrt();
            power *= weights.phi;
            carried += power;
            let season = if step % ask.season() == 0 { weights.gamma } else { 0.0 };
            sum += (weights.alpha + weights.beta * carried + season).powi(2);
            now
        })
        .collect()
}

/// Quantiles of paths that are drawn, the same ones for every series: each with another whose errors are its opposite.
fn simulated(fitted: &Fitted, ask: &ForecastConfig) -> Vec<f64> {
    let Fitted { kind, weights, .. } = *fitted;
    let mut random = Random::from_state(0);
    let sigma = fitted.variance.sqrt();
    let mut paths = vec![fitted.state.clone(); PATHS];
    let mut values = vec![0.0; PATHS];
    let mut quantiles = Vec::with_capacity(ask.horizon() * ask.quantiles().shares().len());
    for _ in 0..ask.horizon() {
        for (pair, values) in paths.chunks_mut(2).zip(values.chunks_mut(2)) {
            let drawn = sigma * random.normal();
            for ((path, value), drawn) in pair.iter_mut().zip(values).zip([drawn, -drawn]) {
                let expected = path.expected(kind, weights.phi);
                let error = match kind.error {
                    ErrorKind::Additive => drawn,
                    // No value is below zero.
                    ErrorKind::Multiplicative => expected * drawn.max(-1.0),
                };
                *value = expected + error;
                path.advance(kind, &weights, expected, error);
            }
        }
        values.sort_unstable_by(f64::total_cmp);
        let shares = ask.quantiles().shares().iter();
        quantiles.extend(shares.map(|share| quantile(&values, *share)));
    }
    quantiles
}

#[cfg(test)]
mod tests;
