//! From a picture to a vector for each patch of it, and tables of positions for any number of patches.

use burn::{
    module::{Initializer, Param},
    prelude::*,
    tensor::{DType, TensorData},
};
use rekindle_layers::{
    Activation, Bias, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap, Padding, Stage,
    position_filter,
};

use crate::flow::Patches;

/// Standard deviation of tables and matrices that are drawn, timm's.
pub(crate) const DEVIATION: f64 = 0.02;

/// A matrix from the pixels of a patch to its vector.
#[derive(Module, Debug)]
pub(crate) struct PatchEmbed {
    proj: Conv2d,
    patch: usize,
}

impl PatchEmbed {
    /// For patches of `patch` pixels a side.
    pub(crate) fn new(channels: [usize; 2], patch: usize, bias: Bias, device: &Device) -> Self {
        let config = Conv2dConfig {
            stride: patch,
            padding: Padding::Behind,
            bias,
            ..Conv2dConfig::new(channels, patch)
        };
        let mut proj = config.init(device);
        let normal = Initializer::Normal { mean: 0.0, std: DEVIATION };
        proj.weight = normal.init([channels[1], channels[0], patch, patch], device);
        Self { proj, patch }
    }

    /// `[batch, channels, height, width]` to `[batch, rows * columns, embed_dim]`, and rows and columns. What is missing of a
    /// patch is zeros below and to the right; but of pictures of the very size that a table of positions is for, what is left
    /// over of whole patches is cut off. timm does both: by `dynamic_img_pad`, and in networks for one size.
    pub(crate) fn forward(
        &self,
        images: Tensor<4>,
        table: Option<[usize; 2]>,
    ) -> (Tensor<3>, [usize; 2]) {
        let [_, _, height, width] = images.dims();
        let images = match table.filter(|table| *table == [height, width]) {
            Some(table) => {
                let [rows, columns] = self.grid(table);
                let kept = |size: usize, count: usize| size.min(count * self.patch);
                images.narrow(2, 0, kept(height, rows)).narrow(3, 0, kept(width, columns))
            }
            None => images,
        };
        let unit = ConvNormAct::new(&self.proj, None, Activation::Identity);
        let map = unit.forward(FeatureMap::new(images)).into_tensor();
        let [batch, channels, rows, columns] = map.dims();
        let hidden = map.permute([0, 2, 3, 1]).reshape([batch, rows * columns, channels]);
        (hidden, [rows, columns])
    }

    /// Rows and columns of whole patches, one at least.
    pub(crate) fn grid(&self, size: [usize; 2]) -> [usize; 2] {
        size.map(|pixels| (pixels / self.patch).max(1))
    }
}

/// A token or more, `[1, count, channels]`.
pub(crate) fn tokens(
    count: usize,
    channels: usize,
    deviation: f64,
    device: &Device,
) -> Param<Tensor<3>> {
    Initializer::Normal { mean: 0.0, std: deviation }.init([1, count, channels], device)
}

/// Patches `[batch, patches, channels]` behind tokens `[1, prefix, channels]`, which are the same for every picture.
pub(crate) fn behind_tokens(
    patches: Tensor<3>,
    tokens: Option<Tensor<3>>,
    grid: [usize; 2],
) -> Patches {
    let Some(tokens) = tokens else { return Patches { hidden: patches, prefix: 0, grid } };
    let [batch, _, channels] = patches.dims();
    let [_, prefix, _] = tokens.dims();
    let tokens = tokens.expand([batch, prefix, channels]);
    Patches { hidden: Tensor::cat(vec![tokens, patches], 1), prefix, grid }
}

/// A table of positions `[1, rows * columns, channels]` of one grid for another: timm's `resample_abs_pos_embed`.
pub(crate) fn resampled(table: Tensor<3>, old: [usize; 2], new: [usize; 2]) -> Tensor<3> {
    if old == new {
        return table;
    }
    let [_, _, channels] = table.dims();
    let options = (table.device(), table.dtype());
    let [rows, columns] = [0, 1].map(|axis| filter(old[axis], new[axis], (&options.0, options.1)));
    let rows = rows.matmul(table.reshape([old[0], old[1] * channels]));
    let columns: Tensor<3> = columns.unsqueeze::<3>().expand([new[0], new[1], old[1]]);
    let table = columns.matmul(rows.reshape([new[0], old[1], channels]));
    table.reshape([1, new[0] * new[1], channels])
}

/// What one axis is multiplied with, `[new, old]`.
fn filter(old: usize, new: usize, (device, dtype): (&Device, DType)) -> Tensor<2> {
    let data = TensorData::new(position_filter([old, 1], [new, 1]), [new, old]);
    Tensor::from_data(data.convert_dtype(dtype), (device, dtype))
}

/// The stages from the picture to the last block: `tables` are what becomes of it before the first.
pub(crate) fn stages(tables: &[&str], blocks: usize, [channels, patch]: [usize; 2]) -> Vec<Stage> {
    let embeddings = Stage::map("embeddings", tables, channels, patch);
    let block = |index| {
        let name = format!("blocks.{index}");
        Stage::map(&name, &[&name], channels, patch)
    };
    std::iter::once(embeddings).chain((0..blocks).map(block)).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tolerance;

    use super::*;

    /// timm 1.0.31's `resample_abs_pos_embed(table, [4, 2], [2, 3], 0)`.
    #[test]
    fn a_table_is_resampled_as_timm_does() {
        let device = Device::flex();
        let values: Vec<f32> = (0..12).map(|index| (index * 7 % 11) as f32 / 10.0).collect();
        let table = Tensor::from_data(TensorData::new(values, [1, 6, 2]), &device);
        let found = resampled(table, [2, 3], [4, 2]).into_data();
        let expected = TensorData::new(EXPECTED.to_vec(), [1, 8, 2]);
        found.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-5));
    }

    #[rustfmt::skip]
    const EXPECTED: [f32; 16] = [
        0.047488, 0.854726, 0.528604, 0.509621, 0.199634, 0.79565, 0.456491, 0.450546,
        0.501329, 0.678507, 0.313493, 0.333403, 0.653475, 0.619432, 0.241379, 0.274327,
    ];

    /// What is missing of a patch is zeros; pictures of the table's own size lose what is left over.
    #[test]
    fn pictures_of_any_size_become_whole_patches() {
        let device = Device::flex();
        let embed = PatchEmbed::new([1, 2], 4, Bias::Learned, &device);
        let ones = |height, width| Tensor::<4>::ones([1, 1, height, width], &device);
        for (size, table, grid) in [
            ([8, 8], None, [2, 2]),
            ([9, 3], None, [3, 1]),
            ([9, 9], Some([9, 9]), [2, 2]),
            ([9, 9], Some([8, 8]), [3, 3]),
            ([3, 3], Some([3, 3]), [1, 1]),
        ] {
            let (hidden, found) = embed.forward(ones(size[0], size[1]), table);
            assert_eq!(found, grid, "{size:?} with a table for {table:?}");
            assert_eq!(hidden.dims(), [1, grid[0] * grid[1], 2]);
        }
        let zeros = Tensor::<4>::zeros([1, 1, 12, 4], &device);
        let padded = zeros.slice_assign([0..1, 0..1, 0..9, 0..3], ones(9, 3));
        let (found, _) = embed.forward(ones(9, 3), None);
        let (expected, _) = embed.forward(padded, None);
        found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::default());
    }
}
