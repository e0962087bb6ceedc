//! Measuring a model on a folder of labelled pictures.

use std::path::Path;

use burn::{prelude::*, tensor::activation::softmax};
use rekindle_data::{ImageFolder, Loader, LoaderConfig};
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

/// What a model answers to the validation pictures of a folder, or to all where it has none apart.
///
/// # Errors
///
/// If the folder's labels are others than the checkpoint's, or a picture cannot be read.
pub fn evaluate(
    model: &Model,
    folder: &Path,
    batch: usize,
    views: TestViews,
) -> Result<Predictions, Error> {
    if model.config.labels.is_empty() {
        return Err(Error::NoLabels);
    }
    let folder = ImageFolder::evaluation(folder)?.with_classes(&model.config.labels)?;
    let config = LoaderConfig { batch_size: batch, ..on_this_pool() };
    let loader = Loader::new(folder.val, &model.preprocess()?, &config)?;
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
    Ok(predict(&model.network, &objective, &source)?)
}

/// The logarithm of the mean of the probabilities of both views.
fn mirrored(network: &Network, input: Input) -> Tensor<2> {
    let Input::Images(images) = input else { return Input::logits(network, input) };
    let both = [images.clone(), images.flip([3])].map(|images| softmax(network.forward(images), 1));
    let [one, other] = both;
    ((one + other) / 2.0).log()
}
