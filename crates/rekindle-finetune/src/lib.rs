//! Fine-tuning by a plan: freeze, train, measure, keep the best, and go on after an interruption.
//!
//! It knows no kind of input and no task by name. What it asks for:
//!
//! | of | what | which |
//! |---|---|---|
//! | the network | stages, and what passes between them | [`Backbone`](rekindle_layers::Backbone) |
//! | the data | how an item becomes an input, on the host | [`Prepare`](rekindle_data::Prepare) |
//! | both | how a batch on the host becomes what the network reads | [`FromPrepared`] |
//! | the task | a loss, metrics, a head that is solved for, a baseline | [`TransferTask`] |
//!
//! and what each gets for it: plans of phases, features of frozen stages computed once, runs that resume to the same bits,
//! the best epoch (which may be that before the first, where the head was solved for), models rescued from runs that fail,
//! logs, TensorBoard.

mod config;
mod data;
mod data_loader;
mod error;
mod finetune;
mod fingerprint;
mod input;
mod measure;
mod objective;
mod phases;
mod run_folder;
mod start;
mod store;
mod task;
mod weights;

pub use config::{CacheConfig, CachePlace, CacheReport, EngineConfig, HeadStart, Trainee};
pub use data::{Items, Labelled, Sets, weigh_differently};
pub use data_loader::{DataLoader, Features, Prepared};
pub use error::Error;
pub use finetune::{EngineOutcome, finetune};
pub use fingerprint::digest;
pub use input::{FromPrepared, Partial};
pub use measure::{Forward, MeasureConfig, find_rate, measure};
pub use run_folder::{Describe, EngineFolder, Sheet, Start, remove_state};
pub use start::{EngineProbe, probe};
pub use task::{Constant, Effort, Solved, TransferTask};
pub use weights::{load, naming};
