//! `rekindle evaluate`: how often a model is right.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Args;
use rekindle::{
    Evaluation, ListsRead, ModelOf, TestViews,
    data::{DataConfig, Part, TargetKind},
    engine::TransferTask as _,
};
use serde_json::json;

use super::{
    Common,
    answers::{Answers, always, shown},
    kind::{Kind, Place, of_kind},
    numbers, output,
    weights::{OpenedWeights, WeightsArguments},
};

/// Measure a model on labelled pictures or texts.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// One folder per label, or test/ (or val/) of those; or a list.
    #[arg(long)]
    data: PathBuf,
    /// The column of texts, where it is another than the model was trained on; twice for pairs.
    #[arg(long, value_name = "COLUMN")]
    text: Vec<String>,
    /// The column of labels of texts, where it is not called as usual.
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// What to measure on. [default: test/ where there is one, else val/, else all]
    #[arg(long)]
    part: Option<Which>,
    /// Look at each picture mirrored too, and average the answers.
    #[arg(long)]
    mirror: bool,
    /// Items a step.
    #[arg(long, default_value_t = 32, value_parser = numbers::batch)]
    batch: usize,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Which {
    Train,
    Val,
    Test,
}

impl From<Which> for Part {
    fn from(which: Which) -> Self {
        match which {
            Which::Train => Self::Train,
            Which::Val => Self::Val,
            Which::Test => Self::Test,
        }
    }
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (kind, weights) = self.weights.opened_kind()?;
        of_kind!(kind, self.measure(&weights))
    }

    fn measure<M: Kind>(&self, weights: &OpenedWeights) -> anyhow::Result<ExitCode> {
        let device = self.common.device.open()?;
        let model = weights.model::<M>(&device)?;
        let config = DataConfig::new(&self.data);
        let measuring = Measuring {
            model: &model,
            data: M::place(Place {
                config,
                text: &self.text,
                label: self.label.as_deref(),
                inputs: None,
                read: ListsRead::default(),
            })?,
            part: self.part.map(Part::from),
            batch: self.batch,
            views: if self.mirror { TestViews::Mirrored } else { TestViews::One },
            json: self.common.json,
            start: Instant::now(),
        };
        measuring.run()
    }
}

/// A model, what it is measured on, and how that is told.
pub(super) struct Measuring<'a, M: Kind> {
    pub(super) model: &'a ModelOf<M>,
    pub(super) data: M::Data,
    pub(super) part: Option<Part>,
    pub(super) batch: usize,
    pub(super) views: TestViews,
    pub(super) json: bool,
    pub(super) start: Instant,
}

impl<M: Kind> Measuring<'_, M> {
    /// Measures the task that the model was made for.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        match self.model.kind() {
            TargetKind::Label => self.measure::<usize>(),
            TargetKind::Labels => self.measure::<Vec<usize>>(),
            TargetKind::Numbers => self.measure::<Vec<f32>>(),
        }
    }

    fn measure<L: Answers>(&self) -> anyhow::Result<ExitCode> {
        let Self { model, data, part, batch, views, json, start } = self;
        let found = rekindle::evaluate::<L, M>(model, data, *part, *batch, *views)?;
        say::<M, L>(model, &found, *json, *start)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What came out, and what always answering the same would give.
fn say<M: Kind, L: Answers>(
    model: &ModelOf<M>,
    evaluation: &Evaluation<L::Task>,
    as_json: bool,
    start: Instant,
) -> anyhow::Result<()> {
    let Evaluation { part, task, labels, predictions, notes } = evaluation;
    let found = L::found(task, predictions);
    let always = always::<L>(task, &model.names(), labels, labels);
    let usual = task.monitor().metric;
    if as_json {
        notes.iter().for_each(|note| complain!("{}", output::one_line(note)));
        let mut line = json!({
            "part": part.name(),
            "interval": found.metrics.first().and_then(|metric| metric.interval),
            "seconds": start.elapsed().as_secs_f64(),
        });
        line[M::COUNTED] = found.examples.into();
        let constant = if usual == "accuracy" { "majority" } else { "constant" };
        line[constant] = always.map(|always| always.1).into();
        line[format!("probe_val_{usual}")] = model.probe().into();
        for (name, value) in found.values.iter() {
            line[name] = value.into();
        }
        for (name, value) in found.more {
            line[name] = value;
        }
        return output::json(&line);
    }
    notes.iter().for_each(|note| say!("{}", output::one_line(note)));
    let also = ["top5", "loss"].into_iter().filter_map(|name| {
        found.values.get(name).map(|value| match name {
            "top5" => format!(", top-5 {}", shown(name, value)),
            _ => format!(", loss {value:.4}"),
        })
    });
    say!(
        "{} {} ({}): {}{}, {:.1} s",
        found.examples,
        M::MANY,
        part.name(),
        found.line(),
        also.collect::<String>(),
        start.elapsed().as_secs_f64()
    );
    let probe = model.probe().map_or_else(String::new, |probe| {
        let probe = shown(&usual, probe);
        format!("; when it was trained, a probe of the weights it began with had {probe} on its validation {}", M::MANY)
    });
    if let Some((answer, value)) = always {
        say!("to beat: always {answer}: {}{probe}", shown(&usual, value));
    }
    Ok(())
}
