//! Digests of networks, to tell whether two are the same.

use burn::{
    module::{Module, Param},
    prelude::*,
};
use rekindle_layers::{NameStack, ParameterVisitor, visit_parameters};
use sha2::{Digest, Sha256};

/// The SHA-256, in hexadecimal, of all float tensors of a module whose name is asked for.
///
/// The module must be in validation: one that trains holds back its last update of the running statistics.
pub fn digest<M: Module>(module: &M, of: impl Fn(&str) -> bool) -> String {
    let mut visitor = Hasher { of, hash: Sha256::new() };
    visit_parameters(module, &mut visitor);
    format!("{:x}", visitor.hash.finalize())
}

struct Hasher<F> {
    of: F,
    hash: Sha256,
}

impl<F: Fn(&str) -> bool> ParameterVisitor for Hasher<F> {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        let name = at.name();
        if (self.of)(&name) {
            self.hash.update(name.as_bytes());
            self.hash.update(param.val().into_data().as_bytes());
        }
    }
}
