//! A few golden files go through the comparison that `cargo xtask parity` makes.

use std::{collections::BTreeSet, fs, path::PathBuf};

use rekindle_lab::parity::{Agreement, Error, Golden, Reference, agreement, check};
use rekindle_vision::{Architecture, architectures};

use crate::support::{golden, golden_path};

#[test]
fn networks_agree_with_their_references() {
    let folder = golden_path("any");
    let mut paths: Vec<_> = fs::read_dir(folder.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    // One of each kind of network that is no picture's at least.
    for name in [
        "hf__bert",
        "hf__deberta-v2",
        "hf__distilbert",
        "hf__electra",
        "hf__modernbert",
        "hf__mpnet",
        "hf__roberta",
        "hf__xlm-roberta",
        "net__bigru__layers2",
        "net__bilstm",
        "net__conv1d__layers2_kernel3",
        "net__gru",
        "net__lstm",
        "net__mean",
        "torch__attention",
        "torch__conv1d__kernel_size3_dilation2",
        "torch__gru__bidirectional1_units16_features24",
        "torch__lstm__num_layers2_bidirectional1",
        "torch__rnn",
    ] {
        let path = folder.with_file_name(format!("{name}.json"));
        assert!(paths.contains(&path), "{name} is not in {paths:?}");
    }
    for family in architectures().map(|row| row.family).collect::<BTreeSet<_>>() {
        let proven = |path: &PathBuf| {
            let Ok(golden) = Golden::read(path) else { return false };
            Architecture::find(golden.architecture()).is_ok_and(|row| row.family == family)
        };
        assert!(paths.iter().any(proven), "{family} has no golden file");
    }
    for path in paths {
        let agreement = agreement(&Reference::read(&path).unwrap()).unwrap();
        eprintln!("{}: {agreement:?}", path.display());
        assert!(agreement.holds(), "{}: {:?}", path.display(), agreement.failures);
    }
}

/// One number changed, by more than the tolerance allows, is found and named.
#[test]
fn damage_is_found() {
    type Damage = fn(&mut Golden);
    let rows: [(&str, Damage); 9] = [
        ("logits", |golden| golden.logits.value[3] += 2e-3 * golden.logits.l2),
        ("logits", |golden| golden.logits.shape = vec![1, 20]),
        ("logits", |golden| golden.logits.value[0] = f64::NAN),
        ("features", |golden| golden.features.as_mut().unwrap().l2 *= 1.01),
        ("loss", |golden| golden.train.loss *= 1.01),
        ("layer2.0.conv1.weight", |golden| {
            golden.train.gradients.get_mut("layer2.0.conv1.weight").unwrap().l2 *= 1.01;
        }),
        ("fc.weight", |golden| {
            golden.train.gradients.get_mut("fc.weight").unwrap().shape.reverse();
        }),
        ("bn1.weight", |golden| {
            golden.train.gradients.remove("bn1.weight");
        }),
        ("bn1.running_var", |golden| {
            let digest = golden.train.running.get_mut("bn1.running_var").unwrap();
            digest.value[1] += 0.01 * digest.l2;
        }),
    ];
    for (what, damage) in rows {
        let mut golden = golden("test_resnet");
        damage(&mut golden);
        let Agreement { failures, .. } = check(&golden).unwrap();
        assert!(failures.len() == 1 && failures[0].starts_with(what), "{what}: {failures:?}");
    }
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let mut unknown = golden("test_resnet");
    unknown.model = "timm/resnet19".to_owned();
    assert!(matches!(check(&unknown), Err(Error::Unknown(_))));
    // The weights of another network do not fit.
    unknown.model = "timm/resnet18".to_owned();
    assert!(matches!(check(&unknown), Err(Error::Checkpoint(_))));

    let text = fs::read_to_string(golden_path("test_resnet")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("golden.json");
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        Golden::read(&path).map(|_| ())
    };
    assert!(read(&text).is_ok());
    assert!(matches!(read("garbage"), Err(Error::Parse { .. })));
    assert!(matches!(read(&text[..text.len() / 2]), Err(Error::Parse { .. })));
    let torchvision = text.replace("timm/test_resnet", "torchvision/resnet18");
    assert!(matches!(read(&torchvision), Err(Error::Library { .. })));
    let targets = text.replace("\"targets\":[1,3]", "\"targets\":[1,10]");
    assert!(matches!(read(&targets), Err(Error::Inconsistent { .. })));
    assert!(matches!(Golden::read(&folder.path().join("none")), Err(Error::Read { .. })));
}
