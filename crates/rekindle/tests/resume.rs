//! A run that is killed again and again ends where one that is left alone ends, to the last bit, on any number of threads.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
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

fn wait(mut child: Child, limit: Duration) -> Option<bool> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.success());
        }
        thread::sleep(Duration::from_millis(2));
    }
    // SIGKILL: nothing is told, nothing is flushed.
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

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

    let start = Instant::now();
    let output = command(data.path(), &plan, &whole).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let duration = start.elapsed();

    // Moments drawn by a generator whose numbers are the same in every run of the test (Knuth's MMIX).
    let mut random = 9_u64;
    let mut kills = 0;
    let mut ended = false;
    for _ in 0..=all {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // From before the first state to a few epochs on.
        let limit = duration
            .mul_f64(0.02 + 1.2 / all as f64 * (random >> 40) as f64 / (1_u64 << 24) as f64);
        let limit = if kills < all { limit } else { Duration::from_secs(600) };
        // Pictures are prepared, and all is computed, on another number of threads in every life.
        let threads = ["1", "2", "4"][kills % 3];
        let mut life = command(data.path(), &plan, &killed);
        match wait(life.args(more).args(["--threads", threads]).spawn().unwrap(), limit) {
            None => kills += 1,
            Some(success) => {
                assert!(success, "a life ended in an error");
                ended = true;
                break;
            }
        }
    }
    assert!(ended && kills == all, "{kills} kills of a run of {duration:?}");
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
