//! Cards and pins: what a checkpoint is, where it comes from and how its input is prepared.

mod preprocessing;

pub use preprocessing::{CropMode, Interpolation, Preprocessing};
