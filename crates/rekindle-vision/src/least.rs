//! Pictures that are smaller than a network can read: pools and convolutions without padding would leave nothing of them.

use burn::prelude::*;

/// Pictures of at least so many pixels a side, with zeros below and to the right where they are smaller.
pub(crate) fn at_least(images: Tensor<4>, least: usize) -> Tensor<4> {
    [2, 3].into_iter().fold(images, |images, axis| {
        let mut shape = images.dims();
        if shape[axis] >= least {
            return images;
        }
        shape[axis] = least - shape[axis];
        let zeros = Tensor::zeros(shape, (&images.device(), images.dtype()));
        Tensor::cat(vec![images, zeros], axis)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_come_behind_what_is_too_small() {
        let images = Tensor::<4>::ones([1, 2, 3, 5], &Device::flex());
        let padded = at_least(images.clone(), 4);
        assert_eq!(padded.dims(), [1, 2, 4, 5]);
        assert_eq!(padded.sum().into_scalar::<f32>(), 30.0);
        assert_eq!(at_least(images, 3).dims(), [1, 2, 3, 5]);
    }
}
