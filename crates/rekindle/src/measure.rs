//! Measuring a model on a folder of labelled pictures.

use std::path::Path;

use burn::{module::Module, prelude::*, tensor::activation::log_softmax};
use rekindle_data::{DataConfig, LoaderConfig, Part};
use rekindle_images::{Loader, PictureConfig, PreparePictures, Sample, measure_pictures};
use rekindle_metrics::Predictions;
use rekindle_train::{Classify, CrossEntropy, Test, predict};

use crate::{
    Error, Input, Model, Network,
    finetune::{Feed, Pictures, on_this_pool},
};

/// How often a picture is looked at when a model is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestViews {
    /// Once, as it is.
    One,
    /// As it is and mirrored; the probabilities are averaged.
    Mirrored,
}

/// What a model answers to the pictures of a folder; of which part, if none is named, says
/// [`measure_pictures`].
///
/// # Errors
///
/// If a label of the folder is none of the checkpoint's, or a picture cannot be read.
pub fn evaluate(
    model: &Model,
    folder: &Path,
    part: Option<Part>,
    batch: usize,
    views: TestViews,
) -> Result<(Part, Predictions), Error> {
    if model.config.labels.is_empty() {
        return Err(Error::NoLabels);
    }
    let folder = measure_pictures::<usize>(&DataConfig::new(folder), part)?
        .with_names(&model.config.labels)
        .map_err(rekindle_images::Error::from)?;
    Ok((folder.part, measure(model, Test(folder.samples), batch, views)?))
}

/// What a pretrained model answers to the pictures of a folder whose labels are some of its own, as they come.
///
/// # Errors
///
/// If a label of the folder is none of the checkpoint's, or a picture cannot be read.
pub fn as_is(model: &Model, folder: &Path, batch: usize) -> Result<(Part, Predictions), Error> {
    if model.config.labels.is_empty() {
        return Err(Error::NoLabels);
    }
    let folder = measure_pictures::<usize>(&DataConfig::new(folder), None)?
        .with_names(&model.config.labels)
        .map_err(rekindle_images::Error::from)?;
    Ok((folder.part, measure(model, Test(folder.samples), batch, TestViews::One)?))
}

/// What a model answers to pictures that chose nothing about it.
///
/// # Errors
///
/// If there are no pictures, or one cannot be read.
pub fn measure(
    model: &Model,
    samples: Test<Vec<Sample>>,
    batch: usize,
    views: TestViews,
) -> Result<Predictions, Error> {
    let config = LoaderConfig { batch_size: batch, ..on_this_pool() };
    let prepare = PreparePictures::new(&model.preprocess()?, &PictureConfig::default())?;
    let loader = Loader::new(samples.0, prepare, &config)?;
    let objective = Classify {
        forward: match views {
            TestViews::One => Input::logits,
            TestViews::Mirrored => mirrored,
        },
        classes: model.network.classes(),
        loss: CrossEntropy::default(),
    };
    // Nothing is chosen by it.
    let source = Test(Feed::Pictures(Pictures::plain(loader)));
    Ok(predict(&model.network.valid(), &objective, &source)?)
}

/// The logarithm of the mean of the probabilities of both views.
fn mirrored(network: &Network, input: Input) -> Tensor<2> {
    let Input::Images(images) = input else { return Input::logits(network, input) };
    let both =
        [images.clone(), images.flip([3])].map(|images| log_softmax(network.forward(images), 1));
    let [one, other] = both;
    // Below the larger one, where nothing overflows, and a probability too small for a number stays above zero.
    let larger = one.clone().max_pair(other.clone());
    let sum = (one - larger.clone()).exp() + (other - larger.clone()).exp();
    larger + sum.log() - std::f64::consts::LN_2
}
