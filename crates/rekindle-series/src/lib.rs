//! From series to windows, and what any network must beat on them.
//!
//! | step | here |
//! |---|---|
//! | a file, a table or values in code | [`read_series`], [`Panel`] |
//! | its dates, how far apart they are, how long a season is | [`Timestamp`], [`Frequency`] |
//! | what any model must beat | a [`Baseline`] |
//! | how well, on a part that is set aside or from rolling origins | [`test_cases`], [`rolling_cases`], [`Evaluation`], [`metrics`] |
//! | which is best, and whether that is a difference | [`Comparison`], [`Difference`] |
//! | what a network sees | [`Windows`], [`Scaler`] |
//! | what stands beside values: known ahead, up to now, of whole series, of the calendar | [`Columns`], [`Features`] |

mod backtest;
mod baseline;
mod beside;
mod calendar;
mod comparison;
mod covariates;
mod date_form;
mod error;
mod features;
mod finding;
mod frequency;
pub mod metrics;
mod origin;
mod panel;
mod quantiles;
mod read;
mod scaling;
mod scores;
mod timestamp;
mod windows;

pub use backtest::{Case, Evaluation, MAX_BACKTEST_WINDOWS, StepError, rolling_cases, test_cases};
pub use baseline::{
    Baseline, Forecast, ForecastConfig, MAX_ETS_SEASON, MAX_HORIZON, MAX_SEASON, Season,
    SeasonRule, has_season,
};
pub use calendar::CalendarFeature;
pub use comparison::{Compared, Comparison, FoundSeason};
pub use covariates::{Columns, Covariates};
pub use date_form::DateForm;
pub use error::Error;
pub use features::{FeatureCounts, FeatureRows, Features, FixedColumn, ScaledColumn};
pub use finding::{Finding, FindingKind};
pub use frequency::{Frequency, MonthDay};
pub use origin::Origin;
pub use panel::{MAX_POINTS, Panel, PanelBuilder, Series};
pub use quantiles::{MAX_QUANTILES, Quantiles, normal_quantile};
pub use read::{
    Duplicates, Examined, Fill, ReadConfig, Reading, examine_series, read_known_ahead, read_series,
};
pub use scaling::{Affine, Scaler, ScalingBy, ScalingKind};
pub use scores::{Difference, OfScore, Score, Verdict, block_of};
pub use timestamp::Timestamp;
pub use windows::{Window, Windows, WindowsConfig};
