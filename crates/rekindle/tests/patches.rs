//! A network of patches is fine-tuned as one of maps is: kept features, factors, another size, going on.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{path::Path, process::Command};

use serde_json::Value;

/// The lines that a run prints.
fn finetune(data: &Path, out: &Path, more: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    command.args(["finetune", "--json", "--batch", "6", "--overwrite", "--augment", "none"]);
    command.arg("--data").arg(data).arg("--out").arg(out).args(more);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Losses and accuracies of all epochs.
fn course(lines: &[Value]) -> Vec<Vec<Option<f64>>> {
    let epochs = lines.iter().filter(|line| line.get("epoch").is_some());
    let numbers = |line: &Value| {
        ["train_loss", "val_loss", "val_accuracy"].map(|name| line[name].as_f64()).to_vec()
    };
    epochs.map(numbers).collect()
}

#[test]
fn patches_are_kept_and_trained_as_maps_are() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    let untrained = ["--untrained", "--model", "test_vit", "--epochs", "2", "--lr", "0.003"];
    assert_eq!(course(&finetune(data.path(), &base, &untrained)).len(), 2);
    let weights = base.join("best.safetensors");
    let weights = weights.to_str().unwrap();

    for recipe in ["head", "gradual", "full", "lora"] {
        let run = |name: &str, more: &[&str]| {
            let out = folder.path().join(format!("{recipe}-{name}"));
            let common = ["--weights", weights, "--recipe", recipe, "--epochs", "3"];
            finetune(data.path(), &out, &[&common, more].concat())
        };
        // What frozen stages make of a picture is computed once and kept, tokens and patches, and changes nothing.
        let off = course(&run("off", &["--cache", "off"]));
        assert_eq!(off.len(), 3, "{recipe}");
        assert_eq!(off, course(&run("file", &["--cache", "file"])), "{recipe}");
        // A table of positions is resampled for another size, also one that is no multiple of the patches.
        assert_eq!(course(&run("smaller", &["--size", "72"])).len(), 3, "{recipe}");
        // A run that is over goes on from where it was.
        let longer = |name: &str, epochs: &str, more: &[&str]| {
            let out = folder.path().join(format!("{recipe}-{name}"));
            let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
            command.args(["finetune", "--json", "--batch", "6", "--weights", weights]);
            command.args(["--recipe", recipe, "--epochs", epochs]).args(more);
            command.arg("--data").arg(data.path()).arg("--out").arg(&out);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            std::fs::read(out.join("best.safetensors")).unwrap()
        };
        let once = longer("once", "2", &["--resume"]);
        assert_eq!(once, longer("once", "2", &["--resume"]), "{recipe}");
    }
}
