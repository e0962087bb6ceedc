//! How the pixels of a map are cut into blocks, whatever the number of threads: statistics are summed up block by block.

/// Pixels, or somewhat more, whose sources a task looks up at once: their part of the input stays in the
/// cache while panel after panel of weights passes.
const BLOCK: usize = 96;

/// Pixels of a block when so many pixels are cut into blocks of about [`BLOCK`].
pub(crate) fn block_size(pixels: usize) -> usize {
    let blocks = ((pixels + BLOCK / 2) / BLOCK).max(1);
    pixels.div_ceil(blocks).max(1)
}

/// The pixels of each block.
pub(crate) fn cut(pixels: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..pixels).step_by(size.max(1)).map(move |start| size.min(pixels - start))
}
