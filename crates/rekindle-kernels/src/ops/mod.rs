//! The operations as a backend extension of Burn: for Flex, and differentiable.
//!
//! Maps are `[batch, height, width, channels]` here. Other backends never come here: see [`crate::FeatureMap`].

mod add;
mod backward;
mod convolve;
mod costs;
mod dropout;
mod embedding;
mod excite;
mod forward;
mod given;
mod group_norm;
mod linear;
mod normalize;
mod over_time;
mod padding;
mod plain;
mod pool;
mod recurrent;
mod response;
mod saved;
mod sequence;
mod tensor;
mod tracked;

use crate::{
    cpu::{Activation, Divisor, Window, dropout::Dropout},
    feature_map::Known,
    packed_weights::PackedWeights,
    recurrence::Recurrence,
};
use burn::backend::{Backend, ExtensionType, backend_extension, tensor::FloatTensor};

pub(crate) use given::Given;
pub(crate) use padding::Padding;
pub(crate) use tensor::{FlexReal, own, slice, tensor_in};

/// What a convolution and what follows it are computed from.
#[derive(ExtensionType)]
pub(crate) struct Operands<B: Backend> {
    /// `[batch, height, width, in]`
    pub(crate) x: FloatTensor<B>,
    /// `[out, in / groups, height, width]`
    pub(crate) weight: FloatTensor<B>,
    /// `[out]`
    #[extension_type]
    pub(crate) bias: Given<B>,
    /// The norm's factor, `[out]`.
    #[extension_type]
    pub(crate) gamma: Given<B>,
    /// What the norm adds, `[out]`.
    #[extension_type]
    pub(crate) beta: Given<B>,
    /// The norm's running mean, `[out]`.
    #[extension_type]
    pub(crate) mean: Given<B>,
    /// The norm's running variance, `[out]`.
    #[extension_type]
    pub(crate) variance: Given<B>,
    /// Added before the activation, `[batch, height', width', out]`.
    #[extension_type]
    pub(crate) residual: Given<B>,
}

/// How it is computed.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) window: Window,
    pub(crate) groups: usize,
    pub(crate) norm: NormKind,
    pub(crate) activation: Activation,
    /// What is dropped before the addition; then there is neither norm nor activation, and a window of one pixel.
    pub(crate) dropout: Option<Dropout>,
    pub(crate) packed: Option<PackedWeights>,
    pub(crate) known: Knowledge,
}

/// What is known of the gradients of a convolution's maps.
#[derive(Debug, Clone)]
pub(crate) struct Knowledge {
    pub(crate) x: Known,
    pub(crate) residual: Option<Known>,
}

/// What normalizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NormKind {
    /// Nothing.
    None,
    /// Statistics that are given.
    Running { epsilon: f64 },
    /// The batch's.
    Batch { epsilon: f64 },
}

/// What a norm by itself is computed from.
#[derive(ExtensionType)]
pub(crate) struct Normed<B: Backend> {
    /// `[batch, height, width, channels]`
    pub(crate) x: FloatTensor<B>,
    /// Factor, `[channels]`.
    #[extension_type]
    pub(crate) gamma: Given<B>,
    /// Addend, `[channels]`.
    #[extension_type]
    pub(crate) beta: Given<B>,
    /// Running mean, `[channels]`.
    #[extension_type]
    pub(crate) mean: Given<B>,
    /// Running variance, `[channels]`.
    #[extension_type]
    pub(crate) variance: Given<B>,
}

/// What is normalized together: parts of the channels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Groups {
    pub(crate) count: usize,
    /// Added to the variance.
    pub(crate) epsilon: f64,
}

/// What squeeze and excitation is computed from.
#[derive(ExtensionType)]
pub(crate) struct Excitement<B: Backend> {
    /// `[batch, height, width, channels]`
    pub(crate) x: FloatTensor<B>,
    /// `[squeezed, channels, 1, 1]`
    pub(crate) reduce: FloatTensor<B>,
    /// `[squeezed]`
    pub(crate) reduce_bias: FloatTensor<B>,
    /// `[channels, squeezed, 1, 1]`
    pub(crate) expand: FloatTensor<B>,
    /// `[channels]`
    pub(crate) expand_bias: FloatTensor<B>,
}

/// Keys and values that lie elsewhere than queries.
#[derive(ExtensionType)]
pub(crate) struct Looked<B: Backend> {
    /// `[batch, length, heads * width]`
    pub(crate) key: FloatTensor<B>,
    /// `[batch, length, heads * width]`
    pub(crate) value: FloatTensor<B>,
}

/// Where keys and values lie.
#[derive(ExtensionType)]
#[allow(clippy::large_enum_variant, reason = "one lives at a time")]
pub(crate) enum LookedAt<B: Backend> {
    /// Elsewhere.
    Some(#[extension_type] Looked<B>),
    /// Behind the query of each token.
    None,
}

/// What attention is computed from.
#[derive(ExtensionType)]
pub(crate) struct Attended<B: Backend> {
    /// `[batch, length, heads * width]`, or `[1, tokens of all texts, heads * width]`; three times as wide where keys and values
    /// are behind them.
    pub(crate) query: FloatTensor<B>,
    #[extension_type]
    pub(crate) others: LookedAt<B>,
    /// 1 for a token, 0 for padding, which is behind: `[batch, length]`; a constant.
    pub(crate) mask: FloatTensor<B>,
    /// Added to scores, `[a divisor of the batch, heads or 1, length, length]`.
    #[extension_type]
    pub(crate) bias: Given<B>,
}

/// How what tokens look at is weighed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighed {
    /// Parts of the channels that do not see each other.
    pub(crate) heads: usize,
    /// What scores are multiplied by.
    pub(crate) scale: f64,
    /// What training drops.
    pub(crate) dropout: Option<Dropout>,
}

/// A norm's factor and shift, `[channels]` both.
#[derive(ExtensionType)]
pub(crate) struct Affine<B: Backend> {
    pub(crate) gamma: FloatTensor<B>,
    #[extension_type]
    pub(crate) beta: Given<B>,
}

/// A direction's parameters of a recurrent layer.
#[derive(ExtensionType)]
pub(crate) struct Weights<B: Backend> {
    /// `[gates units, in]`
    pub(crate) weight_ih: FloatTensor<B>,
    /// `[gates units, units]`
    pub(crate) weight_hh: FloatTensor<B>,
    /// `[gates units]`
    pub(crate) bias_ih: FloatTensor<B>,
    /// `[gates units]`
    pub(crate) bias_hh: FloatTensor<B>,
}

/// Another direction that may be missing.
#[derive(ExtensionType)]
#[allow(clippy::large_enum_variant, reason = "one lives at a time")]
pub(crate) enum Reverse<B: Backend> {
    /// It is there.
    Some(#[extension_type] Weights<B>),
    /// It is not.
    None,
}

/// What a recurrent layer is computed from.
#[derive(ExtensionType)]
pub(crate) struct Recurring<B: Backend> {
    /// `[batch, time, in]`
    pub(crate) x: FloatTensor<B>,
    /// `[directions, batch, units]`
    pub(crate) hidden: FloatTensor<B>,
    /// `[directions, batch, units]`
    pub(crate) cell: FloatTensor<B>,
    /// 1 for a step, 0 for padding, which is behind: `[batch, time]`; a constant.
    pub(crate) mask: FloatTensor<B>,
    /// From the first step to the last.
    #[extension_type]
    pub(crate) forward: Weights<B>,
    /// From the last step to the first.
    #[extension_type]
    pub(crate) reverse: Reverse<B>,
}

/// The operations.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait Kernels: Backend {
    /// A convolution, and the norm, the addition and the activation that follow it. The second and the
    /// third are mean and biased variance of the batch, where they normalize.
    fn convolve(
        #[extension_type] operands: Operands<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// A norm and an activation. The second and the third are mean and biased variance of the batch, where they normalize.
    fn normalize(
        #[extension_type] operands: Normed<Self>,
        norm: NormKind,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// A norm of groups of each picture's channels, and an activation; vectors are `[channels]`.
    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: Groups,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// The greatest number of each window.
    fn max_pool(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;

    /// The sum of each window over the pixels that exist, divided.
    fn average_pool(x: FloatTensor<Self>, window: Window, divisor: Divisor) -> FloatTensor<Self>;

    /// The mean over the pixels, `[batch, channels]`.
    fn global_mean(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Each channel times what the means of all channels say of it.
    fn squeeze_excite(
        #[extension_type] operands: Excitement<Self>,
        activations: [Activation; 2],
    ) -> FloatTensor<Self>;

    /// Each channel times what its length among all channels' says of it, and shifted.
    fn response_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    /// The products of rows `[batch, in]` and weights `[in, out]`, with the bias `[out]` added.
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        packed: PackedWeights,
    ) -> FloatTensor<Self>;

    /// `activation(x + added)`
    fn add(
        x: FloatTensor<Self>,
        added: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// `factors[picture] * x + added`
    fn add_scaled(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        added: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// The norm of each row of the last axis.
    fn layer_norm(
        x: FloatTensor<Self>,
        #[extension_type] affine: Affine<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    /// Attention of a sequence to itself.
    fn attention(#[extension_type] operands: Attended<Self>, with: Weighed) -> FloatTensor<Self>;

    /// The tokens of a batch without padding, or with it again; the mask is a constant.
    fn pad(x: FloatTensor<Self>, mask: FloatTensor<Self>, padding: Padding) -> FloatTensor<Self>;

    /// The first `steps` of each row of `[batch, time, channels]`: `[1, batch * steps, channels]`.
    fn first_steps(x: FloatTensor<Self>, steps: usize) -> FloatTensor<Self>;

    /// Rows of a table `[rows, channels]`: `[numbers, channels]`.
    fn embedding(table: FloatTensor<Self>, ids: Vec<usize>) -> FloatTensor<Self>;

    /// The greatest number of each channel over the steps of each text, `[batch, channels]` of `[batch, time, channels]`; the mask
    /// `[batch, time]` is a constant.
    fn max_over_time(x: FloatTensor<Self>, mask: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Some of the numbers, the others zeros.
    fn drop_rows(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self>;

    /// A recurrent layer, `[batch, time + 2, directions * units]`: outputs, the last states, the last cells. `packed` are what the
    /// input is multiplied by, of each direction.
    fn recurrent(
        #[extension_type] operands: Recurring<Self>,
        packed: Vec<PackedWeights>,
        kind: Recurrence,
    ) -> FloatTensor<Self>;
}

/// Calls a function for the type of a tensor's numbers.
macro_rules! typed {
    ($tensor:expr, $E:ident => $call:expr) => {
        match $tensor.dtype() {
            burn::tensor::DType::F64 => {
                type $E = f64;
                $call
            }
            burn::tensor::DType::F32 => {
                type $E = f32;
                $call
            }
            // `FeatureMap` sends no other here.
            other => panic!("the CPU kernels compute in f32 or f64, not in {other:?}"),
        }
    };
}
use typed;
