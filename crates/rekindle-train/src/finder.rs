//! The learning-rate range test: which rates to try, and what their losses say.
//!
//! Smith 2015, <https://arxiv.org/abs/1506.01186>, with the smoothing and the stop of fastai's `lr_find`.

use serde::{Deserialize, Serialize};

use crate::ranges::Ranges;

/// Rates to try one after another, each the same multiple of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct RateRange {
    /// The first rate, greater than zero.
    pub from: f64,
    /// The last rate, greater than the first.
    pub to: f64,
    /// Number of rates, a step each: 2 or more.
    pub steps: usize,
}

/// fastai's.
impl Default for RateRange {
    fn default() -> Self {
        Self { from: 1e-7, to: 10.0, steps: 100 }
    }
}

impl RateRange {
    /// All rates in their order.
    pub fn rates(&self) -> Vec<f64> {
        let last = self.steps.saturating_sub(1).max(1) as f64;
        let ratio = self.to / self.from;
        (0..self.steps).map(|step| self.from * ratio.powf(step as f64 / last)).collect()
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        Ranges::default()
            .positive("from", self.from)
            .positive("to", self.to)
            .wrong_if(self.to <= self.from, || {
                format!("to is {:?} but must be greater than from, {:?}", self.to, self.from)
            })
            .within("steps", self.steps, 2..)
            .done()
    }
}

/// Share of the mean so far that a new loss leaves; fastai's.
const KEPT: f64 = 0.98;

/// How many times the best loss ends the test; fastai's.
const TOO_MUCH: f64 = 4.0;

/// The running mean of losses, each weighted 0.98 times as much as the next.
///
/// The first means are corrected for how few losses they are of (as Adam's are).
pub fn smoothed(losses: &[f64]) -> Vec<f64> {
    let (mut mean, mut missing) = (0.0, 1.0);
    let mut add = |loss: &f64| {
        mean = KEPT * mean + (1.0 - KEPT) * loss;
        missing *= KEPT;
        mean / (1.0 - missing)
    };
    losses.iter().map(&mut add).collect()
}

/// Whether the test should end here: the last smoothed loss is NaN, or four times the best.
pub fn exploded(smoothed: &[f64]) -> bool {
    let best = smoothed.iter().copied().fold(f64::INFINITY, f64::min);
    smoothed.last().is_some_and(|&last| !last.is_finite() || last > TOO_MUCH * best)
}

/// The rate to train with, or none where the losses never fell by a tenth.
///
/// It is the middle, on the scale of logarithms, of the valley's side: from where the smoothed losses have
/// last fallen by less than a tenth of all that they fall, to where they first have by nine tenths. That is
/// where fastai's `valley` looks too, but by heights rather than by a longest chain of falling losses, which
/// the noise of a flat beginning draws out; the steepest point alone moves more with noise still.
///
/// # Panics
///
/// If there are more losses than rates.
pub fn suggest(rates: &[f64], smoothed: &[f64]) -> Option<f64> {
    assert!(smoothed.len() <= rates.len(), "a loss without its rate");
    let numbers = || smoothed.iter().copied().enumerate().filter(|(_, loss)| loss.is_finite());
    let (bottom, best) = numbers().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let before = || numbers().take_while(|(place, _)| *place <= bottom);
    let worst = before().map(|(_, loss)| loss).fold(best, f64::max);
    let depth = worst - best;
    if depth <= 0.1 * worst.abs() {
        return None;
    }
    let (start, _) = before().filter(|(_, loss)| *loss > worst - 0.1 * depth).last()?;
    let (end, _) = before().find(|(place, loss)| *place > start && *loss <= worst - 0.9 * depth)?;
    Some((rates[start] * rates[end]).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_multiples() {
        let range = RateRange { from: 1e-4, to: 1.0, steps: 5 };
        range.check().unwrap();
        for (found, expected) in range.rates().iter().zip([1e-4, 1e-3, 1e-2, 1e-1, 1.0]) {
            assert!((found / expected - 1.0).abs() < 1e-12, "{found}");
        }
        let rates = RateRange::default().rates();
        assert_eq!((rates.len(), rates[0]), (100, 1e-7));
        assert!((rates[99] / 10.0 - 1.0).abs() < 1e-12);
        for wrong in [
            RateRange { from: 0.0, ..range },
            RateRange { to: 1e-5, ..range },
            RateRange { to: f64::NAN, ..range },
            RateRange { steps: 1, ..range },
        ] {
            wrong.check().unwrap_err();
            wrong.rates();
        }
    }

    /// (0.98 * 0.02 * 1 + 0.02 * 3) / (1 - 0.98^2), and so on.
    #[test]
    fn means_are_corrected_for_their_age() {
        let found = smoothed(&[1.0, 3.0, 2.0]);
        let expected = [1.0, 3.98 / 1.98, (0.9604 + 0.98 * 3.0 + 2.0) / (0.9604 + 1.98)];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} against {expected}");
        }
        let flat = smoothed(&[0.7; 50]);
        assert!(flat.iter().all(|loss| (loss - 0.7).abs() < 1e-12));
        assert!(smoothed(&[]).is_empty());
    }

    #[test]
    fn explosions_end_the_test() {
        for (losses, expected) in [
            (&[][..], false),
            (&[1.0], false),
            (&[1.0, 0.5, 1.99], false),
            (&[1.0, 0.5, 2.01], true),
            (&[1.0, f64::NAN], true),
            (&[f64::NAN], true),
            (&[1.0, f64::INFINITY], true),
        ] {
            assert_eq!(exploded(losses), expected, "{losses:?}");
        }
    }

    /// Flat up to 1e-4, falling up to 1e-1, then rising.
    fn valley(noise: f64) -> (Vec<f64>, Vec<f64>) {
        let rates = RateRange { from: 1e-6, to: 10.0, steps: 100 }.rates();
        let loss = |(step, rate): (usize, &f64)| {
            let x = rate.log10();
            let trend = match x {
                x if x < -4.0 => 2.0,
                x if x < -1.0 => 2.0 - 0.5 * (x + 4.0),
                x => 0.5 + (x + 1.0) * 2.0,
            };
            trend + noise * ((step * 7919) % 13) as f64 / 13.0
        };
        let losses = rates.iter().enumerate().map(loss).collect();
        (rates, losses)
    }

    #[test]
    fn the_middle_of_the_valley_is_suggested() {
        for noise in [0.0, 0.02, 0.2] {
            let (rates, losses) = valley(noise);
            let found = suggest(&rates, &losses).unwrap().log10();
            assert!((found + 2.5).abs() < 0.6, "{noise}: {found}");
        }
    }

    #[test]
    fn without_a_valley_there_is_no_suggestion() {
        let rates = RateRange::default().rates();
        let rising: Vec<f64> = (0..100).map(f64::from).collect();
        for losses in [&rising[..], &[1.0; 100], &[], &[1.0], &[f64::NAN; 3], &[1.0, 0.99, 0.98]] {
            assert_eq!(suggest(&rates, losses), None);
        }
        assert!(suggest(&rates, &[1.0, f64::NAN, 0.5]).is_some());
    }
}
