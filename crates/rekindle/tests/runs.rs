//! What a run leaves behind, and what is made of several: the cache of features, reports, ladders.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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

type Damage = fn(&[u8]) -> Vec<u8>;

#[test]
fn features_that_are_damaged_are_computed_again() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    // The head alone in three views, and a cut in the middle of the network.
    for (name, recipe) in
        [("head", vec!["--recipe", "head"]), ("gradual", vec!["--recipe", "gradual"])]
    {
        let common =
            ["--epochs", "6", "--views", "3", "--augment", "crop", "--lr", "0.003", "--overwrite"];
        let run = |cache: &str| {
            let out = folder.path().join(format!("{name}-{cache}"));
            finetune(data.path(), &out, &[recipe.as_slice(), &common, &["--cache", cache]].concat())
        };
        let off = run("off");
        assert_eq!(course(&off).len(), 6);
        assert_eq!(course(&off), course(&run("file")), "{name}");

        // A file for the one cut whose features a run keeps, again of use; and damaged, whose bad
        // parts are computed again.
        let out = folder.path().join(format!("{name}-file"));
        let entries = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        let of_features = |path: &PathBuf| {
            path.extension() == Some("bin".as_ref()) && !path.ends_with("digests.bin")
        };
        let files: Vec<_> = entries.filter(of_features).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let good: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
        // The report says how many were computed in each phase that keeps any.
        let none_computed = |out: &Path| {
            let run = fs::read(out.join("run.json")).unwrap();
            let run: Value = serde_json::from_slice(&run).unwrap();
            let notes = run["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap());
            let notes: Vec<&str> = notes.filter(|note| note.starts_with("features of")).collect();
            assert_eq!(notes.len(), files.len(), "{notes:?}");
            notes.iter().all(|note| note.contains(": 0 computed"))
        };
        assert!(!none_computed(&out), "{name}: found before any was computed");
        assert_eq!(course(&run("file")), course(&off));
        assert!(none_computed(&out), "{name}: computed again");
        for (path, good) in files.iter().zip(&good) {
            assert!(fs::read(path).unwrap() == *good, "{}: other features", path.display());
        }
        let flipped: Damage = |good| {
            let mut bad = good.to_vec();
            (100..bad.len()).step_by(5001).for_each(|place| bad[place] ^= 0xff);
            bad
        };
        let damages: [Damage; 4] = [
            flipped,
            |good| good[..good.len() / 3].to_vec(),
            |good| good[..30].to_vec(),
            |_| Vec::new(),
        ];
        for damage in damages {
            for (path, good) in files.iter().zip(&good) {
                fs::write(path, damage(good)).unwrap();
            }
            assert_eq!(course(&run("file")), course(&off), "{name}");
            assert!(!none_computed(&out), "{name}: damaged ones were used");
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
    // And the head that it began with.
    assert_eq!(run["history"]["epochs"].as_array().unwrap().len(), 4);
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
    for file in ["accuracy.svg", "cost.svg", "ladder.md"] {
        assert!(fs::read_to_string(out.join(file)).unwrap().contains("head"), "{file}");
    }

    fs::write(&ladder, text.replace("0.5\npictures = 0.2", "1.5\npictures = 0.0")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    let output = command.arg("ladder").arg(&ladder).arg("--out").arg(&out).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("classes = 1.5") && error.contains("pictures = 0"), "{error}");
}

/// What a command says on an error, which must be no panic.
fn refused(arguments: &[&dyn AsRef<OsStr>]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    arguments.iter().for_each(|argument| _ = command.arg(argument));
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && !error.contains("panicked"), "{error}");
    error
}

#[test]
fn what_is_asked_wrongly_is_said_before_anything_is_trained() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    let (out, starter, path) = (folder.path().join("run"), support::starter(), data.path());
    for (more, expected) in [
        (vec!["--monitor", "rmse"], "`rmse` is not measured; measured are loss, accuracy"),
        (vec!["--monitor", "f2"], "unknown metric `f2`"),
        (
            vec!["--clip=-1", "--accumulate", "0"],
            "steps: accumulate must be at least 1, but is 0; clip",
        ),
        (vec!["--ema=-0.5", "--mixup", "inf"], "average: decay is -0.5"),
        (vec!["--smoothing", "0.1", "--focal", "2"], "smoothing and focal are both on"),
        (vec!["--set", "speed=3"], "unknown field `speed`"),
        (vec!["--set", "frozen=before layer9"], "no stage `layer9`"),
        (vec!["--recipe", "lora"], "no weight of a linear layer or 1x1 convolution"),
        (vec!["--batch", "0"], "the batch size is 0"),
    ] {
        let mut arguments: Vec<&dyn AsRef<OsStr>> =
            vec![&"finetune", &"--data", &path, &"--out", &out];
        arguments.extend([&"--weights" as &dyn AsRef<OsStr>, &starter]);
        arguments.extend(more.iter().map(|argument| argument as &dyn AsRef<OsStr>));
        let error = refused(&arguments);
        assert!(error.contains(expected), "{more:?}: {error}");
        assert!(!out.join("log.jsonl").exists(), "{more:?}");
    }
}

#[test]
fn a_test_folder_is_measured_once_and_chooses_nothing() {
    let data = support::doodles(12, 4);
    fs::rename(data.path().join("val"), data.path().join("test")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let lines = finetune(data.path(), &out, &["--epochs", "4"]);
    let last = lines.last().unwrap();
    let test = last["test_accuracy"].as_f64().unwrap();
    let weights = out.join("best.safetensors");
    let again =
        rekindle(&[&"evaluate", &"--json", &"--weights", &weights, &"--data", &data.path()]);
    assert_eq!(
        (again[0]["part"].as_str(), again[0]["accuracy"].as_f64()),
        (Some("test"), Some(test))
    );
    assert_eq!(again[0]["majority"].as_f64(), Some(1.0 / 3.0));
    assert_eq!(again[0]["probe_val_accuracy"], last["probe_val_accuracy"]);
    let run: Value = serde_json::from_slice(&fs::read(out.join("run.json")).unwrap()).unwrap();
    let sets: Vec<_> =
        run["evaluations"].as_array().unwrap().iter().map(|e| e["set"].as_str().unwrap()).collect();
    assert_eq!(sets, ["validation", "test"]);
    assert_eq!(run["evaluations"][1]["accuracy"]["value"].as_f64(), Some(test));
    // Three labels of equally many pictures: the probe has learned something, who always says the same has not.
    assert_eq!(last["majority_val_accuracy"].as_f64(), Some(1.0 / 3.0));
    assert!(last["probe_val_accuracy"].as_f64().unwrap() >= 0.6, "{last}");

    // Asked to validate on it, there is nothing left to test on.
    let val = data.path().join("test");
    let lines =
        finetune(data.path(), &folder.path().join("val"), &["--val", val.to_str().unwrap()]);
    assert!(lines.last().unwrap().get("test_accuracy").is_none());
}

/// A picture that disappears, or a rate that is far too high, ends a run, but not what it reached.
#[test]
fn what_was_reached_is_kept_when_a_run_fails() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    let phase = |name: &str, epochs: usize, lr: f64| {
        format!(
            "[[phases]]\nname = \"{name}\"\nepochs = {epochs}\nlr = {lr}\nfrozen = \"nothing\"\nschedule = \"constant\"\n"
        )
    };
    let wild =
        phase("wild", 40, 1.0) + "optimizer = { sgd = { momentum = 0.99, weight_decay = 1.0 } }\n";
    fs::write(&plan, phase("calm", 1, 1e-3) + &wild).unwrap();
    let (out, starter, path) = (folder.path().join("run"), support::starter(), data.path());
    let error = refused(&[
        &"finetune",
        &"--data",
        &path,
        &"--out",
        &out,
        &"--weights",
        &starter,
        &"--batch",
        &"6",
        &"--plan",
        &plan,
    ]);
    assert!(error.contains("rescued.safetensors"), "{error}");
    // Which pictures it was on is said by name.
    assert!(error.contains("in epoch") && error.contains(".png"), "{error}");
    let weights = out.join("rescued.safetensors");
    let found = rekindle(&[&"evaluate", &"--json", &"--weights", &weights, &"--data", &path]);
    // It is the model of the epoch that the error names: it measures what that epoch did.
    let epoch: usize =
        error.split("of epoch ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    if epoch > 0 {
        let log = fs::read_to_string(out.join("log.jsonl")).unwrap();
        let logged: Value = serde_json::from_str(log.lines().nth(epoch - 1).unwrap()).unwrap();
        assert_eq!(found[0]["accuracy"], logged["val_accuracy"], "epoch {epoch}: {log}");
    }
}

#[test]
fn bad_pictures_stop_a_run_or_are_set_aside() {
    let data = support::doodles(8, 4);
    let label = fs::read_dir(data.path().join("train")).unwrap().next().unwrap().unwrap().path();
    let good = fs::read_dir(&label).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&good).unwrap();
    fs::write(label.join("cut.png"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(label.join("none.jpg"), "no picture at all").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (out, starter, path) = (folder.path().join("run"), support::starter(), data.path());
    let error = refused(&[&"finetune", &"--data", &path, &"--out", &out, &"--weights", &starter]);
    assert!(error.contains("cut.png") || error.contains("none.jpg"), "{error}");
    let lines = finetune(data.path(), &out, &["--epochs", "2", "--bad-files", "skip"]);
    assert_eq!(lines.len(), 3);
    let list = fs::read_to_string(out.join("bad_files.csv")).unwrap();
    assert_eq!(list.lines().count(), 3, "{list}");
    assert!(list.contains("cut.png") && list.contains("none.jpg"), "{list}");
    assert!(
        fs::read_to_string(out.join("report.html")).unwrap().contains("2 pictures cannot be read")
    );
}

#[test]
fn what_the_doctor_leaves_is_trained_on() {
    let data = support::doodles(8, 4);
    let label = fs::read_dir(data.path().join("train")).unwrap().next().unwrap().unwrap().path();
    fs::write(label.join("none.png"), "no picture at all").unwrap();
    let copied = fs::read_dir(&label).unwrap().map(|file| file.unwrap().path());
    let copied = copied.filter(|path| !path.ends_with("none.png")).min().unwrap();
    let to = data.path().join("val").join(label.file_name().unwrap()).join("copy.png");
    fs::copy(&copied, to).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Beside the pictures, and elsewhere.
    for list in [data.path().join("good.csv"), folder.path().join("good.csv")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
        let output =
            command.arg("doctor").arg(data.path()).arg("--fix").arg(&list).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("none.png") && text.contains("copy.png"), "{text}");
        // Neither the broken picture nor the leaked one is trained on.
        let out = folder.path().join("run");
        let lines = finetune(&list, &out, &["--epochs", "2", "--no-probe", "--overwrite"]);
        assert_eq!(lines.len(), 3);
        let run: Value = serde_json::from_slice(&fs::read(out.join("run.json")).unwrap()).unwrap();
        let counts = |part: &str| -> u64 {
            run["data"]["classes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| c[part].as_u64().unwrap())
                .sum()
        };
        assert_eq!([counts("train"), counts("validation")], [23, 13]);
    }
}

#[test]
fn the_doctor_stops_a_run_before_its_first_step_or_is_in_its_report() {
    let data = support::doodles(8, 4);
    let label = fs::read_dir(data.path().join("train")).unwrap().next().unwrap().unwrap().path();
    let copied = fs::read_dir(&label).unwrap().map(|file| file.unwrap().path()).min().unwrap();
    let to = data.path().join("val").join(label.file_name().unwrap()).join("leak.png");
    fs::copy(&copied, &to).unwrap();
    fs::write(label.join("none.png"), "no picture at all").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let stopped = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
        let command = command.arg("finetune").arg("--data").arg(data.path()).arg("--out").arg(&out);
        let command = command.arg("--weights").arg(support::starter()).arg("--doctor");
        let output = command.args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(!out.exists(), "{more:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = stopped(&[]);
    for part in ["none.png", "leak.png", "2 errors", "nothing is trained", "--doctor=report"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What cannot be read is left out; what is measured on is still learned.
    assert!(stopped(&["--bad-files", "skip"]).contains("leak.png"));
    let last = stopped(&["--json"]);
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(last["errors"], 2);

    let go_on = ["--epochs", "1", "--bad-files", "skip", "--doctor=report", "--no-probe"];
    finetune(data.path(), &out, &go_on);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let found = page.split("<section id=\"checkup\"").nth(1).unwrap();
    let found = found.split("</section>").next().unwrap();
    for part in
        ["none.png", "leak.png", "2 errors", "One picture in two parts of the data (1 error)"]
    {
        assert!(found.contains(part), "{part}");
    }
    assert_eq!(found.matches("<img src=\"data:image/jpeg").count(), 2);

    // Without errors it goes on by itself.
    fs::remove_file(to).unwrap();
    let again = ["--epochs", "1", "--bad-files", "skip", "--doctor", "--overwrite"];
    let lines = finetune(data.path(), &out, &again);
    assert!(lines.iter().any(|line| line["best_val_accuracy"].is_f64()), "{lines:?}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<section id=\"checkup\"") && !page.contains("leak.png"));
}

#[test]
fn a_list_says_what_is_what() {
    let data = support::doodles(8, 4);
    let mut list = "path,label,split\n".to_owned();
    for (part, split) in [("train", "train"), ("val", "test")] {
        for label in fs::read_dir(data.path().join(part)).unwrap() {
            let label = label.unwrap();
            for picture in fs::read_dir(label.path()).unwrap() {
                let (label, picture) = (label.file_name(), picture.unwrap().file_name());
                let (label, picture) = (label.display(), picture.display());
                list += &format!("{part}/{label}/{picture},{label},{split}\n");
            }
        }
    }
    let path = data.path().join("list.csv");
    fs::write(&path, list).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let lines = finetune(&path, &out, &["--epochs", "3"]);
    let test = lines.last().unwrap()["test_accuracy"].as_f64().unwrap();
    let weights = out.join("best.safetensors");
    let again = rekindle(&[&"evaluate", &"--json", &"--weights", &weights, &"--data", &path]);
    assert_eq!(
        (again[0]["images"].as_u64(), again[0]["accuracy"].as_f64()),
        (Some(12), Some(test))
    );
}

#[test]
fn models_are_compared_by_any_metric() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    for (metric, higher) in [("f1", true), ("auroc", true), ("calibration_error", false)] {
        let out = folder.path().join(metric);
        let lines = finetune(data.path(), &out, &["--epochs", "6", "--monitor", metric]);
        // Where the head as it was solved for is the best, no epoch is.
        let best = lines.last().unwrap()["best_epoch"].as_u64().unwrap() as usize;
        if best == 0 {
            continue;
        }
        let column = format!("val_{metric}");
        let values: Vec<f64> =
            lines[..6].iter().map(|line| line[&column].as_f64().unwrap()).collect();
        let better = |value: &f64| {
            if higher { *value <= values[best - 1] } else { *value >= values[best - 1] }
        };
        assert!(values.iter().all(better), "{metric}: epoch {best} of {values:?}");
    }
}

/// timm has 49 of these 61 right (`timm.create_model("mobilenetv2_100")` with these weights and its own transform).
#[cfg(unix)]
#[test]
fn pretrained_labels_are_measured_as_they_are() {
    let Some(data) = rekindle_skip::real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    // The name of a picture begins with that of its label.
    for picture in fs::read_dir(data.join("images/imagenet_samples/images")).unwrap() {
        let picture = picture.unwrap().path();
        let name = picture.file_name().unwrap().to_str().unwrap();
        let label = folder.path().join(name.split('_').next().unwrap());
        fs::create_dir_all(&label).unwrap();
        std::os::unix::fs::symlink(&picture, label.join(name)).unwrap();
    }
    let weights = data.join("weights/mobilenetv2_100.qat_in1k");
    let (path, out) = (folder.path(), folder.path().join("run"));
    let found = rekindle(&[
        &"finetune",
        &"--json",
        &"--recipe",
        &"as-is",
        &"--data",
        &path,
        &"--weights",
        &weights,
        &"--out",
        &out,
    ]);
    assert_eq!(found[0]["images"], 61);
    assert_eq!(found[0]["accuracy"].as_f64(), Some(49.0 / 61.0));
    let hymenoptera = data.join("images/hymenoptera");
    let error = refused(&[
        &"finetune",
        &"--recipe",
        &"as-is",
        &"--data",
        &hymenoptera,
        &"--weights",
        &weights,
        &"--out",
        &out,
    ]);
    assert!(error.contains("does not know [ants, bees]"), "{error}");
}

/// On convolutions of 1 x 1; what is saved is a network like any.
#[test]
fn factors_are_merged_into_what_is_saved() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    let (out, path) = (folder.path().join("run"), data.path());
    let lines = rekindle(&[
        &"finetune",
        &"--json",
        &"--data",
        &path,
        &"--out",
        &out,
        &"--model",
        &"test_resnet",
        &"--untrained",
        &"--recipe",
        &"lora",
        &"--set",
        &"lora.rank=2",
        &"--set",
        &"lr=1e-3",
        &"--epochs",
        &"3",
        &"--batch",
        &"6",
        &"--ema",
        &"0.9",
    ]);
    let best = lines.last().unwrap()["best_val_accuracy"].as_f64().unwrap();
    let weights = out.join("best.safetensors");
    let header = fs::read(&weights).unwrap();
    assert!(!String::from_utf8_lossy(&header[..header.len().min(100_000)]).contains("lora.a"));
    let again = rekindle(&[&"evaluate", &"--json", &"--weights", &weights, &"--data", &path]);
    assert_eq!(again[0]["accuracy"].as_f64(), Some(best));
}

/// A phase that trains everything, and one that freezes all but the head: what the first left of the optimizer goes.
#[test]
fn a_state_holds_nothing_of_what_is_frozen_again() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    let size = |name: &str, second: &str| {
        let plan = folder.path().join("plan.toml");
        let phase = |name: &str, frozen: &str| {
            format!("[[phases]]\nname = \"{name}\"\nepochs = 1\nlr = 1e-3\nfrozen = \"{frozen}\"\n")
        };
        fs::write(&plan, phase("all", "nothing") + &phase("then", second)).unwrap();
        let out = folder.path().join(name);
        finetune(data.path(), &out, &["--plan", plan.to_str().unwrap(), "--no-probe"]);
        fs::metadata(out.join("last.state")).unwrap().len()
    };
    let (head, all) = (size("head", "backbone"), size("all", "nothing"));
    // The model is a third of model, means and squares.
    assert!(2 * head < all, "{head} of {all} bytes");
}

/// Files that a run goes on from, or does not, with a message that says why.
#[test]
fn a_run_goes_on_from_its_own_files_only() {
    let data = support::doodles(8, 4);
    let folder = tempfile::tempdir().unwrap();
    let (out, starter, path) = (folder.path().join("run"), support::starter(), data.path());
    let first = finetune(data.path(), &out, &["--epochs", "3", "--resume"]);
    // A run that is complete is only reported again, with what there was to beat.
    let again = finetune(data.path(), &out, &["--epochs", "3", "--resume"]);
    assert_eq!(again.len(), 1, "{again:?}");
    for key in ["best_epoch", "best_val_accuracy", "probe_val_accuracy"] {
        assert!(again[0][key].is_number(), "{key}: {}", again[0]);
        assert_eq!(again[0][key], first.last().unwrap()[key], "{key}");
    }
    let resume = |more: &[&str]| {
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![
            &"finetune",
            &"--resume",
            &"--data",
            &path,
            &"--out",
            &out,
            &"--weights",
            &starter,
        ];
        arguments.extend([&"--batch" as &dyn AsRef<OsStr>, &"6", &"--epochs", &"3"]);
        arguments.extend(more.iter().map(|argument| argument as &dyn AsRef<OsStr>));
        refused(&arguments)
    };
    for (more, differs) in [
        (vec!["--seed", "1"], "seed"),
        (vec!["--half"], "precision of features"),
        (vec!["--set", "lr=0.02"], "plan"),
    ] {
        let error = resume(&more);
        assert!(
            error.contains("is the state of another run") && error.contains(differs),
            "{error}"
        );
    }
    let best = out.join("best.safetensors");
    let good = fs::read(&best).unwrap();
    fs::write(&best, &good[..good.len() / 2]).unwrap();
    let error = resume(&[]);
    assert!(error.contains("is not the best model of the run"), "{error}");
    fs::remove_file(&best).unwrap();
    assert!(resume(&[]).contains("is not the best model of the run"));
}
