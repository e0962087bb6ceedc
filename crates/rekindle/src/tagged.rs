//! Pictures with any number of labels each, as a trainer and a model see them.

use burn::{prelude::*, tensor::TensorData, tensor::activation::sigmoid};
use rekindle_data::Sample;
use rekindle_images::{Loader, Picture, PictureConfig, PreparePictures, Source as Place};
use rekindle_train::{Batch, Draw, MixConfig, Source, Tags};

use crate::{
    Error, Input, Model,
    finetune::{even_out, uneven},
};

/// Batches of pictures with any number of labels each, to train on with [`Tag`](rekindle_train::Tag).
///
/// `tests/tags.rs` of this crate fine-tunes a network on such pictures.
#[derive(Debug, Clone)]
pub struct TaggedPictures {
    /// Where they come from.
    pub loader: Loader<Vec<usize>>,
    /// What is blended out of several pictures.
    pub mix: MixConfig,
}

impl TaggedPictures {
    /// Batches of these samples as they are, prepared as the model needs them.
    ///
    /// Weights of samples count relative to each other.
    ///
    /// # Errors
    ///
    /// Those of [`Loader::new`].
    pub fn new<I>(
        samples: Vec<Sample<Vec<usize>, I>>,
        model: &Model,
        config: &rekindle_data::LoaderConfig,
    ) -> Result<Self, Error>
    where
        Place: From<I>,
    {
        let mut samples: Vec<_> = samples.into_iter().map(Sample::with_item).collect();
        even_out(&mut samples);
        let prepare = PreparePictures::new(&model.preprocess()?, &PictureConfig::default())?;
        let loader = Loader::new(samples, prepare, config)?;
        Ok(Self { loader, mix: MixConfig::NONE })
    }
}

impl Source<Input, Tags> for TaggedPictures {
    type Error = Error;

    fn batches(&self) -> usize {
        self.loader.batches()
    }

    fn epoch(
        &self,
        epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<Batch<Input, Tags>, Error>> {
        let (device, seed) = (device.clone(), self.loader.config().seed);
        self.loader.epoch(epoch as u64).enumerate().map(move |(step, batch)| {
            let rekindle_data::Batch { input, labels, weights, indices } = batch?;
            let images = Tensor::from_data(TensorData::new(input.values, input.shape), &device);
            let (images, mix) = self.mix.apply(images, Draw { seed, epoch, step });
            let target = Tags { labels, weights: uneven(weights), mix };
            Ok(Batch { input: Input::Images(images), target, indices })
        })
    }
}

impl Model {
    /// The probability of each label, each by itself, of each picture: of a network that was trained with
    /// [`Tag`](rekindle_train::Tag).
    ///
    /// # Errors
    ///
    /// If a picture cannot be brought to the network's input.
    pub fn tag(&self, pictures: &[Picture]) -> Result<Vec<Vec<f32>>, Error> {
        let values: Vec<f32> = sigmoid(self.logits(pictures)?).into_data().iter::<f32>().collect();
        Ok(values.chunks_exact(self.network.classes()).map(<[f32]>::to_vec).collect())
    }
}
