//! Forecasts that repeat or average values.

use super::Season;
use super::{Baseline, Forecast, ForecastConfig};
use crate::metrics::mean;

/// The last value.
pub(super) fn naive(history: &[f64], ask: &ForecastConfig) -> Forecast {
    let sigma = deviation(steps(history, 1));
    let points = vec![history[history.len() - 1]; ask.horizon()];
    Forecast::normal(Baseline::Naive.name(), points, ask, |step| sigma * (step as f64).sqrt())
}

/// The value a season before.
pub(super) fn seasonal_naive(history: &[f64], ask: &ForecastConfig) -> Forecast {
    let season = ask.season();
    let Some(last) = history.len().checked_sub(season).filter(|_| season > 1) else {
        return naive(history, ask);
    };
    let sigma = deviation(steps(history, season));
    let points = history[last..].iter().copied().cycle().take(ask.horizon()).collect();
    Forecast::normal(Baseline::SeasonalNaive.name(), points, ask, |step| {
        sigma * (step.div_ceil(season) as f64).sqrt()
    })
}

/// The last value and the mean step.
pub(super) fn drift(history: &[f64], ask: &ForecastConfig) -> Forecast {
    let count = history.len() - 1;
    if count < 2 {
        return naive(history, ask);
    }
    let (first, last) = (history[0], history[count]);
    let slope = (last - first) / count as f64;
    let sigma = deviation(steps(history, 1).map(|step| step - slope));
    let points = (1..=ask.horizon()).map(|step| last + slope * step as f64).collect();
    Forecast::normal(Baseline::Drift.name(), points, ask, |step| {
        let step = step as f64;
        sigma * (step * (1.0 + step / count as f64)).sqrt()
    })
}

/// The mean of all values at that place of the season.
pub(super) fn seasonal_average(history: &[f64], ask: &ForecastConfig) -> Forecast {
    let season = ask.season();
    if history.len() < season {
        return naive(history, ask);
    }
    let at = |place: usize| history.iter().skip(place).step_by(season).copied();
    let means: Vec<f64> = (0..season).map(|place| mean(at(place))).collect();
    let left = history.iter().zip(means.iter().cycle()).map(|(value, mean)| value - mean);
    let sigma = deviation(left);
    let seen = (history.len() / season) as f64;
    let place = |step: usize| (history.len() + step) % season;
    let points = (0..ask.horizon()).map(|step| means[place(step)]).collect();
    Forecast::normal(Baseline::SeasonalAverage.name(), points, ask, |_| {
        sigma * (1.0 + 1.0 / seen).sqrt()
    })
}

/// Naive, of the series without its season where it has one.
pub(super) fn naive2(history: &[f64], ask: &ForecastConfig) -> Forecast {
    let found = match season(history, ask) {
        Some(season) => seasonal(naive(&season.removed(history), ask), &season, history, ask),
        None => naive(history, ask),
    };
    Forecast { model: Baseline::Naive2.name().into(), ..found }
}

/// The season of a series, where a test finds one.
pub(super) fn season(history: &[f64], ask: &ForecastConfig) -> Option<Season> {
    ask.season_rule().season(history, ask.season())
}

/// A forecast of a series without its season, with it again.
pub(super) fn seasonal(
    mut forecast: Forecast,
    season: &Season,
    history: &[f64],
    ask: &ForecastConfig,
) -> Forecast {
    let width = ask.quantiles().shares().len();
    let restore = |values: &mut [f64], width: usize| {
        for (at, value) in values.iter_mut().enumerate() {
            *value = season.restored(*value, history.len() + at / width);
        }
    };
    restore(&mut forecast.points, 1);
    restore(&mut forecast.quantiles, width.max(1));
    forecast
}

/// How much values differ from those so many places before.
fn steps(history: &[f64], apart: usize) -> impl Iterator<Item = f64> {
    history.iter().skip(apart).zip(history).map(|(value, before)| value - before)
}

/// The mean distance from zero.
pub(super) fn size(history: &[f64]) -> f64 {
    mean(history.iter().map(|value| value.abs()))
}

/// The root of the mean square; 0 of nothing, so that all that is known of a single point is that point.
pub(super) fn deviation(errors: impl Iterator<Item = f64>) -> f64 {
    let square = mean(errors.map(|error| error * error));
    if square.is_nan() { 0.0 } else { square.sqrt() }
}
