//! From files to batches: image folders, decoding, preprocessing, augmentation.

mod augment;
mod batches;
mod cache;
mod decode;
mod error;
mod folder;
mod picture;
mod preprocess;
mod random;
mod resize;

pub use augment::{Augment, RandomCrop};
pub use batches::{Batch, Batches, Loader, LoaderConfig, Order, Remainder};
pub use decode::{MAX_PIXELS, decode, decode_bytes};
pub use error::Error;
pub use folder::{EXTENSIONS, ImageFolder, Sample, Source, Split};
pub use picture::Picture;
pub use preprocess::Preprocess;
pub use random::Random;
