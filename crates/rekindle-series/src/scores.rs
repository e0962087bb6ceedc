//! Errors of forecasts of many series: each by itself, then their mean; and whether two ways to forecast differ.

use rekindle_metrics::{Estimate, bootstrap};

use crate::metrics::{self, Bounds, mean};
use crate::{Forecast, Quantiles};

/// The level of confidence of a [`Difference`].
const LEVEL: f64 = 0.95;

/// Errors of a forecast of one series, or their means; what is not defined is NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The mean absolute error.
    pub mae: f64,
    /// The root of the mean squared error.
    pub rmse: f64,
    /// The mean absolute percentage error.
    pub mape: f64,
    /// The symmetric mean absolute percentage error.
    pub smape: f64,
    /// The mean absolute scaled error.
    pub mase: f64,
    /// The mean scaled interval score.
    pub msis: f64,
    /// The share of what was right that intervals hold.
    pub coverage: f64,
    /// The pinball loss, over all quantiles.
    pub pinball: f64,
}

/// How a metric is had of a score.
pub type OfScore = fn(&Score) -> f64;

impl Score {
    /// All metrics by their names.
    pub const METRICS: [(&'static str, OfScore); 8] = [
        ("mae", |score| score.mae),
        ("rmse", |score| score.rmse),
        ("mape", |score| score.mape),
        ("smape", |score| score.smape),
        ("mase", |score| score.mase),
        ("msis", |score| score.msis),
        ("coverage", |score| score.coverage),
        ("pinball", |score| score.pinball),
    ];

    /// Measures a forecast. MSIS and coverage are of the interval of this level, if the forecast has its ends; `scale` is the
    /// [`naive_scale`](metrics::naive_scale) of what was learned from.
    ///
    /// # Panics
    ///
    /// If the forecast is of another horizon.
    pub fn of(
        right: &[f64],
        forecast: &Forecast,
        quantiles: &Quantiles,
        level: f64,
        scale: f64,
    ) -> Self {
        let points = &forecast.points;
        let mae = metrics::mae(right, points);
        let ends = Quantiles::ends(level).map(|share| quantiles.position(share));
        let [msis, coverage] = match ends {
            [Some(low), Some(high)] => {
                let [low, high] = [low, high].map(|place| forecast.quantile(place));
                let bounds = Bounds { low: &low, high: &high, level };
                [metrics::msis(right, bounds, scale), metrics::coverage(right, bounds)]
            }
            _ => [f64::NAN; 2],
        };
        let loss = |(place, share): (usize, &f64)| {
            metrics::pinball(right, &forecast.quantile(place), *share)
        };
        Self {
            mae,
            rmse: metrics::rmse(right, points),
            mape: metrics::mape(right, points),
            smape: metrics::smape(right, points),
            mase: metrics::over(mae, scale),
            msis,
            coverage,
            pinball: mean(quantiles.shares().iter().enumerate().map(loss)),
        }
    }

    /// The mean of some scores, metric by metric, over those for which it is defined.
    pub fn mean_of(scores: &[Self]) -> Self {
        let of = |metric: OfScore| mean(scores.iter().map(metric).filter(|value| !value.is_nan()));
        let [mae, rmse, mape, smape, mase, msis, coverage, pinball] =
            Self::METRICS.map(|(_, metric)| of(metric));
        Self { mae, rmse, mape, smape, mase, msis, coverage, pinball }
    }

    /// OWA: how this mean compares with that of Naive2.
    pub fn owa(&self, naive2: &Self) -> f64 {
        metrics::owa(self.smape, self.mase, naive2.smape, naive2.mase)
    }
}

/// What an interval says of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Errors are smaller.
    Better,
    /// The interval holds zero: there is no difference to speak of.
    Same,
    /// Errors are greater.
    Worse,
    /// There are too few errors to say: fewer than two [blocks](block_of).
    NoGround,
}

/// How much the errors of one way to forecast differ from those of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The mean of the differences, below 0 where errors are smaller, with its interval at 95%.
    pub estimate: Estimate,
    /// How many pairs there are.
    pub pairs: usize,
    /// What that says.
    pub verdict: Verdict,
}

impl Difference {
    /// Compares errors pair by pair, by the bootstrap of blocks of neighbours (Carlstein 1986).
    ///
    /// Series are pairs by themselves: blocks of 1. Errors of steps of one series that follow each other resemble each other, and
    /// are drawn in [blocks](block_of). Pairs of which one is not defined do not count. Fewer than two blocks are
    /// [no ground](Verdict::NoGround) for another verdict.
    ///
    /// # Panics
    ///
    /// If there are not as many of both.
    pub fn of(errors: &[f64], baseline: &[f64], block: usize) -> Self {
        assert_eq!(errors.len(), baseline.len(), "errors are no pairs");
        let differences: Vec<f64> = errors
            .iter()
            .zip(baseline)
            .map(|(one, other)| one - other)
            .filter(|difference| difference.is_finite())
            .collect();
        let blocks: Vec<(f64, usize)> = differences
            .chunks(block.max(1))
            .map(|block| (block.iter().sum(), block.len()))
            .collect();
        let interval = bootstrap(blocks.len(), LEVEL, |places| {
            let drawn = places.iter().map(|&place| blocks[place]);
            let (sum, count) = drawn.fold((0.0, 0), |(sum, count), it| (sum + it.0, count + it.1));
            sum / count as f64
        });
        let verdict = match (interval.low, interval.high) {
            _ if blocks.len() < 2 => Verdict::NoGround,
            (_, high) if high < 0.0 => Verdict::Better,
            (low, _) if low > 0.0 => Verdict::Worse,
            _ => Verdict::Same,
        };
        let value = mean(differences.iter().copied());
        Self { estimate: Estimate::new(value, interval, LEVEL), pairs: differences.len(), verdict }
    }
}

/// How many errors of one series are drawn together: the third root of their number, as is usual.
pub fn block_of(errors: usize) -> usize {
    ((errors as f64).cbrt().ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_one_only_where_its_interval_lacks_zero() {
        let mut random = rekindle_base::Random::from_state(7);
        let base: Vec<f64> = (0..200).map(|_| 5.0 + random.normal()).collect();
        let mut shifted = |by: f64| -> Vec<f64> {
            base.iter().map(|error| error + by + 0.5 * random.normal()).collect()
        };
        for (by, verdict) in [(-1.0, Verdict::Better), (0.0, Verdict::Same), (1.0, Verdict::Worse)]
        {
            let found = Difference::of(&shifted(by), &base, 1);
            assert_eq!((found.verdict, found.pairs), (verdict, 200), "{by}: {found:?}");
            // A mean of 200 differences of deviation 0.5: 1.96 * 0.5 / sqrt(200).
            let half = (found.estimate.high - found.estimate.low) / 2.0;
            assert!((half - 0.0693).abs() < 0.012, "{found:?}");
        }
        let mut errors = base.clone();
        errors[3] = f64::NAN;
        let same = Difference::of(&errors, &base, block_of(200));
        assert_eq!((same.verdict, same.pairs, same.estimate.value), (Verdict::Same, 199, 0.0));
        // One block is no ground to compare, however many errors it has.
        for (count, block) in [(0, 1), (1, 1), (5, 5), (5, 9)] {
            let found = Difference::of(&vec![1.0; count], &vec![9.0; count], block);
            assert_eq!((found.verdict, found.pairs), (Verdict::NoGround, count));
        }
        assert_eq!(Difference::of(&[1.0; 6], &[9.0; 6], 5).verdict, Verdict::Better);
        assert_eq!(block_of(557), 9);
    }
}
