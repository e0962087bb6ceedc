//! Loading accounts for every tensor: loaded, adapted, re-initialized, unused, or one error for all.

use std::{collections::BTreeMap, fs, path::PathBuf};

use burn::prelude::*;
use rekindle_checkpoint::{
    CheckpointFile, Dtype, Error, FileError, HeadPolicy, LoadReport, Naming, load, save,
};
use tempfile::TempDir;

use crate::support::{
    Bits, FileTensor, Model, bits, float_tensor, float_tensors, network, pictures, write,
};

/// A saved network with random weights, and a folder for more files.
struct Saved {
    name: &'static str,
    folder: TempDir,
    file: CheckpointFile,
    bits: Bits,
}

const CLASSES: usize = 10;

impl Saved {
    fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved.safetensors");
        let (model, naming) = network(name, 3, CLASSES, &Device::flex());
        save(&model, &path, &naming, &BTreeMap::new()).unwrap();
        let file = CheckpointFile::open(&path).unwrap();
        Self { name, folder, file, bits: bits(&model, &naming) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("other.safetensors")
    }

    /// Loads a file into a network of the same architecture.
    fn load(
        &self,
        file: &CheckpointFile,
        channels_in: usize,
        classes: usize,
        policy: HeadPolicy,
    ) -> Result<(Bits, LoadReport), Error> {
        let (model, naming): (Model, Naming) =
            network(self.name, channels_in, classes, &Device::flex());
        load(model, file, &naming, policy).map(|(model, report)| (bits(&model, &naming), report))
    }

    /// Loads the tensors of the saved file after they were changed.
    fn load_changed(&self, change: impl FnOnce(&mut Vec<FileTensor>)) -> Result<LoadReport, Error> {
        let mut tensors = float_tensors(&self.file);
        change(&mut tensors);
        let file = write(&self.path(), &tensors);
        self.load(&file, 3, CLASSES, HeadPolicy::IfSameSize).map(|(_, report)| report)
    }
}

fn problems(error: Error) -> Vec<String> {
    match error {
        Error::Mismatch { problems, .. } => problems,
        other => panic!("{other}"),
    }
}

#[test]
fn the_policy_decides_about_the_head() {
    for (name, head) in [("test_resnet", "fc"), ("resnet20_cifar", "linear")] {
        let saved = Saved::new(name);
        let parts = [format!("{head}.weight"), format!("{head}.bias")];
        // Policy, classes of the network, whether the head is drawn anew; none where it is an error.
        for (policy, classes, fresh) in [
            (HeadPolicy::Required, CLASSES, Some(false)),
            (HeadPolicy::Required, 7, None),
            (HeadPolicy::IfSameSize, CLASSES, Some(false)),
            (HeadPolicy::IfSameSize, 7, Some(true)),
            (HeadPolicy::Fresh, CLASSES, Some(true)),
            (HeadPolicy::Fresh, 7, Some(true)),
        ] {
            let row = format!("{name} {policy:?} {classes}");
            let result = saved.load(&saved.file, 3, classes, policy);
            let Some(fresh) = fresh else {
                let problems = problems(result.unwrap_err());
                assert_eq!(problems.len(), 2, "{row}: {problems:?}");
                assert!(parts.iter().all(|part| problems.iter().any(|p| p.contains(part))));
                continue;
            };
            let (loaded, report) = result.unwrap();
            let drawn: Vec<_> = report.reinitialized.iter().map(|(name, _)| name).collect();
            let expected: Vec<_> = parts.iter().filter(|_| fresh).collect();
            assert_eq!(drawn, expected, "{row}");
            let unused = |name: &str| report.unused.iter().any(|(unused, _)| unused == name);
            for (tensor, bits) in &loaded {
                let head = parts.contains(tensor);
                assert_eq!(*bits != saved.bits[tensor], head && fresh, "{row}: {tensor}");
                assert_eq!(unused(tensor), head && fresh, "{row}: {tensor}");
                assert_ne!(report.loaded.contains(tensor), head && fresh, "{row}: {tensor}");
            }
        }
    }
}

#[test]
fn a_head_that_reads_other_embeddings_is_another_architectures() {
    let saved = Saved::new("test_resnet");
    let problems = problems(
        saved
            .load_changed(|tensors| {
                tensors.retain(|(entry, _)| !entry.name.starts_with("fc."));
                tensors.push(float_tensor("fc.weight", &[7, 5], &[0.0; 35]));
                tensors.push(float_tensor("fc.bias", &[10], &[0.0; 10]));
            })
            .unwrap_err(),
    );
    assert_eq!(problems, ["shape: fc.weight is [7, 5] in the file, [10, 96] in the network"]);
}

/// A file may hold anything under the head's names; other classes alone are excused.
#[test]
fn a_head_of_any_rank_is_no_panic() {
    let saved = Saved::new("test_resnet");
    for (name, shape, excused) in [
        ("fc.weight", vec![], false),
        ("fc.weight", vec![96], false),
        ("fc.weight", vec![10, 95], false),
        ("fc.weight", vec![10, 96, 1, 1], false),
        ("fc.weight", vec![7, 96, 1, 1], false),
        ("fc.weight", vec![0, 96], true),
        ("fc.weight", vec![7, 96], true),
        ("fc.bias", vec![], false),
        ("fc.bias", vec![10, 1], false),
        ("fc.bias", vec![0], true),
        ("fc.bias", vec![7], true),
    ] {
        let result = saved.load_changed(|tensors| {
            tensors.retain(|(entry, _)| entry.name != name);
            let count = shape.iter().product();
            tensors.push(float_tensor(name, &shape, &vec![0.0; count]));
        });
        match result {
            Ok(report) => {
                assert!(excused, "{name} {shape:?}");
                assert_eq!(report.reinitialized.len(), 2, "{name} {shape:?}: {report}");
            }
            Err(error) => {
                assert!(!excused, "{error}");
                let problems = problems(error);
                assert!(problems.len() == 1 && problems[0].contains(name), "{problems:?}");
            }
        }
    }
}

#[test]
fn a_checkpoint_without_a_head_gets_one() {
    let saved = Saved::new("test_resnet");
    let drop_head = |tensors: &mut Vec<FileTensor>| {
        tensors.retain(|(entry, _)| !entry.name.starts_with("fc."));
    };
    let report = saved.load_changed(drop_head).unwrap();
    let why = "the checkpoint has none".to_owned();
    let expected = [("fc.weight".to_owned(), why.clone()), ("fc.bias".to_owned(), why)];
    assert_eq!(report.reinitialized, expected);
    assert!(report.unused.is_empty(), "{report}");
}

#[test]
fn everything_that_disagrees_is_in_one_error() {
    let saved = Saved::new("test_resnet");
    let error = saved
        .load_changed(|tensors| {
            tensors.retain(|(entry, _)| entry.name != "layer1.0.conv1.weight");
            tensors.push(float_tensor("layer9.0.conv1.weight", &[2], &[0.0; 2]));
            for (entry, values) in tensors {
                match entry.name.as_str() {
                    "bn1.weight" => {
                        entry.shape = vec![2];
                        values.truncate(8);
                    }
                    "layer4.0.bn1.bias" => {
                        entry.dtype = Dtype::I32;
                    }
                    _ => {}
                }
            }
        })
        .unwrap_err();
    let text = error.to_string();
    let path = saved.path();
    assert!(text.starts_with(path.to_str().unwrap()) && text.contains("4 problems"), "{text}");
    let expected = [
        "shape: bn1.weight is [2] in the file, [32] in the network",
        "missing: layer1.0.conv1.weight [32, 32, 3, 3]",
        "not a float tensor: layer4.0.bn1.bias is I32",
        "left over: layer9.0.conv1.weight",
    ];
    let problems = problems(error);
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn another_architecture_does_not_load() {
    let saved = Saved::new("test_resnet");
    let (model, naming) = network("test_efficientnet", 3, CLASSES, &Device::flex());
    let error = load(model, &saved.file, &naming, HeadPolicy::Fresh).unwrap_err();
    assert!(problems(error).len() > 50);
}

#[test]
fn a_truncated_file_is_refused_when_opened_and_when_read() {
    let saved = Saved::new("test_resnet");
    let whole = fs::read(saved.file.path()).unwrap();
    let path = saved.path();
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(CheckpointFile::open(&path).is_err(), "{length}");
    }
    fs::write(&path, &whole).unwrap();
    let file = CheckpointFile::open(&path).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(whole.len() as u64 / 2)
        .unwrap();
    let error = saved.load(&file, 3, CLASSES, HeadPolicy::Required).unwrap_err();
    assert!(matches!(error, Error::File(FileError::Read { .. })), "{error}");
}

#[test]
fn half_precision_is_widened() {
    let saved = Saved::new("test_resnet");
    let half = |value: f32| half::f16::from_f32(value).to_le_bytes();
    let brain = |value: f32| half::bf16::from_f32(value).to_le_bytes();
    let widen_half = |bytes| half::f16::from_le_bytes(bytes).to_f32();
    let widen_brain = |bytes| half::bf16::from_le_bytes(bytes).to_f32();
    type Narrow = fn(f32) -> [u8; 2];
    type Widen = fn([u8; 2]) -> f32;
    let rows: [(Dtype, Narrow, Widen); 2] =
        [(Dtype::F16, half, widen_half), (Dtype::BF16, brain, widen_brain)];
    for (dtype, narrow, widen) in rows {
        let mut tensors = float_tensors(&saved.file);
        for (entry, values) in &mut tensors {
            entry.dtype = dtype;
            let floats = values.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            *values = floats.flat_map(narrow).collect();
        }
        let file = write(&saved.path(), &tensors);
        let (loaded, _) = saved.load(&file, 3, CLASSES, HeadPolicy::Required).unwrap();
        for (name, bits) in &saved.bits {
            let expected: Vec<u32> =
                bits.iter().map(|&bits| widen(narrow(f32::from_bits(bits))).to_bits()).collect();
            assert_eq!(loaded[name], expected, "{dtype} {name}");
        }
    }
}

/// The bits of weights for so many channels, made of those for colors.
fn adapted_colors(colors: &[f32], pixels: usize, channels: usize) -> Vec<u32> {
    let filter = |filter: &[f32]| {
        let at = |channel: usize, pixel: usize| filter[channel * pixels + pixel];
        let value = |index: usize| match (channels, index / pixels, index % pixels) {
            (1, _, pixel) => at(0, pixel) + at(1, pixel) + at(2, pixel),
            (_, channel, pixel) => at(channel % 3, pixel) * (3.0 / channels as f32),
        };
        (0..channels * pixels).map(|index| value(index).to_bits()).collect::<Vec<_>>()
    };
    colors.chunks_exact(3 * pixels).flat_map(filter).collect()
}

/// `timm.models._manipulate.adapt_input_conv`: one channel is the sum of the three; more repeat them
/// and are scaled by 3 / channels, so that a gray picture gives the same map.
#[test]
fn the_first_convolution_is_adapted_as_timm_does() {
    // Networks whose pictures are read by one convolution, and by two; each with the pixels of its windows.
    let rows: [(&str, &[(&str, usize)]); 3] = [
        ("test_resnet", &[("conv1.0.weight", 9)]),
        ("resnet20_cifar", &[("conv1.weight", 9)]),
        ("repvgg_a0", &[("stem.conv_kxk.conv.weight", 9), ("stem.conv_1x1.conv.weight", 1)]),
    ];
    for (name, convolutions) in rows {
        let saved = Saved::new(name);
        for channels in [1, 2, 4, 6] {
            let (mut loaded, report) =
                saved.load(&saved.file, channels, CLASSES, HeadPolicy::Required).unwrap();
            let how = format!("{channels} input channels from 3");
            let adapted = convolutions.iter().map(|(first, _)| ((*first).to_owned(), how.clone()));
            assert_eq!(report.adapted, adapted.collect::<Vec<_>>());
            for &(first, pixels) in convolutions {
                let colors = saved.bits[first].iter().map(|&bits| f32::from_bits(bits));
                let expected = adapted_colors(&colors.collect::<Vec<_>>(), pixels, channels);
                assert_eq!(loaded.remove(first), Some(expected), "{name} {channels}");
            }
            assert!(loaded.into_iter().all(|(tensor, bits)| saved.bits[&tensor] == bits));
        }
    }
    // A checkpoint that read one channel says nothing about colors.
    let device = Device::flex();
    let (gray, naming) = network("test_resnet", 1, CLASSES, &device);
    assert_eq!(gray.forward(pictures([2, 1, 40, 33], &device)).dims(), [2, CLASSES]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gray.safetensors");
    save(&gray, &path, &naming, &BTreeMap::new()).unwrap();
    let file = CheckpointFile::open(&path).unwrap();
    let (color, naming) = network("test_resnet", 3, CLASSES, &device);
    let error = load(color, &file, &naming, HeadPolicy::Required).unwrap_err();
    assert!(problems(error)[0].contains("conv1.0.weight is [16, 1, 3, 3] in the file"));
}

#[test]
fn the_report_is_a_table() {
    let saved = Saved::new("test_resnet");
    let (_, report) = saved.load(&saved.file, 1, 7, HeadPolicy::IfSameSize).unwrap();
    let counters = saved.file.tensors().filter(|(_, info)| info.dtype == Dtype::I64).count();
    let loaded = saved.bits.len() - 3;
    let unused = counters + 2;
    let expected = format!(
        "\
{loaded} loaded, 1 adapted, 2 re-initialized, {unused} unused
  adapted        conv1.0.weight           1 input channels from 3
  re-initialized fc.weight                7 classes, the checkpoint has 10
  re-initialized fc.bias                  7 classes, the checkpoint has 10
  unused         fc.weight                classifier of another task
  unused         fc.bias                  classifier of another task
  unused         {counters} counters of batches (num_batches_tracked)"
    );
    assert_eq!(report.to_string(), expected);
}
