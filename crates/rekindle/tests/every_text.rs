//! Texts from the command line: every command, every recipe, every kind of label, on lists that are made here.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use burn::{module::Module, prelude::*, tensor::TensorData};
use rekindle::{
    TextModel,
    checkpoint::{CheckpointFile, Naming, save},
    language::{EncoderConfig, TextBackbone},
    report::RunRecord,
};
use rekindle_layers::{Backbone as _, Tokens};
use serde_json::Value;

#[path = "support/program.rs"]
mod program;

use program::{ends_the_same_when_killed, number, objects, printed, refused, text};

const KITCHEN: [&str; 6] = ["onion", "simmer", "oven", "salt", "dough", "pan"];
const PITCH: [&str; 6] = ["goal", "match", "referee", "corner", "striker", "league"];
const PLAIN: [&str; 6] = ["today", "the", "a", "we", "again", "with"];

/// A sentence of a subject by its number: two words of it among plain ones.
fn sentence(words: [&str; 6], number: usize) -> String {
    let plain = |by: usize| PLAIN[(number / by) % 6];
    format!(
        "{} {} {} {} {}",
        plain(1),
        words[number % 6],
        plain(2),
        words[(number / 3) % 6],
        plain(5)
    )
}

/// A list of texts with a label, several labels, and a number.
fn list(folder: &Path) -> std::path::PathBuf {
    let mut lines = vec!["text,label,labels,words,split".to_owned()];
    for number in 0..96 {
        let (words, label) = if number % 2 == 0 { (KITCHEN, "kitchen") } else { (PITCH, "pitch") };
        let text = sentence(words, number / 2);
        let labels = if text.contains("today") { format!("{label}|now") } else { label.to_owned() };
        let long = text.len() as f64 / 10.0;
        let split = ["train", "train", "train", "val", "test"][number / 2 % 5];
        lines.push(format!("{text},{label},{labels},{long},{split}"));
    }
    let path = folder.join("sentences.csv");
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

/// The same list with one of the columns of labels alone.
fn with_only(list: &Path, column: &str) -> std::path::PathBuf {
    let table = fs::read_to_string(list).unwrap();
    let names: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let kept: Vec<usize> = (0..names.len())
        .filter(|&place| ["text", "split", column].contains(&names[place]))
        .collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        kept.iter().map(|&place| cells[place]).collect::<Vec<_>>().join(",")
    };
    let path = list.with_file_name(format!("{column}.csv"));
    fs::write(&path, table.lines().map(row).collect::<Vec<_>>().join("\n")).unwrap();
    path
}

/// The random numbers of a device are shared by all threads.
static RANDOM: Mutex<()> = Mutex::new(());

/// A small BERT as the Hub has it, untrained.
fn encoder(folder: &Path) {
    let mut words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned).to_vec();
    words.extend([KITCHEN, PITCH, PLAIN].concat().into_iter().map(str::to_owned));
    let config = format!(
        r#"{{"model_type": "bert", "architectures": ["BertModel"], "vocab_size": {}, "hidden_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 32,
        "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0, "license": "mit"}}"#,
        words.len()
    );
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("vocab.txt"), words.join("\n")).unwrap();
    fs::write(folder.join("config.json"), &config).unwrap();
    let device = Device::flex();
    // Weights are drawn where they are first asked for: when they are written.
    let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    device.seed(3);
    let backbone = TextBackbone::new(&EncoderConfig::from_json(&config).unwrap(), &device);
    let path = folder.join("model.safetensors");
    save(&backbone, &path, &Naming::of(&backbone, "", ""), &Default::default()).unwrap();
}

#[test]
fn networks_from_nothing_learn_words_and_characters() {
    let folder = tempfile::tempdir().unwrap();
    let data = list(folder.path());
    for (model, epochs) in [("mean", "20"), ("gru", "12"), ("conv1d.chars", "12")] {
        let out = folder.path().join(model);
        let asked = ["--epochs", epochs, "--lr", "0.02", "--batch", "8", "--json"];
        let run = ["finetune", "--data", text(&data), "--model", model, "--out", text(&out)];
        let last = objects(&[&run[..], &asked].concat()).pop().unwrap();
        assert!(number(&last, "test_accuracy") > 0.9, "{model}: {last}");
        let bayes = &last["baselines_val"]["TF-IDF + naive Bayes"];
        assert!(bayes.as_f64().unwrap() > 0.9, "{last}");
        let weights = out.join("best.safetensors");
        let weights = text(&weights);
        let words = ["--text", "we simmer the onion", "--text", "a late goal in the match"];
        let found = objects(&[&["predict", "--weights", weights, "--json"], &words[..]].concat());
        for (line, label) in found.iter().zip(["kitchen", "pitch"]) {
            assert_eq!(line["top"][0]["label"], label, "{model}: {line}");
        }
        let evaluated =
            objects(&["evaluate", "--weights", weights, "--data", text(&data), "--json"]);
        assert_eq!(evaluated[0]["accuracy"], last["test_accuracy"]);
        assert_eq!(evaluated[0]["texts"], 18);
    }
    // Four a label.
    let few = folder.path().join("few");
    let run = ["finetune", "--data", text(&data), "--model", "mean", "--epochs", "1"];
    let said = printed(&[&run[..], &["--shots", "4", "--out", text(&few)]].concat());
    assert!(said.contains("8 texts to train on") && said.contains("4 a label"), "{said}");
    // Words that spoke for an answer are in the page, and sum up to the text.
    let run = RunRecord::read(&folder.path().join("gru/run.json")).unwrap();
    let shown = &run.galleries.last().unwrap().pictures[0];
    let pieces: String = shown.words.iter().map(|word| word.text.as_str()).collect();
    assert!(PLAIN.iter().any(|word| pieces.contains(word)), "{pieces}");
    assert!(shown.words.iter().any(|word| word.weight.abs() == 1.0), "{:?}", shown.words);
    assert!(run.data.unwrap().texts.is_some());
}

#[test]
fn an_encoder_goes_through_every_recipe_and_kind_of_label() {
    let folder = tempfile::tempdir().unwrap();
    let data = list(folder.path());
    let encoder_folder = folder.path().join("tiny-bert");
    encoder(&encoder_folder);
    let (labels, numbers) = (with_only(&data, "labels"), with_only(&data, "words"));
    for (name, data, recipe, more, metric) in [
        ("probe", &data, "probe", &[][..], "best_val_accuracy"),
        ("head", &data, "head", &[], "best_val_accuracy"),
        ("gradual", &data, "gradual", &[], "best_val_accuracy"),
        ("full", &data, "full", &[], "best_val_accuracy"),
        ("lora", &data, "lora", &[], "best_val_accuracy"),
        ("setfit", &data, "setfit", &[], "best_val_accuracy"),
        ("pairs of labels", &labels, "setfit", &[], "best_val_map"),
        ("labels", &labels, "full", &[], "best_val_map"),
        ("numbers", &numbers, "head", &["--target", "words"], "best_val_mae"),
    ] {
        let out = folder.path().join(name);
        let run = ["finetune", "--data", text(data), "--weights", text(&encoder_folder)];
        let how =
            ["--recipe", recipe, "--epochs", "2", "--batch", "8", "--out", text(&out), "--json"];
        let last = objects(&[&run[..], &how, more].concat()).pop().unwrap();
        assert!(number(&last, metric).is_finite(), "{name}: {last}");
        // What was saved answers without the encoder's folder.
        let weights = out.join("best.safetensors");
        let asked = ["predict", "--weights", text(&weights), "--text", "we simmer", "--json"];
        let found = objects(&asked).pop().unwrap();
        let key = if name == "numbers" { "numbers" } else { "top" };
        assert!(!found[key].is_null() && found["text"] == "we simmer", "{name}: {found}");
    }
    for recipe in ["full", "setfit"] {
        let arguments =
            ["--data", text(&data), "--weights", text(&encoder_folder), "--recipe", recipe];
        let arguments = [&arguments[..], &["--epochs", "4", "--batch", "4"]].concat();
        let runs = folder.path().join(format!("killed {recipe}"));
        fs::create_dir(&runs).unwrap();
        ends_the_same_when_killed(&runs, &arguments);
    }
}

#[test]
fn texts_are_embedded_searched_climbed_and_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let data = list(folder.path());
    encoder(&at("tiny-bert"));
    let [bert, out] = [at("tiny-bert"), at("run")];
    let (bert, data) = (text(&bert), text(&data));
    printed(&["finetune", "--data", data, "--weights", bert, "--epochs", "1", "--out", text(&out)]);
    let weights = out.join("best.safetensors");
    let weights = text(&weights);
    let vectors = at("vectors.safetensors");
    let vectors = text(&vectors);
    let told =
        objects(&["embed", "--weights", weights, "--data", data, "--out", vectors, "--json"]);
    assert_eq!((&told[0]["embeddings"], &told[0]["dim"]), (&Value::from(96), &Value::from(32)));
    let near = ["similar", "we simmer the onion", "--in", vectors, "--weights", weights, "--json"];
    let near = objects(&near);
    assert_eq!(near[0]["neighbors"].as_array().unwrap().len(), 10);
    let stage =
        ["embed", "--weights", weights, "--text", "we", "--stage", "layer0", "--out", vectors];
    assert!(printed(&stage).contains("1 embeddings of 32 numbers"));
    let rates = at("rates.svg");
    let find = ["find-rate", "--data", data, "--weights", bert, "--steps", "8", "--json"];
    let found = objects(&[&find[..], &["--out", text(&rates)]].concat());
    assert!(found[0]["losses"].as_array().unwrap().len() > 1, "{found:?}");
    let ladder = at("ladder.toml");
    let candidates = "[[candidates]]\nname = \"head\"\nweights = \"tiny-bert\"\nepochs = 1\n\
         [[candidates]]\nname = \"words\"\nmodel = \"mean\"\nrecipe = \"scratch\"\nepochs = 1\n";
    let rungs = "[[rungs]]\nclasses = 1.0\npictures = 0.5\n";
    fs::write(&ladder, format!("data = \"sentences.csv\"\n{candidates}{rungs}")).unwrap();
    let climb = at("climb");
    let climb = ["ladder", text(&ladder), "--root", text(folder.path()), "--out", text(&climb)];
    let rows = objects(&[&climb[..], &["--json"]].concat());
    assert_eq!(rows.len(), 2, "{rows:?}");
    let pushed = at("pushed");
    let push =
        ["push", text(&out), "someone/topics", "--license", "mit", "--dry-run", text(&pushed)];
    printed(&push);
    for file in ["config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json"] {
        assert!(pushed.join(file).is_file(), "{file}");
    }
    // What lies there is the same model.
    let ask = |from: &str| objects(&["predict", "--weights", from, "--text", "dough", "--json"]);
    assert_eq!(ask(text(&pushed)), ask(weights));
    let file = CheckpointFile::open(&pushed).unwrap();
    let (model, _) = TextModel::open_file(None, &file, &Device::flex()).unwrap();
    assert_eq!(model.names(), ["kitchen", "pitch"]);
    assert_eq!(model.predict(["the striker"]).unwrap().len(), 1);
}

/// Pairs of columns, and a test file of its own.
#[test]
fn pairs_are_two_columns_and_a_test_may_lie_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, from: usize, until: usize| {
        let mut lines = vec!["first,second,label".to_owned()];
        for number in from..until {
            let (left, right) = (number % 2 == 0, number / 2 % 2 == 0);
            let of = |kitchen: bool| if kitchen { KITCHEN } else { PITCH };
            let [one, other] = [sentence(of(left), number), sentence(of(right), number / 3)];
            lines.push(format!("{one},{other},{}", if left == right { "same" } else { "other" }));
        }
        let path = folder.path().join(name);
        fs::write(&path, lines.join("\n")).unwrap();
        path
    };
    let (data, test) = (write("pairs.csv", 0, 96), write("held out.csv", 100, 124));
    let out = folder.path().join("run");
    let run = ["finetune", "--data", text(&data), "--test", text(&test), "--text", "first"];
    let how = ["--text", "second", "--model", "bilstm", "--epochs", "2", "--out", text(&out)];
    let last = objects(&[&run[..], &how, &["--json"]].concat()).pop().unwrap();
    assert!(number(&last, "test_accuracy") > 0.0, "{last}");
    let weights = out.join("best.safetensors");
    let asked = ["predict", "--weights", text(&weights), "--json"];
    let pair = ["--text", "we simmer", "--text", "a goal"];
    let found = objects(&[&asked[..], &pair].concat());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["text"], "we simmer | a goal");
    // The columns are the model's.
    let found = objects(&[&asked[..], &["--data", text(&test)]].concat());
    assert_eq!(found.len(), 24);
}

/// A text under two labels, one twice in two parts, an empty one, markup.
#[test]
fn the_doctor_reads_texts() {
    let folder = tempfile::tempdir().unwrap();
    let data = list(folder.path());
    let faults = "same here again,kitchen,kitchen,1,train\nsame here again,pitch,pitch,1,train\n\
         in two parts,pitch,pitch,1,train\nin two parts,pitch,pitch,1,val\n\
         <b>bold &amp; plain</b>,pitch,pitch,1,train\n";
    let lines = fs::read_to_string(&data).unwrap() + "\n" + faults;
    fs::write(&data, lines).unwrap();
    let doctor = std::process::Command::new(env!("CARGO_BIN_EXE_rekindle"))
        .args(["doctor", text(&data), "--json"])
        .output()
        .unwrap();
    assert_eq!(doctor.status.code(), Some(2), "{}", String::from_utf8_lossy(&doctor.stderr));
    let found = String::from_utf8(doctor.stdout).unwrap();
    for said in ["same here again", "in two parts"] {
        assert!(found.contains(said) || found.contains("sentences.csv"), "{said}: {found}");
    }
    let kinds: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let errors = kinds.last().unwrap()["errors"].as_u64().unwrap();
    assert!(errors >= 2, "{found}");
    let fixed = folder.path().join("fixed.csv");
    let fix = std::process::Command::new(env!("CARGO_BIN_EXE_rekindle"))
        .args(["doctor", text(&data), "--fix", text(&fixed)])
        .output()
        .unwrap();
    assert_eq!(fix.status.code(), Some(2));
    let kept = fs::read_to_string(&fixed).unwrap();
    assert!(!kept.contains("same here again"), "{kept}");
    let out = folder.path().join("run");
    let run =
        ["finetune", "--data", text(&data), "--model", "mean", "--doctor", "--out", text(&out)];
    let stopped = std::process::Command::new(env!("CARGO_BIN_EXE_rekindle")).args(run).output();
    assert_eq!(stopped.unwrap().status.code(), Some(2));
    let run = ["finetune", "--data", text(&fixed), "--model", "mean", "--epochs", "1"];
    printed(&[&run[..], &["--doctor", "--out", text(&out)]].concat());
}

#[test]
fn what_cannot_be_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let data = list(folder.path());
    encoder(&at("tiny-bert"));
    let [bert, out] = [at("tiny-bert"), at("run")];
    let [bert, data, out] = [&bert, &data, &out].map(|path| text(path));
    let write = |name: &str, bytes: &[u8]| {
        fs::write(at(name), bytes).unwrap();
        at(name)
    };
    let other = write("other.csv", b"words,label\nhello,1\nthere,2\n");
    let latin = write("latin.csv", b"text,label\ncaf\xe9,1\ntea,2\n");
    let run = |data: &str, more: &[&str]| {
        refused(&[&["finetune", "--data", data, "--weights", bert, "--out", out], more].concat())
    };
    for (said, named) in [
        (run(data, &["--augment", "flip"]), "--augment is for pictures"),
        (run(data, &["--mixup", "0.2"]), "for pictures"),
        (run(data, &["--text", "sentence"]), "has no column `sentence`"),
        (run(data, &["--label", "topic"]), "topic"),
        (run(text(&other), &[]), "has no column `text`"),
        (run(text(&latin), &[]), "latin.csv"),
        (refused(&["predict", "--weights", bert, "--text", "x"]), "has no head"),
        (
            refused(&["finetune", "--data", data, "--model", "lstm.tones", "--out", out]),
            "lstm.tones",
        ),
    ] {
        assert!(said.contains(named), "{named}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
    }
    // A tokenizer that knows more tokens than the table has rows.
    let words = fs::read_to_string(at("tiny-bert/vocab.txt")).unwrap() + "\nstrange\nstranger";
    fs::write(at("tiny-bert/vocab.txt"), words).unwrap();
    let strange = write("strange.csv", b"text,label\nstranger,1\na,2\nthe,1\nwe,2\n");
    let said = run(text(&strange), &["--split", "0.5"]);
    assert!(said.contains("beyond the table of 23 tokens"), "{said}");
    fs::remove_file(at("tiny-bert/vocab.txt")).unwrap();
    assert!(run(data, &[]).contains("tokenizer.json"));
}

/// What is pushed, the embeddings of two texts, and those.
fn pushed(folder: &Path) -> ([PathBuf; 2], [&'static str; 2]) {
    let at = |name: &str| folder.join(name);
    let data = list(folder);
    encoder(&at("tiny-bert"));
    let [bert, out, pushed, vectors] =
        [at("tiny-bert"), at("run"), at("pushed"), at("vectors.safetensors")];
    let how = ["--recipe", "full", "--epochs", "1", "--out", text(&out)];
    printed(&[&["finetune", "--data", text(&data), "--weights", text(&bert)], &how[..]].concat());
    printed(&["push", text(&out), "me/topics", "--license", "mit", "--dry-run", text(&pushed)]);
    let texts = ["we simmer the onion again", "goal"];
    let weights = out.join("best.safetensors");
    let embed = ["embed", "--weights", text(&weights), "--out", text(&vectors)];
    let words = ["--text", texts[0], "--text", texts[1]];
    printed(&[&embed[..], &words[..]].concat());
    ([pushed, vectors], texts)
}

/// Runs a script in Python on what is pushed.
fn check_in_python(python: &Path, script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let ([pushed, vectors], texts) = pushed(folder.path());
    let mut python = std::process::Command::new(python);
    python.args(["-c", script, text(&pushed), text(&vectors)]).args(texts);
    let done = python.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// transformers reads what is pushed, and makes the same embeddings of it.
#[test]
fn transformers_reads_what_is_pushed() {
    let modules = ["transformers", "torch", "safetensors"];
    let Some(python) = rekindle_skip::python(&modules) else { return };
    let script = r#"
import json, sys, torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer
folder, vectors, *texts = sys.argv[1:]
tokens = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
model = AutoModel.from_pretrained(folder).eval()
assert [m["type"].split(".")[-1] for m in json.load(open(folder + "/modules.json"))] == ["Transformer", "Pooling"]
assert json.load(open(folder + "/1_Pooling/config.json"))["pooling_mode_mean_tokens"]
with torch.no_grad():
    hidden = model(**tokens).last_hidden_state
mask = tokens["attention_mask"].unsqueeze(-1).float()
mean = (hidden * mask).sum(1) / mask.sum(1)
apart = (mean - load_file(vectors)["embeddings"]).abs().max().item()
assert apart < 1e-5, apart
"#;
    check_in_python(&python, script);
}

/// So does sentence-transformers, with no more than its usual two lines.
#[test]
fn sentence_transformers_reads_what_is_pushed() {
    let modules = ["sentence_transformers", "safetensors"];
    let Some(python) = rekindle_skip::python(&modules) else { return };
    let script = r#"
import sys
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
folder, vectors, *texts = sys.argv[1:]
apart = abs(SentenceTransformer(folder, device="cpu").encode(texts) - load_file(vectors)["embeddings"]).max()
assert apart < 1e-5, apart
"#;
    check_in_python(&python, script);
}

/// What a config drops of what tokens look at is dropped in training, and in training alone: not of what is frozen.
#[test]
fn tokens_see_less_in_training() {
    let sized = r#""vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 64, "hidden_dropout_prob": 0.0"#;
    let entangled = format!(
        r#"{sized}, "relative_attention": true, "share_att_key": true, "pos_att_type": "p2c|c2p", "position_buckets": 8,
        "norm_rel_ebd": "layer_norm", "max_relative_positions": -1, "type_vocab_size": 0, "position_biased_input": false"#
    );
    let distilled = r#""vocab_size": 99, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32,
        "max_position_embeddings": 64, "dropout": 0.0"#;
    for (family, sizes, key) in [
        ("bert", sized, "attention_probs_dropout_prob"),
        ("electra", sized, "attention_probs_dropout_prob"),
        ("mpnet", sized, "attention_probs_dropout_prob"),
        ("deberta-v2", &entangled, "attention_probs_dropout_prob"),
        ("modernbert", sized, "attention_dropout"),
        ("distilbert", distilled, "attention_dropout"),
    ] {
        let device = Device::flex().autodiff();
        let embedded = |dropout: f64, state: &str| -> Vec<f32> {
            let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
            let json = format!(r#"{{"model_type": "{family}", {sizes}, "{key}": {dropout}}}"#);
            let config = EncoderConfig::from_json(&json).unwrap();
            device.seed(5);
            let network = TextBackbone::new(&config, &device);
            // Weights are drawn where they are first asked for: here, for both, one after the other.
            let plain = network.valid();
            let (network, on) = match state {
                "plain" => (plain, Device::flex()),
                "frozen" => (network.freeze(), device.clone()),
                _ => (network, device.clone()),
            };
            // The second text is padded.
            let ids = TensorData::new((1..=12_i64).collect::<Vec<_>>(), [2, 6]);
            let mask =
                TensorData::new([[1.0_f32; 6], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]].concat(), [2, 6]);
            let tokens = Tokens {
                ids: Tensor::from_data(ids, &on),
                types: Tensor::zeros([2, 6], &on),
                mask: Tensor::from_data(mask, &on),
            };
            let stages = 0..network.depth();
            let flow = stages.fold(network.enter(tokens), |x, index| network.stage(index, x));
            network.pool(flow).into_data().iter().collect()
        };
        let apart = |one: &[f32], other: &[f32]| {
            one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        let plain = embedded(0.5, "plain");
        for (dropout, state) in [(0.0, "trained"), (0.5, "frozen")] {
            assert!(apart(&embedded(dropout, state), &plain) < 1e-5, "{family} {state}");
        }
        let thinned = embedded(0.5, "trained");
        assert!(apart(&thinned, &plain) > 1e-3, "{family}");
        // By the device's random numbers.
        assert_eq!(thinned, embedded(0.5, "trained"), "{family}");
    }
}
