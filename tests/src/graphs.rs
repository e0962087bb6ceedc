//! Networks as ONNX: of every family one is traced, written, and run by two programs that know nothing of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use burn::prelude::*;
use rekindle::ExportConfig;
use rekindle_lab::parity::{Reference, graph};
use rekindle_onnx::{
    Check, Error, Runtime, TOLERANCE, check_path, export, read_check, verify, write_check,
};
use rekindle_skip::python;

use crate::support::{golden_path, pictures};

/// Writes the networks of all golden files into a folder.
fn written(folder: &Path) -> Vec<PathBuf> {
    let goldens = golden_path("any");
    let mut paths: Vec<_> = fs::read_dir(goldens.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut written = Vec::new();
    for path in paths {
        let made = graph(&Reference::read(&path).unwrap());
        let made = made.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let Some((onnx, recorded)) = made else { continue };
        let to = folder.join(path.file_name().unwrap()).with_extension("onnx");
        onnx.write(&to).unwrap();
        write_check(&check_path(&to), &recorded).unwrap();
        written.push(to);
    }
    written
}

/// Every golden network, on batches of several sizes and texts of several lengths.
#[test]
fn graphs_compute_what_networks_do() {
    let folder = tempfile::tempdir().unwrap();
    let written = written(folder.path());
    assert!(written.len() > 40, "{} graphs", written.len());
    for path in &written {
        let found = verify(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(found.batches >= 3, "{}: {found:?}", path.display());
        assert!(found.difference < TOLERANCE, "{}: {found:?}", path.display());
    }
    // Another input is another output: the comparison can fail.
    let mut batches = read_check(&check_path(&written[0])).unwrap().batches;
    let runtime = Runtime::open(&written[0]).unwrap();
    let given = runtime.run(&batches[0].inputs).unwrap();
    assert!(batches[0].difference(&given).unwrap() < TOLERANCE);
    let other = batches.swap_remove(1);
    assert_ne!(other.difference(&given), batches[0].difference(&given));

    let Some(python) = python(&["onnxruntime", "safetensors"]) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/onnx_check.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), written.len(), "{text}");
    for line in lines {
        let difference: f64 = line.split(' ').next_back().unwrap().parse().unwrap();
        assert!(difference < TOLERANCE, "{line}");
    }
}

/// The starter, in float32 and in float16, as the binary writes it: answers are those of `predict`.
#[test]
fn a_saved_model_is_a_graph_with_its_answers() {
    let weights =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../weights/resnet20_cifar.doodles.safetensors");
    let (model, _) = rekindle::Model::open(None, &weights, &Device::flex()).unwrap();
    let config = ExportConfig { embeddings: true, ..ExportConfig::default() };
    let exported = model.export(&config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("starter.onnx");
    let written = exported.save(&whole).unwrap();
    assert_eq!(written.tokenizer, None);
    assert!(verify(&whole).unwrap().difference < TOLERANCE);

    let images = pictures([3, 3, 32, 32], &Device::flex());
    let inputs = [("images".to_owned(), images.clone().into_data())].into_iter().collect();
    let given = Runtime::open(&whole).unwrap().run(&inputs).unwrap();
    let names: Vec<&str> = given.keys().map(String::as_str).collect();
    assert_eq!(names, ["embeddings", "logits", "probabilities"]);
    for row in given["probabilities"].chunks(model.names().len()) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
    }
    let logits: Vec<f32> = model.network().forward(images).into_data().iter::<f32>().collect();
    let apart = |given: &[f32]| {
        let pairs = given.iter().zip(&logits);
        pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
    };
    assert!(apart(&given["logits"]) < 1e-4, "{}", apart(&given["logits"]));

    let half = folder.path().join("half.onnx");
    exported.half().save(&half).unwrap();
    let sizes = [&whole, &half].map(|path| fs::metadata(path).unwrap().len());
    assert!(sizes[1] * 100 < sizes[0] * 56, "{sizes:?}");
    let given = Runtime::open(&half).unwrap().run(&inputs).unwrap();
    let apart = apart(&given["logits"]);
    assert!(apart > 1e-6 && apart < 0.05, "{apart}");
    let found = verify(&half).unwrap();
    assert!(found.difference > 1e-6 && found.difference < found.tolerance, "{found:?}");
    // The network is as it was: what batch norms found was not moved with a trace.
    assert!(model.export(&config).is_ok());
}

/// A graph that resizes pictures itself answers as the model does to the pictures.
#[test]
fn a_graph_prepares_pictures_itself() {
    let weights =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../weights/resnet20_cifar.doodles.safetensors");
    let (model, _) = rekindle::Model::open(None, &weights, &Device::flex()).unwrap();
    let config = ExportConfig { preprocessing: true, ..ExportConfig::default() };
    let exported = model.export(&config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("starter.onnx");
    exported.save(&path).unwrap();
    let batches = &exported.check.batches;
    let sizes: Vec<_> =
        batches.iter().map(|batch| batch.inputs["pixels"].shape().to_vec()).collect();
    assert!(sizes.len() > 1 && sizes[0] != sizes[1], "{sizes:?}");
    let found = verify(&path).unwrap();
    assert!(found.difference < 5e-3, "{found:?}");
}

/// What cannot be a graph is an error that says why.
#[test]
fn what_is_no_graph_is_said() {
    let device = Device::flex();
    let batch = |count| Tensor::<2>::ones([count, 4], &device);
    let examples = [2, 3, 5].map(batch);
    let reads = export(&examples, &["y"], |x, _| {
        let sum: f32 = (x.clone() + 1.0).sum().into_scalar();
        vec![x * sum]
    });
    assert!(matches!(reads, Err(Error::NotTraced { .. })), "{reads:?}");
    let steps = export(&examples, &["y"], |x, _| {
        vec![(0..x.dims()[0]).fold(x.clone(), |sum, _| sum + x.clone())]
    });
    assert!(matches!(steps, Err(Error::OtherSteps { ref what }) if what == "batch"), "{steps:?}");
    let constants = export(&examples, &["y"], |x, device| {
        let rows = x.dims()[0];
        let values: Vec<f32> = (0..rows).map(|row| (row * rows) as f32).collect();
        let factors = Tensor::<1>::from_floats(values.as_slice(), device);
        vec![x * factors.reshape([rows, 1])]
    });
    assert!(matches!(constants, Err(Error::Constant)), "{constants:?}");
    let sorted = export(&examples, &["y"], |x, _| vec![x.sort(1)]);
    assert!(matches!(sorted, Err(Error::Operation { .. })), "{sorted:?}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.onnx");
    let missing = verify(&path);
    assert!(missing.is_err(), "{missing:?}");
    fs::write(&path, b"no graph").unwrap();
    let broken = Runtime::open(&path).unwrap_err().to_string();
    assert!(broken.contains("broken.onnx"), "{broken}");
}

/// More numbers than a protocol buffer holds lie in a file beside it, and both programs find them there.
#[test]
fn numbers_may_lie_beside_the_graph() {
    let device = Device::flex();
    let batch = |count| pictures([count, 1, 8, 8], &device).flatten::<2>(1, 3);
    let examples = [2, 3, 5].map(batch);
    let weights = pictures([1, 1, 64, 64], &device).reshape([64, 64]);
    let run = |x: Tensor<2>, device: &Device| vec![x.matmul(weights.clone().to_device(device))];
    let onnx = export(&examples, &["y"], run).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.onnx");
    onnx.write_inline(&path, 1000).unwrap();
    let beside = fs::metadata(folder.path().join("large.onnx.data")).unwrap().len();
    assert_eq!(beside, 64 * 64 * 4);
    assert!(fs::metadata(&path).unwrap().len() < 1000);
    let recorded = rekindle_onnx::Recorded::of(examples[0].clone(), &["y"], |x| run(x, &device));
    let check = Check { batches: vec![recorded], tolerance: TOLERANCE };
    write_check(&check_path(&path), &check).unwrap();
    assert!(verify(&path).unwrap().difference < 1e-5);
}
