//! How a checkpoint wants its pictures: the contract between weights and the data pipeline.

use serde::{Deserialize, Serialize};

/// How pixels become the input of a network, as its weights were trained and evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Channels, height and width of the input.
    pub input_size: [usize; 3],
    /// Filter of the resize.
    pub interpolation: Interpolation,
    /// Fraction of the resized picture that the crop keeps, in `(0, 1]`.
    pub crop_pct: f64,
    /// How the picture is brought to the crop's size.
    pub crop_mode: CropMode,
    /// Subtracted from each channel of pixels in `[0, 1]`; one value, or one a channel.
    pub mean: Vec<f32>,
    /// Divides each channel after the mean is subtracted; one value, or one a channel.
    pub std: Vec<f32>,
}

/// A resize filter, with Pillow's semantics: antialiased when shrinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// A triangle filter.
    Bilinear,
    /// Catmull-Rom, `a = -0.5`.
    Bicubic,
    /// Lanczos with three lobes.
    Lanczos,
}

/// timm's `crop_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CropMode {
    /// The short side is resized, the centre cropped.
    Center,
    /// Both sides are resized, the aspect ratio given up.
    Squash,
    /// The long side is resized, the rest padded.
    Border,
}
