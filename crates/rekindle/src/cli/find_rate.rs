//! `rekindle find-rate`: a learning rate for a plan's last phase, from one sweep.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use rekindle::{
    Device, FinetuneConfig, ItemOf, Learned, ModelTask as _,
    data::TargetKind,
    find_rate,
    report::chart::{Axis, AxisScale, LineChart, Mark, Series, line_chart},
    train::{RateRange, Train},
    transfer::{Frozen, Phase, Plan},
};
use rekindle_base::write_file;

use super::{
    Common,
    augment::Augmentation,
    data::{DataArguments, Opened},
    kind::{Beginning, Kind, Origin, of_kind},
    numbers, output,
    weights::WeightsArguments,
};

/// Find a learning rate: raise it step by step, and see where the loss falls.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    start: WeightsArguments,
    /// Begin with untrained parameters, of the architecture that --model names.
    #[arg(long, requires = "model", conflicts_with = "weights")]
    untrained: bool,
    /// Height and width of pictures, in pixels, where they are to be others than the weights expect: tables of positions are
    /// resampled.
    #[arg(long, value_name = "PIXELS", value_parser = numbers::count_or_none)]
    size: Option<usize>,
    /// Stages that train along with the head, counted from the head.
    #[arg(long, default_value_t = 0, value_parser = numbers::count_or_none)]
    stages: usize,
    /// Factor on the rate for each stage from the head towards the image.
    #[arg(long, default_value_t = 0.5, value_parser = numbers::share)]
    decay: f64,
    /// The lowest rate.
    #[arg(long, default_value_t = 1e-6, value_parser = numbers::amount)]
    from: f64,
    /// The highest rate.
    #[arg(long, default_value_t = 1.0, value_parser = numbers::amount)]
    to: f64,
    /// Steps from the lowest to the highest.
    #[arg(long, default_value_t = 100, value_parser = numbers::count)]
    steps: usize,
    /// Items a step.
    #[arg(long, default_value_t = 32, value_parser = numbers::batch)]
    batch: usize,
    /// What is drawn for each picture. [default: flip; none where numbers are learned]
    #[arg(long)]
    augment: Option<Augmentation>,
    /// Draws the head, the order and the augmentation.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the curve is drawn.
    #[arg(long, default_value = "rates.svg")]
    out: PathBuf,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let device = self.common.device.open()?.autodiff();
        device.seed(self.seed);
        self.data.find_inputs(&self.start)?;
        let beginning = self.start.beginning(self.data.inputs()?, self.untrained)?;
        of_kind!(beginning.kind, self.begin(beginning, &device))
    }

    fn begin<M: Kind>(&self, beginning: Beginning, device: &Device) -> anyhow::Result<ExitCode> {
        let place = beginning.completed::<M>(self.data.place::<M>()?)?;
        match self.data.kind::<M>(&place)? {
            TargetKind::Label => self.sweep::<M, usize>(place, beginning, device),
            TargetKind::Labels => self.sweep::<M, Vec<usize>>(place, beginning, device),
            TargetKind::Numbers => self.sweep::<M, Vec<f32>>(place, beginning, device),
        }
    }

    fn sweep<M: Kind, L: Learned>(
        &self,
        place: M::Data,
        beginning: Beginning,
        device: &Device,
    ) -> anyhow::Result<ExitCode> {
        let Opened { set, .. } = self.data.open::<M, L>(place)?;
        let weights = beginning.weights(&self.start)?;
        let file = weights.as_ref().map(|weights| &weights.file);
        let origin = Origin {
            name: self.start.model.as_deref(),
            weights: file,
            inputs: self.data.inputs()?,
            size: self.size,
        };
        let task = L::Task::of(&set.names);
        let items: Vec<&ItemOf<M>> = set.train.iter().map(|sample| &sample.item).collect();
        let (model, _) = M::begun(origin, &task, (&set.names, &items), device)?;
        let frozen = if self.stages == 0 { Frozen::Backbone } else { Frozen::AllBut(self.stages) };
        let phase = Phase { decay: self.decay, ..Phase::new("sweep", 1, frozen, 1.0) };
        let plan = model.modality().suited(model.network(), Plan::new(vec![phase]));
        let mut config = FinetuneConfig::<L::Task, M>::of(plan, task);
        config.engine.batch = self.batch;
        config.engine.seed = self.seed;
        config.inputs = M::augmented(self.augment, L::KIND, &model)?;
        let range = RateRange { from: self.from, to: self.to, steps: self.steps };
        if let Err(problem) = range.check() {
            anyhow::bail!("the range of rates: {problem}");
        }
        let found = find_rate(model, Train(set.train), &config, &range)?;
        let points: Vec<(f64, f64)> =
            found.rates.iter().copied().zip(found.losses.iter().copied()).collect();
        let chart = LineChart {
            title: "Loss by learning rate".to_owned(),
            width: 720.0,
            height: 420.0,
            x: Axis { label: "learning rate".to_owned(), scale: AxisScale::Log, ..Axis::default() },
            y: Axis { label: "loss".to_owned(), ..Axis::default() },
            marks: found
                .suggestion
                .map(|at| Mark { label: format!("{at:.1e}"), at })
                .into_iter()
                .collect(),
            series: vec![Series { name: "training".to_owned(), points, style: 0 }],
            ..LineChart::default()
        };
        write_file(&self.out, line_chart(&chart))
            .with_context(|| format!("{}: cannot be written", self.out.display()))?;
        if self.common.json {
            output::json(
                &serde_json::json!({ "rates": found.rates, "losses": found.losses, "suggestion": found.suggestion }),
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        match found.suggestion {
            Some(rate) => {
                say!(
                    "suggested rate of the head: {rate:.1e}; curve: {}",
                    output::one_line(self.out.display())
                )
            }
            None => say!(
                "the loss never fell by a tenth: begin with lower rates (--from), or take more steps; curve: {}",
                output::one_line(self.out.display())
            ),
        }
        Ok(ExitCode::SUCCESS)
    }
}
