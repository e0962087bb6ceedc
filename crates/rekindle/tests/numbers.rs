//! Pictures with numbers, from a list: how large a bar is and how it lies, learned by every command of the program.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

#[path = "support/bars.rs"]
mod bars;
#[path = "support/program.rs"]
mod program;
mod support;

use std::{fs, path::Path};

use bars::{ALL, Bars, bars};
use program::{history, number, objects, printed, refused, text};
use rekindle::{
    Device, Model, TestViews,
    data::{DataConfig, Part, open_pictures},
    evaluate,
    metrics::Regression,
    train::{Regress, RegressionLoss},
    transfer::Recipe,
};
use serde_json::Value;

/// `rekindle finetune`, and what it printed.
fn finetune(bars: &Bars, out: &Path, more: &[&str]) -> Vec<Value> {
    let starter = support::starter();
    let data = ["finetune", "--json", "--batch", "16", "--data", text(&bars.list)];
    let from = ["--weights", text(&starter), "--out", text(out)];
    objects(&[&data, &from as &[&str], more].concat())
}

/// `rekindle evaluate` on a part.
fn measure(bars: &Bars, weights: &Path, part: &str) -> Value {
    let (weights, data) = (text(weights), text(&bars.list));
    objects(&["evaluate", "--json", "--weights", weights, "--data", data, "--part", part]).remove(0)
}

/// The share of the variance of a column that is explained.
fn explained(measured: &Value, column: usize) -> f64 {
    number(&measured["targets"][column]["r2"], "value")
}

#[test]
fn a_call_learns_numbers() {
    let bars = bars(200);
    let device = Device::flex();
    device.seed(0);
    let targets = ["size", "cosine", "sine"].map(str::to_owned).to_vec();
    let data = DataConfig { targets, ..DataConfig::new(&bars.list) };
    let (starter, _) = Model::open(None, &support::starter(), &device).unwrap();
    let set = open_pictures::<Vec<f32>>(&data).unwrap();
    let model = starter.finetune(&set, &Recipe::named("full", 8, 0.01).unwrap()).unwrap();

    // The columns are the model's own.
    let all = DataConfig::new(&bars.list);
    let found =
        evaluate::<Vec<f32>, _>(&model, &all, Some(Part::Test), 32, TestViews::One).unwrap();
    let measured = Regression::of(&found.predictions);
    assert!(measured.targets[0].r2.value > 0.7, "{measured:?}");
    assert!(measured.targets[1..].iter().all(|angle| angle.r2.value > 0.3), "{measured:?}");

    let answers = model.predict(bars.test.iter().map(|(path, _)| path.clone())).unwrap();
    let errors = bars.test.iter().zip(&answers).map(|((_, size), answer)| {
        let [number, ..] = answer.numbers() else { panic!("no number: {answer:?}") };
        assert_eq!(number.name, "size");
        (f64::from(number.value) - size).abs()
    });
    let mae = errors.sum::<f64>() / answers.len() as f64;
    assert!((mae - measured.targets[0].mae.value).abs() < 1e-4, "{mae} {measured:?}");
}

#[test]
fn every_recipe_beats_the_mean_and_is_measured_again() {
    let bars = bars(150);
    for recipe in ["head", "gradual", "full", "probe"] {
        let out = bars.folder.path().join(recipe);
        let lines = finetune(
            &bars,
            &out,
            &[&["--recipe", recipe, "--epochs", "5"], &ALL as &[&str]].concat(),
        );
        let last = lines.last().unwrap();
        let saved = out.join("best.safetensors");
        let (val, test) = (measure(&bars, &saved, "val"), measure(&bars, &saved, "test"));
        assert_eq!(test["images"], bars.test.len(), "{recipe}");
        for (part, again) in [("best_val", &val), ("test", &test)] {
            for metric in ["mae", "rmse", "r2", "mape"] {
                let name = format!("{part}_{metric}");
                let (one, other) = (number(last, &name), number(again, metric));
                assert!((one - other).abs() <= 1e-6 * one.abs(), "{recipe}: {name} {one} {other}");
            }
        }
        assert!(number(last, "best_val_mae") < number(&val, "constant"), "{recipe}: {last} {val}");
        assert!(explained(&test, 0) > 0.5, "{recipe}: {test}");
        if recipe == "probe" {
            assert_eq!(lines.len(), 1, "nothing is trained");
            continue;
        }
        assert_eq!(lines.len(), 6, "{recipe}: five epochs, and what came out");
        let constant = number(last, "constant_val_mae");
        let probe = number(last, "probe_val_mae");
        // What is kept is as good as what it began with, but for rounding.
        let best = number(last, "best_val_mae");
        assert!(probe < constant && best <= probe * (1.0 + 1e-6), "{recipe}: {last}");
        assert!(number(last, "test_mae") < number(last, "constant_test_mae"), "{recipe}: {last}");
        assert!(out.join("report.html").exists() && out.join("run.json").exists(), "{recipe}");
    }
}

#[test]
fn numbers_far_from_zero_are_learned_and_answered_in_their_own_units() {
    let bars = bars(150);
    let out = bars.folder.path().join("run");
    let more = ["--recipe", "full", "--epochs", "5", "--target", "far", "--target", "size"];
    finetune(&bars, &out, &more);
    // Both losses are of standardized numbers: of always answering the mean they are one, not a million.
    for epoch in history(&out) {
        let [train, val] = ["train_loss", "val_loss"].map(|name| number(&epoch, name));
        assert!(train < 3.0 && val < 6.0, "{epoch}");
        assert!(number(&epoch, "val_mae") > 5.0, "{epoch}");
    }
    let weights = out.join("best.safetensors");
    let test = measure(&bars, &weights, "test");
    // Had either not been standardized, it would have been lost beside the other.
    assert!(explained(&test, 0) > 0.5 && explained(&test, 1) > 0.5, "{test}");
    let mae = number(&test["targets"][0]["mae"], "value");
    assert!((10.0..600.0).contains(&mae), "{mae}");

    let predict = |format: &str| {
        let mut arguments = vec!["predict", "--weights", text(&weights), "--format", format];
        arguments.extend(bars.test.iter().map(|(path, _)| text(path)));
        printed(&arguments)
    };
    let (people, table) = (predict("text"), predict("csv"));
    let mut table = table.lines();
    assert_eq!(table.next(), Some("image,far,size"));
    let mut error = 0.0;
    for (((path, size), row), object) in bars.test.iter().zip(table).zip(predict("json").lines()) {
        let object: Value = serde_json::from_str(object).unwrap();
        let [far, near] = ["far", "size"].map(|name| number(&object["numbers"], name));
        assert!((990_000.0..1_010_000.0).contains(&far) && (0.0..40.0).contains(&near), "{object}");
        error += (near - size).abs() / bars.test.len() as f64;
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells[0], text(path));
        // Each number as short as it reads back, so that they agree as numbers of 32 bits.
        for (cell, value) in cells[1..].iter().zip([far, near]) {
            assert_eq!(cell.parse::<f32>().unwrap(), value as f32, "{row}");
        }
        let lines = people.split(text(path)).nth(1).unwrap();
        assert!(lines.contains(&format!("{far:.4}  far")), "{lines}");
    }
    let mae = number(&test["targets"][1]["mae"], "value");
    assert!((error - mae).abs() < 1e-4, "{error} {mae}");
}

#[test]
fn every_loss_of_numbers_learns() {
    let bars = bars(100);
    let losses = [
        ("mse", RegressionLoss::Mse),
        ("mae", RegressionLoss::Mae),
        ("huber", RegressionLoss::Huber { delta: 1.0 }),
    ];
    for (loss, expected) in losses {
        let out = bars.folder.path().join(loss);
        // A head that is drawn at random, so that what is learned is learned by this loss.
        let more = [
            "--epochs", "20", "--lr", "0.03", "--head", "random", "--target", "size", "--loss",
            loss,
        ];
        let lines = finetune(&bars, &out, &more);
        let last = lines.last().unwrap();
        assert!(number(last, "best_val_r2") > 0.4, "{loss}: {last}");
        let (model, _) = Model::open(None, &out.join("best.safetensors"), &Device::flex()).unwrap();
        assert_eq!(model.task::<Regress>().unwrap().loss, expected);
        // Without a head that was solved for there is no epoch before the first.
        assert_eq!(history(&out)[0]["epoch"], 1, "{loss}");
    }
}

#[test]
fn rates_are_swept_and_ladders_climbed_for_numbers() {
    let bars = bars(100);
    let starter = support::starter();
    let folder = bars.folder.path();
    let curve = folder.join("rates.svg");
    let sweep = [
        "find-rate",
        "--json",
        "--data",
        text(&bars.list),
        "--weights",
        text(&starter),
        "--batch",
        "16",
        "--out",
        text(&curve),
    ];
    let sweep = objects(&[&sweep, &ALL as &[&str]].concat());
    let rate = number(&sweep[0], "suggestion");
    assert!((1e-5..0.5).contains(&rate), "{rate}");

    let ladder = folder.join("ladder.toml");
    let candidates = ["head", "full"].map(|recipe| {
        format!("[[candidates]]\nname = {recipe:?}\nrecipe = {recipe:?}\nweights = {starter:?}\nepochs = 2\n\n")
    });
    let rungs = "[[rungs]]\nclasses = 1.0\npictures = 0.5\nkeep = 0.5\n\n[[rungs]]\nclasses = 1.0\npictures = 1.0\n";
    let data = format!("data = {:?}\n", bars.list);
    let rest = candidates.concat() + rungs;
    fs::write(&ladder, format!("{data}targets = [\"size\", \"sine\"]\n{rest}")).unwrap();
    let out = folder.join("ladder");
    let climb = || objects(&["ladder", "--json", text(&ladder), "--out", text(&out)]);
    let rows = climb();
    let shape: Vec<_> = rows
        .iter()
        .map(|row| (row["rung"].as_u64().unwrap(), row["pictures"].as_u64().unwrap()))
        .collect();
    assert_eq!(shape, [(1, 30), (1, 30), (2, 60)]);
    assert!(rows.iter().all(|row| row["metric"] == "mae"), "{rows:?}");
    // The one with the smaller error went on.
    let [one, other] = [0, 1].map(|row| number(&rows[row], "value"));
    let better = if one <= other { &rows[0] } else { &rows[1] };
    assert_eq!(rows[2]["candidate"], better["candidate"]);
    assert_eq!(climb(), rows);

    fs::write(&ladder, data + &rest).unwrap();
    let error = refused(&["ladder", text(&ladder), "--out", text(&out)]);
    assert!(error.contains("targets = [\"size\"]"), "{error}");
}

#[test]
fn lists_that_cannot_be_learned_from_are_refused_with_what_to_do() {
    let bars = bars(20);
    let starter = support::starter();
    let out = bars.folder.path().join("run");
    let good = fs::read_to_string(&bars.list).unwrap();
    let run = |more: &[&str]| {
        let data = ["finetune", "--data", text(&bars.list), "--out", text(&out)];
        let error = refused(&[&data, &["--weights", text(&starter)] as &[&str], more].concat());
        assert!(!out.join("log.jsonl").exists());
        error
    };
    let size = &["--target", "size"];

    let error = run(&[]);
    assert!(
        error.contains("no column `label` or `labels`") && error.contains("--target size"),
        "{error}"
    );
    let error = run(&["--target", "weight"]);
    assert!(error.contains("has no column [weight]"), "{error}");
    let error = run(&["--target", "size", "--target", "size"]);
    assert!(error.contains("named twice"), "{error}");
    let error = run(&["--target", "size", "--smoothing", "0.1"]);
    assert!(error.contains("--smoothing is for labels"), "{error}");

    // Lines 3, 5 and 6 of the list, all in one error.
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    for (line, cell) in [(3, "NaN"), (5, "large"), (6, "")] {
        let mut cells: Vec<&str> = lines[line - 1].split(',').collect();
        cells[1] = cell;
        lines[line - 1] = cells.join(",");
    }
    fs::write(&bars.list, lines.join("\n")).unwrap();
    let error = run(size);
    for expected in [
        "line 3: column `size` has `NaN`",
        "line 5: column `size` has `large`",
        "line 6: column `size` is empty",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(error.matches("error").count(), 1, "{error}");
}
