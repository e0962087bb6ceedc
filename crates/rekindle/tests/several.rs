//! Several inputs from the command line and in code: a sentence, its characters and its place, on lists that are made here.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::{fs, path::Path};

use rekindle::{
    Device, FinetuneConfig, HeadStart, Inputs, Modality, ModelOf, Several, finetune,
    train::{Classify, Train, Validation},
    transfer::{Frozen, Recipe},
};
use serde_json::Value;

#[path = "support/program.rs"]
mod program;

use program::{ends_the_same_when_killed, number, objects, printed, refused, text};

const OPENS: [&str; 4] = ["we", "this", "here", "the"];
const MIDDLE: [&str; 4] = ["study", "group", "sample", "value"];

/// The labels and sentences of an abstract. What a sentence is called depends on where it stands and on the sentence before it,
/// hardly on itself.
fn sentences(number: usize) -> Vec<(&'static str, String)> {
    let positive = number / 5 % 2 == 0;
    let sentence = |line: usize| {
        let word = |by: usize, words: [&'static str; 4]| words[(number / by + line) % 4];
        let opening = if line == 0 && positive { "fine" } else { "plain" };
        let label = match line {
            0 => "opening",
            1 if positive => "yes",
            1 => "no",
            _ => "rest",
        };
        (label, format!("{opening} {} {}", word(1, OPENS), word(3, MIDDLE)))
    };
    (0..4).map(sentence).collect()
}

/// Abstracts of four sentences.
fn list(folder: &Path) -> std::path::PathBuf {
    let mut lines = vec!["text,target,line_number,total_lines,age,journal,group,split".to_owned()];
    for number in 0..60 {
        let split = ["train", "train", "train", "val", "test"][number % 5];
        for (line, (label, text)) in sentences(number).into_iter().enumerate() {
            let age = if number % 7 == 0 { String::new() } else { (20 + number).to_string() };
            let journal = ["heart", "bone"][number % 2];
            lines.push(format!("{text},{label},{line},4,{age},{journal},a{number},{split}"));
        }
    }
    let path = folder.join("abstracts.csv");
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

const INPUTS: &str = r#"
[inputs.sentence]
column = "text"
model = "mean"
context = 1

[inputs.characters]
column = "text"
model = "gru.chars"
hidden = 8

[inputs.line]
column = "line_number"
one_hot = 3

[inputs.lines]
column = "total_lines"
ordinal = 6

[inputs.age]
column = "age"
number = "standardized"

[inputs.journal]
column = "journal"
category = "one_hot"

[join]
hidden = 32
dropout = 0.1
"#;

fn written(folder: &Path, inputs: &str) -> std::path::PathBuf {
    let path = folder.join("inputs.toml");
    fs::write(&path, inputs).unwrap();
    path
}

#[test]
fn places_and_neighbors_say_what_a_sentence_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (data, inputs) = (list(folder.path()), written(folder.path(), INPUTS));
    let run = |inputs: &Path, out: &Path| {
        let asked = ["finetune", "--data", text(&data), "--inputs", text(inputs)];
        let how = ["--label", "target", "--lr", "0.03", "--epochs", "12", "--batch", "16"];
        let last = [&asked[..], &how, &["--out", text(out), "--json"]].concat();
        objects(&last).pop().unwrap()
    };
    let out = folder.path().join("all");
    let all = run(&inputs, &out);
    assert!(number(&all, "test_accuracy") > 0.95, "{all}");
    // Without neighbors and places, half of the second sentences cannot be told.
    let alone = folder.path().join("alone.toml");
    fs::write(&alone, "[inputs.sentence]\ncolumn = \"text\"\nmodel = \"mean\"\n").unwrap();
    let alone = run(&alone, &folder.path().join("sentence"));
    assert!(number(&alone, "test_accuracy") < 0.8, "{alone}");
    // What was saved opens by itself.
    let weights = out.join("best.safetensors");
    let weights = text(&weights);
    let label = ["--label", "target"];
    let measured =
        [&["evaluate", "--weights", weights, "--data", text(&data), "--json"], &label[..]];
    let measured = objects(&measured.concat());
    assert_eq!(measured[0]["accuracy"], all["test_accuracy"]);
    assert_eq!(measured[0]["rows"], 48);
    let mirrored = ["evaluate", "--weights", weights, "--data", text(&data), "--mirror"];
    assert!(refused(&mirrored).contains("rows have no mirror image"));
    let rows = [&["predict", "--weights", weights, "--data", text(&data), "--json"], &label[..]];
    let found: Vec<Value> = objects(&rows.concat());
    assert_eq!(found.len(), 240);
    let vectors = folder.path().join("vectors.jsonl");
    for stage in [
        None,
        Some("characters.embeddings"),
        Some("sentence.embeddings"),
        Some("characters.hidden"),
    ] {
        let asked = ["embed", "--weights", weights, "--data", text(&data), "--out", text(&vectors)];
        let stage = stage.map(|stage| ["--stage", stage]);
        let stage = stage.as_ref().map_or(&[][..], |stage| &stage[..]);
        printed(&[&asked[..], &label, stage].concat());
        assert_eq!(fs::read_to_string(&vectors).unwrap().lines().count(), 240, "{stage:?}");
    }
    // A single row without its neighbors, in code.
    let (model, _) = ModelOf::<Several>::open(None, weights.as_ref(), &Device::flex()).unwrap();
    let row = model.modality().example(&[
        ("text", "plain we study"),
        ("line_number", "3"),
        ("total_lines", "4"),
        ("age", ""),
        ("journal", "skin"),
    ]);
    assert_eq!(model.predict([row.unwrap()]).unwrap()[0].guesses()[0].label, "rest");
}

/// The sentence, its characters, its place, and what is beside it, of files of documents as they are.
#[test]
fn documents_are_rows_of_sentences_with_their_places_and_neighbors() {
    const INPUTS: &str = r#"
        [inputs.sentence]
        column = "text"
        model = "mean"

        [inputs.characters]
        column = "text"
        model = "gru.chars"
        hidden = 8

        [inputs.line]
        column = "line_number"
        one_hot = 4

        [inputs.lines]
        column = "total_lines"
        one_hot = 6

        [inputs.before]
        column = "previous"
        model = "mean"

        [inputs.behind]
        column = "next"
        model = "mean"
    "#;
    let folder = tempfile::tempdir().unwrap();
    let inputs = written(folder.path(), INPUTS);
    let data = folder.path().join("abstracts");
    fs::create_dir(&data).unwrap();
    let mut files = [String::new(), String::new(), String::new()];
    let mut objects_of_test = String::new();
    for number in 0..60 {
        let part = [0, 0, 0, 1, 2][number % 5];
        let lines = sentences(number);
        files[part] += &format!("###{number}\n");
        lines.iter().for_each(|(label, text)| files[part] += &format!("{label}\t{text}\n"));
        files[part] += "\n";
        if part == 2 {
            let (labels, sentences): (Vec<&str>, Vec<String>) = lines.into_iter().unzip();
            let object = serde_json::json!({"sentences": sentences, "labels": labels});
            objects_of_test += &format!("{object}\n");
        }
    }
    for (name, text) in ["train.txt", "dev.txt", "test.txt"].into_iter().zip(files) {
        fs::write(data.join(name), text).unwrap();
    }
    let json = folder.path().join("test.jsonl");
    fs::write(&json, objects_of_test).unwrap();
    let out = folder.path().join("run");
    let asked = ["finetune", "--data", text(&data), "--inputs", text(&inputs), "--json"];
    let how = ["--lr", "0.03", "--epochs", "12", "--batch", "16", "--out", text(&out)];
    let all = objects(&[&asked[..], &how].concat()).pop().unwrap();
    assert!(number(&all, "test_accuracy") > 0.95, "{all}");
    let weights = out.join("best.safetensors");
    let test = data.join("test.txt");
    for data in [&data, &test, &json] {
        let asked = ["evaluate", "--weights", text(&weights), "--data", text(data), "--json"];
        let measured = &objects(&asked)[0];
        assert_eq!(measured["accuracy"], all["test_accuracy"], "{}", data.display());
        assert_eq!(measured["rows"], 48);
    }
    let asked = ["predict", "--weights", text(&weights), "--data", text(&json), "--json"];
    let rows = objects(&asked);
    assert!(rows.iter().any(|row| row["row"] == "test.jsonl:12#4"), "{:?}", rows[0]);
}

#[test]
fn a_run_of_several_inputs_that_is_killed_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (data, inputs) = (list(folder.path()), written(folder.path(), INPUTS));
    let data = ["--data", text(&data), "--inputs", text(&inputs), "--label", "target"];
    ends_the_same_when_killed(
        folder.path(),
        &[&data[..], &["--epochs", "3", "--batch", "16", "--lr", "0.01"]].concat(),
    );
}

/// The text model's weights stay as they are while all that is new trains; a second run begins with a saved text model.
#[test]
fn what_has_weights_is_frozen_and_what_is_new_trains() {
    let folder = tempfile::tempdir().unwrap();
    let data = list(folder.path());
    let first = folder.path().join("text");
    let asked = ["finetune", "--data", text(&data), "--model", "conv1d", "--label", "target"];
    objects(&[&asked[..], &["--epochs", "2", "--out", text(&first), "--json"]].concat());
    let weights = first.join("best.safetensors");
    let inputs = Inputs::default()
        .text("sentence", "text", &weights)
        .context(1)
        .one_hot("line", "line_number", 4)
        .untrained_text("again", "text", "mean")
        .join(16, 0.0);
    let config = rekindle::SeveralConfig { label: Some("target".into()), ..inputs.data(&data) };
    let set = Several::open::<usize>(&config).unwrap();
    let device = Device::flex();
    let model = ModelOf::<Several>::from_inputs(&inputs, &set, &device).unwrap();
    let tensors = |model: &ModelOf<Several>| {
        let path = folder.path().join("model.safetensors");
        model.save(&path, None).unwrap();
        let file = rekindle::checkpoint::CheckpointFile::open(&path).unwrap();
        let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
        names
            .into_iter()
            .map(|name| (name.clone(), file.read_f32(&name).unwrap()))
            .collect::<Vec<_>>()
    };
    let before = tensors(&model);
    let Recipe::Train(plan) = Recipe::named("head", 2, 0.01).unwrap() else { panic!() };
    let plan = model.modality().suited(model.network(), plan);
    assert_eq!(plan.phases[0].frozen, Frozen::Before("again.embeddings".to_owned()));
    let task = Classify::new(set.names.len());
    let mut config = FinetuneConfig::<Classify, Several>::of(plan, task);
    // A head that is solved for may be the best before anything has moved.
    config.engine.head = HeadStart::AsItIs;
    let parts = (Train(set.train.clone()), Validation(set.val.clone()));
    let tuned = finetune(model, parts, &config, None, &mut []).unwrap();
    // What is frozen was kept, though it trains beside texts.
    assert_eq!((tuned.cache[0].off, tuned.cache[0].cut), (None, 2));
    let after = tensors(&tuned.model);
    assert_eq!(before.len(), after.len());
    let mut moved = 0;
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        let frozen = name.starts_with("parts.0.");
        assert_eq!(before == after, frozen, "{name}");
        moved += usize::from(!frozen);
    }
    assert!(moved >= 5, "{moved}");
    // The pretrained part is that of the file.
    let file = rekindle::checkpoint::CheckpointFile::open(&weights).unwrap();
    let own = file.read_f32("embedding.weight").unwrap();
    let joined = after.iter().find(|(name, _)| name == "parts.0.network.embedding.weight");
    assert_eq!(joined.unwrap().1, own);
}

/// What some inputs begin with is weights of others, though the network as a whole begins with none.
#[test]
fn a_part_with_weights_is_no_beginning_from_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = list(folder.path());
    let [first, out, pushed] = ["text", "run", "pushed"].map(|name| folder.path().join(name));
    let label = ["--label", "target", "--epochs", "1", "--json"];
    let asked = ["finetune", "--data", text(&data), "--model", "mean", "--out", text(&first)];
    objects(&[&asked[..], &label].concat());
    let part = "[inputs.sentence]\ncolumn = \"text\"\nweights = ";
    let part = format!("{part}{:?}\n", first.join("best.safetensors"));
    let inputs = written(folder.path(), &part);
    let asked = ["finetune", "--data", text(&data), "--inputs", text(&inputs), "--out", text(&out)];
    objects(&[&asked[..], &label].concat());
    let push = ["push", text(&out), "me/rows", "--license", "mit", "--dry-run", text(&pushed)];
    let said = refused(&push);
    assert!(said.contains("states no license"), "{said}");
}

#[test]
fn what_a_list_or_a_file_of_inputs_lacks_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let data = list(folder.path());
    let table = fs::read_to_string(&data).unwrap();
    let other = folder.path().join("other.csv");
    for (list, inputs, named) in [
        (&table[..], INPUTS.replace("line_number", "number"), "has no column `number`"),
        (
            &table[..],
            INPUTS.replace("\"age\"", "\"journal\""),
            "column `journal`: `heart` is no number",
        ),
        (&table[..], INPUTS.replace("\"line_number\"", "\"age\""), "input `line` `` is no number"),
        (&table[..], INPUTS.replace("one_hot = 3", "one_hots = 3"), "unknown field `one_hots`"),
        (&table[..], INPUTS.replace("\"mean\"", "\"meen\""), "meen"),
        (&table[..], INPUTS.replace("[inputs.", "[input."), "unknown field `input`"),
        (&table.replace(",group,", ",pile,"), INPUTS.to_owned(), "which texts are neighbors"),
    ] {
        fs::write(&other, list).unwrap();
        let inputs = written(folder.path(), &inputs);
        let out = folder.path().join("out");
        let asked = ["finetune", "--data", text(&other), "--inputs", text(&inputs)];
        let error = refused(&[&asked[..], &["--label", "target", "--out", text(&out)]].concat());
        assert!(error.contains(named), "no `{named}` in: {error}");
    }
    let missing = folder.path().join("missing.toml");
    let asked = ["finetune", "--data", text(&data), "--inputs", text(&missing), "--out", "x"];
    assert!(refused(&asked).contains("missing.toml: cannot be read"));
}
