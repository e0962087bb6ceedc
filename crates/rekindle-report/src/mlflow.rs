//! Runs as MLflow's file store has them, so that its page and its clients list them:
//!
//! ```text
//! STORE/EXPERIMENT/meta.yaml
//! STORE/EXPERIMENT/RUN/meta.yaml
//! STORE/EXPERIMENT/RUN/metrics/NAME     a line an epoch: milliseconds, value, epoch
//! STORE/EXPERIMENT/RUN/params/NAME      what was asked for
//! STORE/EXPERIMENT/RUN/tags/NAME
//! ```
//!
//! MLflow 3 reads it where `MLFLOW_ALLOW_FILE_STORE=true` says so, and moves it into its database by `mlflow migrate-filestore`.

use std::{fmt::Write as _, fs, io, path::Path};

use rekindle_base::write_file;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{EpochRecord, Metric, RunRecord};

/// The experiment that runs belong to.
const EXPERIMENT: &str = "rekindle";
/// Its number, as MLflow makes them of a name's digest: it has 18 digits.
const EXPERIMENT_ID: &str = "573114021995218471";

/// Writes a run into a store; `name` is what it is called, `ended` when it ended, in milliseconds since 1970. The same name is the
/// same run, written again.
///
/// # Errors
///
/// If a file cannot be written.
pub fn mlflow(run: &RunRecord, name: &str, ended: u64, store: &Path) -> io::Result<()> {
    let id = Sha256::digest(name.as_bytes());
    let id: String = id.iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let experiment = store.join(EXPERIMENT_ID);
    let folder = experiment.join(&id);
    // What it measured and asked for before is not it.
    for part in ["metrics", "params", "tags"] {
        match fs::remove_dir_all(folder.join(part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(folder.join(part))?,
        }
    }
    fs::create_dir_all(folder.join("artifacts"))?;
    let seconds = run.environment.seconds.unwrap_or_default();
    let began = ended.saturating_sub((1000.0 * seconds) as u64);
    let about = format!(
        "artifact_location: {}\ncreation_time: {began}\nexperiment_id: '{EXPERIMENT_ID}'\nlast_update_time: {ended}\nlifecycle_stage: active\nname: {EXPERIMENT}\n",
        json!(uri(&experiment)),
    );
    let meta = experiment.join("meta.yaml");
    if !meta.exists() {
        write_file(&meta, about)?;
    }
    // 3 is a run that has ended, 4 one of a script; JSON's texts are YAML's.
    let about = format!(
        "artifact_uri: {}\nend_time: {ended}\nentry_point_name: ''\nexperiment_id: '{EXPERIMENT_ID}'\nlifecycle_stage: active\nrun_id: {id}\nrun_name: {}\nrun_uuid: {id}\nsource_name: rekindle\nsource_type: 4\nsource_version: ''\nstart_time: {began}\nstatus: 3\ntags: []\nuser_id: ''\n",
        json!(uri(&folder.join("artifacts"))),
        json!(name),
    );
    write_file(&folder.join("meta.yaml"), about)?;
    for (key, value) in params(run) {
        write_file(&folder.join("params").join(key), value)?;
    }
    for (key, value) in [("mlflow.runName", name), ("mlflow.note.content", &run.title)] {
        write_file(&folder.join("tags").join(key), value)?;
    }
    for (key, lines) in metrics(run, began, ended) {
        write_file(&folder.join("metrics").join(key), lines)?;
    }
    Ok(())
}

fn uri(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("file://{}", path.display())
}

/// What was asked for.
fn params(run: &RunRecord) -> Vec<(&'static str, String)> {
    let mut params = vec![("rekindle", run.environment.rekindle.clone())];
    params.extend(run.environment.seed.map(|seed| ("seed", seed.to_string())));
    params.extend(run.weights.iter().map(|weights| ("weights", weights.name.clone())));
    params.extend(run.data.iter().map(|data| ("data", data.folder.clone())));
    if let Some(plan) = &run.plan {
        let epochs: usize = plan.phases.iter().map(|phase| phase.epochs).sum();
        params.extend([
            ("plan", plan.name.clone()),
            ("optimizer", plan.optimizer.clone()),
            ("schedule", plan.schedule.clone()),
            ("epochs", epochs.to_string()),
        ]);
    }
    params.retain(|(_, value)| !value.is_empty());
    params
}

/// What was measured, by a name that is a file's.
fn metrics(run: &RunRecord, began: u64, ended: u64) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut add = |part: &str, metric: &Metric, time: u64, step: usize| {
        // As MLflow allows them.
        let keep = |c: char| if c.is_alphanumeric() || "_-. ".contains(c) { c } else { '_' };
        let key: String = format!("{part}_{}", metric.name).chars().map(keep).collect();
        let value = if metric.value.is_nan() { "nan".to_owned() } else { metric.value.to_string() };
        let line = format!("{time} {value} {step}\n");
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, lines)) => lines.push_str(&line),
            None => found.push((key, line)),
        }
    };
    let epochs = run.history.iter().flat_map(|history| &history.epochs);
    let mut time = began as f64;
    for EpochRecord { number, train, validation, seconds, .. } in epochs {
        time += 1000.0 * seconds;
        let at = (time as u64).min(ended);
        train.iter().for_each(|metric| add("train", metric, at, *number));
        validation.iter().for_each(|metric| add("val", metric, at, *number));
    }
    let best = run.history.as_ref().and_then(|history| history.best).unwrap_or_default();
    for evaluation in &run.evaluations {
        let main = evaluation.main();
        let metric = Metric { name: main.name.to_owned(), value: main.estimate.value };
        add(&format!("best_{}", evaluation.set), &metric, ended, best);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rekindle_skip::python;

    use super::*;
    use crate::{History, PlanRecord};

    fn run() -> RunRecord {
        let metric = |value| vec![Metric { name: "accuracy".to_owned(), value }];
        let epoch = |number: usize, value: f64| EpochRecord {
            number,
            train: metric(value - 0.1),
            validation: metric(value),
            seconds: 2.0,
            ..EpochRecord::default()
        };
        RunRecord {
            title: "ants: and \"bees\"".to_owned(),
            plan: Some(PlanRecord { name: "head".to_owned(), ..PlanRecord::default() }),
            history: Some(History {
                best: Some(2),
                epochs: vec![epoch(1, 0.5), epoch(2, 0.75)],
                ..History::default()
            }),
            ..RunRecord::default()
        }
    }

    #[test]
    fn a_run_is_a_folder_of_a_store() {
        let store = tempfile::tempdir().unwrap();
        mlflow(&run(), "first", 10_000, store.path()).unwrap();
        mlflow(&run(), "first", 20_000, store.path()).unwrap();
        mlflow(&run(), "second", 20_000, store.path()).unwrap();
        let experiment = store.path().join(EXPERIMENT_ID);
        let runs: Vec<_> = fs::read_dir(&experiment)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect();
        assert_eq!(runs.len(), 2);
        for run in runs {
            let lines = fs::read_to_string(run.join("metrics/val_accuracy")).unwrap();
            assert_eq!(lines, "20000 0.5 1\n20000 0.75 2\n");
            assert_eq!(fs::read_to_string(run.join("params/plan")).unwrap(), "head");
        }
    }

    /// MLflow itself lists it.
    #[test]
    fn mlflow_reads_the_store() {
        let Some(python) = python(&["mlflow"]) else { return };
        let store = tempfile::tempdir().unwrap();
        mlflow(&run(), "a run: of \"bees\"", 20_000, store.path()).unwrap();
        let script = "import sys
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
experiment = client.get_experiment_by_name('rekindle')
[run] = client.search_runs([experiment.experiment_id])
history = client.get_metric_history(run.info.run_id, 'val_accuracy')
print(run.info.run_name, run.info.status, run.data.params['plan'], run.data.metrics['val_accuracy'], len(history), sep='|')";
        let output = Command::new(python)
            .args(["-c", script])
            .arg(store.path())
            .env("MLFLOW_ALLOW_FILE_STORE", "true")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(text.trim(), "a run: of \"bees\"|FINISHED|head|0.75|2", "{error}");
    }
}
