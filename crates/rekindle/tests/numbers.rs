//! Pictures with numbers, from a list: how large a bar is and how it lies, learned by every command of the program.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    f64::consts::TAU,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use program::{ends_the_same_when_killed, history, number, objects, printed, refused, text};
use rekindle::{
    Device, Model, TestViews,
    data::{DataConfig, Part, Random, open_pictures},
    evaluate,
    metrics::Regression,
    train::{Regress, RegressionLoss},
    transfer::Recipe,
};
use serde_json::Value;
use tempfile::TempDir;

/// Height and width of a picture, in pixels.
const SIZE: usize = 32;
/// Height and width of a bar in its own length: a third as wide as it is long.
const WIDTH: f64 = 1.0 / 3.0;

/// Bars of a random color, length and turn on a noisy ground, and a list of their numbers.
struct Bars {
    folder: TempDir,
    list: PathBuf,
    /// To test on: the path and the length.
    test: Vec<(PathBuf, f64)>,
}

/// Red, green and blue bytes of a bar `length` pixels long at an angle in turns.
fn bar(length: f64, turn: f64, mut random: Random) -> Vec<u8> {
    let mut draw = |low: f64, high: f64| low + (high - low) * random.unit();
    let middle = [draw(13.0, 19.0), draw(13.0, 19.0)];
    let ground: [f64; 3] = std::array::from_fn(|_| draw(0.0, 0.4));
    let ink: [f64; 3] = std::array::from_fn(|_| draw(0.6, 1.0));
    let (sine, cosine) = (TAU * turn).sin_cos();
    let mut pixels = Vec::with_capacity(3 * SIZE * SIZE);
    for place in 0..SIZE * SIZE {
        let x = (place % SIZE) as f64 + 0.5 - middle[0];
        let y = (place / SIZE) as f64 + 0.5 - middle[1];
        let (along, across) = ((x * cosine + y * sine).abs(), (y * cosine - x * sine).abs());
        // How far outside, in pixels; an edge is one pixel wide.
        let outside = (along - length / 2.0).max(across - length * WIDTH / 2.0);
        let share = (0.5 - outside).clamp(0.0, 1.0);
        for channel in 0..3 {
            let value = ground[channel] + (ink[channel] - ground[channel]) * share;
            pixels.push((255.0 * (value + draw(-0.08, 0.08))).clamp(0.0, 255.0) as u8);
        }
    }
    pixels
}

/// The list's columns: `size` in pixels, the `cosine` and `sine` of twice the angle (a bar that is turned by half a turn is the
/// same), and `far`, the size in units in which its mean is a million and its deviation a thousand.
fn bars(count: usize) -> Bars {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = "path,size,cosine,sine,far,split\n".to_owned();
    let mut test = Vec::new();
    for place in 0..count {
        let mut random = Random::new(7, 0, place as u64);
        let (size, turn) = (8.0 + 20.0 * random.unit(), 0.5 * random.unit());
        let pixels = bar(size, turn, random);
        let picture = image::RgbImage::from_raw(SIZE as u32, SIZE as u32, pixels).unwrap();
        let path = folder.path().join(format!("{place}.png"));
        picture.save(&path).unwrap();
        let (sine, cosine) = (2.0 * TAU * turn).sin_cos();
        // An even distribution over 20 deviates from its middle by 20 / sqrt(12).
        let far = 1e6 + 1e3 * (size - 18.0) / (20.0 / 12_f64.sqrt());
        let split = ["train", "val", "train", "test", "train"][place % 5];
        writeln!(rows, "{place}.png,{size},{cosine},{sine},{far},{split}").unwrap();
        if split == "test" {
            test.push((path, size));
        }
    }
    let list = folder.path().join("bars.csv");
    fs::write(&list, rows).unwrap();
    Bars { folder, list, test }
}

const ALL: [&str; 6] = ["--target", "size", "--target", "cosine", "--target", "sine"];

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
    let found = evaluate::<Vec<f32>>(&model, &all, Some(Part::Test), 32, TestViews::One).unwrap();
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
fn features_that_are_kept_change_no_loss_of_numbers() {
    let bars = bars(60);
    let run = |place: &str| {
        let out = bars.folder.path().join(place);
        let more = ["--recipe", "gradual", "--epochs", "4", "--views", "2", "--cache", place];
        finetune(&bars, &out, &[&more, &ALL as &[&str]].concat());
        history(&out)
    };
    let off = run("off");
    assert_eq!(off.len(), 4);
    assert_eq!(off, run("memory"));
    assert_eq!(off, run("file"));
}

#[test]
fn killed_and_gone_on_with_a_run_of_numbers_ends_in_the_same_bytes() {
    let bars = bars(60);
    let starter = support::starter();
    let run = [
        "--data",
        text(&bars.list),
        "--weights",
        text(&starter),
        "--recipe",
        "full",
        "--epochs",
        "8",
        "--batch",
        "8",
        "--loss",
        "huber",
        "--clip",
        "1",
        "--augment",
        "flip",
    ];
    ends_the_same_when_killed(bars.folder.path(), &[&run, &ALL as &[&str]].concat());
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
