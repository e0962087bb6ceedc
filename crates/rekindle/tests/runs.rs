//! What a run leaves behind, and what is made of several: the cache of features, reports, ladders.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{ffi::OsStr, fs, path::Path, process::Command};

use serde_json::Value;

/// The lines that a command prints with `--json`.
fn rekindle(arguments: &[&dyn AsRef<OsStr>]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    for argument in arguments {
        command.arg(argument);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn finetune(data: &Path, out: &Path, more: &[&str]) -> Vec<Value> {
    let mut arguments: Vec<&dyn AsRef<OsStr>> =
        vec![&"finetune", &"--json", &"--data", &data, &"--out", &out, &"--batch", &"6"];
    let starter = support::starter();
    arguments.push(&"--weights");
    arguments.push(&starter);
    arguments.extend(more.iter().map(|argument| argument as &dyn AsRef<OsStr>));
    rekindle(&arguments)
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
fn features_from_the_cache_train_as_pictures_do() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    // The head alone in three views, and a cut in the middle of the network.
    for (name, recipe) in
        [("head", vec!["--recipe", "head"]), ("gradual", vec!["--recipe", "gradual"])]
    {
        let common = ["--epochs", "6", "--views", "3", "--augment", "crop", "--lr", "0.003"];
        let run = |cache: &str| {
            let out = folder.path().join(format!("{name}-{cache}"));
            finetune(data.path(), &out, &[recipe.as_slice(), &common, &["--cache", cache]].concat())
        };
        let (off, memory, file) = (run("off"), run("memory"), run("file"));
        assert_eq!(course(&off).len(), 6);
        assert_eq!(course(&off), course(&memory), "{name}");
        assert_eq!(course(&off), course(&file), "{name}");

        // Again from the file; and from a damaged one, whose bad parts are computed again.
        let path = folder.path().join(format!("{name}-file/features.bin"));
        let good = fs::read(&path).unwrap();
        assert_eq!(course(&run("file")), course(&off));
        let mut bad = good.clone();
        for place in (100..bad.len()).step_by(5001) {
            bad[place] ^= 0xff;
        }
        for damaged in [&bad[..], &good[..good.len() / 3], &good[..30], b""] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(course(&run("file")), course(&off), "{name}");
        }
    }
}

#[test]
fn a_run_leaves_a_report_and_logs_and_runs_are_compared() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let lines = finetune(data.path(), &one, &["--epochs", "3", "--every", "1", "--last", "2"]);
    finetune(data.path(), &other, &["--recipe", "full", "--epochs", "4"]);
    let best = lines.last().unwrap()["best_val_accuracy"].as_f64().unwrap();
    let run: Value = serde_json::from_slice(&fs::read(one.join("run.json")).unwrap()).unwrap();
    assert_eq!(run["evaluations"][0]["accuracy"]["value"].as_f64(), Some(best));
    assert_eq!(run["history"]["epochs"].as_array().unwrap().len(), 3);
    let page = fs::read_to_string(one.join("report.html")).unwrap();
    assert!(
        page.contains("<svg") && page.contains("data:image/jpeg;base64,"),
        "no curves or pictures"
    );
    assert!(page.contains("rekindle finetune --json"), "no command");
    assert_eq!(fs::read_to_string(one.join("log.csv")).unwrap().lines().count(), 4);
    assert_eq!(fs::read_dir(one.join("tensorboard")).unwrap().count(), 1);
    // Of those kept every epoch, the last two.
    let kept = |epoch: usize| one.join(format!("epoch-{epoch:04}.safetensors")).exists();
    assert_eq!([kept(1), kept(2), kept(3)], [false, true, true]);

    let page = folder.path().join("both.html");
    rekindle(&[&"compare", &one, &other, &"--out", &page]);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("one: ") && text.contains("other: "));
}

#[test]
fn probes_sweeps_and_ladders() {
    let data = support::doodles(10, 4);
    let folder = tempfile::tempdir().unwrap();
    let probe = finetune(data.path(), &folder.path().join("probe"), &["--recipe", "probe"]);
    let accuracy = probe[0]["best_val_accuracy"].as_f64().unwrap();
    assert!(accuracy >= 0.6, "{accuracy}");
    let weights = folder.path().join("probe/best.safetensors");
    let again =
        rekindle(&[&"evaluate", &"--json", &"--weights", &weights, &"--data", &data.path()]);
    assert_eq!(again[0]["accuracy"].as_f64(), Some(accuracy));

    let picture = folder.path().join("rates.svg");
    let starter = support::starter();
    let sweep = rekindle(&[
        &"find-rate",
        &"--json",
        &"--data",
        &data.path(),
        &"--weights",
        &starter,
        &"--out",
        &picture,
        &"--batch",
        &"6",
    ]);
    let rate = sweep[0]["suggestion"].as_f64().unwrap();
    assert!((1e-5..0.5).contains(&rate), "{rate}");
    assert!(fs::read_to_string(&picture).unwrap().starts_with("<svg"));

    let ladder = folder.path().join("ladder.toml");
    let text = format!(
        "data = {:?}\n\n[[candidates]]\nname = \"head\"\nweights = {starter:?}\nepochs = 3\n\n[[candidates]]\nname = \
         \"nothing\"\nmodel = \"resnet20_cifar\"\nrecipe = \"scratch\"\nepochs = 1\n\n[[rungs]]\nclasses = \
         0.5\npictures = 0.2\nkeep = 0.5\n\n[[rungs]]\nclasses = 1.0\npictures = 1.0\n",
        data.path()
    );
    fs::write(&ladder, &text).unwrap();
    let out = folder.path().join("ladder");
    let climb = || rekindle(&[&"ladder", &"--json", &ladder, &"--out", &out]);
    let rows = climb();
    // Both on the first rung, the better one alone on the second.
    let shape: Vec<_> =
        rows.iter().map(|row| (row["rung"].as_u64(), row["classes"].as_u64())).collect();
    assert_eq!(shape, [(Some(1), Some(2)), (Some(1), Some(2)), (Some(2), Some(3))]);
    assert_eq!(rows[0]["pictures"], 4);
    // What is done is not done again: the very same lines, seconds included.
    assert_eq!(climb(), rows);
    for file in ["ladder.svg", "ladder.md"] {
        assert!(fs::read_to_string(out.join(file)).unwrap().contains("head"), "{file}");
    }

    fs::write(&ladder, text.replace("0.5\npictures = 0.2", "1.5\npictures = 0.0")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    let output = command.arg("ladder").arg(&ladder).arg("--out").arg(&out).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("classes = 1.5") && error.contains("pictures = 0"), "{error}");
}
