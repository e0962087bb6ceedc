//! `rekindle compare`: several runs on one page.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::report::{MainMetric, RunRecord, compare, mlflow};
use rekindle_base::write_file;

use super::{answers::shown, output::one_line};

/// Lay several runs over each other, on one page of HTML.
#[derive(Args)]
pub(super) struct Arguments {
    /// Folders of runs.
    #[arg(required = true, num_args = 1..)]
    runs: Vec<PathBuf>,
    /// The page.
    #[arg(long, default_value = "compare.html")]
    out: PathBuf,
    /// Write the runs into this folder too, as MLflow's file store has them; one run will do. Its version 3 reads it where
    /// MLFLOW_ALLOW_FILE_STORE=true says so (`mlflow ui --backend-store-uri DIR`), or after `mlflow migrate-filestore`.
    #[arg(long, value_name = "DIR")]
    mlflow: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let read = |folder: &PathBuf| -> anyhow::Result<RunRecord> {
            let mut run = RunRecord::read(&folder.join("run.json"))?;
            let name = folder.file_name().unwrap_or(folder.as_os_str());
            run.title = format!("{}: {}", name.display(), run.title);
            Ok(run)
        };
        let runs = self.runs.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(store) = &self.mlflow {
            for (folder, run) in self.runs.iter().zip(&runs) {
                let name = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
                let name = name.display().to_string();
                let written = folder.join("run.json").metadata().and_then(|file| file.modified());
                let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
                let ended = written.map_or(0, |time| since(time).as_millis() as u64);
                mlflow(run, &name, ended, store)
                    .with_context(|| format!("{}: cannot be written", store.display()))?;
            }
            say!("MLflow: {} runs in {}", runs.len(), one_line(store.display()));
        }
        if runs.len() < 2 {
            if self.mlflow.is_some() {
                return Ok(ExitCode::SUCCESS);
            }
            bail!("one run is nothing to compare; name another, or --mlflow DIR");
        }
        write_file(&self.out, compare(&runs))
            .with_context(|| format!("{}: cannot be written", self.out.display()))?;
        for (folder, run) in self.runs.iter().zip(&runs) {
            if let Some(found) = run.evaluations.first() {
                let MainMetric { name, estimate, .. } = found.main();
                let [value, low, high] =
                    [estimate.value, estimate.low, estimate.high].map(|it| shown(name, it));
                let name = if name == "accuracy" { String::new() } else { format!("{name} ") };
                say!("{:<24} {name}{value:>6} ({low} to {high})", one_line(folder.display()));
            }
        }
        say!("page: {}", one_line(self.out.display()));
        Ok(ExitCode::SUCCESS)
    }
}
