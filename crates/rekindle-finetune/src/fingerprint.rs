//! Digests of networks, to tell whether two are the same.

use burn::{
    module::{Module, ModuleVisitor, Param},
    prelude::*,
};
use rekindle_layers::NameStack;
use sha2::{Digest, Sha256};

/// The SHA-256, in hexadecimal, of all float tensors of a module whose name is asked for.
///
/// The module must be in validation: one that trains holds back its last update of the running statistics.
pub fn digest<M: Module>(module: &M, of: impl Fn(&str) -> bool) -> String {
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
