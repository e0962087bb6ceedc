//! What holds for one label, several labels and numbers alike, in a table of tasks.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

#[path = "support/bars.rs"]
mod bars;
#[path = "support/plates.rs"]
mod plates;
#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use program::{ends_the_same_when_killed, history, objects, refused, text};
use serde_json::Value;
use tempfile::TempDir;

/// A task, pictures to learn it from, and how it is asked for.
struct Row {
    /// As errors call it.
    name: &'static str,
    /// The folder that all lies in, and what `--data` is given.
    data: fn() -> (TempDir, PathBuf),
    /// What all its runs take.
    asked: &'static [&'static str],
    /// What a run takes that is killed: whatever keeps something between epochs.
    killed: &'static [&'static str],
}

const TASKS: [Row; 3] = [
    Row {
        name: "one label",
        data: || {
            let folder = support::doodles(8, 4);
            let path = folder.path().to_owned();
            (folder, path)
        },
        asked: &[],
        killed: &["--mixup", "0.2", "--plateau", "1", "--augment", "crop"],
    },
    Row {
        name: "several labels",
        data: || {
            let plates::Plates { folder, list, .. } = plates::plates(15);
            (folder, list)
        },
        asked: &[],
        killed: &["--ema", "0.9", "--smoothing", "0.1", "--augment", "crop"],
    },
    Row {
        name: "numbers",
        data: || {
            let bars::Bars { folder, list, .. } = bars::bars(60);
            (folder, list)
        },
        asked: &bars::ALL,
        killed: &["--loss", "huber", "--clip", "1", "--augment", "flip"],
    },
];

impl Row {
    /// The arguments of a run that begins with the starter.
    fn arguments<'a>(
        &'a self,
        data: &'a Path,
        starter: &'a Path,
        more: &[&'a str],
    ) -> Vec<&'a str> {
        let start = ["--data", text(data), "--weights", text(starter), "--batch", "8"];
        [&start, self.asked, more].concat()
    }

    /// What a run into a folder printed.
    fn finetune(&self, data: &Path, out: &Path, more: &[&str]) -> Vec<Value> {
        let starter = support::starter();
        let own = ["finetune", "--json", "--out", text(out)];
        objects(&[&own, &self.arguments(data, &starter, more) as &[&str]].concat())
    }
}

#[test]
fn killed_and_gone_on_with_a_run_ends_in_the_same_bytes() {
    for task in &TASKS {
        // Folders of labels are no place for a run.
        let ((_folder, data), out) = ((task.data)(), tempfile::tempdir().unwrap());
        let starter = support::starter();
        let more = [&["--recipe", "full", "--epochs", "8"], task.killed].concat();
        ends_the_same_when_killed(out.path(), &task.arguments(&data, &starter, &more));
    }
}

#[test]
fn features_that_are_kept_change_no_loss() {
    for task in &TASKS {
        let ((_folder, data), runs) = ((task.data)(), tempfile::tempdir().unwrap());
        for (recipe, views) in [("head", "3"), ("gradual", "2")] {
            let run = |place: &str| {
                let out = runs.path().join(format!("{recipe}-{place}"));
                let more = ["--recipe", recipe, "--epochs", "4", "--views", views];
                let more = [&more, &["--augment", "crop", "--cache", place] as &[&str]].concat();
                task.finetune(&data, &out, &more);
                (history(&out), out)
            };
            let (off, _) = run("off");
            let (memory, _) = run("memory");
            let (file, out) = run("file");
            assert_eq!(off.len(), 4, "{}", task.name);
            assert!(off == memory && off == file, "{}, {recipe}", task.name);
            // What the frozen stages made is in a file.
            let kept = fs::read_dir(out).unwrap().filter(|entry| {
                let path = entry.as_ref().unwrap().path();
                path.extension().is_some_and(|extension| extension == "bin")
                    && !path.ends_with("digests.bin")
            });
            assert_eq!(kept.count(), 1, "{}, {recipe}", task.name);
        }
    }
}

/// `--recipe as-is` says what `evaluate` says, and refuses data of another task by both of their names.
#[test]
fn weights_are_measured_as_they_are_on_their_own_task() {
    let made: Vec<(&Row, [TempDir; 2], PathBuf, PathBuf)> = TASKS
        .iter()
        .map(|task| {
            let ((folder, data), runs) = ((task.data)(), tempfile::tempdir().unwrap());
            let out = runs.path().join("run");
            task.finetune(&data, &out, &["--epochs", "1"]);
            (task, [folder, runs], data, out.join("best.safetensors"))
        })
        .collect();
    for (task, [_, runs], data, weights) in &made {
        let none = runs.path().join("none");
        let as_is = |data: &Path, asked: &[&str], read: &dyn Fn(&[&str]) -> Vec<Value>| {
            let own = ["finetune", "--json", "--recipe", "as-is", "--out", text(&none)];
            let of = ["--data", text(data), "--weights", text(weights)];
            read(&[&own, &of as &[&str], asked].concat())
        };
        let timeless = |mut lines: Vec<Value>| {
            lines[0].as_object_mut().unwrap().remove("seconds");
            lines
        };
        let found = timeless(as_is(data, task.asked, &objects));
        let evaluate = ["evaluate", "--json", "--data", text(data), "--weights", text(weights)];
        assert_eq!(found, timeless(objects(&evaluate)), "{}", task.name);
        // The columns are the model's own.
        assert_eq!(timeless(as_is(data, &[], &objects)), found, "{}", task.name);
        assert!(!none.exists());
        for (other, _, data, _) in &made {
            // One label is one of several too.
            if other.name == task.name || (task.name, other.name) == ("several labels", "one label")
            {
                continue;
            }
            let error = |arguments: &[&str]| vec![Value::from(refused(arguments))];
            let error = as_is(data, other.asked, &error).remove(0).to_string();
            let expected = format!("has {} a picture, but", other.name);
            assert!(error.contains(&expected), "{} on {}: {error}", task.name, other.name);
            assert!(error.contains(&format!("was made for {}", task.name)), "{error}");
        }
    }
}
