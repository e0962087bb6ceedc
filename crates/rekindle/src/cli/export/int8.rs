//! `rekindle export --int8`: products in 8 bits, measured before they are written.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use rekindle::{
    Exported, ItemOf, ModelOf,
    data::{DataConfig, Part, TargetKind},
    engine::TransferTask as _,
    evaluate_graph,
    metrics::Direction,
};

use crate::cli::{
    answers::{Answers, shown},
    kind::{Kind, Place},
    numbers,
};

/// How products come to be in 8 bits.
#[derive(Args)]
pub(super) struct Int8 {
    /// Compute products in 8 bits: about three times as fast on processors made for it, and a quarter as large. Needs --data.
    #[arg(long, requires = "data", conflicts_with_all = ["half", "with_preprocessing"])]
    pub(super) int8: bool,
    /// With --int8: a data set, as `finetune --data` takes it. What values a network takes is seen on its training items, and
    /// what 8 bits cost on those to validate on.
    #[arg(long, value_name = "FILE_OR_DIR", requires = "int8")]
    data: Option<PathBuf>,
    /// The column of texts, with --int8.
    #[arg(long, value_name = "COLUMN", requires = "int8")]
    text: Vec<String>,
    /// The column of labels, where it is not called as usual, with --int8.
    #[arg(long, value_name = "COLUMN", requires = "int8")]
    label: Option<String>,
    /// Items to see values on.
    #[arg(long, default_value_t = 200, value_parser = numbers::count)]
    calibrate: usize,
    /// The share of the usual metric that 8 bits may cost; what costs more is not written.
    #[arg(long, default_value_t = 0.01)]
    tolerance: f64,
}

/// Items at once.
const BATCH: usize = 32;

/// What 8 bits cost.
pub(super) struct Cost {
    pub(super) metric: String,
    pub(super) before: f64,
    pub(super) after: f64,
    pub(super) line: String,
}

impl Int8 {
    /// The graph in 8 bits, and what that costs.
    pub(super) fn quantized<M: Kind>(
        &self,
        model: &ModelOf<M>,
        exported: Exported,
    ) -> anyhow::Result<(Exported, Cost)> {
        match model.kind() {
            TargetKind::Label => self.of_kind::<M, usize>(model, exported),
            TargetKind::Labels => self.of_kind::<M, Vec<usize>>(model, exported),
            TargetKind::Numbers => self.of_kind::<M, Vec<f32>>(model, exported),
        }
    }

    fn of_kind<M: Kind, L: Answers>(
        &self,
        model: &ModelOf<M>,
        exported: Exported,
    ) -> anyhow::Result<(Exported, Cost)> {
        let Some(path) = &self.data else { bail!("--int8 needs --data") };
        let mut config = DataConfig::new(path);
        if L::KIND == TargetKind::Numbers {
            config.targets = model.names();
        }
        let place = M::place(Place {
            config,
            text: &self.text,
            label: self.label.as_deref(),
            inputs: None,
            read: rekindle::ListsRead::default(),
        })?;
        let data = model.modality().completed(model.config(), &place);
        let seen = M::measurable::<L>(&data, Some(Part::Train))
            .or_else(|_| M::measurable::<L>(&data, None))?;
        let every = seen.samples.len().div_ceil(self.calibrate).max(1);
        let items: Vec<ItemOf<M>> =
            seen.samples.iter().step_by(every).map(|sample| sample.item.clone()).collect();
        let whole = exported.onnx.clone();
        let quantized = exported.int8(model, &items, BATCH)?;
        let part = M::measurable::<L>(&data, Some(Part::Val)).is_ok().then_some(Part::Val);
        let measured = |onnx| {
            let found = evaluate_graph::<L, M>(model, onnx, &place, part, BATCH)?;
            let metric = found.task.monitor();
            let values = L::found(&found.task, &found.predictions);
            let value = values.values.get(&metric.metric).unwrap_or(f64::NAN);
            anyhow::Ok((metric, value, values.examples, found.part))
        };
        let (metric, before, examples, part) = measured(&whole)?;
        let (_, after, ..) = measured(&quantized.onnx)?;
        let name = metric.metric;
        let lost = match metric.direction {
            Direction::Higher => before - after,
            Direction::Lower => after - before,
        };
        let line = format!(
            "8 bits: {} from {} to {} on {examples} {} ({}), seen on {}",
            name,
            shown(&name, before),
            shown(&name, after),
            M::MANY,
            part.name(),
            items.len(),
        );
        // What is no number has lost everything.
        if lost.is_nan() || lost > self.tolerance * before.abs() {
            bail!(
                "{line}: more than the {:.1}% that --tolerance allows, so nothing is written; calibrate on more, or export without --int8",
                100.0 * self.tolerance
            );
        }
        Ok((quantized, Cost { metric: name, before, after, line }))
    }
}
