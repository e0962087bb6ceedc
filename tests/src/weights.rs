//! Real weights on real pictures, where `REKINDLE_TEST_DATA` names a folder that has them.

use std::{collections::BTreeMap, fs, path::Path};

use burn::{prelude::*, tensor::TensorData};
use rekindle_cards::{HubConfig, Preprocessing};
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, load};
use rekindle_images::{Picture, Preprocess, decode};
use rekindle_layers::Backbone;
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
        self.rows(pictures, |inputs| self.model.forward(inputs))
    }

    fn embeddings(&self, pictures: &[Picture]) -> Vec<Vec<f32>> {
        self.rows(pictures, |inputs| self.model.backbone().embed(inputs))
    }

    /// What becomes of each picture.
    fn rows(
        &self,
        pictures: &[Picture],
        forward: impl Fn(Tensor<4>) -> Tensor<2>,
    ) -> Vec<Vec<f32>> {
        let [channels, height, width] = self.preprocess.shape();
        let mut rows = Vec::new();
        for batch in pictures.chunks(BATCH) {
            let inputs: Vec<f32> =
                batch.iter().flat_map(|picture| self.preprocess.apply(picture).unwrap()).collect();
            let inputs = TensorData::new(inputs, [batch.len(), channels, height, width]);
            let found = forward(Tensor::from_data(inputs, &Device::flex()));
            let [_, width] = found.dims();
            let found: Vec<f32> = found.into_data().iter::<f32>().collect();
            rows.extend(found.chunks_exact(width).map(<[f32]>::to_vec));
        }
        rows
    }

    /// The same weights, with pictures as large as the network sees them already.
    fn of_crops(self) -> Self {
        let whole = Preprocessing { crop_pct: 1.0, ..self.config.image().unwrap().clone() };
        Self { preprocess: Preprocess::new(&whole).unwrap(), ..self }
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
    let folder = |name: &str| data.join("weights").join(name);
    // Those of MobileNetV2 in the first file are of quantized activations: timm is 2.07 away, too.
    let resnet = (crops.join("reference_logits.safetensors"), "resnet18_ktb_small.logits", None);
    let lite = folder("tf_efficientnet_lite0.in1k").join("reference.safetensors");
    let lite = (lite, "logits_parity4", Some("features_parity4"));
    for (name, (reference, of_logits, of_features), tolerance) in
        [("resnet18.ktb_in1k", resnet, 1e-2), ("tf_efficientnet_lite0.in1k", lite, 1e-3)]
    {
        let reference = CheckpointFile::open(&reference).unwrap();
        let network = Pretrained::new(&folder(name), &folder(name)).of_crops();
        let check = |what: &str, rows: Vec<Vec<f32>>, expected: &str| {
            let difference = largest_difference(&rows, &reference.read_f32(expected).unwrap());
            eprintln!("{name}: reference {what} within {difference:e}");
            assert!(difference < tolerance, "{name}: {what} {difference}");
        };
        check("logits", network.logits(&pictures), of_logits);
        if let Some(of_features) = of_features {
            check("embeddings", network.embeddings(&pictures), of_features);
        }
    }
}

/// From the file to the label: decoding, resizing and the network together.
#[test]
fn photos_are_labelled_as_timm_does() {
    let Some(data) = real_data() else { return };
    let (samples, weights) = (data.join("images/imagenet_samples"), data.join("weights"));
    let synsets = fs::read_to_string(samples.join("synset.txt")).unwrap();
    let synsets: Vec<&str> = synsets.lines().filter_map(|line| line.split(' ').next()).collect();
    let lite = weights.join("tf_efficientnet_lite0.in1k");
    // How many are to be as timm says, and how many are right.
    for (name, reference, least, right) in [
        ("resnet18.ktb_in1k", samples.join("timm_resnet18_top5.json"), 59, 44),
        ("mobilenetv2_100.qat_in1k", samples.join("timm_mobilenetv2_100_top5.json"), 59, 49),
        ("tf_efficientnet_lite0.in1k", lite.join("timm_top5_61.json"), 60, 52),
    ] {
        let folder = weights.join(name);
        let network = Pretrained::new(&folder, &folder);
        let reference = fs::read_to_string(reference).unwrap();
        let reference: BTreeMap<String, Vec<(usize, f64)>> =
            serde_json::from_str(&reference).unwrap();
        assert_eq!(reference.len(), 61);
        let (mut same, mut found_right) = (0, 0);
        for (photo, top) in &reference {
            let picture = decode(&samples.join("images").join(photo)).unwrap();
            let found = top1(&network.logits(&[picture])[0]);
            if found != top[0].0 {
                eprintln!("{name}: {photo} is {found}, timm says {top:?}");
            }
            same += usize::from(found == top[0].0);
            // The name of a photo begins with that of its label.
            found_right += usize::from(photo.split('_').next() == Some(synsets[found]));
        }
        eprintln!("{name}: {same} as timm, {found_right} right");
        assert!(same >= least, "{name}: {same} as timm");
        assert_eq!(found_right, right, "{name}: right");
    }
}
