//! The built program, run by tests: what it prints, what it refuses, what it leaves when it is killed.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use serde_json::Value;

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    let output = command(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    output
}

/// What a command prints.
pub(crate) fn printed(arguments: &[&str]) -> String {
    String::from_utf8(output(arguments).stdout).unwrap()
}

/// The objects that a command prints, a line each.
pub(crate) fn objects(arguments: &[&str]) -> Vec<Value> {
    printed(arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a command says on an error, which must be no panic.
#[allow(dead_code, reason = "not every test that shares this takes it")]
pub(crate) fn refused(arguments: &[&str]) -> String {
    let output = command(arguments).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
    error
}

/// The number under a name.
#[allow(dead_code, reason = "not every test that shares this takes it")]
pub(crate) fn number(line: &Value, name: &str) -> f64 {
    line[name].as_f64().unwrap_or_else(|| panic!("no number `{name}` in {line}"))
}

/// What each epoch of a run gave, without how long it took.
#[allow(dead_code, reason = "not every test that shares this takes it")]
pub(crate) fn history(run: &Path) -> Vec<Value> {
    let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
    let epoch = |line: &str| {
        let mut epoch: Value = serde_json::from_str(line).unwrap();
        for time in ["seconds", "waiting"] {
            epoch.as_object_mut().unwrap().remove(time);
        }
        epoch
    };
    log.lines().map(epoch).collect()
}

/// Runs `rekindle finetune` in one go, and again with a kill after each of its first states; both must leave the same bytes.
#[allow(dead_code, reason = "not every test that shares this takes it")]
pub(crate) fn ends_the_same_when_killed(folder: &Path, arguments: &[&str]) {
    let [whole, killed] = ["whole", "killed"].map(|name| folder.join(name));
    let run = |out| {
        let own = ["finetune", "--json", "--resume", "--state-seconds", "0", "--out", text(out)];
        [&own, arguments].concat()
    };
    output(&run(&whole));
    let mut kills = 0;
    for _ in 0..3 {
        let mut life = command(&run(&killed));
        let mut life = life.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let state =
            || fs::metadata(killed.join("last.state")).and_then(|file| file.modified()).ok();
        let before = state();
        while state() == before && life.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        // SIGKILL: nothing is told, nothing is flushed.
        kills += usize::from(life.try_wait().unwrap().is_none());
        life.kill().unwrap();
        life.wait().unwrap();
    }
    assert!(kills > 1, "{kills} kills");
    output(&run(&killed));
    assert_eq!(history(&whole), history(&killed));
    let [one, other] = [&whole, &killed].map(|run| fs::read(run.join("best.safetensors")).unwrap());
    assert!(one == other, "other weights after {kills} kills");
}
