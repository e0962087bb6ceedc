//! A probe of the embeddings that fine-tuning begins with: what it must beat.

use burn::{module::Module, prelude::*, tensor::TensorData};
use rekindle_data::Views;
use rekindle_images::Loader;
use rekindle_layers::Backbone;
use rekindle_metrics::Predictions;
use rekindle_transfer::{Examples, Probe, ProbeConfig};

use super::{Data, cache::Feeds, input::Feed};
use crate::{Error, Network};

/// Products that a probe of every strength takes seconds for, and the most that one of a single strength is tried on.
const QUICK: usize = 5_000_000;

const BEARABLE: usize = 500_000_000;

fn labels(loader: &Loader) -> Vec<usize> {
    loader.samples().iter().map(|sample| sample.label).collect()
}

/// The embedding of each picture as evaluation sees it, in the order of the samples.
fn embeddings(network: &Network, feed: &Feed, loader: &Loader) -> Result<Vec<f32>, Error> {
    let places = 0..loader.samples().len();
    if let Feed::Features(features) = feed
        && let [width] = *features.shape
    {
        let mut values = vec![0.0; places.len() * width];
        for (place, row) in places.zip(values.chunks_exact_mut(width)) {
            features.store.get_into(&features.keys.key(place, Views::PLAIN), row)?;
        }
        return Ok(values);
    }
    let network = network.valid();
    let device = network.devices().into_iter().next().unwrap_or_default();
    let mut values = Vec::with_capacity(places.len() * network.backbone().embed_dim());
    for batch in loader.view(places.collect(), Views::PLAIN) {
        let rekindle_data::Batch { input, .. } = batch?;
        let images = Tensor::from_data(TensorData::new(input.values, input.shape), &device);
        values.extend(network.embed(images).into_data().iter::<f32>());
    }
    Ok(values)
}

impl Feeds {
    /// A probe of the training pictures' embeddings, and what it answers to the validation pictures.
    pub(super) fn probe(
        &self,
        network: &Network,
        data: &Data,
    ) -> Result<(Probe, Predictions), Error> {
        self.solve(network, data, |examples| Probe::chosen(examples, &ProbeConfig::default()))
    }

    /// The accuracy of a probe on the validation pictures; none where it would take minutes.
    pub(super) fn baseline(&self, network: &Network, data: &Data) -> Result<Option<f64>, Error> {
        let (dim, classes) = (network.backbone().embed_dim(), network.classes());
        let products = data.train.samples().len().saturating_mul(dim * classes);
        if products > BEARABLE {
            return Ok(None);
        }
        let (_, predictions) = self.solve(network, data, |examples| match products {
            ..=QUICK => Probe::chosen(examples, &ProbeConfig::default()),
            // What most data sets choose.
            _ => Probe::fit(examples, &ProbeConfig { strength: 0.1, ..ProbeConfig::default() }),
        })?;
        Ok(Some(predictions.top(1)))
    }

    fn solve(
        &self,
        network: &Network,
        data: &Data,
        solve: impl Fn(&Examples<'_>) -> Probe,
    ) -> Result<(Probe, Predictions), Error> {
        let features = embeddings(network, &self.train.0, &data.train)?;
        let labels = labels(&data.train);
        let examples =
            Examples { features: &features, labels: &labels, classes: network.classes() };
        let probe = solve(&examples);
        let features = embeddings(network, &self.val.0, &data.val)?;
        let mut predictions = Predictions::new(network.classes());
        predictions.add(&probe.logits(&features), &self::labels(&data.val));
        Ok((probe, predictions))
    }
}
