//! Networks forward or in training: every row in a process of its own.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use clap::Args;

use super::{
    network::{self, Pass},
    pool::in_pool,
    report::{self, Row},
};

/// Which networks, and how.
#[derive(Debug, Args)]
pub struct Networks {
    /// timm's names.
    #[arg(required = true)]
    models: Vec<String>,
    /// Pictures at a time; several are measured one after the other.
    #[arg(long, num_args = 1.., default_values_t = [8])]
    batch: Vec<usize>,
    /// Threads to use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How often each is measured.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// One object a line.
    #[arg(long)]
    json: bool,
    /// List every operation of one run, the slowest first.
    #[arg(long)]
    profile: bool,
    /// Measure here, and print what another process reads.
    #[arg(long, hide = true)]
    here: bool,
}

impl Networks {
    pub(super) fn measure(&self, pass: Pass, out: &mut impl Write) -> anyhow::Result<()> {
        if let (true, [model], [batch]) = (self.here, &self.models[..], &self.batch[..]) {
            let row = in_pool(self.threads, || {
                network::measure(pass, model, *batch, self.threads, self.runs)
            })??;
            writeln!(out, "{}", serde_json::to_string(&row)?)?;
            return Ok(());
        }
        let program =
            std::env::current_exe().context("cannot find this program to start it again")?;
        if !self.json {
            report::heading(out)?;
        }
        for model in &self.models {
            for batch in &self.batch {
                let what = pass.name();
                let output = Command::new(&program)
                    .args(["bench", what, model, "--here"])
                    .args(["--batch", &batch.to_string()])
                    .args(["--threads", &self.threads.to_string()])
                    .args(["--runs", &self.runs.to_string()])
                    .stderr(Stdio::inherit())
                    .output()
                    .with_context(|| format!("cannot start {}", program.display()))?;
                if !output.status.success() {
                    bail!("{what} {model} at batch {batch} did not finish: {}", output.status);
                }
                let row: Row = serde_json::from_slice(&output.stdout)
                    .with_context(|| format!("{what} {model} at batch {batch} printed no row"))?;
                row.print(self.json, out)?;
                if self.profile {
                    row.print_profile(out)?;
                }
            }
        }
        Ok(())
    }
}
