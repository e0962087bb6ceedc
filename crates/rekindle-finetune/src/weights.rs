//! A network's weights in a file, and back.

use std::{collections::BTreeMap, path::Path};

use rekindle_checkpoint::{CheckpointFile, HeadPolicy, Naming, save};
use rekindle_layers::Backbone;
use rekindle_transfer::Classifier;

use crate::Error;

/// What parts of a network are called in checkpoints.
pub fn naming<B: Backbone>(network: &Classifier<B>) -> Naming {
    Naming::of(network.backbone(), Classifier::<B>::TRUNK, Classifier::<B>::HEAD)
}

/// A network with the weights of a run, such as `best.safetensors`, in place of its own; the head's too.
///
/// # Errors
///
/// If the file cannot be read, or does not fit to the last tensor.
pub fn load<B: Backbone>(network: Classifier<B>, path: &Path) -> Result<Classifier<B>, Error> {
    read(network, &CheckpointFile::open(path)?)
}

pub(crate) fn read<B: Backbone>(
    network: Classifier<B>,
    file: &CheckpointFile,
) -> Result<Classifier<B>, Error> {
    let naming = naming(&network);
    Ok(rekindle_checkpoint::load(network, file, &naming, HeadPolicy::Required)?.0)
}

pub(crate) fn write<B: Backbone>(
    network: &Classifier<B>,
    path: &Path,
    metadata: &BTreeMap<String, String>,
) -> Result<(), rekindle_checkpoint::Error> {
    save(network, path, &naming(network), metadata)
}
