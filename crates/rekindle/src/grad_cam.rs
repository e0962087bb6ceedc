//! Where a network looks: Grad-CAM. Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>.

use burn::prelude::*;
use rekindle_images::{Picture, Source};
use rekindle_layers::{Backbone, Input};
use rekindle_report::ExampleRecord;

use crate::{Error, Model, Pictures, gallery::Exhibit};

/// A picture as the network saw it, and what counted for a label.
#[derive(Debug, Clone, PartialEq)]
pub struct GradCam {
    /// The input as a picture.
    pub picture: Picture,
    /// How much each place of the last map counted, rows from the top, in `[0, 1]`.
    pub heat: Vec<f32>,
    /// Rows and columns of the heat.
    pub size: [usize; 2],
}

impl GradCam {
    /// The picture with the heat over it.
    pub fn overlay(&self) -> Picture {
        self.picture.heated(&self.heat, self.size)
    }
}

impl Exhibit for Pictures {
    fn shown(model: &Model, item: &Source, output: usize) -> Result<ExampleRecord, Error> {
        let cam = model.grad_cam(item.clone(), output)?;
        Ok(ExampleRecord {
            image: cam.picture.to_jpeg()?,
            overlay: cam.overlay().to_jpeg()?,
            ..ExampleRecord::default()
        })
    }
}

impl Model {
    /// What in a picture counts for the label with this number.
    ///
    /// The gradient of the label's logit, averaged over the last map, says how much each of its channels counts; their
    /// weighted sum, where it is positive, is the heat. A network of patches has the map of their vectors.
    ///
    /// # Errors
    ///
    /// If the picture cannot be brought to the network's input.
    ///
    /// # Panics
    ///
    /// If there is no such label.
    pub fn grad_cam(&self, picture: impl Into<Source>, label: usize) -> Result<GradCam, Error> {
        let predictor = self.predictor()?;
        let images = predictor.inputs(std::iter::once(picture.into()))?;
        let Some(images) = images else { return Err(Error::NoItem) };
        let input: Vec<f32> = images.to_data().iter::<f32>().collect();
        let picture = self.preprocess()?.restore(&input);

        // Parameters need no gradients: only the map does.
        let network = predictor.network();
        let flows = network.backbone().feature_maps(images);
        // Where a class token answers, nothing depends on the last vectors of patches: it does on those before they were
        // last looked at.
        let seen = flows.into_iter().enumerate().rev().find_map(|(index, flow)| {
            let flow = flow.tracked().require_grad();
            // Stages that are frozen have gradients here too.
            let rest = index + 1..network.backbone().depth();
            let last = rest.fold(flow.clone(), |x, index| network.backbone().stage(index, x));
            let logit = network.classify(network.pool(last)).narrow(1, label, 1).sum();
            let slope = flow.grad(&logit.backward())?;
            let depends = slope.clone().abs().max().into_scalar::<f32>() > 0.0;
            depends.then(|| (Tensor::<4>::from(flow.inner()), slope))
        });
        let Some((map, slope)) = seen else {
            return Ok(GradCam { picture, heat: vec![0.0], size: [1, 1] });
        };
        let [_, channels, rows, columns] = map.dims();
        let places = [channels, rows * columns];
        let weights = slope.reshape(places).mean_dim(1);
        let heat = burn::tensor::activation::relu((map.reshape(places) * weights).sum_dim(0));
        let mut heat: Vec<f32> = heat.into_data().iter::<f32>().collect();
        let hottest = heat.iter().copied().fold(0.0, f32::max);
        if hottest > 0.0 {
            heat.iter_mut().for_each(|heat| *heat /= hottest);
        }
        Ok(GradCam { picture, heat, size: [rows, columns] })
    }
}
