//! `rekindle compare`: several runs on one page.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::report::{MainMetric, RunRecord, compare};
use rekindle_base::write_file;

use super::{answers::shown, output::one_line};

/// Lay several runs over each other, on one page of HTML.
#[derive(Args)]
pub(super) struct Arguments {
    /// Folders of runs.
    #[arg(required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
    /// The page.
    #[arg(long, default_value = "compare.html")]
    out: PathBuf,
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
        if runs.is_empty() {
            bail!("no runs to compare");
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
