//! Networks of one's own over pictures, by the engine.

use std::time::Instant;

use anyhow::Result;
use burn::prelude::*;
use rekindle::{
    Device,
    cards::{CropMode, Interpolation, Preprocessing},
    data::{Augment, DataSet, PictureConfig, PreparePictures, Preprocess},
    engine::{self, EngineConfig, Items, MeasureConfig, Trainee},
    layers::Backbone,
    metrics::Predictions,
    train::{Classify, Epoch, Test, Train, Validation},
    transfer::{BatchNormPolicy, Classifier, Frozen, Phase, Plan},
};

/// How a network learns from nothing.
#[derive(Debug, Clone)]
pub(crate) struct Learn {
    /// Channels, height and width of its input.
    pub(crate) input: [usize; 3],
    pub(crate) epochs: usize,
    pub(crate) lr: f64,
    pub(crate) augment: Augment,
    pub(crate) seed: u64,
}

/// What came out.
pub(crate) struct Learned {
    /// On the test part, which chose nothing.
    pub(crate) predictions: Predictions,
    pub(crate) history: Vec<Epoch>,
    pub(crate) seconds: f64,
}

/// Pictures of a size as they are, their numbers about a mean of 0 and a deviation of 1.
pub(crate) fn plain(input_size: [usize; 3]) -> Preprocessing {
    let channels = input_size[0];
    Preprocessing {
        input_size,
        interpolation: Interpolation::Bilinear,
        crop_pct: 1.0,
        crop_mode: CropMode::Center,
        mean: vec![0.5; channels],
        std: vec![0.25; channels],
    }
}

impl Learn {
    /// Trains a network on a set of pictures, keeps the epoch that validation chooses, and measures that once.
    pub(crate) fn learn<B: Backbone<Input = Tensor<4>> + 'static>(
        &self,
        network: impl FnOnce(&Device) -> B,
        data: &DataSet,
    ) -> Result<Learned> {
        let device = Device::flex().autodiff();
        device.seed(self.seed);
        // ANCHOR: learn
        let network = Classifier::new(network(&device), data.names.len(), &device);
        let phase = Phase {
            batch_norm: BatchNormPolicy::Updated,
            ..Phase::new("all", self.epochs, Frozen::Nothing, self.lr)
        };
        let task = Classify::new(data.names.len());
        let config =
            EngineConfig { seed: self.seed, ..EngineConfig::new(Plan::new(vec![phase]), task) };
        let items = |samples: &[_], augment: &Augment| -> Result<_> {
            let pictures = PictureConfig { augment: augment.clone(), ..PictureConfig::default() };
            let prepare = PreparePictures::new(&Preprocess::new(&plain(self.input))?, &pictures)?;
            Ok(Items { samples: samples.to_vec(), prepare })
        };
        let once = Augment::NONE;
        let parts =
            (Train(items(&data.train, &self.augment)?), Validation(items(&data.val, &once)?));
        let (test, started) = (Test(items(&data.test, &once)?), Instant::now());
        let trainee = Trainee::new(network, "own");
        let learned = engine::finetune(trainee, parts, config.from_nothing(), None, &mut [])?;
        let seconds = started.elapsed().as_secs_f64();
        let how = MeasureConfig::plain(64);
        let predictions = engine::measure(&learned.network, &learned.task, test, &how)?;
        // ANCHOR_END: learn
        Ok(Learned { predictions, history: learned.history, seconds })
    }
}
