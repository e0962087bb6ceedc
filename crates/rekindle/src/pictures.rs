//! Batches of pictures as tensors.

use burn::{prelude::*, tensor::TensorData};
use rekindle_data::{Error, Loader};
use rekindle_train::{Batch, Source};

/// A [`Loader`] whose batches are tensors `[batch, channels, height, width]`.
#[derive(Debug, Clone)]
pub struct Pictures(pub Loader);

impl Source<Tensor<4>> for Pictures {
    type Error = Error;

    fn batches(&self) -> usize {
        self.0.batches()
    }

    fn epoch(
        &self,
        epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<Batch<Tensor<4>>, Error>> {
        let device = device.clone();
        self.0.epoch(epoch as u64).map(move |batch| {
            let rekindle_data::Batch { images, shape, labels, .. } = batch?;
            let input = Tensor::from_data(TensorData::new(images, shape), &device);
            Ok(Batch { input, labels })
        })
    }
}
