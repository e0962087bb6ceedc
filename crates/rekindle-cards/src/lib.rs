//! Cards and pins: what a checkpoint is, where it comes from and how its input is prepared.
//!
//! A [`Card`] is written by people and says what a checkpoint is; [`find`], [`search`] and [`Query`] look in
//! the tables that are embedded in this crate. A [`LicensePolicy`] says under which licenses weights are used; a
//! [`HubConfig`] is the `config.json` that travels with them.
//! Nothing here reads a file or opens a socket: text goes in, types come out.

mod card;
mod error;
mod family;
mod files;
mod hub_config;
pub mod imagenet;
mod input_spec;
pub mod license;
mod lookup;
mod model_card;
mod pin;
mod policy;
mod preprocessing;
mod query;
mod repository_path;
mod stated;
mod task_spec;

pub use card::{Card, Paper, TestSize};
pub use error::Error;
pub use family::Family;
pub use hub_config::{HubConfig, MAX_CLASSES, MAX_CONFIG_BYTES, is_transformers};
pub use input_spec::{
    Column, ColumnKind, InputSpec, MAX_CONTEXT, Scaling, SeriesInput, TableInput, TextInput,
};
pub use license::Terms;
pub use lookup::{
    Which, all_defaults, families, find, find_by_repository, find_checkpoint, search, select,
    select_on_hub,
};
pub use model_card::{Base, CardEvaluation, CardMetric, CardUnit, LearnedFrom, ModelCard};
pub use pin::{Pin, PinnedFile, pins};
pub use policy::LicensePolicy;
pub use preprocessing::{CropMode, Interpolation, MAX_INPUT_NUMBERS, Preprocessing};
pub use query::{Count, LicenseFilter, Query, SortBy};
pub use stated::StatedLicenses;
pub use task_spec::{LossSpec, TargetColumn, TaskSpec};
