//! Real weights, where `REKINDLE_TEST_DATA` says where they are.

use super::*;

/// The folder of weights, or `None` with a line that says so.
fn weights() -> Option<PathBuf> {
    Some(rekindle_skip::real_data()?.join("weights"))
}

#[test]
fn the_authors_pytorch_file_has_the_bytes_of_the_safetensors_file() {
    let Some(weights) = weights() else { return };
    let safetensors = CheckpointFile::open(&weights.join("resnet20.cifar10")).unwrap();
    let pytorch = CheckpointFile::open(&weights.join("pytorch/resnet20-12fca82f.th")).unwrap();
    assert_eq!(pytorch.nested_under(), Some("state_dict"));
    assert!(safetensors.config_json().unwrap().contains("resnet20"));
    let mut compared = 0;
    for (name, info) in safetensors.tensors() {
        assert_eq!(pytorch.get(name), Some(info), "{name}");
        let bits = |file: &CheckpointFile| -> Vec<u32> {
            file.read_f32(name).unwrap().into_iter().map(f32::to_bits).collect()
        };
        assert!(bits(&safetensors) == bits(&pytorch), "{name}");
        compared += info.num_elements();
    }
    assert!(compared > 269_000, "{compared}");
    assert_eq!(pytorch.tensors().count(), safetensors.tensors().count());
}

#[test]
fn half_precision_weights_are_read_as_float() {
    let Some(weights) = weights() else { return };
    let file = CheckpointFile::open(&weights.join("resnet18.ktb_in1k")).unwrap();
    assert!(file.tensors().all(|(_, info)| info.dtype == Dtype::F16));
    let parameters: usize = file
        .tensors()
        .filter(|(name, _)| !name.contains("running_"))
        .map(|(_, info)| info.num_elements())
        .sum();
    // He et al. 2016 have no table of it: torchvision documents 11,689,512.
    assert_eq!(parameters, 11_689_512);
    let values = file.read_f32("conv1.weight").unwrap();
    assert_eq!(values.len(), 64 * 3 * 7 * 7);
    assert!(
        values.iter().all(|value| value.abs() < 2.0) && values.iter().any(|value| *value != 0.0)
    );
}

#[test]
fn every_real_file_is_read() {
    let Some(weights) = weights() else { return };
    for name in ["mobilenetv2_100.qat_in1k", "resnet56.cifar10"] {
        assert!(read_everything(&weights.join(name)).unwrap() > 800_000, "{name}");
    }
}
