//! Encoders of texts: weights in several files, and low-rank factors on every family's matrices.

use std::{collections::BTreeMap, fs};

use burn::{
    module::Param, nn::loss::CrossEntropyLossConfig, optim::GradientsParams, prelude::*,
    tensor::TensorData,
};
use rekindle::language::{EncoderConfig, TextBackbone};
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, Naming, load};
use rekindle_lab::parity::{Reference, TextGolden, fill::fill};
use rekindle_layers::{Backbone, NameStack, ParameterVisitor, Tokens, visit_parameters};
use rekindle_train::{OptimizerConfig, Rates};
use rekindle_transfer::{Classifier, Frozen, Lora, Phase};

use crate::support::{FileTensor, float_tensor, golden_path, write};

type Model = Classifier<TextBackbone>;

const FAMILIES: [&str; 8] = [
    "bert",
    "deberta-v2",
    "distilbert",
    "electra",
    "modernbert",
    "mpnet",
    "roberta",
    "xlm-roberta",
];

fn golden(family: &str) -> (TextGolden, EncoderConfig) {
    // The path is of timm's.
    let path = golden_path("any").with_file_name(format!("hf__{family}.json"));
    let Reference::Text(golden) = Reference::read(&path).unwrap() else { panic!("{family}") };
    let config = EncoderConfig::from_json(&golden.config.to_string()).unwrap();
    (golden, config)
}

/// Two texts, of nine tokens and of six.
fn tokens(config: &EncoderConfig, device: &Device) -> Tokens {
    let there = |at: usize| at < 15;
    let id = |at: usize| if there(at) { 5 + 7 * at as i64 } else { config.pad_token_id as i64 };
    let ids = TensorData::new((0..18).map(id).collect::<Vec<i64>>(), [2, 9]);
    let ids = Tensor::<2, Int>::from_data(ids, device);
    let mask = (0..18).map(|at| f32::from(u8::from(there(at)))).collect::<Vec<f32>>();
    let mask = Tensor::from_data(TensorData::new(mask, [2, 9]), device);
    Tokens { types: ids.zeros_like(), ids, mask }
}

/// The bits of what is stored, without what is added to it in use, by Burn's paths.
#[derive(Default)]
struct Stored(BTreeMap<String, Vec<u32>>);

impl Stored {
    fn of(model: &Model) -> BTreeMap<String, Vec<u32>> {
        let mut stored = Self::default();
        visit_parameters(model, &mut stored);
        stored.0
    }
}

impl ParameterVisitor for Stored {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        let values = param.base().into_data();
        self.0.insert(at.path(), values.iter::<f32>().map(f32::to_bits).collect());
    }
}

/// transformers writes large encoders so: shards, an index of them, and `bert.` before every name.
#[test]
fn weights_in_several_files_are_those_of_one() {
    let (golden, config) = golden("bert");
    let tensors: Vec<FileTensor> = golden
        .tensors
        .iter()
        .filter(|(_, _, kind)| kind == "f32")
        .map(|(name, shape, _)| {
            float_tensor(&format!("bert.{name}"), shape, &fill(name, shape, 1.0))
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (one, several) = (folder.path().join("one"), folder.path().join("several"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&several).unwrap();
    let whole = write(&one.join("model.safetensors"), &tensors);
    let mut places = BTreeMap::new();
    let shards: Vec<_> = tensors.chunks(tensors.len().div_ceil(3)).collect();
    for (index, shard) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", index + 1, shards.len());
        write(&several.join(&name), shard);
        places.extend(shard.iter().map(|(entry, _)| (entry.name.clone(), name.clone())));
    }
    let bytes: usize = tensors.iter().map(|(_, bytes)| bytes.len()).sum();
    let index = serde_json::json!({"metadata": {"total_size": bytes}, "weight_map": places});
    fs::write(several.join("model.safetensors.index.json"), index.to_string()).unwrap();
    fs::write(several.join("config.json"), golden.config.to_string()).unwrap();
    let device = Device::flex();
    let embedded = |file: &CheckpointFile| {
        let network = TextBackbone::new(&config, &device);
        let naming = Naming::of(&network, "", "");
        let (network, report) = load(network, file, &naming, HeadPolicy::Fresh).unwrap();
        let found = network.embed(tokens(&config, &device)).into_data();
        (found, report.to_string())
    };
    let sharded = CheckpointFile::open(&several).unwrap();
    assert!(sharded.config_json().is_some_and(|text| EncoderConfig::from_json(text).is_ok()));
    let ((found, said), (expected, _)) = (embedded(&sharded), embedded(&whole));
    found.assert_eq(&expected, true);
    assert!(said.contains("bert."), "{said}");
    fs::remove_file(several.join("model-00002-of-00003.safetensors")).unwrap();
    let error = CheckpointFile::open(&several).unwrap_err().to_string();
    assert!(error.contains("model-00002-of-00003.safetensors"), "{error}");
}

/// Every family's matrices take factors; nothing but those and the head moves, by bytes; and merged they are what they were.
#[test]
fn every_family_is_adapted_by_factors() {
    let device = Device::flex().autodiff();
    let phase = Phase::new("factors", 1, Frozen::Pretrained, 1e-3);
    for family in FAMILIES {
        let (_, config) = golden(family);
        let network = Model::new(TextBackbone::new(&config, &device), 3, &device);
        let outputs = network.forward(tokens(&config, &device));
        let adapted = network.adapt(&Lora::default()).unwrap().prepare(&phase).unwrap();
        let names: Vec<String> =
            adapted.layout().parameters.into_iter().map(|found| found.name).collect();
        let factored = names.iter().filter(|name| name.ends_with(".lora.a")).count();
        // Three, in ModernBERT one, for queries, keys and values; one behind them; two more.
        let each = if family == "modernbert" { 4 } else { 6 };
        let more = usize::from(family == "electra");
        assert_eq!(factored, each * config.num_hidden_layers + more, "{family}: {names:?}");
        assert!(
            !names.iter().any(|name| name.contains("embeddings")
                && name.contains("lora")
                && !name.contains("project")),
            "{family}"
        );
        let close = |a: Tensor<2>, b: Tensor<2>| (a - b).abs().max().into_scalar::<f32>();
        let difference = close(adapted.forward(tokens(&config, &device)), outputs);
        assert!(difference < 1e-6, "{family}: {difference}");
        let before = Stored::of(&adapted);
        let mut optimizer = OptimizerConfig::default().init();
        let targets = Tensor::<1, Int>::from_ints([2, 0], &device);
        let trained = (0..2).fold(adapted, |model, _| {
            let logits = model.forward(tokens(&config, &device));
            let loss = CrossEntropyLossConfig::new().init(&device).forward(logits, targets.clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            optimizer.step(&Rates::uniform(0.01), 1.0, model, gradients)
        });
        let after = Stored::of(&trained);
        for (path, bits) in &before {
            let trains = path.contains(".lora.") || path.starts_with(Model::HEAD);
            assert_eq!(after[path] != *bits, trains, "{family}: {path}");
        }
        let unmerged = trained.forward(tokens(&config, &device));
        let merged = trained.merge();
        assert!(!merged.layout().is_adapted());
        let difference = close(merged.forward(tokens(&config, &device)), unmerged);
        assert!(difference < 1e-5, "{family}: {difference}");
    }
}

/// PEFT's usual choice.
#[test]
fn queries_and_values_are_adapted_by_their_names() {
    let device = Device::flex().autodiff();
    let (_, config) = golden("bert");
    let network = Model::new(TextBackbone::new(&config, &device), 3, &device);
    let matching = ["*.query.weight", "*.value.weight"].map(str::to_owned).to_vec();
    let adapted = network.adapt(&Lora { matching, ..Lora::default() }).unwrap();
    let factored: Vec<String> = adapted
        .layout()
        .parameters
        .into_iter()
        .filter_map(|found| Some(found.name.strip_suffix(".weight.lora.a")?.to_owned()))
        .collect();
    let expected = (0..3).flat_map(|layer| {
        ["query", "value"].map(|name| format!("encoder.layer.{layer}.attention.self.{name}"))
    });
    assert_eq!(factored, expected.collect::<Vec<_>>());
}
