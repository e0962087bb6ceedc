//! Networks that forecast series: a family is a file, trained on the engine that fine-tunes everything else.
//!
//! | family | what it is |
//! |---|---|
//! | `nlinear`, `dlinear` | a linear map, solved for before the first step |
//! | `dense`, `conv1d`, `lstm`, `gru` | the first networks of a course |
//! | `nbeats`, `nbeats-interpretable`, `nhits` | blocks that each explain what the others left |
//!
//! All but the linear ones see columns that stand beside values too, as [`Features`](rekindle_series::Features) of a panel.
//!
//! A window of any length that the network knows is scaled by itself, so that a network of many series says something of a
//! series that it has never seen ([`Forecaster::forecast`]), and can be trained on it further ([`train`]). A network of one's own
//! is a [`Backbone`](rekindle_layers::Backbone) that is given to [`train_network`].

mod basis;
mod config;
mod ensemble;
mod error;
pub mod families;
mod flow;
mod forecaster;
mod network;
mod parts;
mod task;
mod train;
mod windows;

pub use config::{Family, MAX_EXTENT, MAX_NUMBERS, NetworkConfig};
pub use ensemble::{BEST, Ensemble, MAX_MEMBERS};
pub use error::Error;
pub use flow::WindowFlow;
pub use forecaster::{ForecastNetwork, Forecaster, ForecasterConfig};
pub use network::ForecastBackbone;
pub use parts::Parts;
pub use task::{Ahead, AheadScores, ForecastLoss};
pub use train::{TrainConfig, Trained, train, train_network};
pub use windows::{Future, Place, PrepareWindows};
