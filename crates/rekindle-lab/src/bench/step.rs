//! Steps of training by AdamW: how long one takes, and on what.

use std::{collections::BTreeMap, io::Write};

use burn::{module::Module, optim::GradientsParams, prelude::*};
use clap::Args;
use rekindle_kernels::profile::{self, Operation};
use rekindle_train::{OptimizerConfig, Rates};
use serde_json::{Value, json};

use super::{pool, texts::median};

/// How a step is measured, and what is told of it.
#[derive(Debug, Args)]
pub(super) struct StepOptions {
    #[arg(long, default_value_t = 2)]
    threads: usize,
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// What the time is spent on.
    #[arg(long)]
    profile: bool,
}

/// The median of some steps in seconds, and what one more did.
pub(super) type Times = (f64, Vec<Operation>);

impl StepOptions {
    /// Measures in a pool of the threads that are asked for, and writes what it is called, or an object, with the time of a step.
    pub(super) fn measure(
        &self,
        out: &mut impl Write,
        (called, mut row): (String, Value),
        times: impl FnOnce(usize) -> anyhow::Result<Times> + Send,
    ) -> anyhow::Result<()> {
        let (seconds, recorded) = pool::in_pool(self.threads, || times(self.runs))??;
        let milliseconds = (seconds * 1e5).round() / 100.0;
        if self.json {
            row["peer"] = json!("rekindle");
            row["train_ms"] = json!(milliseconds);
            writeln!(out, "{row}")?;
        } else {
            writeln!(out, "{called}: a step {milliseconds} ms")?;
        }
        if self.profile {
            show(&recorded, out)?;
        }
        Ok(())
    }
}

/// Takes some steps.
pub(super) fn times<M: Module>(
    runs: usize,
    model: M,
    loss: impl Fn(&M) -> Tensor<1>,
) -> anyhow::Result<Times> {
    let mut optimizer = OptimizerConfig::AdamW { weight_decay: 0.01 }.init();
    let mut model = Some(model);
    let mut step = || -> anyhow::Result<()> {
        let Some(now) = model.take() else { return Ok(()) };
        let loss = loss(&now);
        let _: f32 = loss.clone().into_scalar();
        let gradients = GradientsParams::from_grads(loss.backward(), &now);
        model = Some(optimizer.step(&Rates::uniform(1e-5), 1.0, now, gradients));
        Ok(())
    };
    let seconds = median(runs, &mut step)?;
    let (last, recorded) = profile::record(&mut step);
    last?;
    Ok((seconds, recorded))
}

/// What the kernels did, a line a kind.
fn show(recorded: &[Operation], out: &mut impl Write) -> anyhow::Result<()> {
    let mut spent: BTreeMap<&str, (usize, f64, f64)> = BTreeMap::new();
    for operation in recorded {
        let (count, seconds, flops) = spent.entry(operation.what).or_default();
        *count += 1;
        *seconds += operation.duration.as_secs_f64();
        *flops += operation.flops;
    }
    for (what, (count, seconds, flops)) in spent {
        let (rate, ms) = (flops / seconds / 1e9, seconds * 1e3);
        writeln!(out, "  {what:<16} {count:>6} times {ms:>8.1} ms {rate:>6.0} GFLOP/s")?;
    }
    Ok(())
}
