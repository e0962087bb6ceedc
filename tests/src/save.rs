//! What is saved is what timm loads, and what we load again, bit by bit.

use std::collections::BTreeMap;

use burn::{
    prelude::*,
    tensor::{Distribution, TensorData, Tolerance},
};
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, Naming, load, save};
use rekindle_layers::Backbone;
use rekindle_vision::{Architecture, Init};

use crate::{
    freeze::DISTILLED,
    support::{Model, bits, golden, network, smallest},
};

#[test]
fn names_shapes_and_types_are_timms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.safetensors");
    for name in [
        "test_resnet",
        "test_efficientnet",
        "mobilenetv3_small_100",
        "resnet26d__75px_7",
        "test_vit2",
        "deit_tiny_patch16_224",
    ] {
        let golden = golden(name);
        let device = Device::flex();
        let [_, channels_in, height, width] = golden.input_shape;
        let init = Init { channels_in, size: Some([height, width]), ..Init::default() };
        let backbone = Architecture::find(golden.architecture()).unwrap().init(&init, &device);
        let naming = Naming::of(&backbone, Model::TRUNK, Model::HEAD);
        let model = Model::new(backbone, golden.num_classes, &device);
        save(&model, &path, &naming, &BTreeMap::new()).unwrap();
        let saved = CheckpointFile::open(&path).unwrap();
        let saved: BTreeMap<String, (Vec<usize>, String)> = saved
            .tensors()
            .map(|(name, info)| {
                (name.to_owned(), (info.shape.clone(), info.dtype.name().to_lowercase()))
            })
            .collect();
        let expected: BTreeMap<_, _> =
            golden.tensors.into_iter().map(|(name, shape, dtype)| (name, (shape, dtype))).collect();
        assert_eq!(saved, expected, "{name}");
    }
}

#[test]
fn what_is_saved_is_loaded_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.safetensors");
    let metadata = BTreeMap::from([("config".to_owned(), "{}".to_owned())]);
    for name in smallest().into_iter().chain([DISTILLED]) {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let (model, naming) = network(name, 3, 7, &device);
            // Running statistics that are neither zeros nor ones, as after an epoch.
            if device.is_autodiff() {
                model.forward(crate::support::pictures([2, 3, 32, 48], &device));
            }
            save(&model, &path, &naming, &metadata).unwrap();
            let file = CheckpointFile::open(&path).unwrap();
            assert_eq!(file.metadata(), &metadata);

            let (other, _) = network(name, 3, 7, &device);
            let (other, report) = load(other, &file, &naming, HeadPolicy::Required).unwrap();
            let (saved, loaded) = (bits(&model, &naming), bits(&other, &naming));
            assert_eq!(saved, loaded, "{name}");
            assert_eq!(report.loaded.len(), saved.len(), "{name}: {report}");
            assert!(report.adapted.is_empty() && report.reinitialized.is_empty(), "{report}");
            let moved = |name: &str| loaded[name].iter().any(|&bits| f32::from_bits(bits) != 1.0);
            if let Some(variance) = loaded.keys().find(|name| name.ends_with("running_var")) {
                assert_eq!(moved(variance), device.is_autodiff(), "{name}");
            }
        }
    }
}

/// Both heads of a network of two are of the same classes, answer as one that is solved for, and are drawn anew together.
#[test]
fn two_heads_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.safetensors");
    let device = Device::flex();
    let (model, naming) = network(DISTILLED, 3, 7, &device);
    let dim = model.backbone().embed_dim();
    let weight = Tensor::<2>::random([dim, 7], Distribution::Default, &device);
    let bias = Tensor::<1>::random([7], Distribution::Default, &device);
    let values = |data: TensorData| data.iter::<f32>().collect::<Vec<_>>();
    let model = model.with_head(values(weight.to_data()), values(bias.to_data()));
    let x = Tensor::<2>::random([3, dim], Distribution::Default, &device);
    let expected = x.clone().matmul(weight) + bias.unsqueeze::<2>();
    let tolerance = Tolerance::relative(1e-5);
    model.classify(x).into_data().assert_approx_eq::<f32>(&expected.into_data(), tolerance);

    save(&model, &path, &naming, &BTreeMap::new()).unwrap();
    let file = CheckpointFile::open(&path).unwrap();
    assert_eq!(naming.classes_in(&file), Some(7));
    let load_into = |classes, policy| {
        let (other, naming) = network(DISTILLED, 3, classes, &device);
        load(other, &file, &naming, policy).map(|(_, report)| report)
    };
    assert!(load_into(5, HeadPolicy::Required).is_err());
    for (classes, policy, drawn) in
        [(7, HeadPolicy::IfSameSize, 0), (5, HeadPolicy::IfSameSize, 4), (7, HeadPolicy::Fresh, 4)]
    {
        let report = load_into(classes, policy).unwrap();
        assert_eq!(report.reinitialized.len(), drawn, "{classes}, {policy:?}: {report}");
    }
}
