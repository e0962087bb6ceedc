//! The binary, as a user runs it: on a folder of doodles, from the starter.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use rekindle_doodles::Task;
use serde_json::Value;
use support::starter;

fn rekindle(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    arguments.iter().fold(&mut command, |command, argument| command.arg(argument)).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn succeed(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Vec<Value> {
    let output = rekindle(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    lines(&output)
}

/// The error a command ends with; it must not be a panic.
fn fail(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let output = rekindle(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    // 2 is for arguments that make no sense, as clap has it.
    assert!(matches!(output.status.code(), Some(1 | 2)), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn finetune_evaluate_predict() {
    let data = support::doodles(12, 4);
    let run = |threads: &str, out: &Path| {
        succeed(&[
            &"finetune",
            &"--json",
            &"--data",
            &data.path(),
            &"--weights",
            &starter(),
            &"--out",
            &out,
            &"--recipe",
            &"gradual",
            &"--threads",
            &threads,
            &"--epochs",
            &"5",
            &"--batch",
            &"6",
            &"--seed",
            &"3",
        ])
    };
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("run");
    let epochs = run("3", &path);
    assert_eq!(epochs.len(), 6);
    let phases: Vec<_> = epochs[..5].iter().map(|epoch| epoch["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["upper", "upper", "upper", "middle", "middle"]);
    let best = epochs[5]["best_val_accuracy"].as_f64().unwrap();
    assert!(best >= 0.6, "three classes, twelve pictures each: {best}");
    assert!(path.join("log.jsonl").exists());

    // The same seed gives the same metrics and the same weights, however many threads there are.
    let weights = path.join("best.safetensors");
    for threads in ["1", "2", "4"] {
        let path = out.path().join(threads);
        let again = run(threads, &path);
        for (a, b) in epochs[..5].iter().zip(&again) {
            for key in ["train_loss", "val_loss", "val_accuracy"] {
                assert_eq!(a[key], b[key], "{threads} threads");
            }
        }
        assert!(fs::read(&weights).unwrap() == fs::read(path.join("best.safetensors")).unwrap());
    }

    // What was saved is enough, and measures what was measured.
    let found = succeed(&[&"evaluate", &"--json", &"--weights", &weights, &"--data", &data.path()]);
    assert_eq!(found[0]["images"], 12);
    assert_eq!(found[0]["accuracy"].as_f64(), Some(best));
    assert_eq!(found[0]["top5"], 1.0);

    let label = Task::Target.doodles()[1].name;
    let picture = fs::read_dir(data.path().join("val").join(label)).unwrap().next().unwrap();
    let picture = picture.unwrap().path();
    let answer = succeed(&[&"predict", &"--json", &"--weights", &weights, &picture]);
    let top = answer[0]["top"].as_array().unwrap();
    let sum: f64 = top.iter().map(|guess| guess["probability"].as_f64().unwrap()).sum();
    assert!(top.len() == 3 && (sum - 1.0).abs() < 1e-5, "{top:?}");
    assert_eq!(answer[0]["image"].as_str(), picture.to_str());

    // A bad picture is named, the good one is still answered.
    let broken = out.path().join("broken.png");
    fs::write(&broken, &fs::read(&picture).unwrap()[..100]).unwrap();
    let output = rekindle(&[&"predict", &"--json", &"--weights", &weights, &broken, &picture]);
    assert_eq!((output.status.code(), lines(&output).len()), (Some(1), 1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("broken.png"));
}

/// Nobody reads hundreds of lines: a line a family, and the best of each size, unless more is asked for.
#[test]
fn models_are_shown_as_families_first() {
    let text = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        String::from_utf8(rekindle(arguments).stdout).unwrap()
    };
    let (short, all) = (text(&[&"models"]), text(&[&"models", &"--all"]));
    let families = rekindle::cards::families().unwrap();
    for family in families {
        let line = short.lines().find(|line| line.starts_with(&format!("{} ", family.name)));
        assert!(line.is_some_and(|line| line.ends_with(&family.use_for)), "{}", family.name);
    }
    let best = short.lines().filter(|line| line.contains(" px "));
    let accuracies: Vec<f64> =
        best.map(|line| line.split_whitespace().rev().nth(1).unwrap().parse().unwrap()).collect();
    assert!(accuracies.len() >= 3 && accuracies.is_sorted(), "{short}");
    let cards: usize = families.iter().map(|family| family.cards.len()).sum();
    assert_eq!(all.lines().count(), cards + 2);
    assert!(short.lines().count() < families.len() + 15, "{short}");
}

#[test]
fn bad_input_gets_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.safetensors");
    fs::write(&cut, &fs::read(starter()).unwrap()[..50_000]).unwrap();
    let picture = folder.path().join("none.png");
    let data = support::doodles(12, 4);
    let out = folder.path().join("run");
    let finetune = |model: &str, weights: &Path, data: &Path| {
        fail(&[
            &"finetune",
            &"--data",
            &data,
            &"--model",
            &model,
            &"--weights",
            &weights,
            &"--out",
            &out,
        ])
    };
    for (error, parts) in [
        (fail(&[&"predict", &"--weights", &cut, &picture]), vec!["cut.safetensors", "early"]),
        (fail(&[&"predict", &"--weights", &starter(), &picture]), vec!["none.png"]),
        (
            fail(&[&"predict", &"--device", &"tpu", &"--weights", &starter(), &picture]),
            vec!["tpu", "cpu, cuda and vulkan"],
        ),
        (finetune("resnet18", &starter(), data.path()), vec!["resnet20_cifar", "resnet18"]),
        (finetune("resnet20_cifar", &starter(), folder.path()), vec!["label"]),
        (finetune("resnet20_cifar", &starter(), &picture), vec!["none.png"]),
        (finetune("resnet20_cifar", &picture, data.path()), vec!["none.png", "no such file"]),
        (
            fail(&[&"evaluate", &"--weights", &starter(), &"--data", &data.path()]),
            vec![SOURCE_AND_TARGET[0], SOURCE_AND_TARGET[1]],
        ),
        (fail(&[&"finetune", &"--data", &data.path(), &"--out", &out]), vec!["--model"]),
        (
            fail(&[&"predict", &"--threads", &"0", &"--weights", &starter(), &picture]),
            vec!["--threads", "0"],
        ),
        (fail(&[&"models", &"resnet19*"]), vec!["resnet19"]),
        (fail(&[&"info", &"resnet181"]), vec!["resnet18"]),
    ] {
        for part in parts {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
    }
    assert!(!out.join("best.safetensors").exists());
}

/// A class of the starter's, and one of the folder's: the error shows both lists.
const SOURCE_AND_TARGET: [&str; 2] = ["ring", "hourglass"];
