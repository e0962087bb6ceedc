//! A network forward, and a step of training.

use std::time::Instant;

use anyhow::Context;
use burn::{nn::loss::CrossEntropyLossConfig, optim::GradientsParams, prelude::*};
use rekindle_kernels::profile;
use rekindle_train::{Optimizer, OptimizerConfig, Rates};
use rekindle_transfer::Classifier;
use rekindle_vision::{Architecture, Init, Regularization, VisionBackbone};

use super::{
    machine,
    report::{Part, Row},
};

type Model = Classifier<VisionBackbone>;

/// What is measured of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Infer,
    Train,
}

impl Pass {
    /// What it is called on the command line and in rows.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Infer => "infer",
            Self::Train => "train",
        }
    }
}

/// Measures a network with the side of picture that its card names.
pub(super) fn measure(
    pass: Pass,
    name: &str,
    batch: usize,
    threads: usize,
    runs: usize,
) -> anyhow::Result<Row> {
    let row = Architecture::find(name)?;
    let side = side(name);
    let train = pass == Pass::Train;
    let device = if train { Device::flex().autodiff() } else { Device::flex() };
    // As timm builds a network unless it is told otherwise.
    let init = Init { regularization: Regularization::None, ..Init::default() };
    let mut model = Some(Model::new(row.init(&init, &device), row.classes, &device));
    let images = Tensor::<4>::random(
        [batch, 3, side, side],
        burn::tensor::Distribution::Normal(0.0, 1.0),
        &device.clone().inner(),
    );
    let images = if train { Tensor::from_inner(images) } else { images };
    let mut optimizer = OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.0 }.init();
    let mut run = || {
        if train {
            model = model.take().map(|model| step(model, &mut optimizer, images.clone()));
        } else if let Some(model) = &model {
            let _ = model.forward(images.clone()).into_data();
        }
    };
    run();
    run();
    let mut seconds: Vec<f64> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let peak_rss_mib = peak_memory().context("cannot read the peak memory of this process")?;
    let start = Instant::now();
    let ((), operations) = profile::record(&mut run);
    let recorded_seconds = start.elapsed().as_secs_f64();
    Ok(Row {
        what: pass.name().to_owned(),
        model: name.to_owned(),
        batch,
        threads,
        ms_per_image: seconds[seconds.len() / 2] * 1e3 / batch as f64,
        peak_rss_mib,
        machine: machine::measure(),
        recorded_seconds,
        parts: operations.into_iter().map(Part::from).collect(),
    })
}

/// One step, the loss read as a training loop reads it.
fn step(model: Model, optimizer: &mut Optimizer, images: Tensor<4>) -> Model {
    let device = images.device();
    let [batch, ..] = images.dims();
    let targets = Tensor::<1, Int>::zeros([batch], &device);
    let loss = CrossEntropyLossConfig::new().init(&device).forward(model.forward(images), targets);
    let _: f32 = loss.clone().into_scalar();
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    optimizer.step(&Rates::uniform(1e-3), 1.0, model, gradients)
}

/// The side of the pictures that an architecture's first card was trained on; 224 where there is none.
fn side(name: &str) -> usize {
    rekindle::cards::find(name)
        .ok()
        .and_then(|card| Some(card.image().ok()?.input_size[1]))
        .unwrap_or(224)
}

/// Most memory that this process had at once, in MiB; none where the system does not tell.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
