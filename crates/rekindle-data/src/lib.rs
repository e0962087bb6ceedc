//! From files to batches: image folders, decoding, preprocessing, augmentation.
//!
//! | step | here | equal to |
//! |---|---|---|
//! | which pictures, which labels or numbers | [`open_pictures`] gives a [`DataSet`]; or [`Sample`]s in memory | torchvision's `ImageFolder` |
//! | file to pixels | [`decode`] gives a [`Picture`] | Pillow's `exif_transpose(open(file)).convert("RGB")` |
//! | pixels to an input | [`Preprocess`], as a card's `Preprocessing` says | timm's evaluation transform |
//! | other pixels | [`transform`] | torchvision's `transforms.functional` |
//! | chance | [`Augment`] draws from a [`Random`] | torchvision's random transforms and policies |
//! | inputs to batches | a [`Loader`]'s [`epoch`](Loader::epoch) | the same for any number of threads |
//!
//! # Example
//!
//! ```
//! use rekindle_cards::{CropMode, Interpolation, Preprocessing};
//! use rekindle_data::{Augment, Loader, LoaderConfig, Order, Picture, Preprocess, Sample};
//!
//! # fn main() -> Result<(), rekindle_data::Error> {
//! let preprocess = Preprocess::new(&Preprocessing {
//!     input_size: [3, 224, 224],
//!     interpolation: Interpolation::Bicubic,
//!     crop_pct: 0.875,
//!     crop_mode: CropMode::Center,
//!     mean: vec![0.485, 0.456, 0.406],
//!     std: vec![0.229, 0.224, 0.225],
//! })?;
//! // `open_pictures(&DataConfig::new(folder))?.train` gives the samples of a folder.
//! let drawn = |shade| Picture::from_gray(320, 240, vec![shade; 320 * 240]);
//! let samples = vec![Sample::memory(drawn(0)?, 0), Sample::memory(drawn(255)?, 1)];
//! let config = LoaderConfig {
//!     batch_size: 2,
//!     order: Order::Shuffled,
//!     augment: Augment::STANDARD,
//!     ..LoaderConfig::default()
//! };
//! let loader = Loader::new(samples, &preprocess, &config)?;
//! for epoch in 0..3 {
//!     for batch in loader.epoch(epoch) {
//!         let batch = batch?;
//!         assert_eq!(batch.shape, [2, 3, 224, 224]);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod augment;
mod batches;
mod cache;
mod decode;
mod error;
mod folder;
pub mod label;
pub mod manifest;
pub mod packed;
mod parts;
mod picture;
mod pixel_file;
mod preprocess;
mod random;
mod resize;
mod screen;
mod set;
mod show;
mod split;
pub mod strips;
mod target;
pub mod transform;

pub use augment::{
    AugMix, Augment, ColorJitter, Erasure, Policy, RandAugment, RandomAffine, RandomBlur,
    RandomCrop, RandomErasing, RandomPerspective, RandomRotation, TrivialAugmentWide,
};
pub use batches::{Batch, Batches, Loader, LoaderConfig, Order, Remainder, Views};
pub use decode::{MAX_PIXELS, decode, decode_bytes};
pub use error::Error;
pub use folder::{
    EXTENSIONS, Listing, MAX_DEPTH, Parts, Sample, Source, label_of, lists, measure_pictures,
    offer, open_pictures, read_pictures,
};
pub use parts::{part_named, part_within};
pub use picture::Picture;
pub use pixel_file::{DiskCache, DiskCacheUse};
pub use preprocess::Preprocess;
pub use random::Random;
pub use resize::Rectangle;
pub use screen::{Unusable, quarantine, screen};
pub use set::{DataConfig, DataSet, Gathered, Measurable, Part, Row};
pub use split::Split;
pub use target::{Target, TargetKind};
