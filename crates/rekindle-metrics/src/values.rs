//! Metrics by name, and which of two values is better.

use serde::{Deserialize, Serialize};

/// Metrics by name, in the order in which they are shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Values(#[serde(with = "numbers")] Vec<(String, f64)>);

/// Numbers in JSON, which knows neither infinities nor what is NaN: both become `null`, and `null` NaN.
mod numbers {
    use serde::{Deserialize, Deserializer, Serializer};

    type Rows = Vec<(String, f64)>;

    pub(super) fn serialize<S: Serializer>(rows: &Rows, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            rows.iter().map(|(name, value)| (name, value.is_finite().then_some(value))),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rows, D::Error> {
        let rows = Vec::<(String, Option<f64>)>::deserialize(from)?;
        Ok(rows.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
    }
}

/// A number in JSON that may be none, as [`numbers`] are.
pub(crate) mod nullable {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

/// What is NaN is equal to itself, so that two runs can be compared.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&(String, f64), &(String, f64))| {
            a.0 == b.0 && (a.1 == b.1 || (a.1.is_nan() && b.1.is_nan()))
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}

impl Values {
    /// The value of a metric.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Adds a metric, or gives one another value.
    pub fn set(&mut self, name: &str, value: f64) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// Which of two values is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The higher one.
    Higher,
    /// The lower one.
    Lower,
}

/// Nobody measures this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{0}`; known are {known}", known = KNOWN.map(|row| row.0).join(", "))]
pub struct UnknownMetric(pub String);

use Direction::{Higher, Lower};

/// Every metric, and which values of it are better.
const KNOWN: [(&str, Direction); 15] = [
    ("loss", Lower),
    ("accuracy", Higher),
    ("top5", Higher),
    ("precision", Higher),
    ("recall", Higher),
    ("f1", Higher),
    ("f1_macro", Higher),
    ("map", Higher),
    ("exact", Higher),
    ("auroc", Higher),
    ("calibration_error", Lower),
    ("mae", Lower),
    ("rmse", Lower),
    ("mape", Lower),
    ("r2", Higher),
];

impl Direction {
    /// Which values of a metric are better.
    ///
    /// # Errors
    ///
    /// If there is no such metric; the error lists those there are.
    pub fn of(metric: &str) -> Result<Self, UnknownMetric> {
        let row = KNOWN.iter().find(|(name, _)| *name == metric);
        row.map(|row| row.1).ok_or_else(|| UnknownMetric(metric.to_owned()))
    }

    /// Whether a value is better than another; what is NaN is worse than any.
    pub fn is_better(self, new: f64, old: f64) -> bool {
        match self {
            _ if new.is_nan() => false,
            _ if old.is_nan() => true,
            Higher => new > old,
            Lower => new < old,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_worst() {
        for (direction, better, worse) in [(Higher, 2.0, 1.0), (Lower, 1.0, 2.0)] {
            assert!(direction.is_better(better, worse) && !direction.is_better(worse, better));
            assert!(!direction.is_better(better, better));
            assert!(direction.is_better(worse, f64::NAN) && !direction.is_better(f64::NAN, worse));
        }
        assert_eq!(Direction::of("f1"), Ok(Higher));
        let error = Direction::of("f2").unwrap_err().to_string();
        assert!(error.contains("`f2`") && error.contains("calibration_error"), "{error}");
    }
}
