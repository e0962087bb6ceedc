//! What must hold of every row of every table.

use burn::prelude::*;
use rekindle_layers::{Backbone, Stage, parameters};
use rekindle_vision::{Architecture, Init, VisionBackbone, architectures};

fn check(fact: &str, holds: impl Fn(&Architecture, &VisionBackbone)) {
    for row in architectures() {
        eprintln!("{fact}: {}", row.name);
        holds(&row, &row.init(&Init::default(), &Device::flex()));
    }
}

#[test]
fn parameters_are_as_many_as_declared() {
    check("parameters", |row, network| {
        let learned: usize =
            parameters(network).iter().filter(|p| p.learned).map(|p| p.count()).sum();
        let heads = 1 + network.further_classifiers().len();
        let classifier = (network.embed_dim() + heads) * row.classes;
        assert_eq!(learned + classifier, row.parameters, "{}", row.name);
    });
}

#[test]
fn every_parameter_belongs_to_one_stage() {
    check("stages", |row, network| {
        let stages = network.stages();
        let mut owned = vec![0; stages.len()];
        for parameter in parameters(network) {
            let owner: Vec<_> =
                (0..stages.len()).filter(|&i| stages[i].owns(&parameter.name)).collect();
            assert_eq!(owner.len(), 1, "{}: {} is in {owner:?}", row.name, parameter.name);
            owned[owner[0]] += 1;
        }
        assert!(owned.iter().all(|&count| count > 0), "{}: a stage without parameters", row.name);
        let heads = 1 + network.further_classifiers().len();
        let last = stages.last().map(|stage| stage.channels * heads);
        assert_eq!(last, Some(network.embed_dim()), "{}", row.name);
    });
}

#[test]
fn landmarks_exist() {
    check("landmarks", |row, network| {
        let first = format!("{}.weight", network.landmarks().first_convolution);
        let found = parameters(network).into_iter().find(|p| p.name == first);
        assert_eq!(found.map(|p| p.shape[1]), Some(3), "{}: {first}", row.name);
    });
}

/// Networks that convolve without padding, so that maps are some pixels smaller than stages declare.
const UNPADDED: [&str; 3] = ["inception_v3", "inception_resnet_v2", "legacy_xception"];

/// A non-square image, and one channel rather than three: maps have the sizes the stages declare.
#[test]
fn maps_have_the_declared_shapes() {
    let device = Device::flex();
    for row in architectures().filter(|row| row.parameters < 30_000_000) {
        eprintln!("maps: {}", row.name);
        let network = row.init(&Init { channels_in: 1, ..Init::default() }, &device);
        let maps = network.feature_maps(Tensor::zeros([1, 1, 32, 64], &device));
        let stages: Vec<Stage> =
            network.stages().into_iter().filter(|stage| stage.reduction().is_some()).collect();
        assert_eq!(maps.len(), stages.len());
        for (map, stage) in maps.iter().zip(&stages) {
            let reduction = stage.reduction().unwrap();
            let found = Tensor::<4>::from(map.clone()).dims();
            let size = if UNPADDED.contains(&row.name) {
                [found[2], found[3]]
            } else {
                [32, 64].map(|side: usize| side.div_ceil(reduction))
            };
            assert_eq!(
                found,
                [1, stage.channels, size[0], size[1]],
                "{}: {}",
                row.name,
                stage.name
            );
        }
        for size in [[33, 47], [5, 9]] {
            let [height, width] = size;
            let embeddings = network.embed(Tensor::zeros([3, 1, height, width], &device));
            assert_eq!(embeddings.dims(), [3, network.embed_dim()], "{} of {size:?}", row.name);
            assert!(!embeddings.is_nan().any().into_scalar::<bool>(), "{} of {size:?}", row.name);
        }
    }
}

#[test]
fn an_unknown_name_lists_the_known() {
    let error = VisionBackbone::new("resnet19", &Init::default(), &Device::flex()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`resnet19`") && text.contains("resnet18"), "{text}");
}
