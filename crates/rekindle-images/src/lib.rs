//! From picture files to inputs: image folders, decoding, preprocessing, augmentation.
//!
//! | step | here | equal to |
//! |---|---|---|
//! | which pictures, which labels or numbers | [`open_pictures`] gives a [`DataSet`]; or [`Sample`]s in memory | torchvision's `ImageFolder` |
//! | file to pixels | [`decode`] gives a [`Picture`] | Pillow's `exif_transpose(open(file)).convert("RGB")` |
//! | pixels to an input | [`Preprocess`], as a card's `Preprocessing` says | timm's evaluation transform |
//! | other pixels | [`transform`] | torchvision's `transforms.functional` |
//! | chance | [`Augment`] draws from a [`Random`](rekindle_data::Random) | torchvision's random transforms and policies |
//! | all of it, for a [`Loader`] | [`PreparePictures`] | the same for any number of threads |
//!
//! # Example
//!
//! ```
//! use rekindle_cards::{CropMode, Interpolation, Preprocessing};
//! use rekindle_data::{LoaderConfig, Order};
//! use rekindle_images::{
//!     Augment, Loader, Picture, PictureConfig, PreparePictures, Preprocess, Sample,
//! };
//!
//! # fn main() -> Result<(), rekindle_images::Error> {
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
//! let samples = vec![Sample::new(drawn(0)?.into(), 0), Sample::new(drawn(255)?.into(), 1)];
//! let pictures = PictureConfig { augment: Augment::STANDARD, ..PictureConfig::default() };
//! let config = LoaderConfig { batch_size: 2, order: Order::Shuffled, ..LoaderConfig::default() };
//! let loader = Loader::new(samples, PreparePictures::new(&preprocess, &pictures)?, &config)?;
//! for epoch in 0..3 {
//!     for batch in loader.epoch(epoch) {
//!         assert_eq!(batch?.input.shape, [2, 3, 224, 224]);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod augment;
mod decode;
mod error;
mod folder;
mod memory_cache;
mod mixing;
pub mod packed;
mod picture;
mod pixel_file;
mod prepare;
mod preprocess;
mod resize;
mod rows;
mod screen;
mod show;
mod source;
pub mod strips;
pub mod transform;

pub use augment::{
    AugMix, Augment, ColorJitter, Erasure, Policy, RandAugment, RandomAffine, RandomBlur,
    RandomCrop, RandomErasing, RandomPerspective, RandomRotation, TrivialAugmentWide,
};
pub use decode::{
    LARGE_BYTES, MAX_PIXELS, announced_size, decode, decode_bytes, decode_then, format_name,
    other_kind, read_file,
};
pub use error::Error;
pub use folder::{
    EXTENSIONS, Listing, MAX_DEPTH, Parts, PictureFiles, label_of, lists, measure_pictures, offer,
    open_pictures, read_pictures,
};
pub use mixing::MixConfig;
pub use picture::Picture;
pub use pixel_file::{DiskCache, DiskCacheUse};
pub use prepare::{PictureConfig, PictureInput, PreparePictures};
pub use preprocess::Preprocess;
pub use resize::Rectangle;
pub use screen::{Unusable, quarantine, screen};
pub use source::{Sample, Source};

/// A data set of pictures.
pub type DataSet<L = usize> = rekindle_data::DataSet<L, Source>;

/// Pictures to measure a model on.
pub type Measurable<L = usize> = rekindle_data::Measurable<L, Source>;

/// A loader of pictures.
pub type Loader<L = usize> = rekindle_data::Loader<PreparePictures, L>;
