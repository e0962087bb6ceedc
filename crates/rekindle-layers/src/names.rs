//! The checkpoint's name of every tensor in a module.

use burn::{
    module::{ModuleVisitor, Param},
    prelude::*,
};

/// Follows a walk through a module and says what a checkpoint calls the tensor at hand.
///
/// A path of fields is a name already; two things differ. Burn adds the variant where a field is an
/// enum, and calls the parameters of a batch norm `gamma` and `beta`.
#[derive(Debug, Clone, Default)]
pub struct NameStack {
    names: Vec<String>,
    containers: Vec<String>,
}

impl NameStack {
    /// For `enter_module` of a visitor or mapper.
    pub fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    /// For `exit_module` of a visitor or mapper.
    pub fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    /// Burn's path, as parameter groups match it.
    pub fn path(&self) -> String {
        self.names.join(".")
    }

    /// The checkpoint's name of the tensor.
    pub fn name(&self) -> String {
        let named = |(_, container): &(&String, &String)| !container.starts_with("Enum:");
        let mut parts: Vec<&str> = self
            .names
            .iter()
            .zip(&self.containers)
            .filter(named)
            .map(|(name, _)| name.as_str())
            .collect();
        if let (true, Some(last)) = (self.owner() == "BatchNorm", parts.last_mut()) {
            match *last {
                "gamma" => *last = "weight",
                "beta" => *last = "bias",
                _ => {}
            }
        }
        parts.join(".")
    }

    /// Whether the tensor of this rank is a linear layer's weight, `[in, out]` in Burn and
    /// `[out, in]` in checkpoints.
    pub fn is_transposed(&self, rank: usize) -> bool {
        rank == 2 && self.owner() == "Linear"
    }

    /// The struct that holds the tensor, such as `Linear`.
    fn owner(&self) -> &str {
        self.containers
            .last()
            .map_or("", |container| container.strip_prefix("Struct:").unwrap_or(container.as_str()))
    }
}

/// A tensor of a module, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterInfo {
    /// The checkpoint's name.
    pub name: String,
    /// Burn's path, as parameter groups match it.
    pub path: String,
    /// Burn's shape.
    pub shape: Vec<usize>,
    /// Whether the checkpoint's shape is the reverse.
    pub transposed: bool,
    /// Whether training changes it by gradients, as it does not change running statistics.
    pub learned: bool,
}

impl ParameterInfo {
    /// The checkpoint's shape.
    pub fn checkpoint_shape(&self) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.transposed {
            shape.reverse();
        }
        shape
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Lists the float tensors of a module in the order of its fields, without initializing them.
pub fn parameters<M: Module>(module: &M) -> Vec<ParameterInfo> {
    let mut visitor = Lister::default();
    module.visit(&mut visitor);
    visitor.found
}

#[derive(Default)]
struct Lister {
    names: NameStack,
    found: Vec<ParameterInfo>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.names.name();
        self.found.push(ParameterInfo {
            learned: !name.ends_with("running_mean") && !name.ends_with("running_var"),
            name,
            path: self.names.path(),
            shape: param.lazy_shape().to_vec(),
            transposed: self.names.is_transposed(D),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchNorm, BatchNormConfig};
    use burn::nn::{Linear, LinearConfig};

    #[derive(Module, Debug)]
    enum Layer {
        Norm(BatchNorm),
    }

    #[derive(Module, Debug)]
    struct Net {
        features: Vec<Layer>,
        down: (Option<Linear>, Linear),
    }

    #[test]
    fn names_are_the_checkpoints() {
        let device = Device::flex();
        let linear = LinearConfig::new(3, 2).with_bias(false);
        let net = Net {
            features: vec![Layer::Norm(
                BatchNormConfig { channels: 4, epsilon: 1e-5 }.init(&device),
            )],
            down: (None, linear.init(&device)),
        };
        let found = parameters(&net);
        let names: Vec<_> = found.iter().map(|p| (p.name.as_str(), p.learned)).collect();
        let expected = [
            ("features.0.weight", true),
            ("features.0.bias", true),
            ("features.0.running_mean", false),
            ("features.0.running_var", false),
            ("down.1.weight", true),
        ];
        assert_eq!(names, expected);
        assert_eq!(found[0].path, "features.0.Norm.gamma");
        assert_eq!(
            (found[4].shape.as_slice(), found[4].checkpoint_shape()),
            ([3, 2].as_slice(), vec![2, 3])
        );
    }
}
