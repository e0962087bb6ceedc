//! What to do next, at the end of a run: where to look, and what more items would be worth.
//!
//! The worth is read off a learning curve: probes of the pretrained features, fitted on a quarter, on half and on all of the
//! training items, are measured on the validation items. Going on from all to twice as many gains what the last doubling
//! gained, less as doublings gain less and less. The interval is of the validation items, which are few.

use std::time::{Duration, Instant};

use rekindle::{
    ItemOf, ModelOf, SetOf,
    data::{SampleOf, Target, TargetKind},
    metrics::Predictions,
    transfer::{Examples, Probe, ProbeConfig},
};
use rekindle_base::Random;

use super::super::{kind::Kind, output::one_line, percent};

/// The most items of which features are computed for it.
const MOST_ITEMS: usize = 4000;
/// The fewest items of a label that are worth halving.
const FEWEST: usize = 8;
/// Draws of a part of the items.
const DRAWS: usize = 6;
/// Labels that are looked at, those that are wrong most often.
const LABELS: usize = 4;
/// The longest that is spent on probes.
const LIMIT: Duration = Duration::from_secs(20);
/// More items of a label that the gain is told of.
const MORE: usize = 50;
/// Standard errors to either side in an interval of 95%.
const SIDE: f64 = 1.96;

/// Features of items, and their labels.
struct Part {
    features: Vec<f32>,
    labels: Vec<usize>,
}

impl Part {
    fn of<M: Kind, L: Target>(
        model: &ModelOf<M>,
        samples: &[SampleOf<L, ItemOf<M>>],
    ) -> anyhow::Result<Self> {
        let mut features = Vec::new();
        // A few dozen at a time go through the network at once.
        for samples in samples.chunks(32) {
            let rows = model.embed(samples.iter().map(|sample| sample.item.clone()))?;
            features.extend(rows.into_iter().flatten());
        }
        let labels = samples.iter().filter_map(|sample| sample.label.labels().first().copied());
        Ok(Self { features, labels: labels.collect() })
    }
}

/// Probes of parts of the training items, measured on the validation items.
struct Curve<'a> {
    train: &'a Part,
    val: &'a Part,
    classes: usize,
    config: ProbeConfig,
}

/// What a part of the items lacks to all of them: in accuracy, and its standard error over the validation items.
#[derive(Clone, Copy)]
struct Lack {
    mean: f64,
    error: f64,
}

impl Curve<'_> {
    /// Which validation items a probe of the training items that `takes` picks gets right.
    fn right(&self, takes: impl Fn(usize) -> bool) -> Vec<f64> {
        let dim = self.train.features.len() / self.train.labels.len().max(1);
        let taken: Vec<usize> = (0..self.train.labels.len()).filter(|&row| takes(row)).collect();
        let rows = taken.iter().flat_map(|row| &self.train.features[row * dim..][..dim]);
        let features: Vec<f32> = rows.copied().collect();
        let labels: Vec<usize> = taken.iter().map(|&row| self.train.labels[row]).collect();
        let examples = Examples { features: &features, labels: &labels, classes: self.classes };
        let mut predictions = Predictions::new(self.classes);
        let probe = Probe::fit(&examples, &self.config);
        predictions.add(&probe.logits(&self.val.features), &self.val.labels);
        predictions.hits(1).into_iter().map(f64::from).collect()
    }

    /// The mean over draws of a share of the items, of one label or of each.
    fn right_of(&self, share: f64, of: Option<usize>, random: &mut Random) -> Vec<f64> {
        let mut sums = vec![0.0; self.val.labels.len()];
        for _ in 0..DRAWS {
            let mut takes = vec![true; self.train.labels.len()];
            for label in (0..self.classes).filter(|label| of.is_none_or(|only| only == *label)) {
                let mut rows: Vec<usize> =
                    (0..takes.len()).filter(|&row| self.train.labels[row] == label).collect();
                random.shuffle(&mut rows);
                let kept = ((share * rows.len() as f64).round() as usize).max(1);
                rows.iter().skip(kept).for_each(|&row| takes[row] = false);
            }
            let right = self.right(|row| takes[row]);
            sums.iter_mut().zip(right).for_each(|(sum, right)| *sum += right / DRAWS as f64);
        }
        sums
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// What `part` lacks to `all`, item by item.
fn lack(all: &[f64], part: &[f64]) -> Lack {
    let apart: Vec<f64> = all.iter().zip(part).map(|(all, part)| all - part).collect();
    let mean = mean(&apart);
    let squares: f64 = apart.iter().map(|it| (it - mean) * (it - mean)).sum();
    let count = apart.len().max(2) as f64;
    Lack { mean, error: (squares / (count - 1.0) / count).sqrt() }
}

/// Points, with their interval.
fn points(lack: Lack, times: f64) -> String {
    let [worth, low, high] =
        [0.0, -SIDE, SIDE].map(|side| 100.0 * times * (lack.mean + side * lack.error));
    format!("{worth:.1} points ({low:.1} to {high:.1} at 95%)")
}

/// What more items are worth, a line each; nothing where that is not known: labels that are not one an item, or too many items.
pub(super) fn worth<M: Kind, L: Target>(
    model: &ModelOf<M>,
    set: &SetOf<M, L>,
) -> anyhow::Result<Vec<String>> {
    let (train, val, names) = (&set.train, &set.val, &set.names);
    let few = train.len() < 4 * names.len() || val.is_empty();
    if L::KIND != TargetKind::Label || few || train.len() + val.len() > MOST_ITEMS {
        return Ok(Vec::new());
    }
    let (train, val) = (Part::of(model, train)?, Part::of(model, val)?);
    let began = Instant::now();
    let examples =
        Examples { features: &train.features, labels: &train.labels, classes: names.len() };
    let config = ProbeConfig { judges: 1, ..ProbeConfig::default() };
    let config = ProbeConfig { strength: Probe::chosen(&examples, &config).strength, ..config };
    let curve = Curve { train: &train, val: &val, classes: names.len(), config };
    let mut random = Random::new(0, 0, 0);
    let all = curve.right(|_| true);
    let [quarter, half] = [0.25, 0.5].map(|share| curve.right_of(share, None, &mut random));
    let (last, before) = (lack(&all, &half), lack(&half, &quarter));
    // Each doubling gains less than the one before it, by as much as this one did, but no more than a quarter of it is believed.
    let shrinks = if before.mean > 0.0 { (last.mean / before.mean).clamp(0.25, 1.0) } else { 1.0 };
    let [quarter, half, whole] = [&quarter, &half, &all].map(|right| percent(mean(right)));
    let found = format!(
        "a probe has {quarter} of a quarter of the {}, {half} of half, {whole} of all {}",
        M::MANY,
        train.labels.len()
    );
    let is_flat = last.mean <= 0.0 || last.mean + SIDE * last.error < 0.005;
    let mut lines = vec![match is_flat {
        true => format!(
            "{found}: more of the same are worth little; other {}, or a larger network, may be worth more",
            M::MANY
        ),
        false => format!("{found}: twice as many are worth about {}", points(last, shrinks)),
    }];
    // Labels whose validation items are wrong most often have most to gain.
    let mut wrong: Vec<(f64, usize)> = (0..names.len())
        .map(|label| {
            let of = all.iter().zip(&val.labels).filter(|(_, it)| **it == label);
            (of.map(|(right, _)| 1.0 - right).sum(), label)
        })
        .filter(|(wrong, _)| *wrong > 0.0)
        .collect();
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best: Option<(Lack, f64, usize)> = None;
    for &(wrong, label) in wrong.iter().take(LABELS) {
        let count = train.labels.iter().filter(|it| **it == label).count();
        if count < FEWEST || began.elapsed() > LIMIT {
            continue;
        }
        let halved = lack(&all, &curve.right_of(0.5, Some(label), &mut random));
        let doublings = (1.0 + MORE as f64 / count as f64).log2();
        // No more than all that is wrong of it.
        let most = wrong / val.labels.len() as f64 / halved.mean.max(f64::MIN_POSITIVE);
        let times = (shrinks * doublings).min(most);
        let gains = halved.mean * times;
        // What may as well be nothing is not told.
        let is_sure = halved.mean > SIDE * halved.error;
        if is_sure && best.is_none_or(|(lack, times, _)| gains > lack.mean * times) {
            best = Some((halved, times, label));
        }
    }
    lines.extend(best.map(|(lack, times, label)| {
        format!(
            "{MORE} more of `{}` are worth about {}",
            one_line(&names[label]),
            points(lack, times)
        )
    }));
    Ok(lines)
}
