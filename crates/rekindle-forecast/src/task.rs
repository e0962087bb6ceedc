//! What is learned: the values that follow a window, as they are expected or as their quantiles.

use burn::prelude::*;
use rekindle_finetune::{Effort, Solved, TransferTask};
use rekindle_metrics::{Direction, Values, quantile};
use rekindle_series::{Quantiles, metrics};
use rekindle_train::{BatchTarget, LOSS, Monitor, RegressionLoss, Task};
use rekindle_transfer::Ridge;
use serde::{Deserialize, Serialize};

use crate::Future;

/// What missing costs, of scaled values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForecastLoss {
    /// The pinball loss of each quantile, its mean over them, which its minimum is the quantiles of.
    Quantiles,
    /// Between what is expected and what follows.
    Numbers(RegressionLoss),
}

/// The values of a horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    /// Steps.
    pub horizon: usize,
    /// The quantiles that are learned, in ascending order, where [`loss`](Self::loss) is theirs.
    pub quantiles: Vec<f64>,
    /// What missing costs.
    pub loss: ForecastLoss,
    /// What the distance of each quantile from the middle one is multiplied by, so that as much of what was chosen by lies below
    /// it as should; 1 until then.
    pub spread: Vec<f64>,
}

impl Ahead {
    /// A horizon's quantiles.
    pub fn quantiles(horizon: usize, quantiles: &Quantiles) -> Self {
        let quantiles = quantiles.shares().to_vec();
        let spread = vec![1.0; quantiles.len()];
        Self { horizon, quantiles, loss: ForecastLoss::Quantiles, spread }
    }

    /// What is expected of a horizon.
    pub fn numbers(horizon: usize, loss: ForecastLoss) -> Self {
        Self { horizon, quantiles: Vec::new(), loss, spread: Vec::new() }
    }

    /// The same before its quantiles were compared with anything.
    pub fn plain(self) -> Self {
        Self { spread: vec![1.0; self.quantiles.len()], ..self }
    }

    /// The numbers of a step as they are meant: in ascending order, as far from the middle as what was chosen by says.
    pub fn restored(&self, outputs: &[f32]) -> Vec<f64> {
        let mut values: Vec<f64> = outputs.iter().map(|output| f64::from(*output)).collect();
        // Each is learned by itself, so that they may cross.
        values.sort_by(f64::total_cmp);
        let middle = values[self.middle()];
        let spread = values.iter_mut().zip(&self.spread);
        spread.for_each(|(value, spread)| *value = middle + (*value - middle) * spread);
        // An inner quantile may be spread further than an outer one.
        let at = self.middle();
        for place in at + 1..values.len() {
            values[place] = values[place].max(values[place - 1]);
        }
        for place in (0..at).rev() {
            values[place] = values[place].min(values[place + 1]);
        }
        values
    }

    /// Numbers of a step.
    pub fn per_step(&self) -> usize {
        self.quantiles.len().max(1)
    }

    /// Which number of a step is what is expected: the quantile that is nearest to the middle.
    pub fn middle(&self) -> usize {
        let off = |place: &usize| (self.quantiles[*place] - 0.5).abs();
        let places = 0..self.quantiles.len();
        places.min_by(|one, other| off(one).total_cmp(&off(other))).unwrap_or(0)
    }

    /// How far what was right lies from the middle of each step, over how far each quantile does.
    fn compare(&self, scores: &mut AheadScores, outputs: &[f32], label: &Future) {
        let (per_step, middle) = (self.per_step(), self.middle());
        for (outputs, right) in outputs.chunks_exact(per_step).zip(label.scaled()) {
            let mut values = outputs.to_vec();
            values.sort_by(f32::total_cmp);
            let off = f64::from(right - values[middle]);
            for (place, reach) in scores.reach.iter_mut().enumerate().filter(|it| it.0 != middle) {
                let far = f64::from(values[place] - values[middle]);
                let side = if place < middle { -1.0 } else { 1.0 };
                // Where there is no distance, nothing that it is multiplied by is enough.
                reach.add(side * off / (side * far).max(1e-6));
            }
        }
    }

    /// The loss of a number of a step.
    fn of(&self, place: usize, output: f64, right: f64) -> f64 {
        match self.loss {
            ForecastLoss::Quantiles => {
                let share = self.quantiles[place];
                ((right - output) * share).max((output - right) * (1.0 - share))
            }
            ForecastLoss::Numbers(loss) => loss.of_error(output - right),
        }
    }
}

/// Sums over windows.
#[derive(Debug, Clone, Default)]
pub struct AheadScores {
    windows: usize,
    loss: f64,
    mae: f64,
    smape: f64,
    mase: f64,
    scaled: usize,
    /// How far what was right lay from the middle, over how far each quantile did.
    reach: Vec<Reach>,
}

/// How often ratios were below ends of bins of one width, the last of which has no end.
#[derive(Debug, Clone)]
struct Reach {
    bins: Vec<u64>,
}

/// Bins of ratios, and those of 1.
const BINS: usize = 1024;
const UNIT: f64 = 64.0;

/// Fewest windows and steps together that quantiles are compared with.
const LEAST_STEPS: u64 = 20;

impl Reach {
    fn add(&mut self, ratio: f64) {
        // What lies on the other side of the middle is nearer than anything.
        let bin = (ratio * UNIT).ceil().clamp(0.0, (BINS - 1) as f64);
        self.bins[bin as usize] += 1;
    }

    /// The ratio that a share of them is at most; with as few as there are, the rest counts as one that is further.
    fn at(&self, share: f64) -> Option<f64> {
        let count: u64 = self.bins.iter().sum();
        if count < LEAST_STEPS {
            return None;
        }
        let wanted = (share * (count + 1) as f64).ceil().min(count as f64) as u64;
        let mut below = 0;
        let place = self.bins.iter().position(|bin| {
            below += bin;
            below >= wanted
        });
        place.map(|place| place as f64 / UNIT)
    }
}

impl Task for Ahead {
    type Label = Future;
    type Scores = AheadScores;

    fn outputs(&self) -> usize {
        self.horizon * self.per_step()
    }

    fn loss(&self, outputs: Tensor<2>, target: &BatchTarget<Future>) -> Tensor<1> {
        let [batch, width] = outputs.dims();
        let per_step = self.per_step();
        let on = (&outputs.device(), outputs.dtype());
        let right: Vec<f32> = target.labels.iter().flat_map(Future::scaled).collect();
        let right = Tensor::<1>::from_data(right.as_slice(), on);
        let right = right.reshape([batch, width / per_step, 1]);
        let outputs = outputs.reshape([batch, width / per_step, per_step]);
        let each = match self.loss {
            ForecastLoss::Quantiles => {
                let shares: Vec<f32> = self.quantiles.iter().map(|share| *share as f32).collect();
                let shares =
                    Tensor::<1>::from_data(shares.as_slice(), on).reshape([1, 1, per_step]);
                let short = right - outputs;
                // As max(q e, (q - 1) e).
                short.clone() * shares - short.clamp_max(0.0)
            }
            ForecastLoss::Numbers(loss) => loss.each(outputs, right),
        };
        weighed(each, target)
    }

    fn scores(&self) -> AheadScores {
        let reach = Reach { bins: vec![0; BINS] };
        AheadScores { reach: vec![reach; self.quantiles.len()], ..AheadScores::default() }
    }

    fn score(&self, scores: &mut AheadScores, outputs: &[f32], labels: &[Future]) {
        let (per_step, middle) = (self.per_step(), self.middle());
        for (label, outputs) in labels.iter().zip(outputs.chunks_exact(self.outputs())) {
            let (right, scale) = (label.values(), label.scale());
            let steps = outputs.chunks_exact(per_step).zip(right);
            let loss = steps.map(|(outputs, right)| {
                let right = scale.apply(*right);
                let losses = outputs.iter().enumerate();
                losses.map(|(place, output)| self.of(place, f64::from(*output), right)).sum::<f64>()
            });
            scores.loss += loss.sum::<f64>() / outputs.len() as f64;
            if !self.quantiles.is_empty() {
                self.compare(scores, outputs, label);
            }
            let points: Vec<f64> = outputs
                .chunks_exact(per_step)
                .map(|step| scale.invert(self.restored(step)[middle]))
                .collect();
            scores.windows += 1;
            scores.mae += metrics::mae(right, &points);
            scores.smape += metrics::smape(right, &points);
            let mase = metrics::mase(right, &points, label.unit);
            if mase.is_finite() {
                scores.mase += mase;
                scores.scaled += 1;
            }
        }
    }

    fn values(&self, scores: &AheadScores) -> Values {
        let mut values = Values::default();
        let windows = scores.windows.max(1) as f64;
        values.set(LOSS, scores.loss / windows);
        values.set("mae", scores.mae / windows);
        values.set("smape", scores.smape / windows);
        values.set("mase", scores.mase / scores.scaled.max(1) as f64);
        values
    }

    fn check(&self) -> Result<(), String> {
        match self.loss {
            ForecastLoss::Numbers(loss) => loss.check(),
            ForecastLoss::Quantiles if self.quantiles.is_empty() => {
                Err("there are no quantiles; give at least one".to_owned())
            }
            _ if self.spread.len() != self.quantiles.len() => {
                Err("there is not one spread a quantile".to_owned())
            }
            _ if self.spread.iter().any(|spread| !(0.0..=MOST_SPREAD).contains(spread)) => {
                Err(format!("a spread is not between 0 and {MOST_SPREAD}"))
            }
            ForecastLoss::Quantiles => Ok(()),
        }
    }
}

/// The mean of losses `[batch, steps, numbers]`, each window's times its weight.
fn weighed(each: Tensor<3>, target: &BatchTarget<Future>) -> Tensor<1> {
    match &target.weights {
        None => each.mean(),
        Some(weights) => {
            let on = (&each.device(), each.dtype());
            let weights = Tensor::<1>::from_data(weights.as_slice(), on);
            (each * weights.reshape([target.labels.len(), 1, 1])).mean()
        }
    }
}

impl TransferTask for Ahead {
    fn monitor(&self) -> Monitor {
        Monitor::new(LOSS, Direction::Lower)
    }

    /// Chooses what the distances of quantiles are multiplied by: conformal, as Romano, Patterson & Candès 2019,
    /// <https://arxiv.org/abs/1905.03222>, by ratios and for each side.
    fn calibrated(self, scores: AheadScores) -> (Self, AheadScores) {
        let spread = self.quantiles.iter().zip(&scores.reach).enumerate();
        let spread = spread.map(|(place, (share, reach))| {
            let share = if place < self.middle() { 1.0 - share } else { *share };
            let found = if place == self.middle() { None } else { reach.at(share) };
            found.map_or(1.0, |ratio| ratio.clamp(LEAST_SPREAD, MOST_SPREAD))
        });
        (Self { spread: spread.collect(), ..self }, scores)
    }

    /// A ridge regression of what follows; the quantiles are as far from it as those of what it misses.
    fn solve(&self, features: &[f32], labels: &[Future], effort: Effort) -> Option<Solved> {
        let (windows, steps) = (labels.len(), self.horizon);
        let dim = features.len() / windows.max(1);
        if effort == Effort::Seconds && Ridge::products(windows, dim) > MOST_PRODUCTS {
            return None;
        }
        let right: Vec<f32> = labels.iter().flat_map(Future::scaled).collect();
        let ridge = Ridge::chosen(features, &right, steps);
        let missed = missed(&ridge, features, &right, steps);
        let per_step = self.per_step();
        let mut weight = Vec::with_capacity(dim * steps * per_step);
        for of_step in &ridge.weight {
            weight.extend(std::iter::repeat_n(*of_step, per_step));
        }
        let bias = ridge.bias.iter().zip(missed).flat_map(|(bias, missed)| match self.loss {
            ForecastLoss::Quantiles => {
                let at = |share: &f64| bias + quantile(&missed, *share) as f32;
                self.quantiles.iter().map(at).collect()
            }
            _ => vec![*bias],
        });
        Some(Solved { weight, bias: bias.collect(), strength: ridge.strength })
    }
}

/// What distances are multiplied by lies between these.
const LEAST_SPREAD: f64 = 0.5;
const MOST_SPREAD: f64 = 10.0;

/// The most products of windows and pairs of features that a head is solved for with: half a minute.
pub(crate) const MOST_PRODUCTS: usize = 40_000_000_000;

/// What a solution misses of each step, in ascending order.
fn missed(ridge: &Ridge, features: &[f32], right: &[f32], steps: usize) -> Vec<Vec<f64>> {
    let solved =
        Solved { weight: ridge.weight.clone(), bias: ridge.bias.clone(), strength: ridge.strength };
    let outputs = solved.outputs(features);
    let of_step = |step: usize| {
        let pairs = right.iter().zip(&outputs).skip(step).step_by(steps);
        let mut missed: Vec<f64> = pairs.map(|(right, output)| f64::from(right - output)).collect();
        missed.sort_by(f64::total_cmp);
        missed
    };
    (0..steps).map(of_step).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rekindle_series::{Affine, Frequency, Panel, Series};

    use super::*;
    use crate::Place;

    /// Windows of one series, each a step later.
    fn futures(values: &[f64], steps: usize, scale: Affine) -> Vec<Future> {
        let series = Series { id: "a".into(), start: None, frequency: Frequency::Steps(1) };
        let panel = Arc::new(Panel::new([(series, values.to_vec())]).unwrap());
        (0..=values.len() - steps)
            .map(|at| {
                let place = Place { series: 0, at: at as u32, scale };
                Future { panel: Arc::clone(&panel), place, steps: steps as u32, unit: 2.0 }
            })
            .collect()
    }

    #[test]
    fn a_loss_is_measured_as_it_is_trained() {
        let labels = futures(&[1.0, 4.0, -2.0], 2, Affine { shift: 1.0, scale: 2.0 });
        let losses = [
            ForecastLoss::Quantiles,
            ForecastLoss::Numbers(RegressionLoss::Mae),
            ForecastLoss::Numbers(RegressionLoss::Huber { delta: 0.5 }),
        ];
        for loss in losses {
            let task = match loss {
                ForecastLoss::Quantiles => {
                    Ahead::quantiles(2, &Quantiles::new(&[0.1, 0.5]).unwrap())
                }
                loss => Ahead::numbers(2, loss),
            };
            let outputs: Vec<f32> =
                (0..2 * task.outputs()).map(|at| (at * 5 % 7) as f32 / 3.0 - 1.0).collect();
            let x = Tensor::<1>::from_data(outputs.as_slice(), &Device::flex());
            let x = x.reshape([2, task.outputs()]);
            let trained: f32 = task.loss(x, &BatchTarget::new(labels.clone())).into_scalar();
            let mut scores = task.scores();
            task.score(&mut scores, &outputs, &labels);
            let measured = task.values(&scores).get(LOSS).unwrap();
            assert!((measured - f64::from(trained)).abs() < 1e-6, "{loss:?} {measured} {trained}");
        }
        // By hand: scaled, 0 and 1.5 against 0.1's 0.25 and 0.5's 1: 0.9 x 0.25, 0.5 x 1, 0.1 x 1.25, 0.5 x 0.5.
        let task = Ahead::quantiles(2, &Quantiles::new(&[0.1, 0.5]).unwrap());
        let mut scores = task.scores();
        task.score(&mut scores, &[0.25, 1.0, 0.25, 1.0], &labels[..1]);
        let values = task.values(&scores);
        assert!((values.get(LOSS).unwrap() - 1.1 / 4.0).abs() < 1e-9);
        // In units: 3 was said of 1 and of 4.
        assert_eq!((values.get("mae"), values.get("mase")), (Some(1.5), Some(0.75)));
    }

    #[test]
    fn quantiles_are_as_far_as_what_was_chosen_by_says() {
        let task = Ahead::quantiles(1, &Quantiles::of_levels(&[0.8]).unwrap());
        // What is right goes evenly from -5 to 5; what is said is -1, 0 and 1.
        let values: Vec<f64> = (0..1001).map(|at| f64::from(at) / 100.0 - 5.0).collect();
        let labels = futures(&values, 1, Affine::PLAIN);
        let mut scores = task.scores();
        task.score(&mut scores, &[-1.0, 0.0, 1.0].repeat(labels.len()), &labels);
        let (task, _) = task.calibrated(scores);
        assert_eq!(task.spread[1], 1.0);
        for spread in [task.spread[0], task.spread[2]] {
            assert!((spread - 4.0).abs() < 0.05, "{:?}", task.spread);
        }
        let restored = task.restored(&[1.0, -1.0, 0.0]);
        assert_eq!(restored[1], 0.0);
        assert!((restored[0] + restored[2]).abs() < 0.1 && restored[2] > 3.9);
        // What is spread further inside than outside takes the outside along.
        let crossed = Ahead {
            spread: vec![1.0, 3.0, 1.0, 3.0, 1.0],
            ..Ahead::quantiles(1, &Quantiles::of_levels(&[0.8, 0.95]).unwrap())
        };
        assert_eq!(crossed.restored(&[-2.0, -1.0, 0.0, 1.0, 2.0]), [-3.0, -3.0, 0.0, 3.0, 3.0]);
        // A few say nothing.
        let few = Ahead::quantiles(1, &Quantiles::of_levels(&[0.8]).unwrap());
        let mut scores = few.scores();
        few.score(&mut scores, &[-1.0, 0.0, 1.0].repeat(9), &labels[..9]);
        assert_eq!(few.clone().calibrated(scores).0, few);
    }

    #[test]
    fn a_linear_head_is_solved_for_with_its_quantiles() {
        let task = Ahead::quantiles(1, &Quantiles::of_levels(&[0.8]).unwrap());
        let noise = |at: usize| (at * 7919 % 1001) as f64 / 1000.0 - 0.5;
        let feature = |at: usize| (at * 104_729 % 997) as f64 / 997.0;
        let values: Vec<f64> = (0..4000).map(|at| 3.0 * feature(at) + noise(at)).collect();
        let features: Vec<f32> = (0..4000).map(|at| feature(at) as f32).collect();
        let labels = futures(&values, 1, Affine::PLAIN);
        let solved = task.solve(&features, &labels, Effort::Any).unwrap();
        assert_eq!(solved.weight.len(), 3);
        for (output, share) in [0.1, 0.5, 0.9].into_iter().enumerate() {
            assert!((solved.weight[output] - 3.0).abs() < 0.05, "{:?}", solved.weight);
            assert!(
                (f64::from(solved.bias[output]) - (share - 0.5)).abs() < 0.05,
                "{:?}",
                solved.bias
            );
        }
    }
}
