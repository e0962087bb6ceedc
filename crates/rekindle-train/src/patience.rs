//! What to do when a monitored value stops improving, as functions of its history alone.
//!
//! No state is kept, so a run that is resumed decides as one that never stopped.

use rekindle_metrics::Direction;
use serde::{Deserialize, Serialize};

use crate::ranges::Ranges;

/// Lowers the learning rate while nothing improves, as PyTorch's `ReduceLROnPlateau`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct Plateau {
    /// What a cut multiplies the rate by, in `(0, 1)`.
    pub factor: f64,
    /// Epochs without improvement that are borne; one more brings a cut.
    pub patience: usize,
    /// How much better than the best a value must be to count, absolute, 0 or more.
    pub min_delta: f64,
    /// The factor that no cut goes below, in `[0, 1]`.
    pub least: f64,
}

/// PyTorch's, but for its `threshold`, which is relative there.
impl Default for Plateau {
    fn default() -> Self {
        Self { factor: 0.1, patience: 10, min_delta: 1e-4, least: 0.0 }
    }
}

impl Plateau {
    /// The factor on the learning rate after the epochs of `history`, the monitored value of each.
    ///
    /// What is NaN does not improve on anything.
    pub fn factor(&self, history: &[f64], direction: Direction) -> f64 {
        let (mut bad, mut factor) = (0, 1.0);
        for improved in improvements(history, direction, self.min_delta) {
            bad = if improved { 0 } else { bad + 1 };
            if bad > self.patience {
                (bad, factor) = (0, (factor * self.factor).max(self.least));
            }
        }
        factor
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        Ranges::default()
            .positive("factor", self.factor)
            .within("factor", self.factor, ..1.0)
            .within("min_delta", self.min_delta, 0.0..f64::INFINITY)
            .within("least", self.least, 0.0..=1.0)
            .done()
    }
}

/// Ends training when nothing improves any more, as `EarlyStopping` of Keras and Lightning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs in a row without improvement that end training, one or more.
    pub patience: usize,
    /// How much better than the best a value must be to count, absolute, 0 or more.
    #[serde(default)]
    pub min_delta: f64,
}

impl EarlyStopping {
    /// Whether to stop after the epochs of `history`, the monitored value of each.
    ///
    /// What is NaN does not improve on anything.
    pub fn stops(&self, history: &[f64], direction: Direction) -> bool {
        let (mut bad, mut stops) = (0, false);
        for improved in improvements(history, direction, self.min_delta) {
            bad = if improved { 0 } else { bad + 1 };
            stops |= bad >= self.patience.max(1);
        }
        stops
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        Ranges::default()
            .within("patience", self.patience, 1..)
            .within("min_delta", self.min_delta, 0.0..f64::INFINITY)
            .done()
    }
}

/// Of each value, whether it is better than the best before it by more than `min_delta`.
fn improvements(
    history: &[f64],
    direction: Direction,
    min_delta: f64,
) -> impl Iterator<Item = bool> {
    let mut best = f64::NEG_INFINITY;
    history.iter().map(move |&value| {
        let value = if direction == Direction::Higher { value } else { -value };
        let improved = value > best + min_delta;
        if improved {
            best = value;
        }
        improved
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history, its direction, and the factor after each of its values.
    type Row = (Plateau, Direction, Vec<f64>, Vec<f64>);

    /// `ReduceLROnPlateau(mode, threshold_mode="abs", eps=0)` at a learning rate of one.
    #[test]
    fn plateaus_are_pytorchs() {
        let rows: [Row; 2] = [
            (
                Plateau { factor: 0.5, patience: 2, min_delta: 0.05, least: 0.2 },
                Direction::Lower,
                vec![1.0, 0.9, 0.9, 0.89, 0.88, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6],
                vec![1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2],
            ),
            (
                Plateau { factor: 0.1, patience: 1, min_delta: 0.0, least: 0.0 },
                Direction::Higher,
                vec![0.1, 0.2, f64::NAN, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3],
                vec![1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01],
            ),
        ];
        for (plateau, direction, history, expected) in rows {
            plateau.check().unwrap();
            for (epoch, expected) in expected.iter().enumerate() {
                let found = plateau.factor(&history[..=epoch], direction);
                assert!((found - expected).abs() < 1e-12, "{plateau:?}, {epoch}: {found}");
            }
            assert_eq!(plateau.factor(&[], direction), 1.0);
        }
    }

    #[test]
    fn stops_after_patience_and_never_takes_it_back() {
        let stopping = EarlyStopping { patience: 2, min_delta: 0.1 };
        let stops = |history: &[f64]| stopping.stops(history, Direction::Higher);
        for (history, expected) in [
            (&[][..], false),
            (&[0.5, 0.55], false),
            (&[0.5, 0.55, 0.59], true),
            (&[0.5, 0.55, 0.61, 0.5], false),
            (&[0.5, 0.4, f64::NAN], true),
            (&[0.5, 0.4, 0.4, 0.9], true),
            (&[f64::NAN, f64::NAN], true),
        ] {
            assert_eq!(stops(history), expected, "{history:?}");
        }
        assert!(!stopping.stops(&[3.0, 2.0, 1.0], Direction::Lower));
        assert!(stopping.stops(&[1.0, 2.0, 3.0], Direction::Lower));
    }

    #[test]
    fn everything_wrong_is_named() {
        let wrong = Plateau { factor: 1.0, patience: 0, min_delta: -1.0, least: 2.0 };
        assert_eq!(wrong.check().unwrap_err().matches("must").count(), 3);
        let wrong = EarlyStopping { patience: 0, min_delta: f64::NAN };
        assert_eq!(wrong.check().unwrap_err().matches("must").count(), 2);
    }
}
