//! Errors of forecasts, as the M4 competition defines them.
//!
//! Makridakis, Spiliotis & Assimakopoulos, "The M4 Competition: 100,000 time series and 61 forecasting methods", 2020; Hyndman &
//! Koehler, "Another look at measures of forecast accuracy", 2006; Gneiting & Raftery, "Strictly proper scoring rules", 2007.
//!
//! | metric | of a series | undefined |
//! |---|---|---|
//! | MAE, RMSE | in its units | never |
//! | MAPE | percent of what was right | where that is 0, which is left out |
//! | sMAPE | 200 &#124;y - f&#124; / (&#124;y&#124; + &#124;f&#124;), 0 to 200 | never: 0 where both are 0 |
//! | MASE, MSIS | over the mean error of the seasonal naive forecast within what was learned from | where that is 0 |
//! | OWA | mean of the ratios of sMAPE and MASE to those of Naive2, each averaged over series first | where one is 0 |

/// The mean absolute error.
///
/// # Panics
///
/// Here and below, if both are not of one length.
pub fn mae(right: &[f64], forecast: &[f64]) -> f64 {
    mean(pairs(right, forecast).map(|(y, f)| (y - f).abs()))
}

/// The root of the mean squared error.
pub fn rmse(right: &[f64], forecast: &[f64]) -> f64 {
    mean(pairs(right, forecast).map(|(y, f)| (y - f) * (y - f))).sqrt()
}

/// The mean absolute error in percent of what was right; steps at which that is 0 do not count, and NaN where it always is.
pub fn mape(right: &[f64], forecast: &[f64]) -> f64 {
    let defined = pairs(right, forecast).filter(|(y, _)| *y != 0.0);
    100.0 * mean(defined.map(|(y, f)| ((y - f) / y).abs()))
}

/// The symmetric mean absolute percentage error, from 0 to 200.
pub fn smape(right: &[f64], forecast: &[f64]) -> f64 {
    let share = |(y, f): (f64, f64)| match y.abs() + f.abs() {
        0.0 => 0.0,
        sum => 200.0 * (y - f).abs() / sum,
    };
    mean(pairs(right, forecast).map(share))
}

/// What MASE and MSIS divide by: the mean error of the seasonal naive forecast within what was learned from.
///
/// A series of no more than a season has none: NaN.
pub fn naive_scale(history: &[f64], season: usize) -> f64 {
    let season = season.max(1);
    let later = history.get(season..).unwrap_or_default();
    mean(later.iter().zip(history).map(|(y, before)| (y - before).abs()))
}

/// The mean absolute scaled error; NaN where the [scale](naive_scale) is 0 or none.
pub fn mase(right: &[f64], forecast: &[f64], scale: f64) -> f64 {
    over(mae(right, forecast), scale)
}

/// The mean of the ratios of sMAPE and MASE to those of Naive2.
pub fn owa(smape: f64, mase: f64, naive2_smape: f64, naive2_mase: f64) -> f64 {
    (over(smape, naive2_smape) + over(mase, naive2_mase)) / 2.0
}

/// The ends of intervals that are to hold what is right with a probability of `level`.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'a> {
    /// The lower ends.
    pub low: &'a [f64],
    /// The upper ends.
    pub high: &'a [f64],
    /// The probability, such as 0.95.
    pub level: f64,
}

/// The mean scaled interval score: the width of intervals, and what is missed by them times 2 over the share that may be.
pub fn msis(right: &[f64], bounds: Bounds<'_>, scale: f64) -> f64 {
    let penalty = 2.0 / (1.0 - bounds.level);
    let score = |(y, (low, high)): (f64, (f64, f64))| {
        high - low + penalty * ((low - y).max(0.0) + (y - high).max(0.0))
    };
    over(mean(within(right, bounds).map(score)), scale)
}

/// The share of what was right that intervals hold.
pub fn coverage(right: &[f64], bounds: Bounds<'_>) -> f64 {
    let held = |(y, (low, high)): (f64, (f64, f64))| f64::from(low <= y && y <= high);
    mean(within(right, bounds).map(held))
}

/// The pinball loss of forecasts of a quantile.
pub fn pinball(right: &[f64], forecast: &[f64], quantile: f64) -> f64 {
    let loss = |(y, f): (f64, f64)| ((y - f) * quantile).max((f - y) * (1.0 - quantile));
    mean(pairs(right, forecast).map(loss))
}

fn pairs<'a>(right: &'a [f64], other: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    assert_eq!(right.len(), other.len(), "what was right and forecasts of different lengths");
    right.iter().copied().zip(other.iter().copied())
}

fn within<'a>(
    right: &'a [f64],
    bounds: Bounds<'a>,
) -> impl Iterator<Item = (f64, (f64, f64))> + 'a {
    assert_eq!(right.len(), bounds.low.len(), "what was right and intervals of different lengths");
    right.iter().copied().zip(pairs(bounds.low, bounds.high))
}

/// The mean; NaN of nothing.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), it| (sum + it, count + 1));
    sum / count as f64
}

/// A quotient, where what is divided by is above 0.
pub(crate) fn over(value: f64, scale: f64) -> f64 {
    if scale > 0.0 { value / scale } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: [f64; 4] = [3.0, -0.5, 2.0, 7.0];
    const FORECAST: [f64; 4] = [2.5, 0.0, 2.0, 8.0];

    /// scikit-learn's `mean_absolute_error`, `root_mean_squared_error`, `mean_absolute_percentage_error` and
    /// `mean_pinball_loss(alpha=0.9)`; sMAPE, MASE and MSIS by hand.
    #[test]
    fn errors_are_those_of_scikit_learn_and_of_the_papers() {
        let scale = naive_scale(&[1.0, 2.0, 4.0, 5.0], 2);
        let bounds =
            Bounds { low: &[2.0, 0.0, 1.0, 8.0], high: &[4.0, 1.0, 3.0, 9.0], level: 0.95 };
        for (name, found, expected) in [
            ("mae", mae(&RIGHT, &FORECAST), 0.5),
            ("rmse", rmse(&RIGHT, &FORECAST), 0.612_372_435_695_794_5),
            ("mape", mape(&RIGHT, &FORECAST), 32.738_095_238_095_24),
            ("smape", smape(&RIGHT, &FORECAST), (100.0 / 5.5 + 200.0 + 200.0 / 15.0) / 4.0),
            ("scale", scale, 3.0),
            ("mase", mase(&RIGHT, &FORECAST, scale), 0.5 / 3.0),
            ("msis", msis(&RIGHT, bounds, scale), (6.0 + 40.0 * 1.5) / 4.0 / 3.0),
            ("coverage", coverage(&RIGHT, bounds), 0.5),
            ("pinball", pinball(&RIGHT, &FORECAST, 0.9), (0.45 + 0.05 + 0.1) / 4.0),
            ("owa", owa(10.0, 1.0, 20.0, 2.0), 0.5),
        ] {
            assert!((found - expected).abs() < 1e-12, "{name}: {found}, not {expected}");
        }
    }

    #[test]
    fn what_is_not_defined_is_no_number() {
        assert_eq!(smape(&[0.0, 1.0], &[0.0, 1.0]), 0.0);
        assert_eq!(mape(&[0.0, 2.0], &[1.0, 1.0]), 50.0);
        for undefined in [
            mape(&[0.0], &[1.0]),
            naive_scale(&[1.0], 1),
            naive_scale(&[1.0, 2.0], 5),
            mase(&[1.0], &[2.0], naive_scale(&[5.0, 5.0], 1)),
            owa(1.0, 1.0, 0.0, 1.0),
        ] {
            assert!(undefined.is_nan());
        }
    }
}
