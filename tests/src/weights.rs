//! Real weights on real pictures, where `REKINDLE_TEST_DATA` names a folder that has them.

use std::{collections::BTreeMap, fs, path::Path};

use burn::{prelude::*, tensor::TensorData};
use rekindle_cards::{HubConfig, Preprocessing};
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, load};
use rekindle_images::{Picture, Preprocess, decode};
use rekindle_skip::real_data;

use crate::support::{Model, network};

/// A network with its weights, and what they expect of a picture.
struct Pretrained {
    model: Model,
    config: HubConfig,
    preprocess: Preprocess,
}

/// Pictures that go through a network at once.
const BATCH: usize = 250;

impl Pretrained {
    /// From a folder laid out as timm's repositories are; `weights` may lie elsewhere.
    fn new(folder: &Path, weights: &Path) -> Self {
        let config = CheckpointFile::open(folder).unwrap();
        let config = HubConfig::from_json(config.config_json().unwrap()).unwrap();
        let file = CheckpointFile::open(weights).unwrap();
        let (model, naming) = network(&config.architecture, 3, config.classes, &Device::flex());
        let (model, _) = load(model, &file, &naming, HeadPolicy::Required).unwrap();
        let preprocess = Preprocess::new(config.image().unwrap()).unwrap();
        Self { model, config, preprocess }
    }

    fn logits(&self, pictures: &[Picture]) -> Vec<Vec<f32>> {
        let [channels, height, width] = self.preprocess.shape();
        let mut rows = Vec::new();
        for batch in pictures.chunks(BATCH) {
            let inputs: Vec<f32> =
                batch.iter().flat_map(|picture| self.preprocess.apply(picture).unwrap()).collect();
            let inputs = TensorData::new(inputs, [batch.len(), channels, height, width]);
            let logits = self.model.forward(Tensor::from_data(inputs, &Device::flex())).into_data();
            let logits: Vec<f32> = logits.iter::<f32>().collect();
            rows.extend(logits.chunks_exact(self.model.classes()).map(<[f32]>::to_vec));
        }
        rows
    }
}

fn top1(logits: &[f32]) -> usize {
    let best = logits.iter().enumerate().max_by(|(_, left), (_, right)| left.total_cmp(right));
    best.unwrap().0
}

fn largest_difference(rows: &[Vec<f32>], reference: &[f32]) -> f32 {
    let values: Vec<f32> = rows.iter().flatten().copied().collect();
    assert_eq!(values.len(), reference.len());
    values.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// One picture a row, 1024 pixels of 32 x 32.
fn cifar(data: &Path) -> (Vec<Picture>, Vec<usize>) {
    let folder = data.join("images/cifar10_lossless");
    let strip = decode(&folder.join("test_0000-0999.png")).unwrap();
    assert_eq!((strip.width(), strip.height()), (1024, 1000));
    let rows = strip.pixels().chunks_exact(3 * 1024);
    let pictures = rows.map(|row| Picture::from_rgb(32, 32, row.to_vec()).unwrap()).collect();
    let labels = fs::read_to_string(folder.join("test_0000-0999.labels.txt")).unwrap();
    (pictures, labels.lines().map(|label| label.trim().parse().unwrap()).collect())
}

#[test]
fn cifar_networks_are_as_right_as_measured() {
    let Some(data) = real_data() else { return };
    let weights = data.join("weights");
    let (pictures, labels) = cifar(&data);
    let reference = weights.join("pytorch/resnet_cifar10_reference_logits_test64.safetensors");
    let reference = CheckpointFile::open(&reference).unwrap();
    for (name, expected) in [("resnet20", 915_usize), ("resnet56", 926)] {
        let folder = weights.join(format!("{name}.cifar10"));
        let logits = Pretrained::new(&folder, &folder).logits(&pictures);
        let right = logits.iter().zip(&labels).filter(|(row, label)| top1(row) == **label).count();
        let reference = reference.read_f32(&format!("{name}.logits")).unwrap();
        let difference = largest_difference(&logits[..64], &reference);
        eprintln!("{name}: {right} right, reference logits within {difference:e}");
        assert!(right.abs_diff(expected) <= 2, "{name}: {right} right, not {expected}");
        assert!(difference < 1e-3, "{name}: {difference}");
    }
}

#[test]
fn a_dense_cifar_network_is_as_right_as_measured() {
    let Some(data) = real_data() else { return };
    let folder = data.join("weights/densenet_bc100_12.cifar10");
    let (pictures, labels) = cifar(&data);
    let logits = Pretrained::new(&folder, &folder.join("model.safetensors")).logits(&pictures);
    let right = logits.iter().zip(&labels).filter(|(row, label)| top1(row) == **label).count();
    let reference = CheckpointFile::open(&folder.join("reference.safetensors")).unwrap();
    let reference = reference.read_f32("logits_test64").unwrap();
    let difference = largest_difference(&logits[..64], &reference);
    eprintln!("densenet: {right} right, reference logits within {difference:e}");
    assert!(right.abs_diff(937) <= 2, "{right} right, not 937");
    assert!(difference < 1e-3, "{difference}");
}

#[test]
fn the_authors_file_gives_the_same_logits() {
    let Some(data) = real_data() else { return };
    let weights = data.join("weights");
    let folder = weights.join("resnet20.cifar10");
    let (pictures, _) = cifar(&data);
    let logits = |file: &Path| Pretrained::new(&folder, file).logits(&pictures[..BATCH]);
    assert_eq!(logits(&folder), logits(&weights.join("pytorch/resnet20-12fca82f.th")));
}

#[test]
fn crops_give_the_reference_logits() {
    let Some(data) = real_data() else { return };
    let crops = data.join("images/imagenet_samples/parity");
    let names =
        ["crop0_class70.png", "crop1_class394.png", "crop2_class719.png", "crop3_class984.png"];
    let pictures: Vec<Picture> =
        names.iter().map(|name| decode(&crops.join(name)).unwrap()).collect();
    let reference = CheckpointFile::open(&crops.join("reference_logits.safetensors")).unwrap();
    let folder = data.join("weights/resnet18.ktb_in1k");
    let mut network = Pretrained::new(&folder, &folder);
    // The crops are what the network sees already.
    let whole = Preprocessing { crop_pct: 1.0, ..network.config.image().unwrap().clone() };
    network.preprocess = Preprocess::new(&whole).unwrap();
    // Those of MobileNetV2 in the same file are of quantized activations: timm is 2.07 away, too.
    let reference = reference.read_f32("resnet18_ktb_small.logits").unwrap();
    let difference = largest_difference(&network.logits(&pictures), &reference);
    eprintln!("resnet18: reference logits within {difference:e}");
    assert!(difference < 1e-2, "{difference}");
}

/// From the file to the label: decoding, resizing and the network together.
#[test]
fn photos_are_labelled_as_timm_does() {
    let Some(data) = real_data() else { return };
    let samples = data.join("images/imagenet_samples");
    for (weights, file) in [
        ("resnet18.ktb_in1k", "timm_resnet18_top5.json"),
        ("mobilenetv2_100.qat_in1k", "timm_mobilenetv2_100_top5.json"),
    ] {
        let folder = data.join("weights").join(weights);
        let network = Pretrained::new(&folder, &folder);
        let expected = fs::read_to_string(samples.join(file)).unwrap();
        let expected: BTreeMap<String, Vec<(usize, f64)>> =
            serde_json::from_str(&expected).unwrap();
        assert_eq!(expected.len(), 61);
        let same = expected.iter().filter(|(photo, top)| {
            let picture = decode(&samples.join("images").join(photo)).unwrap();
            let found = top1(&network.logits(&[picture])[0]);
            if found != top[0].0 {
                eprintln!("{weights}: {photo} is {found}, timm says {top:?}");
            }
            found == top[0].0
        });
        let same = same.count();
        eprintln!("{weights}: {same} of {} as timm", expected.len());
        assert!(same >= 59, "{weights}: {same} of {}", expected.len());
    }
}
