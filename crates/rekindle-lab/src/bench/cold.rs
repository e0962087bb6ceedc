//! From nothing to a first prediction, in a fresh process.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{Device, Model, data};

use super::pool::in_pool;

/// Which network, and which picture.
#[derive(Debug, Args)]
pub struct Cold {
    /// timm's name.
    model: String,
    /// A picture.
    picture: PathBuf,
    /// Weights of the model; without, some are drawn and saved first.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Threads to use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How often it is measured.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// One object a line.
    #[arg(long)]
    json: bool,
    /// Be the fresh process.
    #[arg(long, hide = true)]
    here: bool,
}

impl Cold {
    /// Measures a fresh process, several times.
    pub(super) fn measure(&self, out: &mut impl Write) -> anyhow::Result<()> {
        if self.here {
            let weights =
                self.weights.as_deref().context("the fresh process was given no weights")?;
            return in_pool(self.threads, || predict(&self.model, weights, &self.picture))?;
        }
        let folder = tempfile::tempdir().context("cannot make a temporary folder for weights")?;
        let weights = match &self.weights {
            Some(weights) => weights.clone(),
            None => {
                let path = folder.path().join("model.safetensors");
                let labels: Vec<String> = (0..1000).map(|label| label.to_string()).collect();
                let device = Device::flex();
                let (model, _) = Model::for_labels(Some(&self.model), None, &labels, &device)?;
                model.save(&path, None)?;
                path
            }
        };
        let program =
            std::env::current_exe().context("cannot find this program to start it again")?;
        let mut seconds = Vec::new();
        for _ in 0..=self.runs {
            let start = Instant::now();
            let status = Command::new(&program)
                .args(["bench", "cold", &self.model])
                .arg(&self.picture)
                .arg("--weights")
                .arg(&weights)
                .args(["--threads", &self.threads.to_string(), "--here"])
                .status()
                .with_context(|| format!("cannot start {}", program.display()))?;
            if !status.success() {
                bail!("the fresh process did not finish: {status}");
            }
            seconds.push(start.elapsed().as_secs_f64());
        }
        // The first found nothing in the system's cache.
        let mut seconds = seconds.split_off(1);
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        if self.json {
            writeln!(
                out,
                "{}",
                serde_json::json!({ "what": "cold", "model": self.model, "seconds": median })
            )?;
        } else {
            writeln!(out, "cold {} {median:.3} s", self.model)?;
        }
        Ok(())
    }
}

fn predict(model: &str, weights: &Path, picture: &Path) -> anyhow::Result<()> {
    let (model, _) = Model::open(Some(model), weights, &Device::flex())?;
    let picture = data::decode(picture)?;
    model.predict([picture])?;
    Ok(())
}
