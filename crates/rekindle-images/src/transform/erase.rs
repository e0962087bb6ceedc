//! Erasing a part of a normalised input.

use crate::Rectangle;

/// Writes values over a part of an input `[channels, height, width]` (torchvision's `erase`, tensor backend).
///
/// `value` is asked for each value, channel by channel, in rows from the top left: a constant, or noise.
///
/// # Panics
///
/// If the part does not lie in the input, or the input is not as long as `shape` multiplies to.
pub fn erase(
    input: &mut [f32],
    shape: [usize; 3],
    part: Rectangle,
    mut value: impl FnMut() -> f32,
) {
    let [channels, height, width] = shape;
    assert_eq!(input.len(), channels * height * width, "an input of another shape");
    assert!(
        part.left + part.width <= width && part.top + part.height <= height,
        "{part:?} does not lie in {height} x {width}"
    );
    for plane in input.chunks_exact_mut(height * width) {
        for row in plane.chunks_exact_mut(width).skip(part.top).take(part.height) {
            row[part.left..part.left + part.width].fill_with(&mut value);
        }
    }
}
