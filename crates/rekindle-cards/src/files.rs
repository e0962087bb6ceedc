//! The families' files: of a family its cards in `models/`, and its pins in `weights/`.

/// For each name: the cards' file and its text, the pins' file and its text.
macro_rules! files {
    ($($family:literal)*) => {
        [$((
            concat!("models/", $family, ".toml"),
            include_str!(concat!("../models/", $family, ".toml")),
            concat!("weights/", $family, ".toml"),
            include_str!(concat!("../weights/", $family, ".toml")),
        ),)*]
    };
}

/// The files, in the order in which families are listed.
pub(crate) const FILES: &[(&str, &str, &str, &str)] = &files! {
    "vgg"
    "resnet"
    "resnet_cifar"
    "efficientnet"
    "mobilenet"
    "convnext"
    "regnet"
    "mnasnet"
    "swin"
    "vit"
    "deit"
    "dinov2"
    "dinov3"
    "densenet"
    "densenet_cifar"
    "resnetv2"
    "inception_v3"
    "inception_resnet_v2"
    "xception"
    "mobilenetv4"
    "repvgg"
    "bert"
    "mpnet"
    "roberta"
    "distilbert"
    "electra"
    "modernbert"
    "deberta"
};
