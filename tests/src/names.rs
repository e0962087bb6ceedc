//! Every variant has the tensors that timm's has: the same names, the same shapes, none more or fewer.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
    process::Command,
};

use burn::prelude::*;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, load};
use rekindle_layers::parameters;
use rekindle_vision::architectures;
use sha2::{Digest, Sha256};

use crate::support::{network, smallest};

/// Classes of the listings.
const CLASSES: usize = 1000;

/// A file of `tests/names`, as `tests/reference/timm_names.py` wrote it.
fn committed(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("names").join(name);
    fs::read_to_string(path).unwrap()
}

/// Whether timm has the network.
fn is_of_timm(name: &str) -> bool {
    !name.ends_with("_cifar")
}

/// The networks that are compared line by line.
fn smallest_of_timm() -> impl Iterator<Item = &'static str> {
    smallest().into_iter().filter(|name| is_of_timm(name))
}

/// The tensors as they would be saved, a line each, sorted.
fn listing(name: &str) -> String {
    let (model, naming) = network(name, 3, CLASSES, &Device::flex());
    let mut tensors = Vec::new();
    for parameter in naming.wanted(&model) {
        let name = parameter.name.clone();
        // The counter that PyTorch keeps beside each batch norm, and that is saved with it.
        if let Some(norm) = name.strip_suffix("running_var") {
            tensors.push((format!("{norm}num_batches_tracked"), vec![]));
        }
        tensors.push((name, parameter.checkpoint_shape()));
    }
    tensors.sort();
    tensors.iter().map(|(name, shape)| format!("{name} {shape:?}\n")).collect()
}

#[test]
fn the_names_and_shapes_of_every_variant_are_timms() {
    let all = committed("all.txt");
    let mut rows = all.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    for name in architectures().map(|row| row.name) {
        let row = rows.iter().position(|row| row.split(' ').next() == Some(name));
        let Some(row) = row else {
            assert!(!is_of_timm(name), "{name} is not in names/all.txt: list it");
            continue;
        };
        let listing = listing(name);
        let digest: String =
            Sha256::digest(&listing).iter().map(|byte| format!("{byte:02x}")).collect();
        let ours = format!("{name} {} {digest}", listing.lines().count());
        let theirs = rows.swap_remove(row);
        if ours != theirs {
            let path = std::env::temp_dir().join(format!("{name}.txt"));
            fs::write(&path, &listing).unwrap();
            let path = path.display();
            panic!("{ours}\n{theirs}\npython tests/reference/timm_names.py compare {name} {path}");
        }
    }
    assert!(rows.is_empty(), "variants that are no more: {rows:?}");
}

/// Cards of a family are of its networks, all of them, with their numbers of parameters.
#[test]
fn every_network_has_its_cards() {
    for family in architectures().map(|row| row.family).collect::<BTreeSet<_>>() {
        let networks = architectures().filter(|row| row.family == family);
        let networks: BTreeMap<_, _> = networks.map(|row| (row.name, row)).collect();
        let families = rekindle_cards::families().unwrap();
        let cards = &families.iter().find(|cards| cards.name == family).unwrap().cards;
        let described: BTreeSet<_> = cards.iter().map(|card| card.architecture.as_str()).collect();
        assert_eq!(networks.keys().copied().collect::<BTreeSet<_>>(), described, "{family}");
        for card in cards {
            let row = networks[card.architecture.as_str()];
            let same = card.classes == row.classes;
            assert!(!same || card.parameters == row.parameters, "{}", card.name());
        }
    }
}

#[test]
fn the_smallest_of_each_family_are_timms_line_by_line() {
    for name in smallest_of_timm() {
        let (ours, theirs) = (listing(name), committed(&format!("{name}.txt")));
        for (ours, theirs) in ours.lines().zip(theirs.lines()) {
            assert_eq!(ours, theirs, "{name}");
        }
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn what_timm_makes_is_loaded_whole() {
    let Some(python) = rekindle_skip::python(&["timm"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/reference/timm_names.py");
    for name in smallest_of_timm() {
        let mut command = Command::new(&python);
        let made = command.args([script, "save"]).arg(folder.path()).arg(name).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let [safetensors, pytorch] = ["safetensors", "pth"].map(|kind| {
            CheckpointFile::open(&folder.path().join(format!("{name}.{kind}"))).unwrap()
        });
        assert_eq!(pytorch.nested_under(), Some("state_dict"), "{name}");
        for (tensor, info) in safetensors.tensors() {
            assert_eq!(pytorch.get(tensor), Some(info), "{name}: {tensor}");
        }
        assert_eq!(pytorch.tensors().count(), safetensors.tensors().count(), "{name}");
        for file in [safetensors, pytorch] {
            let (model, naming) = network(name, 3, CLASSES, &Device::flex());
            let wanted = parameters(&model).len();
            let (_, report) = load(model, &file, &naming, HeadPolicy::Required).unwrap();
            assert_eq!(report.loaded.len(), wanted, "{name}: {report}");
            assert!(report.adapted.is_empty() && report.reinitialized.is_empty(), "{report}");
            let counter = |(name, _): &(String, String)| name.ends_with("num_batches_tracked");
            assert!(report.unused.iter().all(counter), "{name}: {report}");
        }
        for kind in ["safetensors", "pth"] {
            fs::remove_file(folder.path().join(format!("{name}.{kind}"))).unwrap();
        }
    }
}
