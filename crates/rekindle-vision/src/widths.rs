//! How EfficientNet and MobileNet round numbers of channels.

/// A multiple of 8 near `channels`, never below nine tenths of it.
pub(crate) fn multiple_of_8(channels: f64) -> usize {
    let rounded = nearest_multiple_of_8(channels);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

/// The multiple of 8 nearest to `channels`, at least 8.
pub(crate) fn nearest_multiple_of_8(channels: f64) -> usize {
    ((channels + 4.0) as usize / 8 * 8).max(8)
}
