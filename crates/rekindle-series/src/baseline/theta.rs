//! The theta method, as the M3 competition's winner and the M4 competition's benchmark have it.
//!
//! The series without its season is the mean of two lines: its regression on time (theta 0), and what lies twice as far from
//! that as the series does (theta 2), of which simple exponential smoothing is the forecast. Both weigh the same.

use super::simple::{season, seasonal};
use super::{Baseline, Forecast, ForecastConfig, simple, smoothing};
use crate::metrics::mean;

/// The forecast; that of a series that is never below 0 is not either, as in the competition.
pub(super) fn theta(history: &[f64], ask: &ForecastConfig) -> Forecast {
    if history.len() < 2 {
        return simple::naive(history, ask);
    }
    let positive = history.iter().all(|value| *value >= 0.0);
    let mut found = match season(history, ask) {
        Some(season) => seasonal(plain(&season.removed(history), ask), &season, history, ask),
        None => plain(history, ask),
    };
    if positive {
        let all = found.points.iter_mut().chain(&mut found.quantiles);
        all.for_each(|value| *value = value.max(0.0));
    }
    found
}

fn plain(values: &[f64], ask: &ForecastConfig) -> Forecast {
    let (middle, slope) = line(values);
    let center = (values.len() - 1) as f64 / 2.0;
    let at = |place: usize| middle + slope * (place as f64 - center);
    let doubled: Vec<f64> =
        values.iter().enumerate().map(|(place, value)| 2.0 * value - at(place)).collect();
    let smoothed = smoothing::fit(&doubled);
    let points =
        (0..ask.horizon()).map(|step| (smoothed.level + at(values.len() + step)) / 2.0).collect();
    // The line meets itself, so errors are half of those of what was smoothed.
    let sigma = smoothed.variance.sqrt() / 2.0;
    Forecast::normal(Baseline::Theta.name(), points, ask, |step| {
        sigma * (1.0 + (step - 1) as f64 * smoothed.alpha * smoothed.alpha).sqrt()
    })
}

/// The mean of values, and the slope of their regression on their places.
pub(super) fn line(values: &[f64]) -> (f64, f64) {
    let middle = mean(values.iter().copied());
    let center = (values.len() - 1) as f64 / 2.0;
    let (mut product, mut square) = (0.0, 0.0);
    for (place, value) in values.iter().enumerate() {
        let x = place as f64 - center;
        product += x * (value - middle);
        square += x * x;
    }
    (middle, if square > 0.0 { product / square } else { 0.0 })
}
