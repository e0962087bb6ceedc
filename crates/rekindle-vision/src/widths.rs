//! How EfficientNet and MobileNet grow, and round numbers of channels.

/// How scaled channel counts are rounded to a multiple of 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Never below nine tenths.
    NineTenths,
    /// To the nearest (EfficientNetV2's base models).
    Nearest,
}

/// Whether a network's ends grow with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// They do.
    Scaled,
    /// The stem keeps its width, and the first and the last stage their depth (EfficientNet-Lite).
    Fixed,
}

impl Rounding {
    /// The number of channels nearest to `channels`.
    pub(crate) fn round(self, channels: f64) -> usize {
        match self {
            Self::NineTenths => multiple_of_8(channels),
            Self::Nearest => nearest_multiple_of_8(channels),
        }
    }
}

/// A multiple of 8 near `channels`, never below nine tenths of it.
pub(crate) fn multiple_of_8(channels: f64) -> usize {
    let rounded = nearest_multiple_of_8(channels);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

/// The multiple of 8 nearest to `channels`, at least 8.
pub(crate) fn nearest_multiple_of_8(channels: f64) -> usize {
    ((channels + 4.0) as usize / 8 * 8).max(8)
}
