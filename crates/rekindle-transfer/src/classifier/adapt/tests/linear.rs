//! Weights of linear layers that lie `[out, in]`, as those of encoders of texts.

use burn::{
    nn::{Embedding, EmbeddingConfig},
    tensor::TensorData,
};
use rekindle_layers::{
    Activation, Pooling, Projection, ProjectionConfig, Recurrence, Recurrent, RecurrentConfig,
    Rows, Sequence, Stage, StageOutput, TextFlow, Tokens,
};

use super::*;

/// A table, two linear layers, and a recurrent one.
#[derive(Module, Debug)]
struct Words {
    table: Embedding,
    up: Projection,
    down: Projection,
    encoder: Recurrent,
}

impl Backbone for Words {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        let modules = ["table", "up", "down", "encoder"];
        let stage = |name: &&str| Stage::new(name, &[name], 4, StageOutput::Sequence);
        modules.iter().map(stage).collect()
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        if index == 0 {
            let Tokens { ids, mask, .. } = x.tokens();
            return TextFlow::Sequence(Sequence { hidden: self.table.forward(ids), mask });
        }
        TextFlow::Sequence(x.sequence().with(|x, mask| match index {
            1 => self.up.forward_rows(&Rows::new(x), Activation::Gelu),
            2 => self.down.forward_add(x, self.shortcut()),
            _ => self.encoder.forward(x, Some(mask), None).0,
        }))
    }

    fn pool(&self, x: TextFlow) -> Tensor<2> {
        Pooling::Mean.forward(x.sequence())
    }

    fn embed_dim(&self) -> usize {
        4
    }
}

impl Words {
    /// Something to add to two texts of three tokens.
    fn shortcut(&self) -> Tensor<3> {
        Tensor::ones([2, 3, 4], &device())
    }
}

fn words() -> Classifier<Words> {
    let device = device();
    device.seed(7);
    let backbone = Words {
        table: EmbeddingConfig::new(9, 4).init(&device),
        up: ProjectionConfig::new(4, 6).init(&device),
        down: ProjectionConfig::new(6, 4).init(&device),
        encoder: RecurrentConfig::new(Recurrence::Gru, 4, 4).init(&device),
    };
    Classifier::new(backbone, 3, &device)
}

fn tokens() -> Tokens {
    let ids = Tensor::<2, Int>::from_data(TensorData::from([[1, 2, 3], [4, 5, 0]]), &device());
    let mask = Tensor::from_floats([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]], &device());
    Tokens { types: ids.zeros_like(), ids, mask }
}

/// What a few steps make of a network: the paths that moved.
fn moved(model: Classifier<Words>) -> (Classifier<Words>, Vec<String>) {
    let look = |model: &Classifier<Words>| {
        let mut look =
            Look { gradients: GradientsParams::new(), trained: vec![], bits: BTreeMap::new() };
        visit_parameters(model, &mut look);
        look.bits
    };
    let before = look(&model);
    let mut optimizer = OptimizerConfig::default().init();
    let model = (0..3).fold(model, |model, _| {
        let loss = model.forward(tokens()).powi_scalar(2).sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        optimizer.step(&Rates::uniform(0.05), 1.0, model, gradients)
    });
    let after = look(&model);
    let moved = before.keys().filter(|path| before[*path] != after[*path]).cloned().collect();
    (model, moved)
}

#[test]
fn linear_layers_are_adapted_whichever_way_round_and_tables_are_not() {
    let phase = Phase::new("phase", 1, Frozen::Pretrained, 1e-3);
    for (patterns, expected) in [
        (&[][..], &["backbone.up", "backbone.down"][..]),
        (&["up.weight"], &["backbone.up"]),
        (&["*.weight"], &["backbone.up", "backbone.down", "head"]),
    ] {
        let model = words().adapt(&lora(patterns)).unwrap().prepare(&phase).unwrap();
        let factors: Vec<String> = model
            .layout()
            .parameters
            .iter()
            .filter_map(|found| Some(found.path.strip_suffix(".weight.lora.a")?.to_owned()))
            .collect();
        assert_eq!(factors, expected, "{patterns:?}");
        assert_eq!(model.layout().problems(), Vec::<String>::new());
    }
    let error = words().adapt(&lora(&["table.*", "encoder.*"])).unwrap_err().to_string();
    for pattern in ["`table.*`", "`encoder.*`"] {
        assert!(error.contains(&format!("{pattern} matches no weight")), "{error}");
    }
}

/// By bytes: factors and head move, and nothing else.
#[test]
fn factors_train_and_merge() {
    let phase = Phase::new("phase", 1, Frozen::Pretrained, 1e-3);
    let base = words();
    let outputs = base.forward(tokens());
    let before = Bases::of(&base);
    let adapted = base.adapt(&lora(&[])).unwrap().prepare(&phase).unwrap();
    assert_eq!(bits(adapted.forward(tokens())), bits(outputs));
    let (trained, mut moved) = moved(adapted);
    // What a factored weight is in use moves with its factors.
    moved.retain(|path| !["backbone.up.weight", "backbone.down.weight"].contains(&path.as_str()));
    let mut expected: Vec<String> = ["up", "down"]
        .iter()
        .flat_map(|name| ["a", "b"].map(|factor| format!("backbone.{name}.weight.lora.{factor}")))
        .chain(["head.weight".to_owned(), "head.bias".to_owned()])
        .collect();
    expected.sort();
    assert_eq!(moved, expected);
    let unmerged = trained.forward(tokens());
    assert_eq!(Bases::of(&trained), before, "the weights themselves have moved");
    let merged = trained.merge();
    assert!(!merged.layout().is_adapted());
    let difference: f32 = (merged.forward(tokens()) - unmerged).abs().max().into_scalar();
    assert!(difference < 1e-6, "{difference}");
}

/// The bits of weights without what was added to them.
#[derive(Default, Debug, PartialEq)]
struct Bases(BTreeMap<String, Vec<u32>>);

impl Bases {
    fn of(model: &Classifier<Words>) -> Self {
        let mut bases = Self::default();
        visit_parameters(model, &mut bases);
        bases
    }
}

impl ParameterVisitor for Bases {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        if ["backbone.up.weight", "backbone.down.weight"].contains(&at.path().as_str()) {
            self.0.insert(at.path(), bits(param.base()));
        }
    }
}
