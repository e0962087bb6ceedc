//! A pretrained text encoder: its embeddings beside transformers', and fine-tuning by the engine on real texts.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use burn::prelude::*;
use rekindle::{
    Device,
    checkpoint::{CheckpointFile, HeadPolicy, Naming, load},
    data::{Prepare, View, Views, manifest::Table},
    engine::{
        self, EngineConfig, EngineFolder, FromPrepared, Items, MeasureConfig, Start, Trainee,
        naming,
    },
    language::{EncoderConfig, TextBackbone, text_pool},
    layers::{Backbone, Tokens},
    text::{PrepareTexts, Sample, Text, Tokenizer},
    train::{Classify, Test, Train, Validation},
    transfer::{Classifier, Plan, Recipe},
};
use rekindle_skip::real_data;

fn config(folder: &Path) -> EncoderConfig {
    let text = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let config = EncoderConfig::from_json(&text).unwrap();
    EncoderConfig { pool: text_pool(folder).unwrap().unwrap(), ..config }
}

fn prepare(folder: &Path, config: &EncoderConfig) -> PrepareTexts {
    let tokenizer = Tokenizer::open(folder, config.max_tokens()).unwrap();
    PrepareTexts::new(Arc::new(tokenizer), config.vocab_size)
}

fn tokens(prepare: &PrepareTexts, texts: &[Text]) -> Tokens {
    let mut inputs: Vec<_> =
        texts.iter().map(|text| prepare.prepare(text, View::PLAIN, None).unwrap()).collect();
    Tokens::from_prepared(prepare.collate(&mut inputs).unwrap(), &Device::flex())
}

fn numbers(x: Tensor<2>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

/// The largest difference.
fn apart(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).fold(0.0, |most, (a, b)| f32::max(most, (a - b).abs()))
}

#[test]
fn embeddings_are_those_of_transformers() {
    let Some(data) = real_data() else { return };
    let folder = data.join("weights/all-MiniLM-L6-v2");
    let config = config(&folder);
    let device = Device::flex();
    let network = TextBackbone::new(&config, &device);
    let file = CheckpointFile::open(&folder).unwrap();
    let (network, report) =
        load(network.clone(), &file, &Naming::of(&network, "", ""), HeadPolicy::Fresh).unwrap();
    let text = report.to_string();
    assert!(text.starts_with("101 loaded") && text.contains("pooler.dense.weight"), "{text}");
    let sentences = std::fs::read(folder.join("reference_sentences.json")).unwrap();
    let sentences: Vec<String> = serde_json::from_slice(&sentences).unwrap();
    let texts: Vec<Text> = sentences.into_iter().map(Text::from).collect();
    let prepare = prepare(&folder, &config);
    let together = numbers(network.embed(tokens(&prepare, &texts)));
    let reference = CheckpointFile::open(&folder.join("reference.safetensors")).unwrap();
    let expected = reference.read_f32("embeddings_f16weights").unwrap();
    let error = apart(&together, &expected);
    assert!(error < 1e-5, "{error}");
    // Alone, a text is what it is beside longer ones, up to the order of a matrix product's sums.
    for (text, row) in texts.iter().zip(together.chunks(384)) {
        let alone = numbers(network.embed(tokens(&prepare, std::slice::from_ref(text))));
        let error = apart(&alone, row);
        assert!(error < 1e-6, "{}: {error}", text.called());
    }
}

/// The first texts of SMS spam, each second one to validate on.
fn messages(data: &Path, count: usize) -> [Vec<Sample>; 2] {
    let list = std::fs::read_to_string(data.join("text/sms_spam/SMSSpamCollection")).unwrap();
    let mut parts = [Vec::new(), Vec::new()];
    for (place, line) in list.lines().take(2 * count).enumerate() {
        let (label, text) = line.split_once('\t').unwrap();
        let name = format!("line {}", place + 1).into();
        let text = Text { name, ..Text::from(text) };
        parts[place % 2].push(Sample::new(text, usize::from(label == "spam")));
    }
    parts
}

/// A head that is solved for, then everything below it, resumed after its first part; what is saved is loaded again.
#[test]
fn an_encoder_is_fine_tuned_as_any_network() {
    let Some(data) = real_data() else { return };
    let folder = data.join("weights/all-MiniLM-L6-v2");
    let config = config(&folder);
    let device = Device::flex().autodiff();
    device.seed(0);
    let network = Classifier::new(TextBackbone::new(&config, &device), 2, &device);
    let file = CheckpointFile::open(&folder).unwrap();
    let (network, _) = load(network.clone(), &file, &naming(&network), HeadPolicy::Fresh).unwrap();
    let prepare = prepare(&folder, &config);
    let items = |samples| Items { samples, prepare: prepare.clone() };
    let [train, val] = messages(&data, 64);
    let parts = || (Train(items(train.clone())), Validation(items(val.clone())));
    let trainee = || Trainee::new(network.clone(), "all-MiniLM-L6-v2 for two labels");
    let probe = EngineConfig::new(Plan::new(Vec::new()), Classify::new(2));
    let probe = engine::probe(trainee(), parts(), probe, None).unwrap().scores.top(1);
    assert!(probe > 0.93, "{probe}");
    let Recipe::Train(plan) = Recipe::named("full", 2, 5e-4).unwrap() else {
        panic!("a recipe of phases")
    };
    let config = EngineConfig { batch: 16, ..EngineConfig::new(plan, Classify::new(2)) };
    let out = tempfile::tempdir().unwrap();
    let run = |start| {
        let folder = EngineFolder { start, ..EngineFolder::new(out.path()) };
        engine::finetune(trainee(), parts(), config.clone(), Some(&folder), &mut []).unwrap()
    };
    let tuned = run(Start::Fresh);
    assert!(tuned.scores.top(1) >= probe, "{} after {probe}", tuned.scores.top(1));
    assert_eq!(tuned.probe, Some(probe));
    // Between the first stages and the last, texts have no one shape that could be kept.
    let Recipe::Train(plan) = Recipe::named("gradual", 1, 5e-4).unwrap() else {
        panic!("a recipe of phases")
    };
    let gradual = EngineConfig {
        batch: 16,
        views: Views::Cycled(NonZeroUsize::MIN),
        ..EngineConfig::new(plan, Classify::new(2))
    };
    let gradual = engine::finetune(trainee(), parts(), gradual, None, &mut []).unwrap();
    assert_eq!(gradual.cache[0].off, Some("items are of different sizes, and some stages train"));
    // It is done: a run that goes on has nothing to do, and says the same.
    assert_eq!(run(Start::Resume).scores.top(1), tuned.scores.top(1));
    let again = engine::load(trainee().network, &out.path().join("best.safetensors")).unwrap();
    let test = Test(items(val.clone()));
    let again = engine::measure(&again, &tuned.task, test, &MeasureConfig::plain(32)).unwrap();
    assert_eq!(again.top(1), tuned.scores.top(1));
}

/// A column that is not there, and a tokenizer of other weights, are told.
#[test]
fn what_does_not_fit_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    std::fs::write(&list, "words,label\nan ant,ant\na bee,bee\n").unwrap();
    assert_eq!(Table::open(&list).unwrap().rows.len(), 2);
    let open = |text: &[&str]| {
        let text = text.iter().map(|&name| name.to_owned()).collect();
        rekindle::text::open_texts::<usize>(&rekindle::text::TextConfig {
            text,
            ..rekindle::text::TextConfig::new(&list)
        })
    };
    let error = open(&[]).unwrap_err().to_string();
    assert!(error.contains("has no column `text`; it names [words, label]"), "{error}");
    assert!(open(&["words"]).is_err(), "two texts cannot be divided");
    let error = Tokenizer::open(folder.path(), 128).unwrap_err().to_string();
    assert!(error.contains("has no tokenizer.json"), "{error}");
    std::fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    let error = Tokenizer::open(folder.path(), 128).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json: no tokenizer can be made of it"), "{error}");
}
