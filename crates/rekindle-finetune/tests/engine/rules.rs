//! A backbone whose checkpoints are not as its module is: runs save and load by what it says of itself.

use burn::{
    nn::{Linear, LinearConfig},
    prelude::*,
    tensor::activation::relu,
};
use rekindle_checkpoint::CheckpointFile;
use rekindle_data::{Prepare, Sample};
use rekindle_finetune::{
    EngineConfig, EngineFolder, FromPrepared, HeadStart, Items, Trainee, finetune, load, naming,
};
use rekindle_layers::{Backbone, Fusion, Rule, Rules, Stage};
use rekindle_train::{Classify, Train, Validation};
use rekindle_transfer::{Classifier, Frozen, Phase, Plan};

use crate::support::{Looks, MIDDLE, Noise, SIDE, Whole, bits, noise};

const CLASSES: usize = 3;
const WIDTH: usize = 4;

/// Three layers, which checkpoints have as one.
#[derive(Module, Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    #[module(skip)]
    rules: &'static [Rule],
}

const ONE: &[Rule] = &[
    Rule::Split { file: "qkv.weight", parameters: &["query.weight", "key.weight", "value.weight"] },
    Rule::Split { file: "qkv.bias", parameters: &["query.bias", "key.bias", "value.bias"] },
];
/// As the module is.
const THREE: &[Rule] = &[];

impl Attention {
    fn new(side: usize, rules: &'static [Rule], device: &Device) -> Self {
        let linear = || LinearConfig::new(3 * side * side, WIDTH).init(device);
        Self { query: linear(), key: linear(), value: linear(), rules }
    }
}

impl Backbone for Attention {
    type Input = Tensor<4>;
    type Flow = Tensor<2>;

    fn stages(&self) -> Vec<Stage> {
        vec![Stage::vector("all", &["query", "key", "value"], WIDTH)]
    }

    fn enter(&self, input: Tensor<4>) -> Tensor<2> {
        input.flatten(1, 3)
    }

    fn stage(&self, _: usize, x: Tensor<2>) -> Tensor<2> {
        let both = self.query.forward(x.clone()) * self.key.forward(x.clone());
        relu(both + self.value.forward(x))
    }

    fn pool(&self, x: Tensor<2>) -> Tensor<2> {
        x
    }

    fn embed_dim(&self) -> usize {
        WIDTH
    }

    fn rules(&self) -> Rules {
        self.rules.into()
    }
}

/// Trains an epoch, and compares what the run saved with `expected` names and with what was trained.
///
/// `build` makes a network with weights of its own every time.
fn check<B, P>(row: &str, build: impl Fn() -> B, prepare: fn() -> P, expected: &[&str])
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare<Item = Noise>,
{
    let device = Device::flex().autodiff();
    let network = || Classifier::new(build(), CLASSES, &device);
    let items = |count, seed| {
        let pictures = noise(count, seed).into_iter().enumerate();
        let samples = pictures.map(|(place, item)| Sample::new(item, place % CLASSES)).collect();
        Items { samples, prepare: prepare() }
    };
    let files = tempfile::tempdir().unwrap();
    let plan = Plan::new(vec![Phase::new("all", 1, Frozen::Nothing, 0.01)]);
    let config = EngineConfig {
        head: HeadStart::AsItIs,
        probe: false,
        ..EngineConfig::new(plan, Classify::new(CLASSES))
    };
    let outcome = finetune(
        Trainee::new(network(), row),
        (Train(items(8, 1)), Validation(items(4, 2))),
        config,
        Some(&EngineFolder::new(files.path())),
        &mut [],
    )
    .unwrap();
    let weights = outcome.weights.unwrap();
    let file = CheckpointFile::open(&weights).unwrap();
    let names: Vec<&str> = file.tensors().map(|(name, _)| name).collect();
    assert_eq!(names, expected, "{row}");

    let trained = bits(&outcome.network);
    for (name, _) in file.tensors().filter(|(name, _)| name.ends_with("qkv.bias")) {
        let part = name.trim_end_matches("qkv.bias");
        let of = |layer| trained[&format!("backbone.{part}{layer}.bias")].clone();
        let found = file.read_f32(name).unwrap().into_iter().map(f32::to_bits);
        let one_after_the_other = ["query", "key", "value"].map(of).concat();
        assert_eq!(found.collect::<Vec<_>>(), one_after_the_other, "{row}: {name}");
    }

    let other = network();
    assert_ne!(bits(&other), trained, "{row}");
    assert_eq!(naming(&other).classes_in(&file), Some(CLASSES), "{row}");
    assert_eq!(bits(&load(other, &weights).unwrap()), trained, "{row}");
}

#[test]
fn a_run_saves_and_loads_by_its_backbones_rules() {
    let device = Device::flex().autodiff();
    let head = ["head.bias", "head.weight"];
    let one = ["qkv.bias", "qkv.weight"];
    let three =
        ["key.bias", "key.weight", "query.bias", "query.weight", "value.bias", "value.weight"];
    for (row, rules, names) in [("one", ONE, &one[..]), ("three", THREE, &three[..])] {
        let mut names = [&head, names].concat();
        names.sort_unstable();
        check(row, || Attention::new(SIDE, rules, &device), || Whole, &names);
    }

    // Each part of a fusion by its own, though their parameters are called alike.
    for rules in [[ONE, ONE], [ONE, THREE], [THREE, ONE], [THREE, THREE]] {
        let build = || {
            let [left, right] = rules;
            let left = Attention::new(SIDE, left, &device);
            Fusion::new(["whole", "middle"], left, Attention::new(MIDDLE, right, &device))
        };
        let of = |part: &str, rules: &[Rule]| -> Vec<String> {
            let names = if rules.is_empty() { &three[..] } else { &one[..] };
            names.iter().map(|name| format!("{part}.{name}")).collect()
        };
        let parts = [of("left", rules[0]), of("right", rules[1])].concat();
        let names: Vec<&str> = head.into_iter().chain(parts.iter().map(String::as_str)).collect();
        let row = format!("{:?} rules", rules.map(<[Rule]>::len));
        check(&row, build, || Looks { draws: false }, &names);
    }
}
