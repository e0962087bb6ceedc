//! What becomes of the sums of a convolution before they are written.

use super::{activation::Activation, dropout::Dropout, parallel::Shared, simd::Real};
use crate::memory::Buffer;

/// What follows the sum: `y = activation(dropout(scale * sum + shift) + residual)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'a, E> {
    /// A factor for each output channel.
    pub(crate) scale: Option<&'a [E]>,
    /// What is added for each output channel.
    pub(crate) shift: Option<&'a [E]>,
    /// What is added for each number of the output.
    pub(crate) residual: Option<&'a [E]>,
    /// Applied last.
    pub(crate) activation: Activation,
    /// Where the activation's argument is written, as long as the output. [`dense`](super::dense) alone looks at this and the
    /// next, and not where it takes squares.
    pub(crate) argument: Option<Shared<E>>,
    /// What is dropped, where the activation is none.
    pub(crate) dropout: Option<Dropout>,
}

impl<E> Default for Post<'_, E> {
    fn default() -> Self {
        Self {
            scale: None,
            shift: None,
            residual: None,
            activation: Activation::Identity,
            argument: None,
            dropout: None,
        }
    }
}

/// `len` numbers: `values`, and `otherwise` where there are none.
pub(crate) fn extended<E: Real>(values: Option<&[E]>, otherwise: E, len: usize) -> Buffer<E> {
    let mut buffer = Buffer::filled(len, otherwise);
    if let Some(values) = values {
        buffer[..values.len()].copy_from_slice(values);
    }
    buffer
}
