//! What every network is: an ordered list of stages, and a pool that ends in embeddings.

use burn::{module::ModuleDisplay, prelude::*};
use rekindle_kernels::{Map, global_mean};

/// One stage of a network, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Name in plans, tables and error messages.
    pub name: String,
    /// The checkpoint's name of each module in it, such as `layer1` or `features.0`.
    pub modules: Vec<String>,
    /// Channels of its output.
    pub channels: usize,
    /// Pixels of the input one pixel of its output stands for; none where it is no map any more.
    pub reduction: Option<usize>,
}

impl Stage {
    /// A stage whose output is a map, `reduction` times smaller than the image.
    pub fn map(name: &str, modules: &[&str], channels: usize, reduction: usize) -> Self {
        let modules = modules.iter().map(|&module| module.to_owned()).collect();
        Self { name: name.to_owned(), modules, channels, reduction: Some(reduction) }
    }

    /// Whether the parameter with this name in the checkpoint belongs to this stage.
    pub fn owns(&self, parameter: &str) -> bool {
        self.modules.iter().any(|module| {
            parameter.strip_prefix(module.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
    }
}

/// A network without its classifier, cut into stages, input first.
///
/// The cut is what freezing, rates per stage, feature maps and feature caches are built on. Every
/// parameter belongs to exactly one stage, and each stage takes the output of the one before.
pub trait Backbone: Module + ModuleDisplay {
    /// The stages, from the image to the embeddings.
    fn stages(&self) -> Vec<Stage>;

    /// Runs one stage, `[batch, channels, height, width]` in and out.
    ///
    /// # Panics
    ///
    /// If there is no stage `index`, or `x` does not have the channels of the stage before.
    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4>;

    /// Width of the embeddings.
    fn embed_dim(&self) -> usize;

    /// Channels of the image.
    fn channels_in(&self) -> usize;

    /// The checkpoint's names of the layers that depend on the task.
    fn landmarks(&self) -> Landmarks;

    /// Probability with which the paper drops an embedding before the classifier.
    fn dropout(&self) -> f64;

    /// Averages the output of the last stage into embeddings `[batch, embed_dim]`.
    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(Map::new(x))
    }

    /// Embeddings `[batch, embed_dim]` of images `[batch, channels, height, width]`.
    fn embed(&self, images: Tensor<4>) -> Tensor<2> {
        let last = (0..self.stages().len()).fold(images, |x, index| self.stage(index, x));
        self.pool(last)
    }

    /// The map `[batch, channels, height, width]` that each stage ends in, as far as there are maps.
    fn feature_maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let maps = self.stages().iter().take_while(|stage| stage.reduction.is_some()).count();
        let mut x = images;
        (0..maps)
            .map(|index| {
                x = self.stage(index, x.clone());
                x.clone()
            })
            .collect()
    }
}

/// The checkpoint's names of the two layers that depend on the task rather than the architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landmarks {
    /// The convolution that reads the image; its input channels may differ.
    pub first_convolution: &'static str,
    /// The linear layer that writes the logits; its classes may differ.
    pub classifier: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_owns_whole_names_only() {
        let stage = Stage::map("layer1", &["layer1", "bn1"], 64, 4);
        assert!(stage.owns("layer1.0.weight"));
        assert!(stage.owns("bn1.bias"));
        assert!(!stage.owns("layer10.0.weight"));
        assert!(!stage.owns("layer2.0.bn1.weight"));
    }
}
