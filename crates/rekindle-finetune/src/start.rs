//! The head that a network begins with: solved for on what the pretrained stages make of the training items.
//!
//! A head that is drawn at random distorts the features it trains with (Kumar et al. 2022, <https://arxiv.org/abs/2202.10054>);
//! one that is solved for begins where a probe ends.

use std::time::Instant;

use burn::module::Module;
use rekindle_data::{Prepare, Views};
use rekindle_layers::Backbone;
use rekindle_metrics::Values;
use rekindle_transfer::{Classifier, Frozen, Phase, Plan, moments};

use crate::{
    CacheReport, Effort, EngineConfig, Error, FromPrepared, Sets, Solved, Trainee, TransferTask,
    data::weigh_differently,
    data_loader::{DataLoader, Kept},
    store::{Feeds, device_of},
};

/// A network whose head was solved for, not trained.
#[derive(Debug)]
pub struct EngineProbe<B: Backbone, T: TransferTask> {
    /// The network, in validation.
    pub network: Classifier<B>,
    /// The task, with what was chosen by the validation items.
    pub task: T,
    /// The strength that did best on parts of the training items.
    pub strength: f64,
    /// What it predicts on the validation items.
    pub scores: T::Scores,
    /// What was kept of the features.
    pub cache: CacheReport,
    /// All of it.
    pub seconds: f64,
}

/// Puts the head on a network that is solved for on its embeddings; the backbone stays as it is.
///
/// How strongly it fits is chosen on parts of the training items: the validation items choose nothing.
///
/// # Errors
///
/// If an item cannot be read, the features cannot be kept, items weigh differently, or the task has no head to solve for.
pub fn probe<B, P, T>(
    trainee: Trainee<B>,
    data: Sets<P, T>,
    config: EngineConfig<B, P, T>,
    folder: Option<&std::path::Path>,
) -> Result<EngineProbe<B, T>, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    let start = Instant::now();
    let problem = |text: &str| Err(Error::Settings(vec![text.to_owned()]));
    if weigh_differently(&data.0.0.samples) {
        return problem(
            "samples: they weigh differently, which a head that is solved for does not know; take the recipe `head`, or leave the weights out",
        );
    }
    let config = EngineConfig {
        plan: Plan::new(vec![Phase::new("probe", 1, Frozen::Backbone, 1.0)]),
        views: Views::Cycled(std::num::NonZeroUsize::MIN),
        draws: None,
        teacher: None,
        ..config
    };
    let (config, network, data) = config.open(trainee, data, folder)?;
    let (network, feeds) = config.begin(network, &None, (0, 0), &data, folder)?;
    let Some(found) = feeds.solve(&network, &config.task, Effort::Any)? else {
        return problem(
            "recipe: this task has no head that can be solved for; take the recipe `head`",
        );
    };
    let Solved { weight, bias, strength } = found.solved;
    let (task, scores) = config.task.calibrated(found.val);
    Ok(EngineProbe {
        network: network.with_head(weight, bias).valid(),
        task,
        strength,
        scores,
        cache: feeds.report,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// A head that was solved for, and what it answers.
pub(crate) struct Found<T: TransferTask> {
    pub(crate) solved: Solved,
    /// To the training items, measured.
    pub(crate) train: Values,
    /// To the validation items.
    pub(crate) val: T::Scores,
}

impl<B, P, T> Feeds<B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    /// A head for the training items' embeddings, and what it answers; none where none can be had within the effort.
    pub(crate) fn solve(
        &self,
        network: &Classifier<B>,
        task: &T,
        effort: Effort,
    ) -> Result<Option<Found<T>>, Error> {
        let Some((solved, answers)) = solved(network, &self.train.0, task, effort)? else {
            return Ok(None);
        };
        let val =
            solved.answers(&embeddings(network, &self.val.0)?, task, &self.val.0.part().labels);
        Ok(Some(Found { solved, train: task.values(&answers), val }))
    }
}

/// A head for the embeddings of examples, and what it answers to them; none where none can be had within the effort.
pub(crate) fn solved<B, P, T>(
    network: &Classifier<B>,
    feed: &DataLoader<B, P, T>,
    task: &T,
    effort: Effort,
) -> Result<Option<(Solved, T::Scores)>, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    let (mut features, labels) = (embeddings(network, feed)?, &feed.part().labels);
    still(&mut features, network.backbone().embed_dim());
    let solved = task.solve(&features, labels, effort);
    Ok(solved.map(|solved| {
        let answers = solved.answers(&features, task, labels);
        (solved, answers)
    }))
}

/// Features that vary this much less than those that vary most are dead: MiniLM has one that is 1e-8 throughout.
const DEAD: f64 = 1e-6;

/// Takes from dead features what little they vary by. A head that is solved for would make up for it by weights of millions, to
/// which the network's first step is a leap.
fn still(features: &mut [f32], dim: usize) {
    let (mean, variance) = moments(features, dim);
    let most = variance.iter().copied().fold(0.0, f64::max);
    for (place, variance) in variance.into_iter().enumerate() {
        if variance > 0.0 && variance < DEAD * DEAD * most {
            let mean = mean[place] as f32;
            features.iter_mut().skip(place).step_by(dim).for_each(|value| *value = mean);
        }
    }
}

impl Solved {
    /// What it answers to examples with such features.
    fn answers<T: TransferTask>(
        &self,
        features: &[f32],
        task: &T,
        labels: &[T::Label],
    ) -> T::Scores {
        let mut scores = task.scores();
        task.score(&mut scores, &self.outputs(features), labels);
        scores
    }
}

/// The embedding of each item as evaluation sees it, in the order of the samples.
fn embeddings<B, P, T>(
    network: &Classifier<B>,
    feed: &DataLoader<B, P, T>,
) -> Result<Vec<f32>, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    let part = feed.part();
    let places: Vec<usize> = (0..part.len()).collect();
    if let DataLoader::Features(features) = feed
        && let Kept::Embedding(_) = features.shape
    {
        return features.rows(&places, Views::PLAIN);
    }
    let device = device_of(network);
    let network = network.valid();
    let mut values = Vec::with_capacity(places.len() * network.backbone().embed_dim());
    for batch in part.loader.view(places, Views::PLAIN) {
        let input = B::Input::from_prepared(batch.map_err(Error::data)?.input, &device);
        values.extend(network.embed(input).into_data().iter::<f32>());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use rekindle_train::Classify;

    use super::*;

    #[test]
    fn a_dead_feature_has_no_weight() {
        // Two features tell the labels apart; the third does so too, at a hundred millionth of their size.
        let mut features: Vec<f32> = (0..60)
            .flat_map(|row| {
                let label = (row % 2) as f32;
                let noise = (row * 7 % 11) as f32 / 11.0;
                [label + noise, noise - label, (label + noise) * 1e-8]
            })
            .collect();
        let labels: Vec<usize> = (0..60).map(|row| row % 2).collect();
        let weight = |features: &[f32]| {
            Classify::new(2).solve(features, &labels, Effort::Any).unwrap().weight
        };
        assert!(weight(&features)[4].abs() > 1e4);
        let before = features.clone();
        still(&mut features, 3);
        assert!(
            features
                .iter()
                .zip(&before)
                .enumerate()
                .all(|(at, pair)| at % 3 == 2 || pair.0 == pair.1)
        );
        let found = weight(&features);
        assert!(
            found[4] == 0.0 && found[..4].iter().all(|weight| weight.abs() < 100.0),
            "{found:?}"
        );
    }
}
