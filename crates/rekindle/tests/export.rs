//! `rekindle export` and `rekindle verify`: models of every kind as graphs that another program runs.
#![cfg(feature = "verify")]
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::{fmt::Write as _, fs, path::Path};

use rekindle::onnx::Runtime;
use serde_json::Value;

#[path = "support/program.rs"]
mod program;
mod support;

use program::{number, objects, refused, text};
use support::{doodles, starter};

/// The graph of weights, which computes what it must.
fn exported(weights: &Path, out: &Path, more: &[&str]) -> Value {
    let arguments = ["export", "--weights", text(weights), "--out", text(out), "--json"];
    let line = objects(&[&arguments, more].concat()).remove(0);
    let found = objects(&["verify", text(out), "--json"]).remove(0);
    assert_eq!(found["holds"], true, "{found}");
    assert!(number(&found, "batches") >= 2.0, "{found}");
    line
}

/// In 8 bits a trained network is as right as before, a quarter as large, and nothing is written where it is not.
#[test]
fn eight_bits_are_measured_before_they_are_written() {
    let data = doodles(60, 30);
    let folder = tempfile::tempdir().unwrap();
    let (whole, small) = (folder.path().join("whole.onnx"), folder.path().join("small.onnx"));
    let run = folder.path().join("run");
    let weights = starter();
    let probe = ["--recipe", "probe", "--out", text(&run), "--json"];
    let begin = ["finetune", "--data", text(data.path()), "--weights", text(&weights)];
    objects(&[&begin[..], &probe].concat());
    let best = run.join("best.safetensors");
    let line = exported(&best, &whole, &[]);
    assert_eq!(line["int8"], Value::Null);
    let int8 = ["--int8", "--data", text(data.path()), "--tolerance", "0.05"];
    let quantized = exported(&best, &small, &int8);
    let cost = &quantized["int8"];
    assert_eq!(cost["metric"], "accuracy");
    assert!(number(cost, "before") > 0.7, "{cost}");
    assert!((number(cost, "before") - number(cost, "after")).abs() <= 0.05, "{cost}");
    let bytes = number(&quantized, "bytes") / number(&line, "bytes");
    assert!(bytes < 0.3, "{bytes}");
    let whole_numbers = number(&quantized["operators"], "QuantizeLinear");
    assert!(whole_numbers > 10.0, "{quantized}");

    // What is measured on the graph in float32 is what the model itself has.
    let evaluated = objects(&[
        "evaluate",
        "--data",
        text(data.path()),
        "--weights",
        text(&best),
        "--part",
        "val",
        "--json",
    ]);
    assert_eq!(evaluated[0]["accuracy"], cost["before"]);

    let none = folder.path().join("none.onnx");
    let impossible = ["--int8", "--data", text(data.path()), "--tolerance=-1"];
    let arguments = ["export", "--weights", text(&best), "--out", text(&none)];
    let error = refused(&[&arguments[..], &impossible].concat());
    assert!(error.contains("nothing is written"), "{error}");
    assert!(!none.exists());
}

/// Texts of any length by a network without an order, of one length by one that takes a step a token.
#[test]
fn models_of_texts_are_graphs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("texts.csv");
    let mut rows = "text,label,split\n".to_owned();
    for at in 0..60 {
        let (word, label) = if at % 2 == 0 { ("good film", "pos") } else { ("bad play", "neg") };
        let split = if at < 40 { "train" } else { "val" };
        writeln!(rows, "a {word} number {at},{label},{split}").unwrap();
    }
    fs::write(&data, rows).unwrap();
    for (model, free) in [("mean", true), ("gru", false)] {
        let run = folder.path().join(model);
        let more = ["--model", model, "--epochs", "2"];
        let begin = ["finetune", "--data", text(&data), "--out", text(&run), "--json"];
        objects(&[&begin[..], &more].concat());
        let (out, best) =
            (folder.path().join(format!("{model}.onnx")), run.join("best.safetensors"));
        let line = exported(&best, &out, &[]);
        assert_eq!(line["length"].is_null(), free, "{line}");
        assert_eq!(exported(&best, &out, &["--length", "3"])["length"], 3);
        let long = ["--length", "1000"];
        let arguments = ["export", "--weights", text(&best), "--out", text(&out)];
        let error = refused(&[&arguments[..], &long].concat());
        assert!(error.contains("1000 tokens"), "{error}");
        let tokenizer = fs::read_to_string(line["tokenizer"].as_str().unwrap()).unwrap();
        assert!(serde_json::from_str::<Value>(&tokenizer).unwrap()["model"].is_object());
    }
}

/// Several inputs: a text, numbers and words, each under a name of its own.
#[test]
fn models_of_several_inputs_are_graphs() {
    let folder = tempfile::tempdir().unwrap();
    let (data, inputs) = (folder.path().join("rows.csv"), folder.path().join("inputs.toml"));
    let mut rows = "note,age,city,label,split\n".to_owned();
    for at in 0..60 {
        let (word, label) = if at % 2 == 0 { ("good", "yes") } else { ("bad", "no") };
        let city = ["bern", "genf", "chur"][at % 3];
        let split = if at < 40 { "train" } else { "val" };
        writeln!(rows, "a {word} one,{},{city},{label},{split}", 20 + at).unwrap();
    }
    fs::write(&data, rows).unwrap();
    let parts = r#"
[inputs.note]
column = "note"
model = "mean"

[inputs.age]
column = "age"
number = "standardized"

[inputs.city]
column = "city"
category = "one_hot"

[join]
hidden = 8
"#;
    fs::write(&inputs, parts).unwrap();
    let run = folder.path().join("run");
    let asked = ["--inputs", text(&inputs), "--epochs", "2", "--out", text(&run), "--json"];
    objects(&[&["finetune", "--data", text(&data)], &asked[..]].concat());
    let out = folder.path().join("rows.onnx");
    let line = exported(&run.join("best.safetensors"), &out, &[]);
    assert_eq!(line["length"], Value::Null, "{line}");
}

/// A forecaster scales within its graph.
#[test]
fn networks_that_forecast_are_graphs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("series.csv");
    let mut rows = "date,y\n".to_owned();
    for at in 0..200 {
        let (month, day) = (at / 28 % 12 + 1, at % 28 + 1);
        let year = 2020 + at / 336;
        let value = 50.0 + 10.0 * (at as f64 * 0.9).sin() + 0.1 * at as f64;
        writeln!(rows, "{year}-{month:02}-{day:02},{value}").unwrap();
    }
    fs::write(&data, rows).unwrap();
    let out = folder.path().join("run");
    let asked = ["--horizon", "3", "--season", "7", "--model", "nlinear", "--fill", "linear"];
    let begin = ["forecast", "--data", text(&data), "--out", text(&out), "--json"];
    objects(&[&begin[..], &asked].concat());
    let weights = out.join("nlinear/00/best.safetensors");
    let graph = folder.path().join("nlinear.onnx");
    exported(&weights, &graph, &[]);
    // A level that is added to all values is added to what follows them.
    let forecaster =
        rekindle::forecast::Forecaster::open(&weights, &rekindle::Device::flex()).unwrap();
    let steps = forecaster.config().network.input;
    let runtime = Runtime::open(&graph).unwrap();
    let after = |level: f32| {
        let values: Vec<f32> = (0..steps).map(|at| level + (at as f32 * 0.9).sin()).collect();
        let values = burn::tensor::TensorData::new(values, [1, steps]);
        let inputs = [("numbers".to_owned(), values)].into_iter().collect();
        runtime.run(&inputs).unwrap().remove("forecasts").unwrap()
    };
    for (low, high) in after(10.0).into_iter().zip(after(110.0)) {
        assert!((high - low - 100.0).abs() < 1e-3, "{low} {high}");
    }
}

#[test]
fn what_cannot_be_exported_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, out) = (starter(), folder.path().join("model.pb"));
    let error = refused(&["export", "--weights", text(&weights), "--out", text(&out)]);
    assert!(error.contains(".onnx"), "{error}");
    let missing = folder.path().join("missing.onnx");
    let error = refused(&["verify", text(&missing)]);
    assert!(error.contains("missing"), "{error}");
    fs::write(&missing, "text").unwrap();
    let check = folder.path().join("missing.check.safetensors");
    fs::copy(&weights, &check).unwrap();
    let error = refused(&["verify", text(&missing)]);
    assert!(error.contains("check.safetensors"), "{error}");
}
