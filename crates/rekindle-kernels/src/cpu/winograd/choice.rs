//! Which convolutions are faster in squares.

use super::squares::{REACH, SIDE};
use crate::cpu::geometry::{Convolution, Direction};

/// Positions of a transformed square.
pub(in crate::cpu) const POSITIONS: usize = REACH * REACH;

/// Whether a convolution, or the gradient of its input, is faster this way.
///
/// It must have the window; channels enough that products outweigh transforms; and maps that squares fit,
/// and that are large enough to use weights of four times the size. Neither the batch nor the number of
/// threads has a say: a picture's numbers must not depend on them.
pub(in crate::cpu) fn suits(convolution: &Convolution, direction: Direction) -> bool {
    /// Fewest channels on either side.
    const CHANNELS: usize = 32;
    /// Fewest pixels of a map.
    const PIXELS: usize = 144;
    let window = &convolution.window;
    let map = match direction {
        Direction::Forward => convolution.output(),
        Direction::Backward => convolution.input,
    };
    let covered: usize =
        [map.height, map.width].map(|side| side.next_multiple_of(SIDE)).iter().product();
    let pixels = map.height * map.width;
    window.kernel == [3; 2]
        && window.stride == [1; 2]
        && window.dilation == [1; 2]
        && convolution.groups == 1
        && convolution.input.channels.min(convolution.channels_out) >= CHANNELS
        && pixels >= PIXELS
        && covered * 10 <= pixels * 14
}
