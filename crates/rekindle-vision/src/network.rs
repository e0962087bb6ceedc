//! Any vision network by its name: the tables of all families, and one type for what they build.

use burn::prelude::*;
use rekindle_layers::{Backbone, Landmarks, Rules, Stage};

use crate::{
    efficientnet,
    mobile::{MobileConfig, MobileNet},
    mobilenet,
    resnet::{self, ResNet, ResNetConfig},
    resnet_cifar::{self, CifarResNet, CifarResNetConfig},
    variant::{Regularization, Variant},
    vgg::{self, Vgg, VggConfig},
};

/// What a caller chooses when a network is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init {
    /// Channels of the images.
    pub channels_in: usize,
    /// Dropout and stochastic depth.
    pub regularization: Regularization,
}

impl Default for Init {
    /// Color images, and the paper's regularization.
    fn default() -> Self {
        Self { channels_in: 3, regularization: Regularization::Paper }
    }
}

/// A row of any family's table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Architecture {
    /// timm's name.
    pub name: &'static str,
    /// Learned parameters, with the classifier of the original task.
    pub parameters: usize,
    /// Classes of the original task.
    pub classes: usize,
    config: Config,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Config {
    Vgg(VggConfig),
    ResNet(ResNetConfig),
    CifarResNet(CifarResNetConfig),
    Mobile(MobileConfig),
}

/// A network of any vision family, without its classifier.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program has a handful of networks")]
pub enum VisionBackbone {
    /// VGG.
    Vgg(Vgg),
    /// ResNet, ResNeXt, Wide ResNet, SE-ResNet.
    ResNet(ResNet),
    /// The ResNets for 32x32 pictures.
    CifarResNet(CifarResNet),
    /// EfficientNet and MobileNet.
    Mobile(MobileNet),
}

/// No family has a row of this name.
#[derive(Debug, thiserror::Error)]
#[error("unknown architecture `{name}`; known are {}", known.join(", "))]
pub struct UnknownArchitecture {
    /// The name that was asked for.
    pub name: String,
    /// The names there are.
    pub known: Vec<&'static str>,
}

/// Every row of every family.
pub fn architectures() -> impl Iterator<Item = Architecture> {
    rows(vgg::VARIANTS, 1000, Config::Vgg)
        .chain(rows(resnet::VARIANTS, 1000, Config::ResNet))
        .chain(rows(resnet_cifar::VARIANTS, 10, Config::CifarResNet))
        .chain(rows(efficientnet::VARIANTS, 1000, Config::Mobile))
        .chain(rows(mobilenet::VARIANTS, 1000, Config::Mobile))
}

fn rows<C: Copy>(
    variants: &'static [Variant<C>],
    classes: usize,
    config: fn(C) -> Config,
) -> impl Iterator<Item = Architecture> {
    variants.iter().map(move |&Variant(name, parameters, row)| Architecture {
        name,
        parameters,
        classes,
        config: config(row),
    })
}

impl Architecture {
    /// The row with timm's name.
    ///
    /// # Errors
    ///
    /// If there is none; the error lists those there are.
    pub fn find(name: &str) -> Result<Self, UnknownArchitecture> {
        architectures().find(|row| row.name == name).ok_or_else(|| UnknownArchitecture {
            name: name.to_owned(),
            known: architectures().map(|row| row.name).collect(),
        })
    }

    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> VisionBackbone {
        let Init { channels_in, regularization } = *init;
        match self.config {
            Config::Vgg(row) => VisionBackbone::Vgg(row.init(channels_in, regularization, device)),
            Config::ResNet(row) => VisionBackbone::ResNet(row.init(channels_in, device)),
            Config::CifarResNet(row) => VisionBackbone::CifarResNet(row.init(channels_in, device)),
            Config::Mobile(row) => {
                VisionBackbone::Mobile(row.init(channels_in, regularization, device))
            }
        }
    }
}

impl VisionBackbone {
    /// Builds the network with timm's name and untrained parameters.
    ///
    /// # Errors
    ///
    /// If no family has a row of this name.
    pub fn new(name: &str, init: &Init, device: &Device) -> Result<Self, UnknownArchitecture> {
        Ok(Architecture::find(name)?.init(init, device))
    }
}

/// Calls the network inside, whatever its family.
macro_rules! delegate {
    ($self:ident, $network:ident => $call:expr) => {
        match $self {
            Self::Vgg($network) => $call,
            Self::ResNet($network) => $call,
            Self::CifarResNet($network) => $call,
            Self::Mobile($network) => $call,
        }
    };
}

impl Backbone for VisionBackbone {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        delegate!(self, network => network.stages())
    }

    fn depth(&self) -> usize {
        delegate!(self, network => network.depth())
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        delegate!(self, network => network.enter(images))
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        delegate!(self, network => network.stage(index, x))
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        delegate!(self, network => network.pool(x))
    }

    fn embed_dim(&self) -> usize {
        delegate!(self, network => network.embed_dim())
    }

    fn landmarks(&self) -> Landmarks {
        delegate!(self, network => network.landmarks())
    }

    fn rules(&self) -> Rules {
        delegate!(self, network => network.rules())
    }

    fn dropout(&self) -> f64 {
        delegate!(self, network => network.dropout())
    }
}
