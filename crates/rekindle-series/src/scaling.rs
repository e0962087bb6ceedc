//! Scales: values as networks like them, and back.
//!
//! What a scale is made of is seen before the forecast: the window's input, or the part of the series that is trained on.

use serde::{Deserialize, Serialize};

use crate::Panel;

/// What values are shifted by and divided by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// What is taken away first.
    pub shift: f64,
    /// What is divided by then.
    pub scale: f64,
}

impl Affine {
    /// Values as they are.
    pub const PLAIN: Self = Self { shift: 0.0, scale: 1.0 };

    /// A value, scaled.
    pub fn apply(self, value: f64) -> f64 {
        (value - self.shift) / self.scale
    }

    /// Writes what is seen up to its end, scaled, behind as many zeros as it is shorter.
    pub fn write(self, seen: &[f64], into: &mut [f32]) {
        let seen = &seen[seen.len().saturating_sub(into.len())..];
        let (before, values) = into.split_at_mut(into.len() - seen.len());
        before.fill(0.0);
        values.iter_mut().zip(seen).for_each(|(to, from)| *to = self.apply(*from) as f32);
    }

    /// A scaled value, as it was.
    pub fn invert(self, value: f64) -> f64 {
        value * self.scale + self.shift
    }
}

/// How values are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingKind {
    /// Not at all.
    Plain,
    /// To mean 0 and deviation 1.
    Standard,
    /// To 0 to 1.
    MinMax,
    /// To a mean distance from 0 of 1, as DeepAR (Salinas and others, 2020).
    MeanAbsolute,
    /// The last value is taken away, as NLinear (Zeng and others, 2023).
    Last,
    /// The same, then divided by the deviation from the mean, or by a thousandth of the mean distance from 0 where that is more.
    LastDeviation,
}

/// What a scale is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingBy {
    /// Each window's input.
    Window,
    /// Each series' part to train on.
    Series,
    /// All series' parts to train on together.
    Panel,
}

/// Scales of all windows of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaler {
    kind: ScalingKind,
    by: ScalingBy,
    /// None by windows, one a series, or one of all.
    fitted: Vec<Affine>,
}

impl Scaler {
    /// Learns the scales of the part to train on.
    pub fn fit(kind: ScalingKind, by: ScalingBy, training: &Panel) -> Self {
        let fitted = match by {
            ScalingBy::Window => Vec::new(),
            ScalingBy::Series => {
                training.iter().map(|(_, values)| scale(kind, values.iter().copied())).collect()
            }
            ScalingBy::Panel => {
                vec![scale(kind, training.iter().flat_map(|(_, values)| values.iter().copied()))]
            }
        };
        Self { kind, by, fitted }
    }

    /// The scale of values that stand by themselves, such as a series that nothing was learned of.
    pub fn of_values(kind: ScalingKind, values: &[f64]) -> Affine {
        scale(kind, values.iter().copied())
    }

    /// The scale of a window of a series with this input.
    ///
    /// # Panics
    ///
    /// If it was fitted by series and there are not so many.
    pub fn of(&self, series: usize, input: &[f64]) -> Affine {
        match self.by {
            ScalingBy::Window => scale(self.kind, input.iter().copied()),
            ScalingBy::Series => self.fitted[series],
            ScalingBy::Panel => self.fitted[0],
        }
    }
}

/// The scale of some values; what would be divided by 0 is not divided.
pub(crate) fn scale(kind: ScalingKind, values: impl Iterator<Item = f64> + Clone) -> Affine {
    let mean = |of: &dyn Fn(f64) -> f64| crate::metrics::mean(values.clone().map(of));
    let divided = |shift, scale: f64| Affine {
        shift,
        scale: if scale > 0.0 && scale.is_finite() { scale } else { 1.0 },
    };
    match kind {
        ScalingKind::Plain => Affine::PLAIN,
        ScalingKind::Standard => {
            let middle = mean(&|value| value);
            divided(middle, mean(&|value| (value - middle) * (value - middle)).sqrt())
        }
        ScalingKind::MinMax => {
            let low = values.clone().fold(f64::INFINITY, f64::min);
            divided(low, values.clone().fold(f64::NEG_INFINITY, f64::max) - low)
        }
        ScalingKind::MeanAbsolute => divided(0.0, mean(&f64::abs)),
        ScalingKind::Last => divided(values.last().unwrap_or_default(), 1.0),
        ScalingKind::LastDeviation => {
            let Affine { scale: deviation, .. } = scale(ScalingKind::Standard, values.clone());
            let least = 1e-3 * mean(&f64::abs);
            divided(values.last().unwrap_or_default(), deviation.max(least))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frequency, Series};

    #[test]
    fn scales_are_of_what_they_say_and_can_be_taken_back() {
        let series =
            |id: &str| Series { id: id.into(), start: None, frequency: Frequency::Steps(1) };
        let panel =
            Panel::new([(series("a"), vec![1.0, 3.0]), (series("b"), vec![-2.0, 2.0])]).unwrap();
        let affine = |shift, scale| Affine { shift, scale };
        for (kind, by, expected) in [
            (ScalingKind::Plain, ScalingBy::Series, Affine::PLAIN),
            (ScalingKind::Standard, ScalingBy::Series, affine(0.0, 2.0)),
            (ScalingKind::Standard, ScalingBy::Panel, affine(1.0, 3.5_f64.sqrt())),
            (ScalingKind::Standard, ScalingBy::Window, affine(6.0, 2.0)),
            (ScalingKind::MinMax, ScalingBy::Panel, affine(-2.0, 5.0)),
            (ScalingKind::MinMax, ScalingBy::Window, affine(4.0, 4.0)),
            (ScalingKind::MeanAbsolute, ScalingBy::Series, affine(0.0, 2.0)),
            (ScalingKind::Last, ScalingBy::Window, affine(8.0, 1.0)),
            (ScalingKind::LastDeviation, ScalingBy::Window, affine(8.0, 2.0)),
        ] {
            let found = Scaler::fit(kind, by, &panel).of(1, &[4.0, 8.0]);
            assert_eq!(found, expected, "{kind:?} by {by:?}");
            assert!((found.invert(found.apply(7.25)) - 7.25).abs() < 1e-12);
        }
        let mut window = [f32::NAN; 4];
        affine(1.0, 2.0).write(&[3.0, 5.0], &mut window);
        assert_eq!(window, [0.0, 0.0, 1.0, 2.0]);
        affine(1.0, 2.0).write(&[9.0, 1.0, 3.0, 5.0, 7.0], &mut window);
        assert_eq!(window, [0.0, 1.0, 2.0, 3.0]);
        // What never changes is not divided by 0.
        let flat = Scaler::fit(ScalingKind::Standard, ScalingBy::Window, &panel).of(0, &[5.0, 5.0]);
        assert_eq!(flat, affine(5.0, 1.0));
    }
}
