//! How a checkpoint wants its pictures: the contract between weights and the data pipeline.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Largest height or width in pixels, so that a hostile file cannot ask for all memory.
const MAX_SIDE: usize = 8192;

/// Most channels; hyperspectral pictures have a few hundred.
const MAX_CHANNELS: usize = 1024;

/// Most numbers of an input, 64 MiB of them: a square of color may be 2364 pixels wide, and no checkpoint here takes half of that.
pub const MAX_INPUT_NUMBERS: usize = 1 << 24;

/// How pixels become the input of a network, as its weights were trained and evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Channels, height and width of the input: at most [`MAX_INPUT_NUMBERS`] in all.
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

impl Preprocessing {
    /// Checks that a picture can be put through this.
    ///
    /// # Errors
    ///
    /// [`Error::Preprocessing`] lists every field that is out of range or of the wrong length.
    pub fn validate(&self) -> Result<(), Error> {
        let problems = self.problems();
        if problems.is_empty() { Ok(()) } else { Err(Error::Preprocessing { problems }) }
    }

    /// One line a field that is out of range or of the wrong length.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let [channels, height, width] = self.input_size;
        if !(1..=MAX_CHANNELS).contains(&channels) {
            problems
                .push(format!("input_size has {channels} channels, outside 1..={MAX_CHANNELS}"));
        }
        for (axis, size) in [("height", height), ("width", width)] {
            if !(1..=MAX_SIDE).contains(&size) {
                problems.push(format!("input_size has a {axis} of {size}, outside 1..={MAX_SIDE}"));
            }
        }
        let numbers = channels.saturating_mul(height).saturating_mul(width);
        if numbers > MAX_INPUT_NUMBERS {
            problems.push(format!(
                "input_size has {channels} x {height} x {width} numbers, more than the limit of {MAX_INPUT_NUMBERS}"
            ));
        }
        if !(self.crop_pct > 0.0 && self.crop_pct <= 1.0) {
            problems.push(format!("crop_pct is {}, outside (0, 1]", self.crop_pct));
        }
        for (key, values) in [("mean", &self.mean), ("std", &self.std)] {
            if values.len() != 1 && values.len() != channels {
                let length = values.len();
                problems.push(format!(
                    "{key} has {length} values, not 1 or one a channel ({channels})"
                ));
            }
        }
        if let Some(value) = self.mean.iter().find(|value| !value.is_finite()) {
            problems.push(format!("mean holds {value}, not a finite number"));
        }
        if let Some(value) = self.std.iter().find(|value| !(value.is_finite() && **value > 0.0)) {
            problems.push(format!("std holds {value}, not a positive number"));
        }
        problems
    }
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
