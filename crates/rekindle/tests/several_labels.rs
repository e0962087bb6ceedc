//! Pictures with any number of labels each, from a list: one call of the library, and every command of the program.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

#[path = "support/plates.rs"]
mod plates;
#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use plates::{CLASSES, Plates, plates};
use program::{history, number, objects, printed, refused, text};
use rekindle::{
    Device, Model, Prediction, TestViews,
    cards::{HubConfig, InputSpec, Preprocessing},
    data::{DataConfig, Part, open_pictures},
    evaluate,
    metrics::MultiLabel,
    train::ClassifyMultiLabel,
    transfer::Recipe,
};
use serde_json::Value;

/// `rekindle finetune`, and what it printed.
fn finetune(plates: &Plates, weights: &Path, out: &Path, more: &[&str]) -> Vec<Value> {
    let data = ["finetune", "--json", "--batch", "16", "--data", text(&plates.list)];
    let from = ["--weights", text(weights), "--out", text(out)];
    objects(&[&data, &from as &[&str], more].concat())
}

#[test]
fn a_call_learns_which_labels_a_picture_has() {
    let plates = plates(40);
    let device = Device::flex();
    device.seed(0);
    let data = DataConfig::new(&plates.list);
    let (starter, _) = Model::open(None, &support::starter(), &device).unwrap();
    let recipe = Recipe::named("full", 6, 0.01).unwrap();
    let model = starter.finetune(&open_pictures::<Vec<usize>>(&data).unwrap(), &recipe).unwrap();

    let found =
        evaluate::<Vec<usize>, _>(&model, &data, Some(Part::Test), 32, TestViews::One).unwrap();
    assert_eq!(found.labels.len(), plates.test.len());
    let thresholds = found.task.thresholds.clone().unwrap();
    let measured = MultiLabel::of(&found.predictions, &thresholds);
    assert!(measured.map.value > 0.75, "{measured:?}");

    // What it answers picture by picture is what was measured, at the thresholds that it was saved with.
    let answers = model.predict(plates.test.iter().map(|(path, _)| path.clone())).unwrap();
    let right = plates.test.iter().zip(&answers).filter(|((_, shown), answer)| {
        assert!(matches!(answer, Prediction::Labels(_)));
        let given = answer.guesses().iter().filter(|guess| guess.given);
        given.map(|guess| guess.label.clone()).collect::<BTreeSet<_>>() == *shown
    });
    assert_eq!(right.count() as f64 / answers.len() as f64, measured.exact.value);

    let path = plates.folder.path().join("model.safetensors");
    model.save(&path, None).unwrap();
    let (again, _) = Model::open(None, &path, &device).unwrap();
    assert_eq!(again.names(), model.names());
    assert_eq!(again.task::<ClassifyMultiLabel>().unwrap().thresholds, Some(thresholds));
    let pictures = || plates.test.iter().map(|(path, _)| path.clone());
    assert_eq!(again.predict(pictures()).unwrap(), answers);
}

/// Weights of a network with 1x1 convolutions, which low-rank factors are for: as they are drawn, for small pictures.
fn adaptable(folder: &Path) -> PathBuf {
    let device = Device::flex();
    device.seed(1);
    let labels = ["one", "other"].map(str::to_owned);
    let (model, _) = Model::for_labels(Some("test_resnet"), None, &labels, &device).unwrap();
    let config = model.config().clone();
    let usual = config.image().unwrap().clone();
    let input = InputSpec::Image(Preprocessing { input_size: [3, 64, 64], crop_pct: 1.0, ..usual });
    let config = HubConfig { input, test_input_size: None, ..config };
    let path = folder.join("adaptable.safetensors");
    Model::new(model.into_network(), config).save(&path, None).unwrap();
    path
}

#[test]
fn every_recipe_beats_the_constant_and_is_measured_again() {
    let plates = plates(30);
    let (starter, adaptable) = (support::starter(), adaptable(plates.folder.path()));
    for recipe in ["head", "gradual", "full", "lora", "probe"] {
        let out = plates.folder.path().join(recipe);
        let weights = if recipe == "lora" { &adaptable } else { &starter };
        let lines = finetune(&plates, weights, &out, &["--recipe", recipe, "--epochs", "3"]);
        let last = lines.last().unwrap();
        for part in ["best_val", "test"] {
            for metric in ["map", "f1", "f1_macro", "exact"] {
                let value = number(last, &format!("{part}_{metric}"));
                assert!((0.0..=1.0).contains(&value), "{recipe}: {part}_{metric} {value}");
            }
        }
        let saved = out.join("best.safetensors");
        let measure = |part: &str| {
            let weights = text(&saved);
            let data = text(&plates.list);
            let mut lines = objects(&[
                "evaluate",
                "--json",
                "--weights",
                weights,
                "--data",
                data,
                "--part",
                part,
            ]);
            lines.remove(0)
        };
        let (val, test) = (measure("val"), measure("test"));
        assert_eq!(test["images"], plates.test.len(), "{recipe}");
        for (part, again) in [("best_val", &val), ("test", &test)] {
            for metric in ["map", "f1", "f1_macro", "exact"] {
                let name = format!("{part}_{metric}");
                assert_eq!(last[&name], again[metric], "{recipe}: {name}");
            }
        }
        // Thresholds were chosen, are in the file, and are what it is measured at.
        let (model, _) = Model::open(None, &saved, &Device::flex()).unwrap();
        let thresholds = model.task::<ClassifyMultiLabel>().unwrap().thresholds.unwrap();
        assert!(thresholds.iter().any(|&threshold| threshold != 0.5), "{recipe}: {thresholds:?}");
        let measured_at = test["thresholds"].as_array().unwrap().iter();
        assert_eq!(measured_at.map(|x| x.as_f64().unwrap()).collect::<Vec<_>>(), thresholds);

        let best = number(last, "best_val_map");
        assert!(best > number(&val, "constant"), "{recipe}: {last} {val}");
        if recipe == "probe" {
            assert_eq!(lines.len(), 1, "nothing is trained");
            continue;
        }
        // The three epochs that were asked for, and what came out.
        assert_eq!(lines.len(), 4, "{recipe}");
        let probe = number(last, "probe_val_map");
        assert!(probe >= number(last, "constant_val_map"), "{recipe}: {last}");
        // What is kept is as good as what it began with, but for rounding.
        assert!(best >= probe * (1.0 - 1e-6), "{recipe}: {last}");
        assert_eq!(val["probe_val_map"], last["probe_val_map"], "{recipe}");
        assert_eq!(history(&out).len(), 3, "{recipe}");
        let page = fs::read_to_string(out.join("report.html")).unwrap();
        assert!(page.contains("<svg") && out.join("run.json").exists(), "{recipe}: no report");
    }
}

#[test]
fn answers_come_as_text_as_json_and_as_a_table() {
    let plates = plates(30);
    let out = plates.folder.path().join("run");
    finetune(&plates, &support::starter(), &out, &["--epochs", "3"]);
    let weights = out.join("best.safetensors");
    let predict = |format: &str| {
        let mut arguments = vec!["predict", "--weights", text(&weights), "--format", format];
        arguments.extend(plates.test.iter().map(|(path, _)| text(path)));
        printed(&arguments)
    };
    let (people, table) = (predict("text"), predict("csv"));
    let answers: Vec<Value> =
        predict("json").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), plates.test.len());

    let mut table = table.lines();
    let header = table.next().unwrap();
    assert!(header.starts_with("image,labels,label,probability,label_2,probability_2"), "{header}");
    let mut right = 0;
    for ((path, shown), object) in plates.test.iter().zip(&answers) {
        assert_eq!(object["image"].as_str(), path.to_str());
        assert_eq!(object["top"].as_array().unwrap().len(), CLASSES);
        let given: Vec<&str> = object["labels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| label.as_str().unwrap())
            .collect();
        let row: Vec<&str> = table.next().unwrap().split(',').collect();
        assert_eq!(row[1], given.join("|"), "{row:?}");
        assert_eq!(row.len(), 2 + 2 * CLASSES, "{row:?}");
        right += usize::from(
            given.iter().map(|&label| label.to_owned()).collect::<BTreeSet<_>>() == *shown,
        );
        // A star beside what is given.
        let stars = people.split(text(path)).nth(1).unwrap().lines().skip(1).take(CLASSES);
        assert_eq!(stars.filter(|line| line.ends_with("  *")).count(), given.len(), "{people}");
    }
    let measured =
        objects(&["evaluate", "--json", "--weights", text(&weights), "--data", text(&plates.list)]);
    assert_eq!(measured[0]["part"], "test");
    assert_eq!(number(&measured[0], "exact"), right as f64 / answers.len() as f64);
}

#[test]
fn rates_are_swept_and_ladders_climbed() {
    let plates = plates(30);
    let starter = support::starter();
    let folder = plates.folder.path();
    let curve = folder.join("rates.svg");
    let sweep = objects(&[
        "find-rate",
        "--json",
        "--data",
        text(&plates.list),
        "--weights",
        text(&starter),
        "--batch",
        "8",
        "--out",
        text(&curve),
    ]);
    let rate = number(&sweep[0], "suggestion");
    assert!((1e-5..0.5).contains(&rate), "{rate}");
    assert!(fs::read_to_string(&curve).unwrap().starts_with("<svg"));

    let ladder = folder.join("ladder.toml");
    let candidate = |name: &str, start: &str| {
        format!("[[candidates]]\nname = {name:?}\n{start}\nepochs = 2\n\n")
    };
    let rungs = "[[rungs]]\nclasses = 0.5\npictures = 0.5\nkeep = 0.5\n\n[[rungs]]\nclasses = 1.0\npictures = 1.0\n";
    let text_of = format!(
        "data = {:?}\n\n{}{}{rungs}",
        plates.list,
        candidate("head", &format!("weights = {starter:?}")),
        candidate("nothing", "model = \"resnet20_cifar\"\nrecipe = \"scratch\""),
    );
    fs::write(&ladder, text_of).unwrap();
    let out = folder.join("ladder");
    let rows = objects(&["ladder", "--json", text(&ladder), "--out", text(&out)]);
    let shape: Vec<_> = rows
        .iter()
        .map(|row| (row["rung"].as_u64().unwrap(), row["classes"].as_u64().unwrap()))
        .collect();
    assert_eq!(shape, [(1, 2), (1, 2), (2, 4)]);
    assert_eq!(rows[2]["candidate"], "head");
    assert!(rows.iter().all(|row| row["metric"] == "map" && row["map"] == row["value"]));
    // On the test plates, on the last rung alone.
    assert!(rows[0]["test"].is_null() && number(&rows[2], "test") > 0.0);
    assert!(fs::read_to_string(out.join("ladder.md")).unwrap().contains("| map |"));
}

#[test]
fn what_is_for_other_tasks_is_refused_before_anything_is_trained() {
    let plates = plates(5);
    let (starter, out) = (support::starter(), plates.folder.path().join("run"));
    for (more, expected) in [
        (["--focal", "2"], "--focal is for one label a picture"),
        (["--loss", "huber"], "--loss is for numbers"),
        (["--monitor", "accuracy"], "`accuracy` is not measured; measured are loss, map"),
        (["--target", "size"], "has no column [size]"),
    ] {
        let data = ["finetune", "--data", text(&plates.list), "--out", text(&out)];
        let from = ["--weights", text(&starter)];
        let error = refused(&[&data, &from as &[&str], &more].concat());
        assert!(error.contains(expected), "{more:?}: {error}");
        assert!(!out.join("log.jsonl").exists(), "{more:?}");
    }
}
