//! Metrics over predictions: classification, calibration, regression, and how sure they are.
//!
//! Everything is computed over whole sets of predictions, so batches of uneven sizes count fairly.
//!
//! ```
//! use rekindle_metrics::{Classification, Predictions};
//!
//! let mut predictions = Predictions::new(2);
//! predictions.add(&[2.0, 0.0, 0.0, 1.0], &[0, 1]);
//! predictions.add(&[0.5, 0.0], &[1]);
//! let found = Classification::of(&predictions);
//! assert_eq!((found.examples, &found.confusion[1]), (3, &vec![1, 1]));
//! assert!((found.accuracy - 2.0 / 3.0).abs() < 1e-12);
//! ```

mod calibration;
mod classification;
mod drift;
mod interval;
mod multi_label;
mod numbers;
mod predictions;
mod values;

pub use calibration::Temperature;
pub use classification::{Bin, Classification, PerClass};
pub use drift::{TwoSample, TwoSampleConfig, stability_index, stability_noise, two_samples};
pub use interval::{
    Estimate, Interval, accuracy_interval, bootstrap, quantile, share_interval, wilson,
};
pub use multi_label::{MultiLabel, MultiLabelPredictions, PerLabel, sigmoid};
pub use numbers::{NumberErrors, NumberPredictions, Regression};
pub use predictions::{Predictions, majority};
pub use values::{Direction, UnknownMetric, Values};
