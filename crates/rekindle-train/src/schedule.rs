//! How the learning rate changes over a phase.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::ranges::Ranges;

/// A factor on the learning rate, in `[0, 1]`, by the share of the phase that is done.
///
/// A `warmup` is the share of the steps, in `[0, 1)`, over which the factor first rises to one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// One throughout.
    Constant,
    /// From one to zero along half a cosine, after a linear rise over the first `warmup` of the
    /// steps. Loshchilov & Hutter 2016, <https://arxiv.org/abs/1608.03983>.
    Cosine {
        /// Share of the steps, in `[0, 1)`.
        warmup: f64,
    },
    /// Several cosines of equal length, each from its peak to zero (SGDR, the same paper).
    CosineRestarts {
        /// Share of the steps, in `[0, 1)`.
        #[serde(default)]
        warmup: f64,
        /// Number of cosines, one or more.
        cycles: usize,
        /// Peak of a cycle over that of the one before, in `[0, 1]`; one in the paper.
        #[serde(default = "one")]
        decay: f64,
    },
    /// Up and down once, each along half a cosine, as PyTorch's `OneCycleLR`. Smith & Topin 2017,
    /// <https://arxiv.org/abs/1708.07120>.
    OneCycle {
        /// Share of the steps that rise, in `[0, 1)`; 0.3 in PyTorch.
        #[serde(default = "one_cycle::rise")]
        rise: f64,
        /// The factor of the first step, in `[0, 1]`; 1/25 in PyTorch.
        #[serde(default = "one_cycle::start")]
        start: f64,
        /// The factor of the last step, in `[0, 1]`; 1/250,000 in PyTorch.
        #[serde(default = "one_cycle::end")]
        end: f64,
    },
    /// A straight line from one to `end`.
    Linear {
        /// Share of the steps, in `[0, 1)`.
        #[serde(default)]
        warmup: f64,
        /// What the factor approaches, in `[0, 1]`.
        #[serde(default)]
        end: f64,
    },
    /// Drops at equal distances.
    Step {
        /// Number of drops; the phase has one part more.
        drops: usize,
        /// What a drop multiplies by, in `[0, 1]`; 0.1 in PyTorch's `StepLR`.
        factor: f64,
    },
    /// From one to `end` along a power of what is left, as PyTorch's `PolynomialLR`.
    Polynomial {
        /// The exponent, greater than zero; 0.9 is usual in segmentation.
        power: f64,
        /// Share of the steps, in `[0, 1)`.
        #[serde(default)]
        warmup: f64,
        /// What the factor approaches, in `[0, 1]`.
        #[serde(default)]
        end: f64,
    },
}

fn one() -> f64 {
    1.0
}

/// Defaults of `torch.optim.lr_scheduler.OneCycleLR`.
mod one_cycle {
    pub(super) fn rise() -> f64 {
        0.3
    }
    pub(super) fn start() -> f64 {
        1.0 / 25.0
    }
    pub(super) fn end() -> f64 {
        start() / 1e4
    }
}

impl Schedule {
    /// The factor of a step, counted from zero, of `steps`.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine { warmup } => after(warmup, step, steps, fall),
            Self::CosineRestarts { warmup, cycles, decay } => after(warmup, step, steps, |done| {
                // A hair more, so that a cycle's first step is not the last of the one before.
                let cycle = (done * cycles as f64 + 1e-9).floor().min(cycles as f64 - 1.0);
                decay.powf(cycle) * fall((done * cycles as f64 - cycle).max(0.0))
            }),
            Self::OneCycle { rise, start, end } => {
                let (step, last) = (step as f64, steps as f64 - 1.0);
                let peak = (rise * steps as f64 - 1.0).max(0.0);
                if step < peak {
                    1.0 + (start - 1.0) * fall(step / peak)
                } else {
                    end + (1.0 - end) * fall(((step - peak) / (last - peak).max(1.0)).min(1.0))
                }
            }
            Self::Linear { warmup, end } => {
                after(warmup, step, steps, |done| end + (1.0 - end) * (1.0 - done))
            }
            Self::Step { drops, factor } => {
                let dropped = (step as u128 * (drops as u128 + 1)) / steps.max(1) as u128;
                factor.powf((dropped as f64).min(drops as f64))
            }
            Self::Polynomial { power, warmup, end } => {
                after(warmup, step, steps, |done| end + (1.0 - end) * (1.0 - done).powf(power))
            }
        }
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        let share = |warmup| Ranges::default().within("warmup", warmup, 0.0..1.0);
        match *self {
            Self::Constant => Ok(()),
            Self::Cosine { warmup } => share(warmup).done(),
            Self::CosineRestarts { warmup, cycles, decay } => {
                share(warmup).within("cycles", cycles, 1..).within("decay", decay, 0.0..=1.0).done()
            }
            Self::OneCycle { rise, start, end } => Ranges::default()
                .within("rise", rise, 0.0..1.0)
                .within("start", start, 0.0..=1.0)
                .within("end", end, 0.0..=1.0)
                .done(),
            Self::Linear { warmup, end } => share(warmup).within("end", end, 0.0..=1.0).done(),
            Self::Step { factor, .. } => {
                Ranges::default().within("factor", factor, 0.0..=1.0).done()
            }
            Self::Polynomial { power, warmup, end } => {
                share(warmup).positive("power", power).within("end", end, 0.0..=1.0).done()
            }
        }
    }
}

/// A linear rise to one, then `shape` of the share, in `[0, 1]`, that is done of what follows.
fn after(warmup: f64, step: usize, steps: usize, shape: impl Fn(f64) -> f64) -> f64 {
    let rise = warmup * steps as f64;
    let step = step as f64;
    if step + 1.0 < rise {
        (step + 1.0) / rise
    } else {
        shape(((step - rise).max(0.0) / (steps as f64 - rise).max(1.0)).min(1.0))
    }
}

/// Half a cosine, from one to zero.
fn fall(done: f64) -> f64 {
    0.5 * (1.0 + (PI * done).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each against `torch.optim.lr_scheduler` at a learning rate of one.
    #[test]
    fn factors_are_pytorchs() {
        let (warmup, end) = (0.0, 0.1);
        let rows: [(Schedule, &[f64]); 6] = [
            // CosineAnnealingLR(T_max=3)
            (Schedule::Cosine { warmup }, &[1.0, 0.75, 0.25]),
            // CosineAnnealingWarmRestarts(T_0=5)
            (
                Schedule::CosineRestarts { warmup, cycles: 2, decay: 1.0 },
                &[
                    1.0,
                    0.904_508_497_2,
                    0.654_508_497_2,
                    0.345_491_502_8,
                    0.095_491_502_81,
                    1.0,
                    0.904_508_497_2,
                    0.654_508_497_2,
                    0.345_491_502_8,
                    0.095_491_502_81,
                ],
            ),
            // OneCycleLR(1.0, total_steps=10, pct_start=0.3)
            (
                Schedule::OneCycle { rise: 0.3, start: 0.04, end: 4e-6 },
                &[
                    0.04,
                    0.52,
                    1.0,
                    0.950_484_632,
                    0.811_745_653_9,
                    0.611_262_021_9,
                    0.388_741_978_1,
                    0.188_258_346_1,
                    0.049_519_367_99,
                    4e-6,
                ],
            ),
            // LinearLR(1.0, 0.1, total_iters=8)
            (
                Schedule::Linear { warmup, end },
                &[1.0, 0.8875, 0.775, 0.6625, 0.55, 0.4375, 0.325, 0.2125],
            ),
            // StepLR(3, 0.1)
            (
                Schedule::Step { drops: 2, factor: 0.1 },
                &[1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01],
            ),
            // PolynomialLR(8, 2.0)
            (
                Schedule::Polynomial { power: 2.0, warmup, end: 0.0 },
                &[1.0, 0.765_625, 0.5625, 0.390_625, 0.25, 0.140_625, 0.0625, 0.015_625],
            ),
        ];
        for (schedule, expected) in rows {
            for (step, expected) in expected.iter().enumerate() {
                let found = schedule.factor(step, length(schedule));
                assert!((found - expected).abs() < 1e-9, "{schedule:?}, {step}: {found}");
            }
        }
    }

    /// Steps of the rows above.
    fn length(schedule: Schedule) -> usize {
        match schedule {
            Schedule::Cosine { .. } => 3,
            Schedule::Step { .. } => 9,
            Schedule::Linear { .. } | Schedule::Polynomial { .. } => 8,
            _ => 10,
        }
    }

    #[test]
    fn cosine_rises_then_falls() {
        let schedule = Schedule::Cosine { warmup: 0.2 };
        let factors: Vec<_> = (0..10).map(|step| schedule.factor(step, 10)).collect();
        assert_eq!(factors[..3], [0.5, 1.0, 1.0]);
        assert!(factors[2..].windows(2).all(|pair| pair[1] < pair[0]), "{factors:?}");
        assert!((factors[6] - 0.5).abs() < 1e-12 && factors[9] < 0.05, "{factors:?}");
    }

    #[test]
    fn cycles_start_at_their_peaks_whatever_divides() {
        for (steps, cycles) in [(30, 3), (49, 7), (1000, 10)] {
            let schedule = Schedule::CosineRestarts { warmup: 0.0, cycles, decay: 0.5 };
            for cycle in 0..cycles {
                let found = schedule.factor(cycle * steps / cycles, steps);
                let peak = 0.5_f64.powi(i32::try_from(cycle).unwrap());
                assert!((found - peak).abs() < 1e-9, "{steps}, {cycle}: {found}");
            }
        }
    }

    #[test]
    fn no_length_leaves_the_range() {
        let shares = [0.0, 0.1, 0.5, 0.99];
        for warmup in shares {
            for schedule in [
                Schedule::Constant,
                Schedule::Cosine { warmup },
                Schedule::CosineRestarts { warmup, cycles: 3, decay: 0.5 },
                Schedule::OneCycle { rise: warmup, start: 0.04, end: 4e-6 },
                Schedule::Linear { warmup, end: 0.3 },
                Schedule::Step { drops: 3, factor: 0.1 },
                Schedule::Polynomial { power: 0.9, warmup, end: 0.2 },
            ] {
                schedule.check().unwrap();
                for steps in 1..40 {
                    let factors: Vec<_> =
                        (0..steps + 2).map(|s| schedule.factor(s, steps)).collect();
                    let within = factors.iter().all(|factor| (0.0..=1.0).contains(factor));
                    assert!(within, "{schedule:?}: {factors:?}");
                    let most = factors.iter().copied().fold(0.0, f64::max);
                    assert!(steps > 1 || most == 1.0, "{schedule:?} in {steps}: {most}");
                }
            }
        }
    }

    #[test]
    fn plans_spell_them_so() {
        for (text, expected) in [
            (r#""constant""#, Schedule::Constant),
            (r#"{"cosine":{"warmup":0.1}}"#, Schedule::Cosine { warmup: 0.1 }),
            (
                r#"{"cosine_restarts":{"cycles":3}}"#,
                Schedule::CosineRestarts { warmup: 0.0, cycles: 3, decay: 1.0 },
            ),
            (
                r#"{"one_cycle":{}}"#,
                Schedule::OneCycle { rise: 0.3, start: 1.0 / 25.0, end: 1.0 / 25e4 },
            ),
            (r#"{"linear":{"end":0.1}}"#, Schedule::Linear { warmup: 0.0, end: 0.1 }),
            (r#"{"step":{"drops":2,"factor":0.1}}"#, Schedule::Step { drops: 2, factor: 0.1 }),
            (
                r#"{"polynomial":{"power":0.9}}"#,
                Schedule::Polynomial { power: 0.9, warmup: 0.0, end: 0.0 },
            ),
        ] {
            assert_eq!(serde_json::from_str::<Schedule>(text).unwrap(), expected);
        }
        serde_json::from_str::<Schedule>(r#"{"cosine":{"warmup":0.1,"cycles":2}}"#).unwrap_err();
    }

    #[test]
    fn everything_out_of_range_is_named() {
        let wrong = Schedule::OneCycle { rise: 1.0, start: -0.1, end: f64::NAN };
        let message = wrong.check().unwrap_err();
        assert_eq!(
            message,
            "rise is 1.0 but must lie in 0.0..1.0; start is -0.1 but must lie in 0.0..=1.0; \
             end is NaN but must lie in 0.0..=1.0"
        );
        let wrong = Schedule::CosineRestarts { warmup: 1.0, cycles: 0, decay: 2.0 };
        assert_eq!(wrong.check().unwrap_err().matches("must").count(), 3);
        let wrong = Schedule::Polynomial { power: 0.0, warmup: 0.0, end: 1.5 };
        assert_eq!(wrong.check().unwrap_err().matches("must").count(), 2);
        for wrong in [
            Schedule::Step { drops: 1, factor: 1.1 },
            Schedule::Linear { warmup: 0.0, end: -1.0 },
            Schedule::Cosine { warmup: f64::INFINITY },
        ] {
            wrong.check().unwrap_err();
        }
    }
}
