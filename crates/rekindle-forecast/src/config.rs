//! Which network: a family, what it reads and writes, and how large it is.

use rekindle_series::FeatureCounts;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How a network makes a forecast of what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// A linear map of what is seen, less its last value: Zeng and others 2023, <https://arxiv.org/abs/2205.13504>.
    NLinear,
    /// A linear map of a moving average and of what it leaves; the same paper.
    DLinear,
    /// Dense layers.
    Dense,
    /// Causal convolutions, each twice as far apart as the one before.
    Conv1d,
    /// An LSTM's last state.
    Lstm,
    /// A GRU's last state.
    Gru,
    /// N-BEATS, generic: Oreshkin and others 2020, <https://arxiv.org/abs/1905.10437>.
    NBeats,
    /// N-BEATS of a trend and a season; the same paper.
    NBeatsInterpretable,
    /// N-HiTS: Challu and others 2023, <https://arxiv.org/abs/2201.12886>.
    NHits,
}

impl Family {
    /// All of them, the simplest first.
    pub const ALL: [Self; 9] = [
        Self::NLinear,
        Self::DLinear,
        Self::Dense,
        Self::Conv1d,
        Self::Lstm,
        Self::Gru,
        Self::NBeats,
        Self::NBeatsInterpretable,
        Self::NHits,
    ];

    /// What it is called on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::NLinear => "nlinear",
            Self::DLinear => "dlinear",
            Self::Dense => "dense",
            Self::Conv1d => "conv1d",
            Self::Lstm => "lstm",
            Self::Gru => "gru",
            Self::NBeats => "nbeats",
            Self::NBeatsInterpretable => "nbeats-interpretable",
            Self::NHits => "nhits",
        }
    }

    /// Whether its answer is a linear head's, which can be solved for where it is the first layer.
    pub fn is_linear(self) -> bool {
        matches!(self, Self::NLinear | Self::DLinear)
    }

    /// Whether it sees what stands beside values; what is linear sees values alone.
    pub fn sees_covariates(self) -> bool {
        !self.is_linear()
    }

    /// Whether the forecast is what its blocks add up, with no head behind them.
    pub fn is_of_blocks(self) -> bool {
        matches!(self, Self::NBeats | Self::NBeatsInterpretable | Self::NHits)
    }
}

impl std::str::FromStr for Family {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|family| family.name() == name)
            .ok_or_else(|| format!("it is one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// A network, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// Its family.
    pub family: Family,
    /// Steps that it sees.
    pub input: usize,
    /// Steps that it forecasts.
    pub horizon: usize,
    /// Numbers that it says of each: its quantiles, or the one that is expected.
    pub outputs: usize,
    /// Units of hidden layers.
    pub width: usize,
    /// Hidden layers: of each block where there are blocks.
    pub layers: usize,
    /// Blocks; of N-HiTS and of the interpretable N-BEATS in each stack.
    pub blocks: usize,
    /// Dropped before the head in training.
    pub dropout: f64,
    /// Numbers that it sees beside values.
    #[serde(default, skip_serializing_if = "FeatureCounts::is_empty")]
    pub features: FeatureCounts,
}

/// Most values that a network sees, forecasts and has in a layer.
pub const MAX_EXTENT: usize = 1 << 16;

/// Most numbers of all layers and bases together, by an estimate that is at least as high.
pub const MAX_NUMBERS: usize = 1 << 30;

impl NetworkConfig {
    /// A family's usual size.
    pub fn new(family: Family, input: usize, horizon: usize, outputs: usize) -> Self {
        let (width, layers, blocks) = match family {
            Family::NLinear | Family::DLinear => (0, 0, 0),
            Family::Dense => (128, 1, 0),
            // As many as see all of the input.
            Family::Conv1d => (64, convolutions(input), 0),
            Family::Lstm | Family::Gru => (128, 1, 0),
            Family::NBeats => (128, 4, 6),
            Family::NBeatsInterpretable => (128, 4, 3),
            Family::NHits => (256, 2, 1),
        };
        let features = FeatureCounts::default();
        Self { family, input, horizon, outputs, width, layers, blocks, dropout: 0.0, features }
    }

    /// Whether all extents lie where their docs say.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] that names the first that does not.
    pub fn check(&self) -> Result<(), Error> {
        let linear = self.family.is_linear();
        let blocks = self.family.is_of_blocks();
        for (what, found, needed) in [
            ("input", self.input, true),
            ("what is seen", self.row(), true),
            ("horizon", self.horizon, true),
            ("outputs", self.outputs, true),
            ("width", self.width, !linear),
            ("layers", self.layers, !linear),
            ("blocks", self.blocks, blocks),
        ] {
            if (needed && found == 0) || found > MAX_EXTENT {
                let problem = format!("{what} is {found}; give 1 to {MAX_EXTENT}");
                return Err(Error::Config(problem));
            }
        }
        let numbers = self.numbers();
        if numbers > MAX_NUMBERS as u128 {
            let problem = format!(
                "a network of up to {numbers} numbers is above the limit of {MAX_NUMBERS}; make it see, forecast or have less"
            );
            return Err(Error::Config(problem));
        }
        if self.family == Family::Conv1d && self.layers > convolutions(self.input) {
            let (layers, most) = (self.layers, convolutions(self.input));
            let problem =
                format!("{layers} convolutions see beyond the input; give at most {most}");
            return Err(Error::Config(problem));
        }
        if !self.features.is_empty() && !self.family.sees_covariates() {
            let problem =
                format!("{} sees values alone; give it no covariates", self.family.name());
            return Err(Error::Config(problem));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let problem = format!("dropout is {}; give 0 or more, and less than 1", self.dropout);
            return Err(Error::Config(problem));
        }
        Ok(())
    }

    /// At least as many numbers as its layers and its bases have, whatever its family.
    fn numbers(&self) -> u128 {
        let [input, width, layers, blocks, outputs, horizon] =
            [self.row(), self.width, self.layers, self.blocks, self.outputs, self.horizon]
                .map(|it| it as u128);
        let whole = input + horizon * outputs;
        // An LSTM has four gates that each read the step and the state.
        let hidden = layers * width * (8 * width + input);
        // N-HiTS has three stacks.
        let each = hidden + width * whole;
        let layers = each + 3 * blocks * each + 2 * input * whole;
        let average = if self.family.is_linear() { input * input } else { 0 };
        let has_bases = matches!(self.family, Family::NBeatsInterpretable | Family::NHits);
        let bases = if has_bases { 2 * whole * whole } else { 0 };
        layers + average + bases
    }

    /// Numbers that it sees: the window, then what stands beside it.
    pub fn row(&self) -> usize {
        self.input.saturating_add(self.features.numbers(self.input, self.horizon))
    }

    /// Numbers of a forecast: step by step, those of each side by side.
    pub fn forecast(&self) -> usize {
        self.horizon * self.outputs
    }
}

/// Steps that a causal convolution sees.
pub(crate) const KERNEL: usize = 3;

/// Convolutions, each twice as far apart as the one before, until the last output sees all of the input.
fn convolutions(input: usize) -> usize {
    let mut layers = 1;
    let mut seen = KERNEL;
    while seen < input {
        seen += (KERNEL - 1) << layers;
        layers += 1;
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolutions_see_all_of_the_input() {
        for (input, expected) in [(1, 1), (3, 1), (4, 2), (7, 2), (8, 3), (15, 3), (168, 7)] {
            assert_eq!(convolutions(input), expected, "{input}");
        }
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        let good = NetworkConfig::new(Family::NBeats, 7, 1, 1);
        good.check().unwrap();
        for (config, expected) in [
            (NetworkConfig { input: 0, ..good.clone() }, "input is 0"),
            (NetworkConfig { blocks: 0, ..good.clone() }, "blocks is 0"),
            (NetworkConfig { width: 1 << 17, ..good.clone() }, "width is 131072"),
            (NetworkConfig { dropout: 1.0, ..good.clone() }, "dropout is 1"),
            (
                NetworkConfig { layers: 3, ..NetworkConfig::new(Family::Conv1d, 7, 1, 1) },
                "3 convolutions see beyond the input",
            ),
            (
                NetworkConfig {
                    features: FeatureCounts { known: 1 << 13, ..FeatureCounts::default() },
                    ..good.clone()
                },
                "what is seen is 65543",
            ),
            (
                NetworkConfig {
                    features: FeatureCounts { past: 1, ..FeatureCounts::default() },
                    ..NetworkConfig::new(Family::DLinear, 7, 1, 1)
                },
                "dlinear sees values alone",
            ),
            (NetworkConfig { width: 1 << 16, layers: 1 << 16, ..good.clone() }, "above the limit"),
            (NetworkConfig { horizon: 1 << 16, outputs: 101, ..good.clone() }, "above the limit"),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        NetworkConfig::new(Family::NLinear, 7, 1, 1).check().unwrap();
        for family in Family::ALL {
            assert_eq!(family.name().parse(), Ok(family));
        }
        assert!("nbeat".parse::<Family>().unwrap_err().contains("nbeats, "));
    }
}
