//! The training loop: any Burn module, any objective, events for whoever listens, and runs that go on.
//!
//! | part | what |
//! |---|---|
//! | [`Fit`] | trains the model of a [`State`] for a phase, and measures it after each epoch |
//! | [`Objective`] | what is learned: a [`Task`] ([`Classify`], [`ClassifyMultiLabel`], [`Regress`], or your own) and how outputs come about |
//! | [`BatchSource`] | where batches come from; [`Train`], [`Validation`] and [`Test`] say what they may be used for |
//! | [`Callback`] | hears every [`TrainEvent`]: [`Checkpoints`], [`Log`], [`TensorBoard`], [`TimeBudget`], closures |
//! | [`Schedule`], [`Plateau`], [`EarlyStopping`] | rates by step, and by what came out so far |
//!
//! A run is a function of its seed: the state after each epoch, saved and restored, goes on to the same bits.
//!
//! [`Fit::run_on`] trains on several devices at once.

mod batch;
mod callbacks;
mod clip;
mod devices;
mod ema;
mod error;
mod event;
mod finder;
mod fit;
mod gradients;
mod history;
mod loss;
mod objective;
mod optimizer;
mod patience;
mod ranges;
mod schedule;
mod search;
mod settings;
mod state;
mod tensorboard;

pub use batch::{BatchSource, FitData, HeldOut, TensorBatch, Test, Train, Validation};
pub use callbacks::{
    Best, Checkpoints, Histograms, Keep, Log, LogFormat, TensorBoard, TimeBudget, json_line,
};
pub use clip::{Accumulator, clip_global_norm};
pub use devices::ToDevice;
pub use ema::{Ema, EmaConfig, EmaWarmUp};
pub use error::Error;
pub use event::{Callback, Failure, TrainEvent};
pub use finder::{RateRange, exploded, smoothed, suggest};
pub use fit::{End, Fit, begin, evaluate, predict};
pub use history::Epoch;
pub use loss::{
    BatchTarget, BinaryCrossEntropy, CrossEntropy, Distill, Mix, RegressionLoss, contrastive,
};
pub use objective::{
    Classify, ClassifyMultiLabel, LOSS, Learn, Objective, Regress, Scale, Settled, Task,
};
pub use optimizer::{Optimizer, OptimizerConfig, Rates};
pub use schedule::Schedule;
pub use search::{Sweep, sweep};
pub use settings::{FitConfig, Monitor};
pub use state::{SavedState, State, StateError};
pub use tensorboard::{EventFile, EventFileError};

pub use patience::{EarlyStopping, Plateau};
