//! How many pictures go through a network at once.

use burn::prelude::*;

use crate::ours::is_ours;

/// Bytes of maps that the last cache of a processor holds, beside the weights that go by.
const CACHE: usize = 26 << 20;
/// How many times as large as a picture the largest map of a network is: 96 channels of half its height and width (MobileNet's
/// and EfficientNet's expansion), or 64 of half of both (ResNet's stem) and less.
const GROWTH: usize = 8;
/// The fewest: a network's weights are read again for each part.
const LEAST: usize = 2;

/// How many items of a batch go forward through a network at once as fast as can be: of pictures, `[batch, channels, height,
/// width]`, as many as the cache holds the maps of; all of anything else, and where our kernels do not compute.
///
/// MobileNetV2 takes 2.2 ms a picture of 224 x 224 pixels four at a time, and 2.5 eight at a time, whose maps are written to memory
/// and read from there.
pub fn items_at_once<const D: usize>(batch: &Tensor<D>) -> usize {
    let (device, dtype, shape) = (batch.device(), batch.dtype(), batch.dims());
    if D != 4 || device.is_autodiff() || !is_ours(&[(device, dtype)]) {
        return shape[0].max(1);
    }
    let item = shape[1..].iter().copied().chain([dtype.size(), GROWTH]);
    let bytes = item.fold(1, usize::saturating_mul);
    (CACHE / bytes.max(1)).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_of_so_many_fit_the_cache() {
        let of = |side: usize, device: &Device| {
            items_at_once(&Tensor::<4>::empty([8, 3, side, side], device))
        };
        let device = Device::flex();
        assert_eq!([32, 224, 384].map(|side| of(side, &device)), [277, 5, 2]);
        assert_eq!(of(224, &device.autodiff()), 8, "a step takes them all");
    }
}
