//! Which of the sets of weights that a training script keeps beside each other is meant.
//!
//! | set | top-level keys, best first |
//! |---|---|
//! | averaged | `state_dict_ema`, `model_ema`, `ema_state_dict`, `model_ema_state_dict`, `params_ema`, `ema` |
//! | raw | `state_dict`, `model_state`, `model_state_dict`, `model`, `net`, `module`, `params` |
//!
//! Averaged weights come first, as they do where timm loads a checkpoint: they are what its accuracy was
//! measured with.

use std::{convert::Infallible, fmt, str::FromStr};

/// Where training scripts put averages of the weights, best first.
pub(super) const AVERAGED: [&str; 6] =
    ["state_dict_ema", "model_ema", "ema_state_dict", "model_ema_state_dict", "params_ema", "ema"];
/// Where training scripts put the weights themselves, best first.
pub(super) const RAW: [&str; 7] =
    ["state_dict", "model_state", "model_state_dict", "model", "net", "module", "params"];

/// One of the sets of weights that a training checkpoint may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WeightsSet {
    /// The averaged ones where there are any, else the raw ones.
    #[default]
    Preferred,
    /// Averages over steps of training (EMA).
    Averaged,
    /// As the last step of training left them.
    Raw,
    /// Those under this key at the top of the file.
    Key(String),
}

impl WeightsSet {
    /// The keys it is looked for under, best first.
    pub(super) fn keys(&self) -> Vec<&str> {
        match self {
            Self::Preferred => AVERAGED.into_iter().chain(RAW).collect(),
            Self::Averaged => AVERAGED.to_vec(),
            Self::Raw => RAW.to_vec(),
            Self::Key(key) => vec![key],
        }
    }

    /// Whether a file that holds weights and nothing else has it.
    pub(super) fn is_any(&self) -> bool {
        matches!(self, Self::Preferred | Self::Raw)
    }
}

impl FromStr for WeightsSet {
    type Err = Infallible;

    /// `preferred`, `averaged`, `raw`, else a key.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "preferred" => Self::Preferred,
            "averaged" => Self::Averaged,
            "raw" => Self::Raw,
            key => Self::Key(key.to_owned()),
        })
    }
}

impl fmt::Display for WeightsSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preferred => "preferred",
            Self::Averaged => "averaged",
            Self::Raw => "raw",
            Self::Key(key) => key,
        })
    }
}
