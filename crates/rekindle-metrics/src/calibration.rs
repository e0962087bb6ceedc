//! Probabilities that mean what they say: temperature scaling. Guo et al. 2017, <https://arxiv.org/abs/1706.04599>.

use serde::{Deserialize, Serialize};

use crate::Predictions;

/// A temperature, and what it does to the predictions it was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Temperature {
    /// Divides logits before they become probabilities.
    pub value: f64,
    /// The expected calibration error before.
    pub error_before: f64,
    /// The expected calibration error after.
    pub error_after: f64,
    /// The mean cross-entropy before, in nats.
    pub loss_before: f64,
    /// The mean cross-entropy after, in nats.
    pub loss_after: f64,
}

/// Temperatures that are looked among; the loss has one minimum, for it is convex in the reciprocal.
const RANGE: (f64, f64) = (0.05, 20.0);

/// Steps of the search: each leaves 0.618 of what is left.
const STEPS: usize = 60;

impl Temperature {
    /// The temperature of the lowest cross-entropy. Fit it on validation data, and measure on others.
    ///
    /// It is 1 where every answer is right or there is none: nothing there says how often to doubt.
    pub fn fit(predictions: &Predictions) -> Self {
        let loss = |temperature: f64| predictions.loss_at(temperature);
        let doubtless = predictions.hits(1).iter().all(|hit| *hit);
        let value = if doubtless { 1.0 } else { lowest(loss) };
        Self {
            value,
            error_before: predictions.calibration().0,
            error_after: predictions.at_temperature(value).calibration().0,
            loss_before: loss(1.0),
            loss_after: loss(value),
        }
    }
}

/// Where a function of one minimum is lowest, by golden sections of the logarithm. Kiefer 1953.
fn lowest(of: impl Fn(f64) -> f64) -> f64 {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (RANGE.0.ln(), RANGE.1.ln());
    for _ in 0..STEPS {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if of(left.exp()) <= of(right.exp()) { high = right } else { low = left }
    }
    f64::midpoint(low, high).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classification::tests::{LABELS, LOGITS};

    /// The temperatures that `scipy.optimize.minimize_scalar` finds on the same logits.
    #[test]
    fn the_temperature_is_scipys() {
        let mut unsure = Predictions::new(4);
        unsure.add(&LOGITS.concat(), &LABELS);
        let labels: Vec<usize> = (0..300).map(|example| example % 3).collect();
        let logit = |place: usize| {
            let right = if place % 3 == place / 3 % 3 { 2.0 } else { 0.0 };
            let value = right + (place as f64 * 1.7).sin() * 3.0;
            (((value * 1e4).round() / 1e4) * 2.5) as f32
        };
        let mut too_sure = Predictions::new(3);
        too_sure.add(&(0..900).map(logit).collect::<Vec<_>>(), &labels);
        for (predictions, temperature, before, after) in [
            (unsure, 0.810_744_604, 1.063_058_046_977, 1.053_865_364_003),
            (too_sure, 8.347_474_746, 2.999_826_836_764, 0.910_607_671_906),
        ] {
            let found = Temperature::fit(&predictions);
            assert!((found.value / temperature - 1.0).abs() < 1e-6, "{found:?}");
            assert!((found.loss_before - before).abs() < 1e-9, "{found:?}");
            assert!((found.loss_after - after).abs() < 1e-9, "{found:?}");
            assert_eq!(Temperature::fit(&predictions), found);
            assert_eq!(
                predictions.at_temperature(found.value).predicted(),
                predictions.predicted()
            );
        }
    }

    #[test]
    fn a_model_that_is_too_sure_is_less_so_after() {
        // Ten times as sure as it is right: 80% right, logits of 10.
        let mut predictions = Predictions::new(2);
        for example in 0..500 {
            predictions.add(&[10.0, 0.0], &[usize::from(example % 5 == 0)]);
        }
        let found = Temperature::fit(&predictions);
        // exp(10 / T) / (1 + exp(10 / T)) = 0.8 where T = 10 / ln 4.
        assert!((found.value - 10.0 / 4.0_f64.ln()).abs() < 1e-4, "{found:?}");
        assert!((found.error_before - 0.2).abs() < 1e-3 && found.error_after < 1e-4, "{found:?}");
    }

    #[test]
    fn where_nothing_is_wrong_nothing_is_learned() {
        let mut right = Predictions::new(2);
        right.add(&[1.0, 0.0], &[0]);
        for predictions in [right, Predictions::new(2)] {
            let found = Temperature::fit(&predictions);
            assert_eq!((found.value, found.error_before), (1.0, found.error_after));
        }
    }
}
