//! Forecasts that are measured: on a part that is set aside, or from origins that roll forward through the series.
//!
//! ```text
//! history ........|right      the first of three windows, one step apart
//! history .........|right
//! history ..........|right    the last one: what is right ends with the series
//! ```

use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use crate::error::{config, series};
use crate::metrics::{mean, naive_scale, over};
use crate::{Baseline, Error, Forecast, ForecastConfig, Origin, Panel, Score};

/// Most windows of a backtest, a series.
pub const MAX_BACKTEST_WINDOWS: usize = 1 << 16;

/// A forecast to make, and what is right.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Of which series, and behind what may be known.
    pub origin: Origin<'a>,
    /// What follows.
    pub right: &'a [f64],
}

impl<'a> Case<'a> {
    /// All values that may be known.
    pub fn history(&self) -> &'a [f64] {
        self.origin.history()
    }
}

/// A case a series: what follows each of them in another panel.
///
/// # Errors
///
/// Those of [`Panel::followed_by`].
pub fn test_cases<'a>(
    panel: &'a Panel,
    test: &'a Panel,
    horizon: usize,
) -> Result<Vec<Case<'a>>, Error> {
    let right = panel.followed_by(test, horizon)?;
    let cases = panel.ends().into_iter().zip(right);
    Ok(cases.map(|(origin, right)| Case { origin, right }).collect())
}

/// Cases of rolling origins: of each series so many windows, `stride` apart, the last of which ends with it. A series that has
/// room for fewer has fewer.
///
/// # Errors
///
/// [`Error::Config`] where `windows` or `stride` is 0 or there are more than [`MAX_BACKTEST_WINDOWS`]; [`Error::Series`] where a
/// series is no longer than the horizon.
pub fn rolling_cases(
    panel: &Panel,
    horizon: usize,
    windows: usize,
    stride: usize,
) -> Result<Vec<Case<'_>>, Error> {
    if windows == 0 || windows > MAX_BACKTEST_WINDOWS || stride == 0 {
        let problem = format!(
            "{windows} windows, {stride} steps apart; ask for at least 1 of both and at most {MAX_BACKTEST_WINDOWS} windows"
        );
        return Err(config("backtest", problem));
    }
    let mut cases = Vec::new();
    for (place, (it, values)) in panel.iter().enumerate() {
        let Some(last) = values.len().checked_sub(horizon).filter(|last| *last > 0) else {
            let problem = format!(
                "has {} points, too few to forecast {horizon} of them; leave it out, or ask for fewer",
                values.len()
            );
            return Err(series(&it.id, problem));
        };
        let count = windows.min(1 + (last - 1) / stride);
        cases.extend((0..count).rev().map(|window| {
            let origin = last - window * stride;
            let right = &values[origin..origin + horizon];
            Case { origin: panel.origin(place, origin), right }
        }));
    }
    Ok(cases)
}

/// The absolute error of a step ahead; what is not defined is NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepError {
    /// In units of the series.
    pub mae: f64,
    /// Scaled as in MASE.
    pub mase: f64,
}

/// How a model does in some cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The score of each case.
    pub of_cases: Vec<Score>,
    /// The mean of each series' cases, in the order of the panel.
    pub of_series: Vec<Score>,
    /// The mean over series.
    pub mean: Score,
    /// The errors of each step ahead, the mean over series of that of their cases; none of several panels together, whose
    /// steps are of different lengths.
    pub of_steps: Vec<StepError>,
    /// How many cases a simpler model took its place in.
    pub simpler: usize,
    /// What it took, on all threads together.
    pub seconds: f64,
}

impl Evaluation {
    /// Makes the forecasts of a baseline and measures them; MSIS and coverage at `level`.
    pub fn of(baseline: Baseline, cases: &[Case<'_>], ask: &ForecastConfig, level: f64) -> Self {
        Self::and_forecasts(baseline, cases, ask, level).0
    }

    /// The same with what was forecast, one a case.
    pub fn and_forecasts(
        baseline: Baseline,
        cases: &[Case<'_>],
        ask: &ForecastConfig,
        level: f64,
    ) -> (Self, Vec<Forecast>) {
        let begun = Instant::now();
        let forecasts: Vec<Forecast> =
            cases.par_iter().map(|case| baseline.forecast(case.history(), ask)).collect();
        let seconds = begun.elapsed().as_secs_f64();
        let simpler = forecasts.iter().filter(|it| !baseline.is_itself(it)).count();
        let found = Self::of_forecasts(&forecasts, cases, ask, level);
        (Self { simpler, seconds, ..found }, forecasts)
    }

    /// Measures forecasts that any model made, one a case.
    ///
    /// # Panics
    ///
    /// If there are not as many of both, or a forecast is of another horizon.
    pub fn of_forecasts(
        forecasts: &[Forecast],
        cases: &[Case<'_>],
        ask: &ForecastConfig,
        level: f64,
    ) -> Self {
        assert_eq!(forecasts.len(), cases.len(), "forecasts are not one a case");
        let scales: Vec<f64> =
            cases.par_iter().map(|case| naive_scale(case.history(), ask.season())).collect();
        let score = |place: usize| {
            let (forecast, right) = (&forecasts[place], cases[place].right);
            Score::of(right, forecast, ask.quantiles(), level, scales[place])
        };
        let of_cases: Vec<Score> = (0..cases.len()).into_par_iter().map(score).collect();
        let of_series: Vec<Score> =
            by_series(cases).map(|range| Score::mean_of(&of_cases[range])).collect();
        let mean = Score::mean_of(&of_series);
        let steps = forecasts.first().map_or(0, |forecast| forecast.points.len());
        let of_step = |step: usize| {
            let off =
                |place: usize| (cases[place].right[step] - forecasts[place].points[step]).abs();
            StepError {
                mae: mean_over_series(cases, off),
                mase: mean_over_series(cases, |place| over(off(place), scales[place])),
            }
        };
        let of_steps = (0..steps).map(of_step).collect();
        Self { of_cases, of_series, mean, of_steps, simpler: 0, seconds: 0.0 }
    }

    /// How a model does in the cases of several panels together: each series counts the same.
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let nothing = Self {
            of_cases: Vec::new(),
            of_series: Vec::new(),
            mean: Score::mean_of(&[]),
            of_steps: Vec::new(),
            simpler: 0,
            seconds: 0.0,
        };
        let mut joined = parts.into_iter().fold(nothing, |mut joined, part| {
            joined.of_cases.extend(part.of_cases);
            joined.of_series.extend(part.of_series);
            joined.simpler += part.simpler;
            joined.seconds += part.seconds;
            joined
        });
        joined.mean = Score::mean_of(&joined.of_series);
        joined
    }
}

/// The mean over series of the mean over their cases, where it is defined.
fn mean_over_series(cases: &[Case<'_>], error: impl Fn(usize) -> f64) -> f64 {
    let defined = |range: Range<usize>| mean(range.map(&error).filter(|error| !error.is_nan()));
    mean(by_series(cases).map(defined).filter(|error| !error.is_nan()))
}

/// The cases of each series, which stand together.
fn by_series<'a>(cases: &'a [Case<'_>]) -> impl Iterator<Item = Range<usize>> + 'a {
    cases.chunk_by(|one, other| one.origin.series == other.origin.series).scan(0, |start, group| {
        let range = *start..*start + group.len();
        *start = range.end;
        Some(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frequency, Quantiles, Series};

    fn panel() -> Panel {
        let series =
            |id: &str| Series { id: id.into(), start: None, frequency: Frequency::Steps(1) };
        Panel::new([
            (series("a"), (1..=10).map(f64::from).collect::<Vec<_>>()),
            (series("b"), vec![5.0, 6.0, 8.0]),
        ])
        .unwrap()
    }

    #[test]
    fn origins_roll_to_the_end() {
        let panel = panel();
        let cases = rolling_cases(&panel, 2, 3, 3).unwrap();
        let found: Vec<(usize, usize, f64)> =
            cases.iter().map(|case| (case.origin.series, case.origin.at, case.right[1])).collect();
        assert_eq!(found, [(0, 2, 4.0), (0, 5, 7.0), (0, 8, 10.0), (1, 1, 8.0)]);
        for case in &cases {
            let values = panel.values(case.origin.series);
            assert_eq!([case.history(), case.right].concat(), values[..case.history().len() + 2]);
        }
        for (horizon, windows, stride, expected) in [
            (3, 1, 1, "series b: has 3 points, too few to forecast 3"),
            (1, 0, 1, "0 windows"),
            (1, 1, 0, "0 steps apart"),
            (1, MAX_BACKTEST_WINDOWS + 1, 1, "at most 65536 windows"),
        ] {
            let error = rolling_cases(&panel, horizon, windows, stride).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn series_are_averaged_before_their_mean() {
        let panel = panel();
        let cases = rolling_cases(&panel, 1, 4, 1).unwrap();
        let ask = ForecastConfig::new(1, 1, Quantiles::of_levels(&[0.95]).unwrap()).unwrap();
        let found = Evaluation::of(Baseline::Naive, &cases, &ask, 0.95);
        // Steps of 1, and of 1 and 2.
        assert_eq!((found.of_cases.len(), found.of_series.len()), (6, 2));
        assert_eq!((found.of_series[1].mae, found.mean.mae), (1.5, 1.25));
        // The first step of b is scaled by nothing.
        assert_eq!(found.of_series[1].mase, 2.0);
        assert_eq!(found.simpler, 0);
        // One step ahead is all that there is.
        let all = StepError { mae: found.mean.mae, mase: found.mean.mase };
        assert_eq!(found.of_steps, [all]);
        let seasonal = ForecastConfig::new(1, 4, Quantiles::of_levels(&[0.95]).unwrap()).unwrap();
        assert_eq!(Evaluation::of(Baseline::SeasonalNaive, &cases, &seasonal, 0.95).simpler, 2);
        let same = Evaluation::of(Baseline::Naive, &cases, &ask, 0.95);
        assert_eq!(format!("{:?}", same.of_cases), format!("{:?}", found.of_cases));
    }

    /// By hand: a goes on by steps of 1, which scale it; of b 5 is known before 6 and 8.
    #[test]
    fn errors_are_told_apart_by_how_far_ahead_they_are() {
        let panel = panel();
        let ask = ForecastConfig::new(2, 1, Quantiles::of_levels(&[0.95]).unwrap()).unwrap();
        let cases = rolling_cases(&panel, 2, 2, 1).unwrap();
        let found = Evaluation::of(Baseline::Naive, &cases, &ask, 0.95);
        let errors = |mae, mase| StepError { mae, mase };
        // Nothing scales b.
        assert_eq!(found.of_steps, [errors(1.0, 1.0), errors(2.5, 2.0)]);
        let steps = found.of_steps.iter().map(|it| it.mae);
        assert_eq!(mean(steps), found.mean.mae);
        assert!(Evaluation::joined([found.clone(), found]).of_steps.is_empty());
    }
}
