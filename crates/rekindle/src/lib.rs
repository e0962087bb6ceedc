//! Pretrained models and transfer learning for Burn: everything in one place.
//!
//! ```no_run
//! use std::path::{Path, PathBuf};
//! use rekindle::{Device, Model};
//!
//! // A file or a folder as the Hub has it; its config says what it is and how to feed it.
//! let (model, report) = Model::open(None, Path::new("resnet18.a1_in1k"), &Device::flex())?;
//! println!("{report}");
//! for guess in &model.predict(["ant.jpg"].map(PathBuf::from))?[0].guesses()[..5] {
//!     println!("{:.3} {}", guess.probability, guess.label);
//! }
//! # Ok::<(), rekindle::Error>(())
//! ```
//!
//! [`finetune`] trains a [`Model`] by a [`Plan`](transfer::Plan). The parts stand on their own:
//! [`vision`] has the architectures, [`layers`] what they are made of, [`checkpoint`] reads and
//! writes weights, [`transfer`] freezes, [`train`] trains, [`data`] feeds, [`cards`] knows.
//!
//! | what | where |
//! |---|---|
//! | pictures, texts, rows with several columns | [`Model`], [`TextModel`], [`Several`]: one engine, [`ModelOf`] a [`Modality`] |
//! | series | [`forecast`], [`series`] |
//! | a network of your own | [`layers::Backbone`], and [`engine`] trains it |
//! | what it looked at | [`GradCam`] |
//! | the same on a command line | the program `rekindle` of this package |
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `net` (default) | weights from the Hub, and to it |
//! | `serve` (default) | models over HTTP, and a page to use them by |
//! | `parquet` | lists of items, and embeddings, in Parquet |
//! | `cuda` | NVIDIA cards, beside the processor; `cuda-nvrtc` compiles their kernels by NVRTC instead of LLVM |
//! | `vulkan`, `wgpu` | other cards |
//!
//! Devices add up, and are chosen when a program runs: [`DeviceKind`]. The processor is always there, with kernels of our own
//! ([`kernels`]) that use AVX-512 or AVX2 where the machine has them.
//!
//! Rust 1.95 is the least that compiles it, as for Burn 0.22.

#[cfg(doctest)]
mod book;
mod device;
mod drift;
mod each;
mod embed;
mod embeddings;
mod error;
mod export;
mod finetune;
mod gallery;
mod grad_cam;
mod input_kind;
#[cfg(all(instances, not(test)))]
mod instances;
mod measure;
mod modality;
mod model;
mod pictures;
mod predict;
mod publish;
#[cfg(feature = "verify")]
mod quantized;
mod run_report;
mod saliency;
#[cfg(feature = "serve")]
pub mod serve;
mod several;
mod task;
mod texts;

pub use burn::tensor::Device;
pub use device::DeviceKind;
pub use drift::{AnswerDrift, Drift};
pub use embed::Maker;
pub use embeddings::{EmbeddingFormat, Embeddings, Neighbor};
pub use error::Error;
pub use export::{ExportConfig, Exported, Written, export_forecaster};
pub use finetune::{
    Engine, FinetuneConfig, Outcome, PartsOf, PictureParts, Probed, RunFolder, Start, find_rate,
    finetune, probe,
};
pub use gallery::{Exhibit, ShownTask};
pub use grad_cam::GradCam;
pub use input_kind::InputKind;
#[cfg(all(instances, not(test)))]
#[doc(hidden)]
pub use instances::instances;
pub use measure::{Evaluation, TestViews, as_is, evaluate, measure};
pub use modality::{InGraph, InputOf, ItemOf, Modality, NetworkOf, SetOf};
pub use model::ModelOf;
pub use pictures::{Model, Network, Pictures};
pub use predict::{Guess, Number, Prediction};
pub use publish::{card_from, model_card};
#[cfg(feature = "verify")]
pub use quantized::evaluate_graph;
pub use rekindle_finetune::{CacheConfig, CachePlace, CacheReport, HeadStart};
pub use run_report::{About, Answered, ReportPaths, Shown, cache_notes, write_report};
pub use several::{
    Cells, Example, FoundInputs, InputCode, InputColumns, InputPart, Inputs, ListsRead, MAX_UNITS,
    NotInputs, Numbers, PartBatch, PartEncoded, PartInput, PartNetwork, PartSource, Passing,
    PrepareSeveral, Several, SeveralConfig, Value, Vectors,
};
pub use task::{Learned, ModelTask};
pub use texts::{TextModel, Texts, is_scratch, with_columns};

pub use rekindle_cards as cards;
pub use rekindle_checkpoint as checkpoint;
pub use rekindle_finetune as engine;
pub use rekindle_forecast as forecast;
#[cfg(feature = "net")]
pub use rekindle_hub as hub;
pub use rekindle_kernels as kernels;
pub use rekindle_language as language;
pub use rekindle_layers as layers;
pub use rekindle_metrics as metrics;
pub use rekindle_onnx as onnx;
pub use rekindle_report as report;
pub use rekindle_series as series;
pub use rekindle_tables as tables;
pub use rekindle_text as text;
pub use rekindle_train as train;
pub use rekindle_transfer as transfer;
pub use rekindle_vision as vision;

/// Samples and batches of pictures: `rekindle-data`, and `rekindle-images` where both have a name.
pub mod data {
    pub use rekindle_data::*;
    pub use rekindle_data::{DataSet as DataSetOf, Sample as SampleOf};
    pub use rekindle_images::*;
    pub use rekindle_images::{DataSet, Error, Loader, Measurable, Sample};
}
