//! What any model of series must beat: forecasts that need no training of many series.
//!
//! | baseline | forecasts | how far off it may be |
//! |---|---|---|
//! | naive | the last value | σ √h |
//! | seasonal naive | the value a season before | σ √k, k being the seasons begun |
//! | drift | the last value and the mean step | σ √(h (1 + h / (n - 1))) |
//! | seasonal average | the mean of all values at that place of the season | σ √(1 + 1/k), k being the seasons seen |
//! | Naive2 | naive, of the series without its season where a test finds one | as naive |
//! | Theta | the mean of a line and of exponential smoothing of what lies twice as far from it, without the season | σ √(1 + (h - 1) α²) |
//! | ETS | exponential smoothing of error, trend and season, chosen by AICc | by formula, else of 1000 paths |
//!
//! σ² is the mean square of the errors of the next step within the series, h the steps ahead; errors are taken to be normal.
//! Where a series is too short for a baseline, a simpler one takes its place, which [`Forecast::model`] says.
//!
//! Hyndman & Athanasopoulos, "Forecasting: principles and practice", third edition, sections 5.2, 5.5 and 8; Assimakopoulos &
//! Nikolopoulos, "The theta model", 2000; Hyndman & Billah, "Unmasking the theta method", 2003.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::error::config;
use crate::quantiles::Quantiles;

mod ets;
mod seasonality;
mod simple;
mod smoothing;
mod theta;

pub use ets::MAX_ETS_SEASON;
pub use seasonality::{Season, SeasonRule, has_season};

/// Most steps of a forecast.
pub const MAX_HORIZON: usize = 1 << 16;
/// Most values of a season.
pub const MAX_SEASON: usize = 1 << 16;

/// A way to forecast a series by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Baseline {
    /// The last value.
    Naive,
    /// The value a season before.
    SeasonalNaive,
    /// The last value, and the mean step for each step ahead.
    Drift,
    /// The mean of the values at the same place of the season.
    SeasonalAverage,
    /// The last value of the series without its season, where it has one, and the season again.
    Naive2,
    /// The theta method of the M3 and M4 competitions.
    Theta,
    /// Exponential smoothing, its kind chosen by AICc.
    Ets,
}

impl Baseline {
    /// All of them, the simplest first.
    pub const ALL: [Self; 7] = [
        Self::Naive,
        Self::SeasonalNaive,
        Self::Drift,
        Self::SeasonalAverage,
        Self::Naive2,
        Self::Theta,
        Self::Ets,
    ];

    /// Its name, as commands and tables write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::SeasonalNaive => "seasonal-naive",
            Self::Drift => "drift",
            Self::SeasonalAverage => "seasonal-average",
            Self::Naive2 => "naive2",
            Self::Theta => "theta",
            Self::Ets => "ets",
        }
    }

    /// Whether a forecast is this baseline's own, and not that of a simpler one in its place.
    pub fn is_itself(self, forecast: &Forecast) -> bool {
        match self {
            Self::Ets => forecast.model.starts_with("ETS"),
            _ => forecast.model == self.name(),
        }
    }

    /// Forecasts what follows a series.
    ///
    /// # Panics
    ///
    /// If the history has no value.
    pub fn forecast(self, history: &[f64], ask: &ForecastConfig) -> Forecast {
        assert!(!history.is_empty(), "no history to forecast from");
        match self {
            Self::Naive => simple::naive(history, ask),
            Self::SeasonalNaive => simple::seasonal_naive(history, ask),
            Self::Drift => simple::drift(history, ask),
            Self::SeasonalAverage => simple::seasonal_average(history, ask),
            Self::Naive2 => simple::naive2(history, ask),
            Self::Theta => theta::theta(history, ask),
            Self::Ets => ets::ets(history, ask),
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Baseline {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|baseline| baseline.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            config("baseline", format!("`{name}` is not known; known are {known}"))
        })
    }
}

/// What is asked of a forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastConfig {
    horizon: usize,
    season: usize,
    season_rule: SeasonRule,
    quantiles: Quantiles,
}

impl ForecastConfig {
    /// So many steps ahead, with a season of so many values (1: none), and these quantiles.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where the horizon is 0 or more than [`MAX_HORIZON`], or the season 0 or more than [`MAX_SEASON`].
    pub fn new(horizon: usize, season: usize, quantiles: Quantiles) -> Result<Self, Error> {
        for (what, steps, limit) in
            [("horizon", horizon, MAX_HORIZON), ("season", season, MAX_SEASON)]
        {
            if steps == 0 || steps > limit {
                let problem = format!("{steps} steps; ask for at least 1 and at most {limit}");
                return Err(config(what, problem));
            }
        }
        Ok(Self { horizon, season, season_rule: SeasonRule::default(), quantiles })
    }

    /// Steps ahead.
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// Values of a season; 1 where there is none.
    pub fn season(&self) -> usize {
        self.season
    }

    /// The same, with another way to find a season.
    #[must_use]
    pub fn with_season_rule(self, season_rule: SeasonRule) -> Self {
        Self { season_rule, ..self }
    }

    /// How Naive2 and Theta find a season.
    pub fn season_rule(&self) -> SeasonRule {
        self.season_rule
    }

    /// Which quantiles.
    pub fn quantiles(&self) -> &Quantiles {
        &self.quantiles
    }
}

/// A forecast of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// What was fitted: the baseline's name, or that of a simpler one in its place.
    pub model: Cow<'static, str>,
    /// The expected value of each step.
    pub points: Vec<f64>,
    /// The quantiles of each step, a row a step.
    pub quantiles: Vec<f64>,
}

impl Forecast {
    /// A forecast with normal errors: the deviation of each step ahead, counted from 1.
    pub(crate) fn normal(
        model: impl Into<Cow<'static, str>>,
        points: Vec<f64>,
        ask: &ForecastConfig,
        deviation: impl Fn(usize) -> f64,
    ) -> Self {
        let normal = ask.quantiles.normal();
        let mut quantiles = Vec::with_capacity(points.len() * normal.len());
        for (step, point) in points.iter().enumerate() {
            let deviation = deviation(step + 1);
            // The middle is the point, however far off it may be.
            let at =
                |normal: &f64| if *normal == 0.0 { *point } else { point + normal * deviation };
            quantiles.extend(normal.iter().map(at));
        }
        Self { model: model.into(), points, quantiles }
    }

    /// Several forecasts of the same as one: of every number the median, of an even count the mean of both in the middle.
    ///
    /// # Panics
    ///
    /// If there is none, or they are of other steps or quantiles.
    pub fn median(forecasts: &[&Self], model: impl Into<Cow<'static, str>>) -> Self {
        let of = |numbers: fn(&Self) -> &[f64]| -> Vec<f64> {
            let count = numbers(forecasts[0]).len();
            assert!(forecasts.iter().all(|it| numbers(it).len() == count), "forecasts of the same");
            let at = |at: usize| {
                let mut all: Vec<f64> = forecasts.iter().map(|it| numbers(it)[at]).collect();
                all.sort_by(f64::total_cmp);
                (all[(all.len() - 1) / 2] + all[all.len() / 2]) / 2.0
            };
            (0..count).map(at).collect()
        };
        Self { model: model.into(), points: of(|it| &it.points), quantiles: of(|it| &it.quantiles) }
    }

    /// One quantile of every step.
    ///
    /// # Panics
    ///
    /// If there are not so many of a step.
    pub fn quantile(&self, place: usize) -> Vec<f64> {
        let width = self.quantiles.len() / self.points.len().max(1);
        assert!(place < width, "quantile {place} of {width}");
        self.quantiles.iter().skip(place).step_by(width).copied().collect()
    }
}
