//! How a network is trained on a panel: which windows, how long, how fast.

use std::{num::NonZeroUsize, ops::Range, path::Path, sync::Arc, time::Duration};

use burn::prelude::*;
use rekindle_data::{Random, Sample};
use rekindle_finetune::{
    EngineConfig, EngineFolder, HeadStart, Items, Labelled, Start, Trainee, finetune,
};
use rekindle_layers::Backbone;
use rekindle_series::{
    Features, ForecastConfig, Panel, ScalingBy, ScalingKind, Windows, WindowsConfig,
    metrics::naive_scale,
};
use rekindle_train::{Callback, EmaConfig, Epoch, RegressionLoss, Train, Validation};
use rekindle_transfer::{Classifier, Frozen, Phase, Plan, Ridge};

use crate::{
    Ahead, Error, Family, ForecastBackbone, ForecastLoss, ForecastNetwork, Forecaster,
    ForecasterConfig, Future, NetworkConfig, Place, PrepareWindows, forecaster,
    task::MOST_PRODUCTS, windows::WindowRows,
};

/// How a network is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// What the model is.
    pub model: ForecasterConfig,
    /// Only windows whose forecasts lie in the last so many horizons of the training part are learned from; all if none.
    pub recent: Option<usize>,
    /// Points at the end of each series that the best epoch is chosen by and quantiles are compared with, and that are not
    /// learned; of a short series no more than a quarter, and at least a horizon. With 0 the last horizon is learned too.
    pub validation: usize,
    /// Windows a step.
    pub batch: usize,
    /// Steps of all epochs together.
    pub steps: usize,
    /// The learning rate at its highest.
    pub lr: f64,
    /// How the average of all weights, which is what is measured and kept, follows them; no average without.
    pub average: Option<EmaConfig>,
    /// What does not move; nothing where training begins from nothing.
    pub frozen: Frozen,
    /// Ends training after the epoch in which it is over.
    pub time: Option<Duration>,
    /// Draws weights, order and dropout.
    pub seed: u64,
}

/// Epochs that steps are divided into, at most: each ends with a measurement.
const EPOCHS: usize = 20;

impl TrainConfig {
    /// What is usual for a family on a panel: the quantiles that are asked for, all windows, and all columns beside them where
    /// the family sees any.
    pub fn usual(family: Family, panel: &Panel, ask: &ForecastConfig) -> Self {
        let (horizon, season) = (ask.horizon(), ask.season());
        let wanted = (season + horizon).max(INPUT_HORIZONS * horizon).max(LEAST_INPUT);
        // Where most series have as much before what they learn to say; where they do not, it is half made up of zeros.
        let had = usual_length(panel).saturating_sub(horizon);
        let input = wanted.min(had.max(2 * horizon));
        let task = Ahead::quantiles(horizon, ask.quantiles());
        let network = NetworkConfig::new(family, input, horizon, task.per_step());
        let (scaling, scaled_by) = (ScalingKind::LastDeviation, ScalingBy::Window);
        let features = Features::default();
        let model = ForecasterConfig { network, task, scaling, scaled_by, season, features };
        let windows: usize =
            panel.iter().map(|(_, values)| values.len().saturating_sub(input + horizon)).sum();
        let steps = (PASSES * windows / BATCH).clamp(LEAST_STEPS, MOST_STEPS);
        let steps = if family.is_linear() { 0 } else { steps };
        let mut usual = Self { steps, lr: 1e-3, ..Self::further(model, panel) };
        if family.sees_covariates() {
            usual.model.features = Features::fit(&usual.learned_of(panel));
            usual.model.network.features = usual.model.features.counts();
        }
        usual
    }

    /// What is usual for a model that is trained further: a tenth of the rate.
    pub fn further(model: ForecasterConfig, panel: &Panel) -> Self {
        let (_, longest) = panel.lengths();
        let horizon = model.network.horizon;
        // What many series have in common is learned of their ends too; few can be learned by heart.
        let few = panel.len() < FEW_SERIES;
        Self {
            model,
            recent: None,
            validation: if few { horizon.max(longest / 10) } else { 0 },
            batch: BATCH,
            steps: LEAST_STEPS,
            lr: 1e-4,
            average: None,
            frozen: Frozen::Nothing,
            time: None,
            seed: 0,
        }
    }

    /// The same of a network that sees so many values.
    pub fn see(&mut self, input: usize) {
        let NetworkConfig { family, horizon, outputs, features, .. } = self.model.network;
        let network = NetworkConfig::new(family, input.max(1), horizon, outputs);
        self.model.network = NetworkConfig { features, ..network };
    }

    /// What is expected is learned alone, by this loss, in the place of quantiles.
    pub fn expect(&mut self, loss: RegressionLoss) {
        let horizon = self.model.network.horizon;
        self.model.task = Ahead::numbers(horizon, ForecastLoss::Numbers(loss));
        self.model.network.outputs = self.model.task.per_step();
    }

    /// Points at the end of a series of so many that it is chosen by: of a short one no more than a quarter, but a horizon.
    fn aside(&self, length: usize) -> usize {
        match self.validation {
            0 => 0,
            most => most.min(length / 4).max(self.model.network.horizon),
        }
    }

    /// What is learned of a panel; a point of series that are too short to be learned of.
    fn learned_of(&self, panel: &Panel) -> Panel {
        let learned = |length: usize| length.saturating_sub(self.aside(length));
        panel.up_to(|place| learned(panel.values(place).len()).max(1))
    }
}

/// Horizons that are seen before one is forecast, at least, and the fewest values.
const INPUT_HORIZONS: usize = 3;
const LEAST_INPUT: usize = 8;

/// Windows a step, how often each is learned, and the fewest and most steps: on M3's yearly series more learn them by heart,
/// and on its monthly and M4's hourly ones more bring nothing.
const BATCH: usize = 256;
const PASSES: usize = 6;
const LEAST_STEPS: usize = 150;
const MOST_STEPS: usize = 600;

/// With fewer series, what is learned is chosen by their ends.
const FEW_SERIES: usize = 30;

/// A length that three of four series have.
fn usual_length(panel: &Panel) -> usize {
    let mut lengths: Vec<usize> = panel.iter().map(|(_, values)| values.len()).collect();
    lengths.sort_unstable();
    lengths[lengths.len() / 4]
}

/// What came of training.
#[derive(Debug)]
pub struct Trained<B: Backbone = ForecastBackbone> {
    /// The best epoch's network.
    pub forecaster: Forecaster<B>,
    /// The best epoch.
    pub best: Epoch,
    /// All of them.
    pub history: Vec<Epoch>,
    /// Windows that were learned from, and those it was chosen by.
    pub windows: [usize; 2],
}

/// Trains a network of nothing, or goes on from one.
///
/// # Errors
///
/// If the configuration is wrong, no series is long enough, or a run fails.
pub fn train(
    panel: &Panel,
    config: &TrainConfig,
    from: Option<&Forecaster>,
    device: &Device,
    folder: Option<(&Path, Start)>,
    callbacks: &mut [&mut dyn Callback<ForecastNetwork>],
) -> Result<Trained, Error> {
    config.model.check()?;
    let network = match from {
        Some(from) => from.network().clone(),
        None => drawn(&config.model, config.seed, device)?,
    };
    let solvable = from.is_none() && config.model.network.family.is_linear();
    let head = if solvable { HeadStart::Solved } else { HeadStart::AsItIs };
    learned(panel, config, (network, head), folder, callbacks)
}

/// Trains a network of one's own: what it sees, says and is scaled by is the configuration's, whose family gives no more than
/// its name.
///
/// The network maps rows `[batch, numbers, 1]` to `[batch, horizon x outputs]`, step by step, and is trained further if it was
/// trained before.
///
/// # Errors
///
/// If the configuration is wrong or the network has other outputs, no series is long enough, or a run fails.
pub fn train_network<B: Backbone<Input = Tensor<3>>>(
    panel: &Panel,
    config: &TrainConfig,
    network: Classifier<B>,
    folder: Option<(&Path, Start)>,
    callbacks: &mut [&mut dyn Callback<Classifier<B>>],
) -> Result<Trained<B>, Error> {
    config.model.check()?;
    let (found, wanted) = (network.classes(), config.model.network.forecast());
    if found != wanted {
        let problem = format!(
            "the network has {found} outputs; {wanted} are wanted, those of each step side by side"
        );
        return Err(Error::Config(problem));
    }
    learned(panel, config, (network, HeadStart::AsItIs), folder, callbacks)
}

fn learned<B: Backbone<Input = Tensor<3>>>(
    panel: &Panel,
    config: &TrainConfig,
    (network, head): (Classifier<B>, HeadStart),
    folder: Option<(&Path, Start)>,
    callbacks: &mut [&mut dyn Callback<Classifier<B>>],
) -> Result<Trained<B>, Error> {
    let TrainConfig { model, seed, .. } = config;
    let data = Parts::new(panel, config)?;
    let windows = [data.train.len(), data.validation.len()];
    let prepare = data.prepare;
    let sets = (
        Train(Items { samples: data.train, prepare: prepare.clone() }),
        Validation(Items { samples: data.validation, prepare }),
    );
    let mut engine = EngineConfig::new(config.plan(windows[0]), model.task.clone().plain());
    engine.batch = config.batch;
    engine.seed = *seed;
    engine.time = config.time;
    engine.ema = config.average;
    engine.probe = false;
    engine.head = head;
    let identity = model.text();
    let folder = folder.map(|(path, start)| {
        let model = model.clone();
        let describe = move |task: &Ahead, _: Option<f64>| {
            let model = ForecasterConfig { task: task.clone(), ..model.clone() };
            Ok([(forecaster::KEY.to_owned(), model.text())].into())
        };
        EngineFolder { start, describe: Arc::new(describe), ..EngineFolder::new(path) }
    });
    let trainee = Trainee::new(network, identity);
    let outcome = finetune(trainee, sets, engine, folder.as_ref(), callbacks)?;
    let model = ForecasterConfig { task: outcome.task, ..model.clone() };
    let forecaster = Forecaster::new(outcome.network.valid(), model);
    Ok(Trained { forecaster, best: outcome.best, history: outcome.history, windows })
}

/// A network of nothing, by its seed where no other thread draws: parameters are drawn when they are first looked at.
fn drawn(model: &ForecasterConfig, seed: u64, device: &Device) -> Result<ForecastNetwork, Error> {
    device.seed(seed);
    Ok(model.untrained(device)?.valid().train())
}

impl TrainConfig {
    /// One phase, of as many passes an epoch as make a few epochs of all steps.
    fn plan(&self, windows: usize) -> Plan {
        let batches = windows.div_ceil(self.batch).max(1);
        let passes = self.steps.div_ceil(batches * EPOCHS).max(1);
        let epochs = self.steps.div_ceil(batches * passes).max(1);
        let mut phase = Phase::new("forecast", epochs, self.frozen.clone(), self.lr);
        phase.passes =
            NonZeroUsize::new(passes.min(Phase::MOST_PASSES)).unwrap_or(NonZeroUsize::MIN);
        Plan::new(vec![phase])
    }
}

/// Windows to learn from and to choose by.
struct Parts {
    train: Labelled<PrepareWindows, Ahead>,
    validation: Labelled<PrepareWindows, Ahead>,
    prepare: PrepareWindows,
}

impl Parts {
    fn new(panel: &Panel, config: &TrainConfig) -> Result<Self, Error> {
        let TrainConfig { model, recent, batch, steps, seed, .. } = config;
        let NetworkConfig { input, horizon, .. } = model.network;
        let aside = |length: usize| config.aside(length);
        let learned = |length: usize| length.saturating_sub(aside(length));
        // What is chosen by is scaled by what is learned from, too.
        let scaler = model.scaler(&config.learned_of(panel));
        let rows = WindowRows::new(&model.network, &model.features, panel)?;
        let windows = WindowsConfig {
            least: least(panel, input, horizon, aside),
            ..WindowsConfig::new(input, horizon)
        };
        let places = |most: usize, part: &dyn Fn(usize) -> Range<usize>| -> Result<_, Error> {
            let windows = Windows::within(panel, &windows, part)?;
            let place = |at: usize| {
                let window = windows.get(at);
                Place {
                    series: window.series as u32,
                    at: window.at as u32,
                    scale: scaler.of(window.series, window.input),
                }
            };
            Ok(drawn_of(windows.len(), most, *seed).into_iter().map(place).collect::<Vec<_>>())
        };
        // What comes to use, and is spread over all of the windows; where a head is solved for, what it can be solved for with.
        let used = steps.saturating_mul(*batch).div_ceil(2).max(LEAST_WINDOWS);
        let most = match model.network.family {
            Family::NLinear => used.min(Ridge::examples(MOST_PRODUCTS, input).max(1)),
            Family::DLinear => used.min(Ridge::examples(MOST_PRODUCTS, 2 * input).max(1)),
            _ => used,
        };
        let train = places(most, &|length| {
            let end = learned(length);
            let reach = |recent: usize| recent.saturating_mul(horizon);
            recent.map_or(0, |recent| end.saturating_sub(reach(recent)))..end
        })?;
        let validation = places(LEAST_WINDOWS, &|length| {
            length.saturating_sub(aside(length).max(horizon))..length
        })?;
        let panel = Arc::new(panel.clone());
        let prepare = PrepareWindows { panel: Arc::clone(&panel), rows };
        let units: Vec<f64> = panel
            .iter()
            .map(|(_, values)| naive_scale(&values[..learned(values.len())], model.season))
            .collect();
        let sample = |place: Place| {
            let unit = units[place.series as usize];
            let steps = horizon as u32;
            Sample::new(place, Future { panel: Arc::clone(&panel), place, steps, unit })
        };
        Ok(Self {
            train: train.into_iter().map(sample).collect(),
            validation: validation.into_iter().map(sample).collect(),
            prepare,
        })
    }
}

/// As many windows are learned from at least, where there are as many.
const LEAST_WINDOWS: usize = 1 << 16;

/// The fewest values that a window sees: all of its input, unless a series would then have none.
fn least(panel: &Panel, input: usize, horizon: usize, aside: impl Fn(usize) -> usize) -> usize {
    let (shortest, _) = panel.lengths();
    input.min(shortest.saturating_sub(horizon + aside(shortest))).max(1)
}

/// At most so many of some places, drawn, in their order.
fn drawn_of(places: usize, most: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..places).collect();
    if places > most {
        Random::new(seed, u64::MAX, 0).shuffle(&mut order);
        order.truncate(most);
        order.sort_unstable();
    }
    order
}
