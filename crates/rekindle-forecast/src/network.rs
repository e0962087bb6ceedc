//! A network of any family, as one type: what is built for it is built once.

use burn::prelude::*;
use rekindle_layers::{Backbone, Landmarks, Stage};

use crate::{
    Error, Family, NetworkConfig, WindowFlow,
    families::{blocks::Blocks, linear::LinearInput, scratch::Scratch},
};

/// A network that forecasts: from rows `[batch, numbers, 1]` to embeddings, or to the forecast itself where blocks add it up.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program has a handful of networks")]
pub enum ForecastBackbone {
    /// NLinear and DLinear.
    Linear(LinearInput),
    /// Dense layers, convolutions, LSTM, GRU.
    Scratch(Scratch),
    /// N-BEATS and N-HiTS.
    Blocks(Blocks),
}

impl ForecastBackbone {
    /// Builds a network with untrained parameters.
    ///
    /// # Errors
    ///
    /// Those of [`NetworkConfig::check`].
    pub fn new(config: &NetworkConfig, device: &Device) -> Result<Self, Error> {
        config.check()?;
        Ok(match config.family {
            Family::NLinear | Family::DLinear => Self::Linear(LinearInput::new(config)),
            Family::Dense | Family::Conv1d | Family::Lstm | Family::Gru => {
                Self::Scratch(Scratch::new(config, device))
            }
            Family::NBeats | Family::NBeatsInterpretable | Family::NHits => {
                Self::Blocks(Blocks::new(config, device))
            }
        })
    }
}

/// Calls a method of whichever family it is.
macro_rules! each {
    ($self:expr, $network:ident => $call:expr) => {
        match $self {
            ForecastBackbone::Linear($network) => $call,
            ForecastBackbone::Scratch($network) => $call,
            ForecastBackbone::Blocks($network) => $call,
        }
    };
}

impl Backbone for ForecastBackbone {
    /// Windows and what stands beside them, `[batch, numbers, 1]`: the scaled values, then a row of
    /// [`FeatureRows`](rekindle_series::FeatureRows).
    type Input = Tensor<3>;
    type Flow = WindowFlow;

    fn stages(&self) -> Vec<Stage> {
        each!(self, network => network.stages())
    }

    fn enter(&self, input: Tensor<3>) -> WindowFlow {
        each!(self, network => network.enter(input))
    }

    fn stage(&self, index: usize, x: WindowFlow) -> WindowFlow {
        each!(self, network => network.stage(index, x))
    }

    fn pool(&self, x: WindowFlow) -> Tensor<2> {
        each!(self, network => network.pool(x))
    }

    fn embed_dim(&self) -> usize {
        each!(self, network => network.embed_dim())
    }

    fn landmarks(&self) -> Landmarks {
        each!(self, network => network.landmarks())
    }

    fn dropout(&self) -> f64 {
        each!(self, network => network.dropout())
    }
}
