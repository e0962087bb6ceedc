//! The binary among other programs: full disks, closed pipes, absurd numbers, used folders, text that a terminal obeys.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]
#![cfg(unix)]

mod support;

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn rekindle() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rekindle"))
}

/// A short run from the starter.
fn finetune(data: &Path, out: &Path) -> Command {
    let mut command = rekindle();
    command.args(["finetune", "--batch", "6", "--epochs", "2", "--no-probe", "--data"]);
    command.arg(data).arg("--weights").arg(support::starter()).arg("--out").arg(out);
    command
}

fn said(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// A pipe that nobody reads any more.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_run_saves_what_it_learns_whoever_reads() {
    let data = support::doodles(6, 3);
    let folder = tempfile::tempdir().unwrap();
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for (name, json) in [("lines", vec![]), ("json", vec!["--json"])] {
        for (kind, stdout, code) in [("unread", closed(), 0), ("full", full(), 1)] {
            let out = folder.path().join(format!("{name}-{kind}"));
            let output = finetune(data.path(), &out).args(&json).stdout(stdout).output().unwrap();
            let error = said(&output);
            assert_eq!(output.status.code(), Some(code), "{name}, {kind}: {error}");
            assert_eq!(error.contains("standard output: cannot be written"), code == 1, "{error}");
            for file in ["best.safetensors", "run.json", "report.html"] {
                assert!(out.join(file).exists(), "{name}, {kind}: no {file}");
            }
        }
    }
    for (arguments, stdout, code) in [
        (vec!["models"], full(), 1),
        (vec!["models", "--json"], full(), 1),
        (vec!["--help"], full(), 1),
        (vec!["info", "resnet18"], full(), 1),
        (vec!["models"], closed(), 0),
        (vec!["--help"], closed(), 0),
    ] {
        let output = rekindle().args(&arguments).stdout(stdout).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
    }
    // Neither is standard error needed.
    let output = rekindle().args(["info", "resnet181"]).stderr(closed()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_folder_has_one_run_and_is_none_of_the_pictures() {
    let data = support::doodles(6, 3);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let run = |out: &Path, more: &[&str]| {
        let output = finetune(data.path(), out).args(more).output().unwrap();
        (output.status.code(), said(&output))
    };
    for inside in ["", "run", "train", "train/new/deep"] {
        let at = data.path().join(inside);
        let (code, error) = run(&at, &[]);
        assert_eq!(code, Some(1), "{inside}: {error}");
        assert!(error.contains("taken for labels"), "{inside}: {error}");
        assert!(!at.join("best.safetensors").exists() && !data.path().join("run").exists());
    }

    assert_eq!(run(&out, &[]).0, Some(0));
    let best = out.join("best.safetensors");
    let first = fs::read(&best).unwrap();
    for more in [&["--seed", "1"][..], &["--recipe", "probe"]] {
        let (code, error) = run(&out, more);
        assert_eq!(code, Some(1), "{error}");
        for part in ["best.safetensors", "--resume", "--overwrite"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(fs::read(&best).unwrap() == first, "{more:?}");
    }
    // What goes on is complete; what is replaced is gone.
    assert_eq!(run(&out, &["--resume"]).0, Some(0));
    assert!(fs::read(&best).unwrap() == first);
    fs::write(out.join("epoch-0009.safetensors"), "of the older run").unwrap();
    assert_eq!(run(&out, &["--seed", "1", "--overwrite"]).0, Some(0));
    assert!(fs::read(&best).unwrap() != first);
    assert!(!out.join("epoch-0009.safetensors").exists());
    assert_eq!(fs::read_to_string(out.join("log.jsonl")).unwrap().lines().count(), 2);

    // While one runs, another does not.
    let busy = folder.path().join("busy");
    fs::create_dir(&busy).unwrap();
    let lock = File::create(busy.join(".lock")).unwrap();
    lock.lock().unwrap();
    for more in [&[][..], &["--resume"], &["--overwrite"], &["--recipe", "probe"]] {
        let (code, error) = run(&busy, more);
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains("another run writes into this folder"), "{error}");
    }
    // Not by closing it: a process that is being started has it as well.
    lock.unlock().unwrap();
    assert_eq!(run(&busy, &[]).0, Some(0));
}

#[test]
fn absurd_numbers_are_refused_with_their_range_or_fine() {
    let data = support::doodles(4, 2);
    let folder = tempfile::tempdir().unwrap();
    for (place, (argument, range)) in [
        ("--epochs=18446744073709551615", Some("1 to 100000")),
        ("--epochs=18446744073709551616", Some("1 to 100000")),
        ("--epochs=1000000000000", Some("1 to 100000")),
        ("--epochs=0", Some("1 to 100000")),
        ("--epochs=-1", Some("1 to 100000")),
        ("--epochs=NaN", Some("1 to 100000")),
        ("--set=epochs=1000000000000", Some("may have 100000")),
        ("--batch=0", Some("the batch size is 0; it goes from 1 to 65536")),
        ("--batch=18446744073709551615", Some("1 to 65536")),
        ("--batch=65536", None),
        ("--threads=0", Some("1 to 1024")),
        ("--threads=5000", Some("1 to 1024")),
        ("--threads=64", None),
        ("--lr=-0.01", Some("0 to 1")),
        ("--lr=NaN", Some("0 to 1")),
        ("--lr=inf", Some("0 to 1")),
        ("--lr=0", Some("the learning rate is 0")),
        ("--minutes=1e300", Some("0 to 1000000000")),
        ("--minutes=NaN", Some("0 to 1000000000")),
        ("--minutes=-1", Some("0 to 1000000000")),
        ("--minutes=1000000000", None),
        ("--state-seconds=1e300", Some("0 to 1000000000")),
        ("--views=0", Some("1 to 1000000")),
        ("--views=1000000", None),
        ("--split=NaN", Some("0 to 1")),
        ("--accumulate=1000000", None),
        ("--accumulate=18446744073709551615", Some("0 to 1000000")),
        ("--patience=18446744073709551615", Some("0 to 1000000")),
        ("--ema=NaN", Some("decay is NaN")),
        ("--clip=NaN", Some("clip")),
        ("--mixup=1e300", None),
        ("--mixup=NaN", Some("mixing")),
        ("--smoothing=2", Some("smoothing")),
        ("--focal=-1", Some("focal")),
        ("--seed=18446744073709551615", None),
    ]
    .into_iter()
    .enumerate()
    {
        let out = folder.path().join(place.to_string());
        let mut command = rekindle();
        command.args(["finetune", "--no-probe", "--data"]).arg(data.path());
        command.arg("--weights").arg(support::starter()).arg("--out").arg(&out).arg(argument);
        for short in ["--epochs=2", "--batch=6"] {
            // Each may be given once.
            if short.split('=').next() != argument.split('=').next() {
                command.arg(short);
            }
        }
        let output = command.output().unwrap();
        let error = said(&output);
        match range {
            None => assert!(output.status.success(), "{argument}: {error}"),
            Some(range) => {
                assert!(matches!(output.status.code(), Some(1 | 2)), "{argument}: {error}");
                assert!(error.contains(range), "{argument}: {error}");
                assert!(!out.join("best.safetensors").exists(), "{argument}");
            }
        }
    }
}

#[test]
fn text_from_elsewhere_is_shown_and_not_obeyed() {
    let data = support::doodles(6, 3);
    let folder = tempfile::tempdir().unwrap();
    let hostile = "\u{1b}[31mred\nnext\u{202e}line";
    for part in ["train", "val"] {
        let part = data.path().join(part);
        let mut labels: Vec<_> =
            fs::read_dir(&part).unwrap().map(|label| label.unwrap().path()).collect();
        labels.sort();
        fs::rename(&labels[0], part.join(hostile)).unwrap();
    }
    let out = folder.path().join("run");
    let check = |output: &Output, shown: &str| {
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(text.clone()).unwrap();
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("next")), "{text:?}");
        }
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        assert!(String::from_utf8(text).unwrap().contains(shown), "no {shown}: {output:?}");
    };
    let output = finetune(data.path(), &out).output().unwrap();
    // A label that is refused is shown escaped, too.
    check(&output, "\\u{1b}[31mred");
    assert!(!output.status.success(), "{}", said(&output));
    let output = rekindle().arg("doctor").arg(data.path()).output().unwrap();
    check(&output, "label");
    for part in ["train", "val"] {
        let part = data.path().join(part);
        fs::rename(part.join(hostile), part.join("plain")).unwrap();
    }
    let output = finetune(data.path(), &out).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));

    let weights = out.join("best.safetensors");
    let picture = folder.path().join(format!("{hostile}.png"));
    let label = data.path().join("val").join("plain");
    fs::copy(fs::read_dir(&label).unwrap().next().unwrap().unwrap().path(), &picture).unwrap();
    let predict = |more: &[&str], picture: &Path| {
        rekindle().arg("predict").arg("--weights").arg(&weights).args(more).arg(picture).output()
    };
    let output = predict(&[], &picture).unwrap();
    assert!(output.status.success());
    check(&output, "red\\nnext\\u{202e}line");
    check(&predict(&[], &folder.path().join(format!("no{hostile}"))).unwrap(), "no\\u{1b}[31mred");
    // JSON has its own escapes, and says what the name is.
    let output = predict(&["--json"], &picture).unwrap();
    check(&output, "\\u001b[31mred\\nnext\\u202eline");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["image"].as_str(), picture.to_str());
}

#[test]
fn each_cause_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, out) = (folder.path().join("none.png"), folder.path().join("run"));
    let starter = support::starter();
    let text = folder.path().join("text.toml");
    fs::write(&text, "[[phases]]\nname = 3\n").unwrap();
    let data = support::doodles(4, 2);
    let predict: Vec<&dyn AsRef<OsStr>> = vec![&"predict", &"--weights", &starter, &missing];
    let no_data: Vec<&dyn AsRef<OsStr>> =
        vec![&"evaluate", &"--weights", &starter, &"--data", &missing];
    let no_weights: Vec<&dyn AsRef<OsStr>> = vec![&"predict", &"--weights", &missing, &missing];
    let ladder: Vec<&dyn AsRef<OsStr>> = vec![&"ladder", &missing, &"--out", &out];
    let path = data.path();
    let plan: Vec<&dyn AsRef<OsStr>> = vec![
        &"finetune",
        &"--data",
        &path,
        &"--weights",
        &starter,
        &"--out",
        &out,
        &"--plan",
        &text,
    ];
    for arguments in [predict, no_data, no_weights, ladder, plan] {
        let mut command = rekindle();
        arguments.iter().for_each(|argument| _ = command.arg(argument));
        let error = said(&command.output().unwrap());
        for cause in ["No such file", "none.png", "text.toml", "TOML parse error"] {
            let count = error.matches(cause).count();
            assert!(count <= 1, "`{cause}` {count} times: {error}");
        }
        assert!(error.contains("none.png") || error.contains("text.toml"), "{error}");
    }
}
