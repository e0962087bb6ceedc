//! What passes between the stages of a vision network: a map, or a vector for each patch of the picture.

use burn::{prelude::*, tensor::Gradients};
use rekindle_layers::{FeatureMap, Flow, Input, global_mean};

/// A batch on its way through a vision network.
#[derive(Debug, Clone)]
pub enum VisionFlow {
    /// `[batch, channels, height, width]`
    Map(Tensor<4>),
    /// A vector for each patch.
    Patches(Patches),
}

/// A vector for each patch of a picture, behind those of tokens that are not of it.
#[derive(Debug, Clone)]
pub struct Patches {
    /// `[batch, prefix + rows * columns, channels]`: the tokens, then the patches row by row.
    pub hidden: Tensor<3>,
    /// Tokens before the patches: class, distillation, registers.
    pub prefix: usize,
    /// Rows and columns of patches.
    pub grid: [usize; 2],
}

impl Patches {
    /// The same patches with other vectors.
    pub fn with(self, hidden: impl FnOnce(Tensor<3>) -> Tensor<3>) -> Self {
        Self { hidden: hidden(self.hidden), ..self }
    }

    /// The patches' vectors as a map, `[batch, channels, rows, columns]`; the tokens are not in it.
    pub fn into_map(self) -> Tensor<4> {
        map_of(self.hidden, self.prefix, self.grid)
    }

    /// The vector of a token before the patches, `[batch, channels]`.
    ///
    /// # Panics
    ///
    /// If there are fewer tokens.
    pub fn token(&self, index: usize) -> Tensor<2> {
        assert!(index < self.prefix, "token {index} of {}", self.prefix);
        self.hidden.clone().narrow(1, index, 1).squeeze_dim(1)
    }

    /// The mean of the patches' vectors, `[batch, channels]`.
    pub fn mean(self) -> Tensor<2> {
        global_mean(FeatureMap::new(self.into_map()))
    }
}

fn map_of(hidden: Tensor<3>, prefix: usize, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, _, channels] = hidden.dims();
    let patches = hidden.narrow(1, prefix, rows * columns);
    patches.reshape([batch, rows, columns, channels]).permute([0, 3, 1, 2])
}

impl VisionFlow {
    /// The patches.
    ///
    /// # Panics
    ///
    /// If it is a map.
    pub fn patches(self) -> Patches {
        let Self::Patches(patches) = self else { panic!("a map where patches are read") };
        patches
    }

    /// `[batch, channels]`: the mean over all places of the picture.
    pub fn mean(self) -> Tensor<2> {
        global_mean(FeatureMap::new(self.into()))
    }

    /// The same values as a leaf whose gradient can be asked for.
    pub fn require_grad(self) -> Self {
        match self {
            Self::Map(map) => Self::Map(map.require_grad()),
            Self::Patches(patches) => Self::Patches(patches.with(Tensor::require_grad)),
        }
    }

    /// Its gradient as a map, `[batch, channels, height, width]`: nothing where nothing depends on it.
    pub fn grad(&self, gradients: &Gradients) -> Option<Tensor<4>> {
        match self {
            Self::Map(map) => map.grad(gradients),
            Self::Patches(Patches { hidden, prefix, grid }) => {
                Some(map_of(hidden.grad(gradients)?, *prefix, *grid))
            }
        }
    }
}

impl From<Tensor<4>> for VisionFlow {
    fn from(map: Tensor<4>) -> Self {
        Self::Map(map)
    }
}

/// Patches become the map of their vectors.
impl From<VisionFlow> for Tensor<4> {
    fn from(flow: VisionFlow) -> Self {
        match flow {
            VisionFlow::Map(map) => map,
            VisionFlow::Patches(patches) => patches.into_map(),
        }
    }
}

impl Input for VisionFlow {
    fn device(&self) -> Device {
        match self {
            Self::Map(map) => map.device(),
            Self::Patches(patches) => patches.hidden.device(),
        }
    }

    fn inner(self) -> Self {
        match self {
            Self::Map(map) => Self::Map(map.inner()),
            Self::Patches(patches) => Self::Patches(patches.with(Tensor::inner)),
        }
    }

    fn tracked(self) -> Self {
        match self {
            Self::Map(map) => Self::Map(Tensor::from_inner(map)),
            Self::Patches(patches) => Self::Patches(patches.with(Tensor::from_inner)),
        }
    }
}

impl Flow for VisionFlow {
    /// Tokens that are not of the picture, and what is.
    const TENSORS: usize = 2;

    fn shapes(&self) -> Vec<Vec<usize>> {
        match self {
            Self::Map(map) => vec![vec![0], map.dims()[1..].to_vec()],
            Self::Patches(Patches { hidden, prefix, grid: [rows, columns] }) => {
                let [_, _, channels] = hidden.dims();
                vec![vec![*prefix, channels], vec![*rows, *columns, channels]]
            }
        }
    }

    fn into_rows(self) -> Vec<f32> {
        match self {
            Self::Map(map) => map.into_rows(),
            Self::Patches(patches) => patches.hidden.into_rows(),
        }
    }

    fn from_rows(rows: Vec<f32>, shapes: &[Vec<usize>], device: &Device) -> Self {
        match shapes {
            [none, map] if none == &[0] => {
                Self::Map(Tensor::from_rows(rows, std::slice::from_ref(map), device))
            }
            [tokens, patches] => {
                let (&[prefix, _], &[height, width, channels]) =
                    (tokens.as_slice(), patches.as_slice())
                else {
                    panic!("{shapes:?} for patches")
                };
                let shape = vec![prefix + height * width, channels];
                let hidden = Tensor::from_rows(rows, &[shape], device);
                Self::Patches(Patches { hidden, prefix, grid: [height, width] })
            }
            _ => panic!("{shapes:?} for a picture"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept comes back as it was, tokens included.
    #[test]
    fn rows_are_what_they_were() {
        let device = Device::flex();
        let numbers = |count: i64| Tensor::<1, Int>::arange(0..count, &device).float();
        let map = VisionFlow::Map(numbers(24).reshape([2, 2, 2, 3]));
        let hidden = numbers(48).reshape([2, 8, 3]);
        let patches = VisionFlow::Patches(Patches { hidden, prefix: 2, grid: [2, 3] });
        for flow in [map, patches] {
            let rows = flow.clone().into_rows();
            let shapes = flow.shapes();
            assert_eq!(shapes.len(), VisionFlow::TENSORS);
            assert_eq!(shapes.iter().flatten().filter(|extent| **extent == 0).count() > 0, {
                matches!(flow, VisionFlow::Map(_))
            });
            let again = VisionFlow::from_rows(rows.clone(), &shapes, &device);
            assert_eq!((again.shapes(), again.clone().into_rows()), (shapes, rows));
            let [batch, channels, height, width] = Tensor::from(again).dims();
            assert_eq!([batch, height, width], [2, 2, 3]);
            assert!(channels == 2 || channels == 3);
        }
    }

    #[test]
    fn a_map_of_patches_leaves_tokens_out() {
        let hidden = Tensor::<1, Int>::arange(0..10, &Device::flex()).float().reshape([1, 5, 2]);
        let patches = Patches { hidden, prefix: 1, grid: [2, 2] };
        let first: Vec<f32> = patches.token(0).into_data().try_to_vec().unwrap();
        assert_eq!(first, [0.0, 1.0]);
        let mean: Vec<f32> = patches.clone().mean().into_data().try_to_vec().unwrap();
        assert_eq!(mean, [5.0, 6.0]);
        let map: Vec<f32> = patches.into_map().into_data().try_to_vec().unwrap();
        assert_eq!(map, [2.0, 4.0, 6.0, 8.0, 3.0, 5.0, 7.0, 9.0]);
    }
}
