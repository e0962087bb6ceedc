//! Several inputs from the command line and in code: a sentence, its characters and its place, on lists that are made here.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use rekindle::{
    Device, FinetuneConfig, HeadStart, Inputs, Modality, ModelOf, Several, finetune,
    train::{Classify, Train, Validation},
    transfer::{Frozen, Recipe},
};
use rekindle_doodles::{SIZE, Task, set};
use serde_json::Value;

#[path = "support/program.rs"]
mod program;
mod support;

use program::{ends_the_same_when_killed, number, objects, printed, refused, text};

const OPENS: [&str; 4] = ["we", "this", "here", "the"];
const MIDDLE: [&str; 4] = ["study", "group", "sample", "value"];

/// The labels and sentences of an abstract. What a sentence is called depends on where it stands and on the sentence before it,
/// hardly on itself.
fn sentences(number: usize) -> Vec<(&'static str, String)> {
    let positive = (number / 5).is_multiple_of(2);
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
    let asked = ["evaluate", "--weights", weights, "--data", text(&data), "--mirror"];
    let error = refused(&[&asked[..], &label].concat());
    assert!(error.contains("rows have no mirror image"), "{error}");
    let rows = [&["predict", "--weights", weights, "--data", text(&data), "--json"], &label[..]];
    let found: Vec<Value> = objects(&rows.concat());
    assert_eq!(found.len(), 240);
    // Training goes on from it, by its own columns.
    let more = folder.path().join("more");
    let asked = ["finetune", "--data", text(&data), "--weights", weights, "--out", text(&more)];
    let more = objects(&[&asked[..], &label, &["--epochs", "1", "--json"]].concat());
    assert!(number(more.last().unwrap(), "test_accuracy") > 0.9, "{more:?}");
    // So does one that learns from it, which reads the same and is joined otherwise.
    let other = folder.path().join("other.toml");
    fs::write(&other, INPUTS.replace("hidden = 32\ndropout = 0.1", "hidden = 8")).unwrap();
    let taught = folder.path().join("taught");
    let asked =
        ["finetune", "--data", text(&data), "--inputs", text(&other), "--out", text(&taught)];
    let how = ["--teacher", weights, "--epochs", "1", "--json"];
    objects(&[&asked[..], &label, &how].concat());
    fs::write(&other, INPUTS.replace("one_hot = 3", "one_hot = 2")).unwrap();
    let error = refused(&[&asked[..], &label, &how, &["--overwrite"]].concat());
    assert!(error.contains("the teacher wants its rows prepared otherwise"), "{error}");
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
        &[&data[..], &["--epochs", "8", "--batch", "16", "--lr", "0.01"]].concat(),
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

/// A doodle, a word and a number, whose label says which of two each is: nothing less than all three tells it.
fn doodles(folder: &Path, per_class: usize) -> PathBuf {
    let mut lines = vec!["photo,caption,size,label,split".to_owned()];
    for (split, seed) in [("train", 0), ("val", 1), ("test", 2)] {
        let two = set(Task::Target, per_class, seed).into_iter().filter(|doodle| doodle.label < 2);
        for (number, doodle) in two.enumerate() {
            let (word, large) = (number / 2 % 2, number / 4 % 2);
            let name = format!("{split}{number}.png");
            let size = SIZE as u32;
            let picture = image::RgbImage::from_raw(size, size, doodle.pixels).unwrap();
            picture.save(folder.join(&name)).unwrap();
            let caption =
                [["a red thing", "one red"], ["a blue thing", "one blue"]][word][number / 8 % 2];
            let size = [10, 30][large] + number / 8 % 5;
            let label = format!("{}{word}{large}", doodle.label);
            lines.push(format!("{name},{caption},{size},{label},{split}"));
        }
    }
    let list = folder.join("doodles.csv");
    fs::write(&list, lines.join("\n")).unwrap();
    list
}

#[test]
fn a_picture_a_text_and_a_number_are_one_model() {
    let folder = tempfile::tempdir().unwrap();
    let data = doodles(folder.path(), 48);
    let starter = support::starter();
    let photo = format!(
        "[inputs.photo]\nkind = \"picture\"\ncolumn = \"photo\"\nweights = {:?}\n",
        text(&starter)
    );
    let caption = "[inputs.caption]\ncolumn = \"caption\"\nmodel = \"mean\"\n".to_owned();
    let size = "[inputs.size]\ncolumn = \"size\"\nnumber = \"standardized\"\n".to_owned();
    let run = |name: &str, parts: &[&String], more: &[&str]| {
        let file = folder.path().join(format!("{name}.toml"));
        fs::write(&file, parts.iter().map(|part| part.as_str()).collect::<String>()).unwrap();
        let out = folder.path().join(name);
        let asked = ["finetune", "--data", text(&data), "--inputs", text(&file), "--json"];
        let how = ["--epochs", "20", "--batch", "16", "--lr", "0.03", "--out", text(&out)];
        let line = objects(&[&asked[..], &how, more].concat()).pop().unwrap();
        (out, line)
    };
    let (out, all) = run("all", &[&photo, &caption, &size], &[]);
    assert!(number(&all, "test_accuracy") > 0.8, "{all}");
    // The picture alone tells at most one of four, and so on.
    let pairs = [("pc", [&photo, &caption]), ("ps", [&photo, &size]), ("cs", [&caption, &size])];
    for (name, parts) in pairs {
        let (_, two) = run(name, &parts, &["--no-probe"]);
        assert!(number(&two, "test_accuracy") < 0.65, "{name}: {two}");
    }
    let weights = out.join("best.safetensors");
    let weights = text(&weights);
    let from = ["--weights", weights, "--data", text(&data), "--json"];
    let measured = &objects(&[&["evaluate"], &from[..]].concat())[0];
    assert_eq!(measured["accuracy"], all["test_accuracy"]);
    let rows = objects(&[&["predict"], &from[..]].concat());
    assert_eq!(rows.len(), 3 * 96);
    let vectors = folder.path().join("vectors.jsonl");
    for (stage, dim) in [("photo.layer3", 64), ("photo.layer2", 32), ("join", 64 + 1)] {
        let asked = ["--stage", stage, "--out", text(&vectors)];
        printed(&[&["embed"], &from[..4], &asked].concat());
        let lines = fs::read_to_string(&vectors).unwrap();
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        let found = first["embedding"].as_array().unwrap().len();
        assert!(found == dim || stage == "join" && found > dim, "{stage}: {found}");
    }
    // What the report says: a probe of the picture alone and of the number alone, and of rows what spoke for the answer.
    let record: Value =
        serde_json::from_str(&fs::read_to_string(out.join("run.json")).unwrap()).unwrap();
    let baselines = record["evaluations"][0]["baselines"].to_string();
    for part in ["photo", "size"] {
        assert!(baselines.contains(&format!("a probe of `{part}` alone")), "{baselines}");
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("caption: ") && page.contains("data:image/jpeg"), "no rows are shown");
    // The card names the weights of the picture; the whole goes by their license.
    let pushed = folder.path().join("pushed");
    printed(&["push", text(&out), "me/rows", "--dry-run", text(&pushed)]);
    let card = fs::read_to_string(pushed.join("README.md")).unwrap();
    assert!(card.contains("resnet20\\_cifar.doodles"), "{card}");
    // Anything drawn for a picture, more of it trained, killed and gone on with.
    let plan = folder.path().join("plan.toml");
    let phase =
        "[[phases]]\nname = \"upper\"\nepochs = 8\nfrozen = \"before photo.layer3\"\nlr = 0.01\n";
    fs::write(&plan, phase).unwrap();
    let inputs = folder.path().join("all.toml");
    ends_the_same_when_killed(
        folder.path(),
        &[
            "--data",
            text(&data),
            "--inputs",
            text(&inputs),
            "--plan",
            text(&plan),
            "--augment",
            "flip",
            "--views",
            "2",
            "--batch",
            "16",
        ],
    );
    for (wrong, named) in
        [(&["--mixup", "0.2"][..], "--mixup"), (&["--augment", "own"], "augmented")]
    {
        let out = folder.path().join("wrong");
        let asked =
            ["finetune", "--data", text(&data), "--inputs", text(&inputs), "--out", text(&out)];
        let error = refused(&[&asked[..], wrong].concat());
        assert!(error.contains(named), "no `{named}` in: {error}");
    }
    // A picture that is broken is left out, and one that is missing told by its line.
    fs::write(folder.path().join("train3.png"), "no picture").unwrap();
    let (out, _) = run("some", &[&photo, &size], &["--bad-files", "skip", "--no-probe"]);
    assert!(fs::read_to_string(out.join("bad_files.csv")).unwrap().contains("train3.png"));
    fs::remove_file(folder.path().join("train4.png")).unwrap();
    let out = folder.path().join("missing");
    let asked = ["finetune", "--data", text(&data), "--inputs", text(&inputs), "--out", text(&out)];
    let error = refused(&asked);
    assert!(error.contains("line 6: column `photo`") && error.contains("no such file"), "{error}");
}

/// Candidates that read other columns of the same rows.
#[test]
fn a_ladder_compares_inputs() {
    let folder = tempfile::tempdir().unwrap();
    list(folder.path());
    written(folder.path(), INPUTS);
    let alone = "[inputs.sentence]\ncolumn = \"text\"\nmodel = \"mean\"\n";
    fs::write(folder.path().join("alone.toml"), alone).unwrap();
    let candidate = |name: &str, inputs: &str| {
        format!(
            "[[candidates]]\nname = {name:?}\ninputs = {inputs:?}\nepochs = 12\nlr = 0.03\nbatch = 16\nrecipe = \"scratch\"\n"
        )
    };
    let ladder = format!(
        "data = \"abstracts.csv\"\nlabel = \"target\"\n{}{}[[rungs]]\nclasses = 1.0\npictures = 1.0\nkeep = 0.5\n",
        candidate("alone", "alone.toml"),
        candidate("all", "inputs.toml")
    );
    let file = folder.path().join("ladder.toml");
    fs::write(&file, ladder).unwrap();
    let out = folder.path().join("out");
    let asked =
        ["ladder", text(&file), "--root", text(folder.path()), "--out", text(&out), "--json"];
    let rows = objects(&asked);
    assert_eq!(rows.len(), 2);
    assert!(number(&rows[0], "accuracy") < 0.8 && number(&rows[1], "accuracy") > 0.95, "{rows:?}");
    // Nothing is done twice.
    assert_eq!(objects(&asked), rows);
    // Weights of such a model say which columns they read.
    let saved = |name: &str| {
        let weights = format!("out/1-{name}/best.safetensors");
        format!(
            "[[candidates]]\nname = \"more of {name}\"\nweights = {weights:?}\nepochs = 1\nlr = 1e-6\n"
        )
    };
    let rung = "[[rungs]]\nclasses = 1.0\npictures = 1.0\n";
    let data = "data = \"abstracts.csv\"\nlabel = \"target\"\n";
    fs::write(&file, format!("{data}{}{}{rung}", saved("alone"), saved("all"))).unwrap();
    let more = objects(&asked);
    for (more, row) in more.iter().zip(&rows) {
        assert!((number(more, "accuracy") - number(row, "accuracy")).abs() < 0.1, "{more} {row}");
    }
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
    fs::write(&other, &table).unwrap();
    let inputs = written(folder.path(), INPUTS);
    for (part, named) in [("--val", "is what is trained on"), ("--test", "trained or chosen on")] {
        let asked = ["finetune", "--data", text(&other), "--inputs", text(&inputs), part];
        let rest = [text(&other), "--label", "target", "--out", "x"];
        let error = refused(&[&asked[..], &rest].concat());
        assert!(error.contains(named) && error.contains("other rows"), "no `{named}` in: {error}");
    }
    let missing = folder.path().join("missing.toml");
    let asked = ["finetune", "--data", text(&data), "--inputs", text(&missing), "--out", "x"];
    assert!(refused(&asked).contains("missing.toml: cannot be read"));
}
