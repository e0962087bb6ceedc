//! A run that is killed again and again ends where one that is left alone ends, to the last bit, on any number of threads.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// Everything that a run keeps between epochs: an average, dropout-free batch norms that move, a plateau, clipping,
/// several optimizers, accumulated gradients, mixed pictures, drawn augmentation.
const PLAN: &str = r#"
[[phases]]
name = "head"
epochs = 8
frozen = "backbone"
lr = 0.01

[[phases]]
name = "upper"
epochs = 8
frozen = { all_but = 1 }
lr = 1e-3
decay = 0.5
batch_norm = "reestimated"

[[phases]]
name = "all"
epochs = 14
frozen = "nothing"
lr = 0.01
batch_norm = "updated"
optimizer = { sgd = { momentum = 0.9, weight_decay = 1e-4 } }
schedule = "constant"
"#;

fn command(data: &Path, plan: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    command.args(["finetune", "--json", "--resume", "--state-seconds", "0", "--batch", "6"]);
    command.args(["--ema", "0.9", "--clip", "1", "--accumulate", "2"]);
    command.args(["--plateau", "1", "--smoothing", "0.1", "--seed", "5", "--augment", "crop"]);
    command.arg("--data").arg(data).arg("--plan").arg(plan).arg("--out").arg(out);
    command.arg("--weights").arg(support::starter());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// What came out of each epoch, without how long it took.
fn history(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("log.jsonl")).unwrap();
    let line = |line: &str| {
        let mut epoch: Value = serde_json::from_str(line).unwrap();
        ["seconds", "waiting"]
            .iter()
            .for_each(|name| _ = epoch.as_object_mut().unwrap().remove(*name));
        epoch
    };
    text.lines().map(line).collect()
}

/// Where a life ends, by what the run has written.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Once this file is there (or was written anew), whatever else is on its way.
    Written(&'static str),
    /// Once so many epochs were printed, before what comes after an epoch is on disk, or while it is.
    Printed(usize),
    /// Never.
    End,
}

/// Lets a run live until a moment; whether it ended by itself, and well.
fn live(mut child: Child, out: &Path, moment: Moment) -> Option<bool> {
    let output = child.stdout.take().unwrap();
    match moment {
        Moment::Written(name) => {
            let file = out.join(name);
            let stamp = || fs::metadata(&file).ok().and_then(|file| file.modified().ok());
            let before = stamp();
            // Its output is read when it is over: a few lines fit into the pipe.
            while stamp() == before || stamp().is_none() {
                if let Some(status) = child.try_wait().unwrap() {
                    return Some(status.success());
                }
                std::thread::yield_now();
            }
        }
        Moment::Printed(count) => {
            let epochs = BufReader::new(output).lines().map_while(Result::ok);
            let epochs = epochs.filter(|line| line.contains("\"epoch\"")).take(count).count();
            if epochs < count {
                return Some(child.wait().unwrap().success());
            }
        }
        Moment::End => {
            BufReader::new(output).lines().for_each(drop);
            return Some(child.wait().unwrap().success());
        }
    }
    // SIGKILL: nothing is told, nothing is flushed.
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// From before the first state to a few epochs on, and in the middle of what is written after an epoch.
const MOMENTS: [Moment; 10] = [
    Moment::Written("log.jsonl"),
    Moment::Printed(1),
    Moment::Written("last.state"),
    Moment::Printed(2),
    Moment::Written("last.state"),
    Moment::Printed(3),
    Moment::Printed(1),
    Moment::Written("last.state"),
    Moment::Printed(4),
    Moment::Printed(2),
];

#[test]
fn killed_at_ten_moments_a_run_ends_the_same() {
    assert_eq!(killed(&["--mixup", "0.2"], 10), 30);
}

/// Phases that end early, of views that are kept in files, and rates that were lowered on the way.
#[test]
fn killed_at_five_moments_a_run_stops_as_early() {
    let epochs = killed(&["--patience", "2", "--views", "3"], 5);
    assert!((6..30).contains(&epochs), "{epochs} epochs");
}

/// Kills a run so often, compares it with one that is left alone, and says how many epochs both took.
fn killed(more: &[&str], all: usize) -> usize {
    let data = support::doodles(12, 4);
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    fs::write(&plan, PLAN).unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));

    let output = command(data.path(), &plan, &whole).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut kills = 0;
    for moment in MOMENTS.into_iter().take(all).chain([Moment::End]) {
        // Pictures are prepared, and all is computed, on another number of threads in every life.
        let threads = ["1", "2", "4"][kills % 3];
        let mut life = command(data.path(), &plan, &killed);
        let life = life.args(more).args(["--threads", threads]).stdout(Stdio::piped());
        match live(life.spawn().unwrap(), &killed, moment) {
            None => kills += 1,
            Some(success) => {
                assert!(success, "a life ended in an error, after {kills} kills");
                break;
            }
        }
    }
    // A run that stops early may be over before the last of them.
    assert!(kills > all / 2, "{kills} kills of {all}");
    assert_eq!(history(&whole), history(&killed), "after {kills} kills");
    let [one, other] = [&whole, &killed].map(|run| fs::read(run.join("best.safetensors")).unwrap());
    assert!(one == other, "other weights after {kills} kills");
    history(&whole).len()
}

#[test]
fn another_run_is_not_gone_on_with() {
    let data = support::doodles(4, 2);
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    fs::write(&plan, PLAN).unwrap();
    let out = folder.path().join("run");
    assert!(command(data.path(), &plan, &out).output().unwrap().status.success());
    fs::write(&plan, PLAN.replace("lr = 1e-3", "lr = 2e-3")).unwrap();
    let output = command(data.path(), &plan, &out).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("last.state") && error.contains("plan"), "{error}");

    // A state that was cut or changed is refused, and the folder is left as it was.
    fs::write(&plan, PLAN).unwrap();
    let state = out.join("last.state");
    let good = fs::read(&state).unwrap();
    let mut changed = good.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    for bad in [
        &good[..good.len() / 2],
        &good[..10],
        b"nothing of ours at all, but longer than that",
        &changed,
    ] {
        fs::write(&state, bad).unwrap();
        let output = command(data.path(), &plan, &out).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("last.state") && error.contains("delete it"), "{error}");
        assert!(fs::read(&state).unwrap() == bad);
    }
}
