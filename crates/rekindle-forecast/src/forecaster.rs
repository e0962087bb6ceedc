//! A network that forecasts series: trained on a panel, used as it is on another, saved and read back.

use std::{borrow::Cow, path::Path};

use burn::prelude::*;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, load};
use rekindle_layers::Backbone;
use rekindle_series::{
    Affine, Features, Forecast, ForecastConfig, Origin, Panel, Scaler, ScalingBy, ScalingKind,
};
use rekindle_transfer::Classifier;
use serde::{Deserialize, Serialize};

use crate::{Ahead, Error, ForecastBackbone, NetworkConfig, windows::WindowRows};

/// A network with its head.
pub type ForecastNetwork = Classifier<ForecastBackbone>;

/// What a model is besides its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecasterConfig {
    /// The network.
    pub network: NetworkConfig,
    /// What its outputs mean.
    pub task: Ahead,
    /// How windows are scaled.
    pub scaling: ScalingKind,
    /// Of what scales are made.
    pub scaled_by: ScalingBy,
    /// Values of a season in the series that it was trained on.
    pub season: usize,
    /// The columns that it sees beside values.
    #[serde(default, skip_serializing_if = "Features::is_empty")]
    pub features: Features,
}

/// A trained network: of a [`Family`](crate::Family), or of one's own.
#[derive(Debug, Clone)]
pub struct Forecaster<B: Backbone = ForecastBackbone> {
    network: Classifier<B>,
    config: ForecasterConfig,
}

/// Where the config stands in a file of weights.
pub(crate) const KEY: &str = "rekindle.forecast";

/// Windows a step where nothing is learned.
const BATCH: usize = 1024;

impl Forecaster {
    /// Reads what a run saved.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, holds no such model, or does not fit.
    pub fn open(path: &Path, device: &Device) -> Result<Self, Error> {
        Self::open_with(path, |config| config.untrained(device))
    }
}

impl<B: Backbone<Input = Tensor<3>>> Forecaster<B> {
    pub(crate) fn new(network: Classifier<B>, config: ForecasterConfig) -> Self {
        Self { network, config }
    }

    /// What it is besides its weights.
    pub fn config(&self) -> &ForecasterConfig {
        &self.config
    }

    /// The network.
    pub fn network(&self) -> &Classifier<B> {
        &self.network
    }

    /// Reads what a run saved of a network of one's own, which is built of what the file says.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, holds no such model, or does not fit.
    pub fn open_with(
        path: &Path,
        network: impl FnOnce(&ForecasterConfig) -> Result<Classifier<B>, Error>,
    ) -> Result<Self, Error> {
        let file = CheckpointFile::open(path).map_err(rekindle_checkpoint::Error::from)?;
        let wrong = |problem: String| Error::Model { path: path.to_owned(), problem };
        let text = file.metadata().get(KEY).ok_or_else(|| {
            wrong(format!("holds no model that forecasts: nothing is called `{KEY}` in it; give what `rekindle forecast` wrote"))
        })?;
        let config: ForecasterConfig = serde_json::from_str(text)
            .map_err(|error| wrong(format!("`{KEY}` in it cannot be read: {error}")))?;
        config.check().map_err(|error| wrong(error.to_string()))?;
        let network = network(&config)?;
        let naming = rekindle_finetune::naming(&network);
        let (network, _) = load(network, &file, &naming, HeadPolicy::Required)?;
        Ok(Self { network: network.valid(), config })
    }

    /// Forecasts of what follows some places of one panel, at most as many steps as were learned.
    ///
    /// Quantiles that were not learned lie between those that were, on a line over those of the normal distribution.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where more steps are asked for than were learned; [`Error::Series`] where the panel lacks a column that
    /// the network sees, or one is not known as far ahead as was learned.
    ///
    /// # Panics
    ///
    /// If no value is before a place, or they are of several panels.
    pub fn forecast(
        &self,
        origins: &[Origin<'_>],
        ask: &ForecastConfig,
    ) -> Result<Vec<Forecast>, Error> {
        self.check(ask)?;
        let Some(rows) = self.rows(origins)? else { return Ok(Vec::new()) };
        let learned = self.config.network.horizon;
        let mut forecasts = Vec::with_capacity(origins.len());
        for part in origins.chunks(BATCH) {
            let scales: Vec<Affine> = part.iter().map(|origin| self.scale(origin)).collect();
            let outputs = self.network.forward(self.windows(&rows, part, &scales));
            let outputs: Vec<f32> = outputs.into_data().iter::<f32>().collect();
            let width = self.config.task.per_step() * learned;
            let rows = outputs.chunks_exact(width).zip(scales);
            forecasts.extend(rows.map(|(row, scale)| self.restored(row, scale, ask)));
        }
        Ok(forecasts)
    }

    /// Whether as many steps were learned.
    pub(crate) fn check(&self, ask: &ForecastConfig) -> Result<(), Error> {
        let learned = self.config.network.horizon;
        if ask.horizon() > learned {
            let problem = format!(
                "the model forecasts {learned} steps, not {}; train one that does, or ask for fewer",
                ask.horizon()
            );
            return Err(Error::Config(problem));
        }
        Ok(())
    }

    /// How the panel of some places is seen, as far as all of them have to be known; none of no place.
    pub(crate) fn rows(&self, origins: &[Origin<'_>]) -> Result<Option<WindowRows>, Error> {
        let Some(first) = origins.first() else { return Ok(None) };
        let rows = WindowRows::new(&self.config.network, &self.config.features, first.panel())?;
        for origin in origins {
            assert!(std::ptr::eq(origin.panel(), first.panel()), "places of several panels");
            rows.features.check(origin, rows.horizon)?;
        }
        Ok(Some(rows))
    }

    /// Scaled windows and what stands beside them `[batch, numbers, 1]`, one a place.
    pub(crate) fn windows(
        &self,
        rows: &WindowRows,
        origins: &[Origin<'_>],
        scales: &[Affine],
    ) -> Tensor<3> {
        let mut windows = vec![0.0; origins.len() * rows.width];
        let each = windows.chunks_exact_mut(rows.width).zip(origins).zip(scales);
        each.for_each(|((window, origin), scale)| rows.write(origin, *scale, window));
        let device = self.network.devices().into_iter().next().unwrap_or_default();
        let data = burn::tensor::TensorData::new(windows, [origins.len(), rows.width, 1]);
        Tensor::from_data(data, &device)
    }

    /// The scale of what is seen of a series; what is made of whole series is made of all before the place.
    pub(crate) fn scale(&self, origin: &Origin<'_>) -> Affine {
        assert!(origin.at > 0, "no value before the place");
        let seen = match self.config.scaled_by {
            ScalingBy::Window => origin.seen(self.config.network.input),
            ScalingBy::Series | ScalingBy::Panel => origin.history(),
        };
        Scaler::of_values(self.config.scaling, seen)
    }

    /// A row of outputs as a forecast.
    fn restored(&self, row: &[f32], scale: Affine, ask: &ForecastConfig) -> Forecast {
        let task = &self.config.task;
        let middle = task.middle();
        let (mut points, mut quantiles) = (Vec::new(), Vec::new());
        for step in row.chunks_exact(task.per_step()).take(ask.horizon()) {
            let values = task.restored(step);
            let values: Vec<f64> = values.iter().map(|value| scale.invert(*value)).collect();
            points.push(values[middle]);
            quantiles.extend(
                ask.quantiles().shares().iter().map(|share| at(&task.quantiles, &values, *share)),
            );
        }
        Forecast { model: Cow::Borrowed(self.config.network.family.name()), points, quantiles }
    }
}

/// A quantile of which others are known; without others the value itself.
fn at(shares: &[f64], values: &[f64], share: f64) -> f64 {
    if let Some(place) = shares.iter().position(|known| (known - share).abs() < 1e-9) {
        return values[place];
    }
    if shares.len() < 2 {
        return values[0];
    }
    let high = shares.partition_point(|known| *known < share).clamp(1, shares.len() - 1);
    let normal = rekindle_series::normal_quantile;
    let (left, right) = (normal(shares[high - 1]), normal(shares[high]));
    let part = (normal(share) - left) / (right - left);
    values[high - 1] + (values[high] - values[high - 1]) * part
}

impl ForecasterConfig {
    /// Whether what it says fits together.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] that names what does not.
    pub fn check(&self) -> Result<(), Error> {
        self.network.check()?;
        let problem = |text: String| Err(Error::Config(text));
        if let Err(text) = rekindle_train::Task::check(&self.task) {
            return problem(text);
        }
        let (task, network) = (&self.task, &self.network);
        if (task.horizon, task.per_step()) != (network.horizon, network.outputs) {
            return problem(format!(
                "the network has {} numbers of {} steps, the task {} of {}",
                network.outputs,
                network.horizon,
                task.per_step(),
                task.horizon
            ));
        }
        self.features.check()?;
        if self.features.counts() != network.features {
            let (named, seen) = (self.features.counts(), network.features);
            return problem(format!(
                "the network sees {seen:?} beside values, the model names {named:?}"
            ));
        }
        let ordered = task.quantiles.windows(2).all(|pair| pair[0] < pair[1]);
        if !ordered || task.quantiles.iter().any(|share| !(*share > 0.0 && *share < 1.0)) {
            return problem("quantiles are not above 0, below 1 and in ascending order".to_owned());
        }
        Ok(())
    }

    /// A network with untrained parameters.
    ///
    /// # Errors
    ///
    /// If there can be no such network.
    pub fn untrained(&self, device: &Device) -> Result<ForecastNetwork, Error> {
        let backbone = ForecastBackbone::new(&self.network, device)?;
        Ok(Classifier::new(backbone, self.network.forecast(), device))
    }

    pub(crate) fn scaler(&self, training: &Panel) -> Scaler {
        Scaler::fit(self.scaling, self.scaled_by, training)
    }

    pub(crate) fn text(&self) -> String {
        rekindle_data::canonical(self)
    }
}
