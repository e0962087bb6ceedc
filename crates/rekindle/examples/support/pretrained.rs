//! Networks that begin with weights.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Result;
use rekindle::{
    Device, FinetuneConfig, Model, TestViews,
    data::{Augment, DataSet},
    finetune, measure,
    metrics::Predictions,
    probe,
    train::{Classify, Epoch, Test, Train, Validation},
    transfer::{Plan, Recipe},
};

/// A ResNet-20 that was pretrained on 24 classes of doodles, by `cargo xtask train-starter`.
pub(crate) const STARTER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../weights/resnet20_cifar.doodles.safetensors");

/// What lessons on pretrained networks ask for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Pretrained {
    /// One folder per label in train/ and test/; doodles without.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// A checkpoint by name, as `rekindle models` lists them: vgg16.tv_in1k, resnet50.a1_in1k. It is downloaded once.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Pretrained weights in a file or a folder instead; the doodles' starter without either.
    #[arg(long, conflicts_with = "model")]
    pub(crate) weights: Option<PathBuf>,
    /// Draws heads, orders and augmentations.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

/// What came out of fine-tuning.
pub(crate) struct Tuned {
    pub(crate) model: Model,
    /// On the test part, which chose nothing.
    pub(crate) predictions: Predictions,
    pub(crate) history: Vec<Epoch>,
    pub(crate) seconds: f64,
}

impl Pretrained {
    /// The file or the folder of the weights.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        match (&self.weights, &self.model) {
            (Some(weights), _) => Ok(weights.clone()),
            (None, Some(name)) => fetched(name),
            (None, None) => Ok(STARTER.into()),
        }
    }

    /// A network for new labels, on the same device and with the same chance in every way.
    pub(crate) fn begin(&self, labels: &[String]) -> Result<Model> {
        let device = Device::flex().autodiff();
        device.seed(self.seed);
        let weights = self.folder()?;
        Ok(Model::for_labels(self.model.as_deref(), Some(&weights), labels, &device)?.0)
    }

    /// Fine-tunes by a recipe, keeps the epoch that validation chooses, and measures that once on the test part.
    pub(crate) fn tune(
        &self,
        model: Model,
        data: &DataSet,
        recipe: Recipe,
        augment: Augment,
    ) -> Result<Tuned> {
        let started = Instant::now();
        // ANCHOR: tune
        let parts = (Train(data.train.clone()), Validation(data.val.clone()));
        let plan = match &recipe {
            Recipe::Train(plan) => plan.clone(),
            _ => Plan::new(Vec::new()),
        };
        let views = FinetuneConfig::<Classify>::usual_views(&plan);
        let mut config = FinetuneConfig::new(plan, Classify::new(data.names.len()));
        config.inputs.augment = augment;
        config.engine.views = views;
        config.engine.seed = self.seed;
        let (model, task, history) = match recipe {
            Recipe::Train(_) => {
                let found = finetune(model, parts, &config, None, &mut [])?;
                (found.model, found.task, found.history)
            }
            _ => {
                let found = probe(model, parts, &config, None)?;
                (found.model, found.task, Vec::new())
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let predictions = measure(&model, &task, Test(data.test.clone()), 32, TestViews::One)?;
        // ANCHOR_END: tune
        Ok(Tuned { model, predictions, history, seconds })
    }
}

#[cfg(feature = "net")]
fn fetched(name: &str) -> Result<PathBuf> {
    use rekindle::{
        cards,
        hub::{Hub, unwatched},
    };
    Ok(Hub::from_env()?.fetch(cards::find(name)?, &unwatched)?.folder)
}

#[cfg(not(feature = "net"))]
fn fetched(name: &str) -> Result<PathBuf> {
    anyhow::bail!("{name}: built without the feature `net`; give --weights instead of --model")
}
