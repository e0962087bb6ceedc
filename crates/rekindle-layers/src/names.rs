//! The checkpoint's name of every tensor in a module, and walks through modules that know it.

use burn::{
    module::{Flag, ModuleMapper, ModuleVisitor, Param},
    prelude::*,
};

/// How Burn's modules of one kind differ from what a checkpoint says of them.
struct Kind {
    /// Names of Burn's structs; ours are called the same.
    structs: &'static [&'static str],
    /// Burn's name of a parameter, and the checkpoint's.
    names: &'static [(&'static str, &'static str)],
    /// Matrices are `[in, out]` in Burn and `[out, in]` in checkpoints.
    transposed: bool,
}

/// What is in no row (convolutions, embeddings, tokens of a network's own) has the checkpoint's names and layout.
const KINDS: [Kind; 3] = [
    Kind {
        structs: &["BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RmsNorm"],
        names: &[("gamma", "weight"), ("beta", "bias")],
        transposed: false,
    },
    Kind { structs: &["Linear"], names: &[], transposed: true },
    Kind { structs: &["PRelu"], names: &[("alpha", "weight")], transposed: false },
];

/// The structs that hold the weight of a linear layer, `[in, out]` or `[out, in]`.
const LINEAR: [&str; 2] = ["Linear", "Projection"];

/// What ends the name of a list whose items a checkpoint counts from one and calls by it: `b_n` for `b1`, `b2`.
const COUNTED: &str = "_n";

/// The struct that holds one direction of a recurrent layer.
const RECURRENT: &str = "RecurrentCell";

/// Where a walk through a module is, and what a checkpoint calls the tensor at hand.
///
/// A path of fields is a name already; two things differ. Burn adds the variant where a field is an
/// enum, and has its own names for the parameters of norms.
#[derive(Debug, Clone, Default)]
pub struct NameStack {
    names: Vec<String>,
    containers: Vec<String>,
}

impl NameStack {
    fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit(&mut self) {
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
        if let (Some(kind), Some(last)) = (self.kind(), parts.last_mut())
            && let Some((_, name)) = kind.names.iter().find(|(name, _)| name == last)
        {
            *last = name;
        }
        if let (Some(RECURRENT), [before @ .., _, layer, direction, parameter]) =
            (self.owner(), parts.as_slice())
        {
            // PyTorch numbers the tensors themselves.
            let reverse = if *direction == "reverse" { "_reverse" } else { "" };
            let name = format!("{parameter}_l{layer}{reverse}");
            return before.iter().copied().chain([name.as_str()]).collect::<Vec<_>>().join(".");
        }
        joined(&parts)
    }

    /// Whether the tensor of this rank is a linear layer's weight, `[in, out]` in Burn and
    /// `[out, in]` in checkpoints.
    pub fn is_transposed(&self, rank: usize) -> bool {
        rank == 2 && self.kind().is_some_and(|kind| kind.transposed)
    }

    /// Whether the tensor of this rank is a linear layer's weight, whichever way round: no table, and no recurrent layer's.
    pub fn is_linear(&self, rank: usize) -> bool {
        rank == 2 && self.owner().is_some_and(|owner| LINEAR.contains(&owner))
    }

    /// The struct that holds the tensor, such as `Linear`.
    fn owner(&self) -> Option<&str> {
        let owner = self.containers.last()?;
        Some(owner.strip_prefix("Struct:").unwrap_or(owner))
    }

    /// The row of the struct that holds the tensor, such as `Linear`.
    fn kind(&self) -> Option<&'static Kind> {
        let owner = self.owner()?;
        KINDS.iter().find(|kind| kind.structs.contains(&owner))
    }
}

/// A checkpoint's name from names of fields and places in lists.
fn joined(parts: &[&str]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut list = None;
    for part in parts {
        let place = list.take().zip(part.parse::<usize>().ok());
        match (place, words.last_mut()) {
            (Some((list, place)), Some(last)) => *last = format!("{list}{}", place + 1),
            // What is a word of Rust's has an underscore behind it.
            _ => words.push(part.strip_suffix('_').unwrap_or(part).to_owned()),
        }
        list = part.strip_suffix(COUNTED);
    }
    words.join(".")
}

/// Something to do with each parameter of a module, for [`visit_parameters`].
pub trait ParameterVisitor {
    /// A float tensor, running statistics included.
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>);

    /// A switch, such as the one that says whether a batch norm trains.
    fn flag(&mut self, _at: &NameStack, _flag: &Param<Flag>) {}
}

/// A change of each parameter of a module, for [`map_parameters`].
pub trait ParameterMapper {
    /// What becomes of a float tensor.
    fn float<const D: usize>(
        &mut self,
        at: &NameStack,
        param: Param<Tensor<D>>,
    ) -> Param<Tensor<D>>;
}

/// Shows the parameters of a module to a visitor, in the order of its fields.
pub fn visit_parameters<M: Module>(module: &M, visitor: &mut impl ParameterVisitor) {
    module.visit(&mut Walk { visitor, names: NameStack::default() });
}

/// The module with its parameters changed, in the order of its fields.
pub fn map_parameters<M: Module>(module: M, mapper: &mut impl ParameterMapper) -> M {
    module.map(&mut Walk { visitor: mapper, names: NameStack::default() })
}

struct Walk<'a, V> {
    visitor: &'a mut V,
    names: NameStack,
}

impl<V: ParameterVisitor> ModuleVisitor for Walk<'_, V> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.visitor.float(&self.names, param);
    }

    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.visitor.flag(&self.names, flag);
    }
}

impl<V: ParameterMapper> ModuleMapper for Walk<'_, V> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.visitor.float(&self.names, param)
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
    /// Whether the checkpoint's shape has two axes more, of one each.
    pub pointwise: bool,
    /// Whether it is the weight of a linear layer.
    pub linear: bool,
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
        if self.pointwise {
            shape.extend([1, 1]);
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
    let mut lister = Lister(Vec::new());
    visit_parameters(module, &mut lister);
    lister.0
}

struct Lister(Vec<ParameterInfo>);

impl ParameterVisitor for Lister {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        let name = at.name();
        self.0.push(ParameterInfo {
            learned: !name.ends_with("running_mean") && !name.ends_with("running_var"),
            name,
            path: at.path(),
            shape: param.lazy_shape().to_vec(),
            transposed: at.is_transposed(D),
            pointwise: false,
            linear: at.is_linear(D),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        BatchNorm, BatchNormConfig, Projection, ProjectionConfig, Recurrence, Recurrent,
        RecurrentConfig,
    };
    use burn::nn::{
        Embedding, EmbeddingConfig, GroupNorm, GroupNormConfig, LayerNorm, LayerNormConfig, Linear,
        LinearConfig, PRelu, PReluConfig, RmsNorm, RmsNormConfig,
        conv::{Conv1d, Conv1dConfig},
    };

    #[derive(Module, Debug)]
    enum Layer {
        Norm(BatchNorm),
    }

    #[derive(Module, Debug)]
    struct Net {
        features: Vec<Layer>,
        down: (Option<Linear>, Linear),
        block_n: Vec<Linear>,
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
            block_n: vec![linear.init(&device), linear.init(&device)],
        };
        let found = parameters(&net);
        let names: Vec<_> = found.iter().map(|p| (p.name.as_str(), p.learned)).collect();
        let expected = [
            ("features.0.weight", true),
            ("features.0.bias", true),
            ("features.0.running_mean", false),
            ("features.0.running_var", false),
            ("down.1.weight", true),
            ("block1.weight", true),
            ("block2.weight", true),
        ];
        assert_eq!(names, expected);
        assert_eq!(found[0].path, "features.0.Norm.gamma");
        assert_eq!(
            (found[4].shape.as_slice(), found[4].checkpoint_shape()),
            ([3, 2].as_slice(), vec![2, 3])
        );
    }
    #[derive(Module, Debug)]
    struct Kinds {
        layer: LayerNorm,
        group: GroupNorm,
        rms: RmsNorm,
        linear: Linear,
        embedding: Embedding,
        conv: Conv1d,
        act: PRelu,
        cls_token: Param<Tensor<3>>,
        query: Projection,
        lstm: Recurrent,
    }

    #[test]
    fn a_kind_of_module_has_its_own_names_and_layout() {
        let device = Device::flex();
        let module = Kinds {
            layer: LayerNormConfig::new(2).init(&device),
            group: GroupNormConfig::new(1, 2).init(&device),
            rms: RmsNormConfig::new(2).init(&device),
            linear: LinearConfig::new(2, 3).init(&device),
            embedding: EmbeddingConfig::new(5, 2).init(&device),
            conv: Conv1dConfig::new(2, 4, 3).init(&device),
            act: PReluConfig::new().init(&device),
            cls_token: Param::from_tensor(Tensor::zeros([1, 1, 2], &device)),
            query: ProjectionConfig::new(2, 3).init(&device),
            lstm: RecurrentConfig::new(Recurrence::Gru, 2, 1).init(&device),
        };
        let found = parameters(&module);
        let linear: Vec<_> =
            found.iter().filter(|found| found.linear).map(|found| found.name.as_str()).collect();
        assert_eq!(linear, ["linear.weight", "query.weight"]);
        let found: Vec<_> =
            found.iter().map(|found| (found.name.as_str(), found.checkpoint_shape())).collect();
        let expected: [(&str, &[usize]); 18] = [
            ("layer.weight", &[2]),
            ("layer.bias", &[2]),
            ("group.weight", &[2]),
            ("group.bias", &[2]),
            ("rms.weight", &[2]),
            ("linear.weight", &[3, 2]),
            ("linear.bias", &[3]),
            ("embedding.weight", &[5, 2]),
            ("conv.weight", &[4, 2, 3]),
            ("conv.bias", &[4]),
            ("act.weight", &[1]),
            ("cls_token", &[1, 1, 2]),
            ("query.weight", &[3, 2]),
            ("query.bias", &[3]),
            ("lstm.weight_ih_l0", &[3, 2]),
            ("lstm.weight_hh_l0", &[3, 1]),
            ("lstm.bias_ih_l0", &[3]),
            ("lstm.bias_hh_l0", &[3]),
        ];
        assert_eq!(found, expected.map(|(name, shape)| (name, shape.to_vec())));
    }
}
