//! What is saved is what timm loads, and what we load again, bit by bit.

use std::collections::BTreeMap;

use burn::prelude::*;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, Naming, load, save};
use rekindle_vision::{Architecture, Init};

use crate::support::{Model, bits, golden, network, smallest};

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
    for name in smallest() {
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
