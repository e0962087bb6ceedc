//! Which models are asked for.

use rekindle::forecast::Family;
use rekindle_series::Baseline;

use super::Arguments;

/// A model by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Baseline(Baseline),
    Network(Family),
    /// What the others that are no simple repetition say, taken together.
    Combined,
}

/// What [`Asked::Combined`] is called.
pub(super) const COMBINED: &str = "combined";

impl Asked {
    /// Whether a model is taken together with others.
    pub(super) fn counts(&self) -> bool {
        match self {
            Self::Baseline(baseline) => counts(*baseline),
            Self::Network(_) => true,
            Self::Combined => false,
        }
    }
}

/// Whether a baseline is taken together with others: what only repeats values says little that they do not.
pub(super) fn counts(baseline: Baseline) -> bool {
    matches!(baseline, Baseline::Theta | Baseline::Ets)
}

impl std::str::FromStr for Asked {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Ok(baseline) = name.parse() {
            return Ok(Self::Baseline(baseline));
        }
        if name == COMBINED {
            return Ok(Self::Combined);
        }
        name.parse().map(Self::Network).map_err(|_| {
            let baselines = Baseline::ALL.map(Baseline::name).join(", ");
            let networks = Family::ALL.map(Family::name).join(", ");
            format!("`{name}` is not known; known are {baselines}, {networks}, {COMBINED}")
        })
    }
}

/// What is tried where nothing is asked for: what is linear, and what is not.
const USUAL: [Family; 2] = [Family::NLinear, Family::NBeats];

impl Arguments {
    /// All that is asked for by name.
    pub(super) fn asked(&self) -> Vec<Asked> {
        if !self.models.is_empty() {
            return self.models.clone();
        }
        let baselines = Baseline::ALL.map(Asked::Baseline);
        let networks = USUAL.map(Asked::Network).into_iter();
        baselines.into_iter().chain(networks).chain([Asked::Combined]).collect()
    }

    /// The families among it.
    pub(super) fn families(&self) -> Vec<Family> {
        let family = |asked: &Asked| match asked {
            Asked::Network(family) => Some(*family),
            Asked::Baseline(_) | Asked::Combined => None,
        };
        self.asked().iter().filter_map(family).collect()
    }
}
