//! Steps of training by AdamW: how long one takes, and on what.

use std::{collections::BTreeMap, io::Write};

use burn::{module::Module, optim::GradientsParams, prelude::*};
use rekindle_kernels::profile::{self, Operation};
use rekindle_train::{OptimizerConfig, Rates};

use super::texts::median;

/// The median of some steps in seconds, and what one more did.
pub(super) fn times<M: Module>(
    runs: usize,
    model: M,
    loss: impl Fn(&M) -> Tensor<1>,
) -> anyhow::Result<(f64, Vec<Operation>)> {
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
pub(super) fn show(recorded: &[Operation], out: &mut impl Write) -> anyhow::Result<()> {
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
