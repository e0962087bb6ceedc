//! Any vision network by its name: the table of the families, and one type for what they build.

use burn::prelude::*;
use rekindle_layers::{Backbone, Landmarks, Rules, Stage};

use crate::{
    convnext::{self, ConvNeXt, ConvNeXtConfig},
    deit,
    dense::{DenseNet, DenseNetConfig},
    densenet, densenet_cifar, dinov2,
    dinov3::{self, DinoV3, DinoV3Config},
    efficientnet,
    flow::VisionFlow,
    inception_resnet_v2::{self, InceptionResNetV2, InceptionResNetV2Config},
    inception_v3::{self, InceptionV3, InceptionV3Config},
    mnasnet,
    mobile::{MobileConfig, MobileNet},
    mobilenet, mobilenetv4,
    regnet::{self, RegNet, RegNetConfig},
    repvgg::{self, RepVgg, RepVggConfig},
    resnet::{self, ResNet, ResNetConfig},
    resnet_cifar::{self, CifarResNet, CifarResNetConfig},
    resnetv2::{self, ResNetV2, ResNetV2Config},
    swin::{self, Swin, SwinConfig},
    variant::{Init, Variant},
    vgg::{self, Vgg, VggConfig},
    vision_transformer::{VisionTransformer, VisionTransformerConfig},
    vit,
    xception::{self, Xception, XceptionConfig},
};

/// Writes down what is the same for every family.
macro_rules! families {
    ($($(#[$doc:meta])* $kind:ident($network:ty) of $config:ty: $($family:literal $rows:expr, $classes:literal);+;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq)]
        enum Config {
            $($kind($config),)*
        }

        /// A network of any vision family, without its classifier.
        #[derive(Module, Debug)]
        #[allow(clippy::large_enum_variant, reason = "a program has a handful of networks")]
        pub enum VisionBackbone {
            $($(#[$doc])* $kind($network),)*
        }

        /// Every row of every family.
        pub fn architectures() -> impl Iterator<Item = Architecture> {
            std::iter::empty()$($(.chain(rows($family, $rows, $classes, Config::$kind)))+)*
        }

        impl Architecture {
            /// Builds the network with untrained parameters.
            pub fn init(&self, init: &Init, device: &Device) -> VisionBackbone {
                match self.config {
                    $(Config::$kind(row) => VisionBackbone::$kind(row.init(init, device)),)*
                }
            }
        }

        /// Calls the network inside, whatever its family.
        macro_rules! delegate {
            ($self:ident, $inside:ident => $call:expr) => {
                match $self {
                    $(Self::$kind($inside) => $call,)*
                }
            };
        }
    };
}

// A family is a line here; its file has the rows. Classes are those of the task that its checkpoints were trained for.
families! {
    /// VGG.
    Vgg(Vgg) of VggConfig: "vgg" vgg::VARIANTS, 1000;
    /// ResNet, ResNeXt, Wide ResNet, SE-ResNet.
    ResNet(ResNet) of ResNetConfig: "resnet" resnet::VARIANTS, 1000;
    /// The ResNets for 32x32 pictures.
    CifarResNet(CifarResNet) of CifarResNetConfig: "resnet_cifar" resnet_cifar::VARIANTS, 10;
    /// RegNet.
    RegNet(RegNet) of RegNetConfig: "regnet" regnet::VARIANTS, 1000;
    /// RepVGG.
    RepVgg(RepVgg) of RepVggConfig: "repvgg" repvgg::VARIANTS, 1000;
    /// EfficientNet, MobileNet and MnasNet.
    Mobile(MobileNet) of MobileConfig: "efficientnet" efficientnet::VARIANTS, 1000; "mobilenet" mobilenet::VARIANTS, 1000; "mnasnet" mnasnet::VARIANTS, 1000; "mobilenetv4" mobilenetv4::VARIANTS, 1000;
    /// ConvNeXt and ConvNeXt V2.
    ConvNeXt(ConvNeXt) of ConvNeXtConfig: "convnext" convnext::VARIANTS, 1000;
    /// Swin Transformer.
    Swin(Swin) of SwinConfig: "swin" swin::VARIANTS, 1000;
    /// ViT, DeiT and DINOv2.
    VisionTransformer(VisionTransformer) of VisionTransformerConfig: "vit" vit::VARIANTS, 1000; "vit" vit::WITHOUT_CLASSES, 0; "vit" vit::IN12K, 11_821;
        "vit" vit::CLIP_512, 512; "vit" vit::CLIP_640, 640; "vit" vit::CLIP_768, 768; "deit" deit::VARIANTS, 1000; "dinov2" dinov2::VARIANTS, 0;
    /// DINOv3.
    DinoV3(DinoV3) of DinoV3Config: "dinov3" dinov3::VARIANTS, 0;
    /// DenseNet.
    DenseNet(DenseNet) of DenseNetConfig: "densenet" densenet::VARIANTS, 1000; "densenet_cifar" densenet_cifar::VARIANTS, 10;
    /// ResNetV2 and BiT.
    ResNetV2(ResNetV2) of ResNetV2Config: "resnetv2" resnetv2::VARIANTS, 1000;
    /// Inception v3.
    InceptionV3(InceptionV3) of InceptionV3Config: "inception_v3" inception_v3::VARIANTS, 1000;
    /// Inception-ResNet v2.
    InceptionResNetV2(InceptionResNetV2) of InceptionResNetV2Config: "inception_resnet_v2" inception_resnet_v2::VARIANTS, 1000;
    /// Xception.
    Xception(Xception) of XceptionConfig: "xception" xception::VARIANTS, 1000;
}

/// A row of any family's table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Architecture {
    /// timm's name.
    pub name: &'static str,
    /// The family: the name of its file, and of its cards' file.
    pub family: &'static str,
    /// Learned parameters, with the classifier of the original task.
    pub parameters: usize,
    /// Classes of the original task; none where there was no classifier.
    pub classes: usize,
    config: Config,
}

/// No family has a row of this name.
#[derive(Debug, thiserror::Error)]
#[error("unknown architecture `{name}`; the closest are {}", closest.join(", "))]
pub struct UnknownArchitecture {
    /// The name that was asked for.
    pub name: String,
    /// Those that begin alike.
    pub closest: Vec<&'static str>,
}

/// How many names an error suggests.
const SUGGESTIONS: usize = 6;

fn rows<C: Copy>(
    family: &'static str,
    variants: &'static [Variant<C>],
    classes: usize,
    config: fn(C) -> Config,
) -> impl Iterator<Item = Architecture> {
    variants.iter().map(move |&Variant(name, parameters, row)| Architecture {
        name,
        family,
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
    /// If there is none; the error lists the closest.
    pub fn find(name: &str) -> Result<Self, UnknownArchitecture> {
        architectures().find(|row| row.name == name).ok_or_else(|| {
            let alike = |other: &str| {
                name.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
            };
            let mut names: Vec<&str> = architectures().map(|row| row.name).collect();
            names.sort_by_key(|other| std::cmp::Reverse(alike(other)));
            names.truncate(SUGGESTIONS);
            UnknownArchitecture { name: name.to_owned(), closest: names }
        })
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

#[allow(
    clippy::useless_conversion,
    reason = "most networks have maps between their stages, some patches"
)]
impl Backbone for VisionBackbone {
    type Input = Tensor<4>;
    type Flow = VisionFlow;

    fn stages(&self) -> Vec<Stage> {
        delegate!(self, network => network.stages())
    }

    fn depth(&self) -> usize {
        delegate!(self, network => network.depth())
    }

    fn enter(&self, images: Tensor<4>) -> VisionFlow {
        delegate!(self, network => network.enter(images).into())
    }

    fn stage(&self, index: usize, x: VisionFlow) -> VisionFlow {
        delegate!(self, network => network.stage(index, x.into()).into())
    }

    fn pool(&self, x: VisionFlow) -> Tensor<2> {
        delegate!(self, network => network.pool(x.into()))
    }

    fn embed_dim(&self) -> usize {
        delegate!(self, network => network.embed_dim())
    }

    fn landmarks(&self) -> Landmarks {
        delegate!(self, network => network.landmarks())
    }

    fn further_classifiers(&self) -> &'static [&'static str] {
        delegate!(self, network => network.further_classifiers())
    }

    fn rules(&self) -> Rules {
        delegate!(self, network => network.rules())
    }

    fn dropout(&self) -> f64 {
        delegate!(self, network => network.dropout())
    }
}
