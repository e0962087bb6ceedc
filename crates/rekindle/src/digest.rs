//! Digests of networks and of pictures, to tell whether two are the same.

use std::path::Path;

use burn::{
    module::{Module, ModuleVisitor, Param},
    prelude::*,
};
use rekindle_images::{Sample, Source};
use rekindle_layers::NameStack;
use sha2::{Digest, Sha256};

/// The SHA-256, in hexadecimal, of all float tensors of a module whose name is asked for.
///
/// The module must be in validation: one that trains holds back its last update of the running statistics.
pub(crate) fn digest<M: Module>(module: &M, of: impl Fn(&str) -> bool) -> String {
    let mut visitor = Hasher { of, names: NameStack::default(), hash: Sha256::new() };
    module.visit(&mut visitor);
    format!("{:x}", visitor.hash.finalize())
}

struct Hasher<F> {
    of: F,
    names: NameStack,
    hash: Sha256,
}

impl<F: Fn(&str) -> bool> ModuleVisitor for Hasher<F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.names.name();
        if (self.of)(&name) {
            self.hash.update(name.as_bytes());
            self.hash.update(param.val().into_data().as_bytes());
        }
    }
}

/// Names, lengths and labels of samples, as a digest; not where they lie, so that a data set may be moved.
pub fn digest_samples(samples: &[Sample]) -> String {
    let mut hash = Sha256::new();
    for sample in samples {
        match &sample.item {
            Source::File(path) => {
                let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
                hash.update(parent.as_encoded_bytes());
                hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
                let length = std::fs::metadata(path).map_or(0, |file| file.len());
                hash.update(length.to_le_bytes());
            }
            Source::Memory(picture) => hash.update(picture.pixels()),
        }
        hash.update(sample.label.to_le_bytes());
        // Most weigh the same, and had no weight to be told apart by before there were any.
        if sample.weight != 1.0 {
            hash.update(sample.weight.to_le_bytes());
        }
    }
    format!("{} of digest {:x}", samples.len(), hash.finalize())
}
