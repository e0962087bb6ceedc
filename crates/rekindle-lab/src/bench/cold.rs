//! From nothing to a first prediction, in a fresh process.

use std::{io::Write, path::Path, process::Command, time::Instant};

use anyhow::{Context, bail};
use rekindle::{Device, Model, data};

use crate::{Cold, in_pool};

/// Measures a fresh process, several times.
pub(crate) fn run(cold: &Cold, out: &mut impl Write) -> anyhow::Result<()> {
    if cold.here {
        let weights = cold.weights.as_deref().context("the fresh process was given no weights")?;
        return in_pool(cold.threads, || predict(&cold.model, weights, &cold.picture))?;
    }
    let folder = tempfile::tempdir().context("cannot make a temporary folder for weights")?;
    let weights = match &cold.weights {
        Some(weights) => weights.clone(),
        None => {
            let path = folder.path().join("model.safetensors");
            let labels: Vec<String> = (0..1000).map(|label| label.to_string()).collect();
            let device = Device::flex();
            let (model, _) = Model::for_labels(Some(&cold.model), None, &labels, &device)?;
            model.save(&path, None)?;
            path
        }
    };
    let program = std::env::current_exe().context("cannot find this program to start it again")?;
    let mut seconds = Vec::new();
    for _ in 0..=cold.runs {
        let start = Instant::now();
        let status = Command::new(&program)
            .args(["cold", &cold.model])
            .arg(&cold.picture)
            .arg("--weights")
            .arg(&weights)
            .args(["--threads", &cold.threads.to_string(), "--here"])
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
    if cold.json {
        writeln!(
            out,
            "{}",
            serde_json::json!({ "what": "cold", "model": cold.model, "seconds": median })
        )?;
    } else {
        writeln!(out, "cold {} {median:.3} s", cold.model)?;
    }
    Ok(())
}

fn predict(model: &str, weights: &Path, picture: &Path) -> anyhow::Result<()> {
    let (model, _) = Model::open(Some(model), weights, &Device::flex())?;
    let picture = data::decode(picture)?;
    model.predict(&[picture])?;
    Ok(())
}
