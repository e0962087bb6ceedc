//! Networks that are not trained: a solved head on pretrained features, and pretrained classes as they are.

use std::time::Instant;

use rekindle_data::Views;
use rekindle_images::Sample;
use rekindle_metrics::Predictions;
use rekindle_train::{Train, Validation};
use rekindle_transfer::{Frozen, Phase, Plan};

use super::{CacheReport, Finetune, RunFolder};
use crate::{Error, Model, Network};

/// A model whose head was solved for, not trained.
#[derive(Debug)]
pub struct Probed {
    /// The model, in validation.
    pub model: Model,
    /// The strength that did best on parts of the training pictures.
    pub strength: f64,
    /// What it predicts on the validation data.
    pub predictions: Predictions,
    /// What was kept of the features.
    pub cache: CacheReport,
    /// All of it.
    pub seconds: f64,
}

/// Puts the head on a model that a logistic regression on its embeddings gives; the backbone stays as it is.
///
/// How strongly it fits is chosen on parts of the training pictures: the validation pictures choose nothing.
///
/// # Errors
///
/// If a picture cannot be read, the features cannot be kept, or pictures weigh differently.
pub fn probe(
    model: Model,
    (train, val): (Train<Vec<Sample>>, Validation<Vec<Sample>>),
    config: &Finetune,
    folder: Option<&RunFolder<'_>>,
) -> Result<Probed, Error> {
    let start = Instant::now();
    if train.0.iter().any(|sample| sample.weight != 1.0) {
        let problem = "pictures: they weigh differently, which a head that is solved for does not know; take the recipe `head`, or leave the weights out";
        return Err(Error::Settings(vec![problem.to_owned()]));
    }
    let phase = Phase::new("probe", 1, Frozen::Backbone, 1.0);
    let config = Finetune {
        plan: Plan::new(vec![phase.clone()]),
        views: Views::Cycled(std::num::NonZeroUsize::MIN),
        ..Finetune {
            batch: config.batch,
            cache: config.cache,
            seed: config.seed,
            ..Finetune::new(Plan::new(vec![]))
        }
    };
    let data = config.data(&model, train.0, val.0)?;
    let Model { network, config: about, .. } = model;
    let path = folder.map(|folder| folder.path);
    let (network, feeds) = config.begin(network, &None, 0, 0, (&data, path))?;
    let (solved, predictions) = feeds.probe(&network, &data)?;
    let strength = solved.strength;
    let network: Network = network.with_head(solved.weight, solved.bias);
    let network = burn::module::Module::valid(&network);
    Ok(Probed {
        model: Model { network, config: about, probe: None },
        strength,
        predictions,
        cache: feeds.report,
        seconds: start.elapsed().as_secs_f64(),
    })
}
