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

mod classification;
mod interval;
mod predictions;
mod regression;
mod tags;
mod values;

pub use classification::{Bin, Classification, PerClass};
pub use interval::{Interval, accuracy_interval, bootstrap};
pub use predictions::{Predictions, majority};
pub use regression::Pairs;
pub use tags::TagPredictions;
pub use values::{Direction, UnknownMetric, Values};
