//! How the learning rate changes over a phase.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// A factor on the learning rate, by the share of the phase that is done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// One throughout.
    Constant,
    /// From one to zero along half a cosine, after a linear rise over the first `warmup` of the
    /// steps. Loshchilov & Hutter 2016, <https://arxiv.org/abs/1608.03983>.
    Cosine {
        /// Share of the steps, in `[0, 1)`.
        warmup: f64,
    },
}

impl Schedule {
    /// The factor of a step, counted from zero, of `steps`.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine { warmup } => {
                let rise = warmup * steps as f64;
                let step = step as f64;
                if step + 1.0 < rise {
                    (step + 1.0) / rise
                } else {
                    let done = (step - rise).max(0.0) / (steps as f64 - rise).max(1.0);
                    0.5 * (1.0 + (PI * done).cos())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_rises_then_falls() {
        let schedule = Schedule::Cosine { warmup: 0.2 };
        let factors: Vec<_> = (0..10).map(|step| schedule.factor(step, 10)).collect();
        assert_eq!(factors[..3], [0.5, 1.0, 1.0]);
        assert!(factors[2..].windows(2).all(|pair| pair[1] < pair[0]), "{factors:?}");
        assert!((factors[6] - 0.5).abs() < 1e-12 && factors[9] < 0.05, "{factors:?}");
    }

    /// `0.5 * (1 + cos(pi * t / T))`, as torch.optim.lr_scheduler.CosineAnnealingLR.
    #[test]
    fn without_a_rise_it_is_pytorchs() {
        let schedule = Schedule::Cosine { warmup: 0.0 };
        for (step, expected) in [(0, 1.0), (1, 0.75), (2, 0.25)] {
            assert!((schedule.factor(step, 3) - expected).abs() < 1e-12, "{step}");
        }
        assert_eq!(Schedule::Constant.factor(7, 9), 1.0);
        assert_eq!(Schedule::Cosine { warmup: 0.5 }.factor(0, 1), 1.0);
    }
}
