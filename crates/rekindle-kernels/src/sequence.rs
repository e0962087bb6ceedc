//! Norms of rows and attention on any backend.

use burn::{
    backend::Dispatch,
    prelude::*,
    tensor::{activation::softmax, module},
};

use crate::{
    cpu::count,
    dropout::drawn,
    ops::{Affine, Attended, Given, Kernels, Looked, LookedAt, Padding, Weighed},
    ours::is_ours,
};

/// A score that no other loses against, and finite, so that a text of nothing but padding stays a number.
const LEAST: f64 = -1e30;

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta` over the last axis: `[.., channels]`, `[channels]` and `[channels]` to
/// the shape of `x`.
///
/// A row's result is the same bits in any batch.
///
/// # Panics
///
/// If the channels differ.
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Option<Tensor<1>>,
    epsilon: f64,
) -> Tensor<D> {
    let channels = x.dims()[D - 1];
    count(&x.dims());
    for vector in [Some(&gamma), beta.as_ref()].into_iter().flatten() {
        assert_eq!(vector.dims(), [channels], "a norm of other channels than its input's");
    }
    let mut tensors = vec![(x.device(), x.dtype()), (gamma.device(), gamma.dtype())];
    tensors.extend(beta.as_ref().map(|beta| (beta.device(), beta.dtype())));
    if channels == 0 || !is_ours(&tensors) {
        return module::layer_norm(x, gamma, beta, epsilon);
    }
    let beta = Given::of(beta.map(Tensor::into_dispatch));
    let affine = Affine { gamma: gamma.into_dispatch(), beta };
    Tensor::from_dispatch(<Dispatch as Kernels>::layer_norm(x.into_dispatch(), affine, epsilon))
}

/// What attention looks at.
#[derive(Debug, Clone)]
pub struct Attention<'a> {
    /// Parts of the channels that do not see each other.
    pub heads: usize,
    /// 1 for a token, 0 for padding, which is behind: `[batch, length]`.
    pub mask: &'a Tensor<2>,
    /// Added to scores: `[texts, heads or 1, length, length]`, of which each text has its own if there are as many as the batch
    /// has, and those of a divisor of it are repeated over it, as masks of the windows of each picture are.
    pub bias: Option<Tensor<4>>,
    /// What scores are multiplied by.
    pub scale: f64,
    /// The probability, below one, that a token does not see another: in training, on devices with autodiff, as Burn's dropout;
    /// the others make up for it. Drawn from the device's random numbers.
    pub dropout: f64,
}

/// What each token gets: values weighed by `softmax(scale * query key + bias)` over all tokens; three of `[batch, length,
/// heads * width]` to one.
///
/// Texts may lie one behind the other as [`unpad`] puts them, `[1, tokens, heads * width]`.
///
/// What is computed for padding is nothing to rely on. A text's result is the same bits in any batch on Flex.
///
/// # Panics
///
/// If the shapes do not fit each other.
pub fn attention([query, key, value]: [Tensor<3>; 3], with: Attention<'_>) -> Tensor<3> {
    assert!(
        key.dims() == query.dims() && value.dims() == query.dims(),
        "queries, keys and values of other shapes"
    );
    attended(vec![query, key, value], with)
}

/// [`attention`] of queries, keys and values that one projection wrote: `[batch, length, 3 * heads * width]` to `[batch, length,
/// heads * width]`. None of them is copied, and their gradient is one tensor.
///
/// # Panics
///
/// As [`attention`].
pub fn self_attention(qkv: Tensor<3>, with: Attention<'_>) -> Tensor<3> {
    let [_, _, channels] = qkv.dims();
    assert!(channels.is_multiple_of(3), "{channels} channels of queries, keys and values");
    attended(vec![qkv], with)
}

/// Of queries, keys and values, or of all in one.
fn attended(mut parts: Vec<Tensor<3>>, with: Attention<'_>) -> Tensor<3> {
    let Attention { heads, mask, bias, scale, dropout } = with;
    assert!((0.0..1.0).contains(&dropout), "a probability of {dropout} that a token is not seen");
    let query = &parts[0];
    let dropout = if query.device().is_autodiff() { dropout } else { 0.0 };
    let [rows, tokens, wide] = query.dims();
    let channels = if parts.len() == 1 { wide / 3 } else { wide };
    let [batch, length] = mask.dims();
    count(&query.dims());
    count(&[batch, heads, length, length]);
    assert!(heads > 0 && channels.is_multiple_of(heads), "{channels} channels for {heads} heads");
    let is_padded = [rows, tokens] == [batch, length];
    assert!(is_padded || rows == 1, "a mask of other texts");
    if let Some(bias) = &bias {
        let [texts, of_heads, rows, columns] = bias.dims();
        assert!(
            texts > 0
                && batch.is_multiple_of(texts)
                && [1, heads].contains(&of_heads)
                && [rows, columns] == [length; 2],
            "a bias of {:?} for {heads} heads over {length} tokens of {batch} texts",
            bias.dims()
        );
    }
    let mut tensors: Vec<_> = parts.iter().map(|x| (x.device(), x.dtype())).collect();
    tensors.extend(bias.as_ref().map(|bias| (bias.device(), bias.dtype())));
    if !is_ours(&tensors) || !is_ours(&[(mask.device(), mask.dtype())]) {
        assert!(is_padded, "a mask of other texts, or texts without padding on another backend");
        if let [qkv] = parts.as_slice() {
            let part = |index: usize| qkv.clone().narrow(2, index * channels, channels);
            parts = vec![part(0), part(1), part(2)];
        }
        return composed(&parts, Attention { heads, mask, bias, scale, dropout });
    }
    let mut parts = parts.into_iter().map(Tensor::into_dispatch);
    let Some(query) = parts.next() else { unreachable!("a list of one or three") };
    let others = match (parts.next(), parts.next()) {
        (Some(key), Some(value)) => LookedAt::Some(Looked { key, value }),
        _ => LookedAt::None,
    };
    let bias = Given::of(bias.map(Tensor::into_dispatch));
    let operands = Attended { query, others, mask: mask.clone().into_dispatch(), bias };
    let dropout = (dropout > 0.0).then(|| drawn(dropout));
    let with = Weighed { heads, scale, dropout };
    Tensor::from_dispatch(<Dispatch as Kernels>::attention(operands, with))
}

/// The tokens of all texts one behind the other, `[batch, length, channels]` to `[1, tokens, channels]`: what each token goes
/// through alone, it goes through without the padding. None where there is none, and on backends that our kernels do not
/// compute on.
///
/// # Panics
///
/// If the mask `[batch, length]` is of other texts.
pub fn unpad(x: &Tensor<3>, mask: &Tensor<2>) -> Option<Tensor<3>> {
    let [batch, length, _] = x.dims();
    assert_eq!(mask.dims(), [batch, length], "a mask of other texts");
    let ours = is_ours(&[(x.device(), x.dtype())]) && is_ours(&[(mask.device(), mask.dtype())]);
    if !ours || !has_padding(mask) {
        return None;
    }
    Some(padded(x.clone(), mask, Padding::Removed))
}

/// What [`unpad`] gave, as it was before, with zeros for padding: `[1, tokens, channels]` to `[batch, length, channels]`.
///
/// # Panics
///
/// If there are not as many tokens as the mask `[batch, length]` has.
pub fn pad(x: Tensor<3>, mask: &Tensor<2>) -> Tensor<3> {
    padded(x, mask, Padding::Added)
}

fn padded(x: Tensor<3>, mask: &Tensor<2>, padding: Padding) -> Tensor<3> {
    count(&x.dims());
    let mask = mask.clone().into_dispatch();
    Tensor::from_dispatch(<Dispatch as Kernels>::pad(x.into_dispatch(), mask, padding))
}

/// The greatest number of each channel over the steps of each text: `[batch, time, channels]` and a mask `[batch, time]`, with 1
/// for a step and 0 for padding, which is behind, to `[batch, channels]`. A text of nothing but padding has 0.
///
/// # Panics
///
/// If the mask is of other texts.
pub fn max_over_time(x: Tensor<3>, mask: &Tensor<2>) -> Tensor<2> {
    let [batch, time, channels] = x.dims();
    assert_eq!(mask.dims(), [batch, time], "a mask of other texts");
    count(&x.dims());
    let ours = is_ours(&[(x.device(), x.dtype())]) && is_ours(&[(mask.device(), mask.dtype())]);
    if ours {
        let mask = mask.clone().into_dispatch();
        return Tensor::from_dispatch(<Dispatch as Kernels>::max_over_time(
            x.into_dispatch(),
            mask,
        ));
    }
    if time == 0 {
        return Tensor::zeros([batch, channels], (&x.device(), x.dtype()));
    }
    let mask = mask.clone().cast(x.dtype());
    let some = mask.clone().max_dim(1);
    let far = (mask.reshape([batch, time, 1]) - 1.0).mul_scalar(-LEAST);
    (x + far).max_dim(1).reshape([batch, channels]) * some
}

/// Whether any text ends before the longest.
fn has_padding(mask: &Tensor<2>) -> bool {
    let [batch, length] = mask.dims();
    if batch * length == 0 {
        return false;
    }
    let last = mask.clone().narrow(1, length - 1, 1).into_data();
    last.iter::<f64>().any(|there| there <= 0.0)
}

/// Burn's operations, one after the other.
fn composed(parts: &[Tensor<3>], with: Attention<'_>) -> Tensor<3> {
    let Attention { heads, mask, bias, scale, dropout } = with;
    let [batch, length, channels] = parts[0].dims();
    let apart = |index: usize| {
        let x = parts[index].clone();
        x.reshape([batch, length, heads, channels / heads]).swap_dims(1, 2)
    };
    let [query, key, value] = [apart(0), apart(1), apart(2)];
    let dtype = query.dtype();
    let scores = query.mul_scalar(scale).matmul(key.swap_dims(2, 3));
    let scores = match bias {
        Some(bias) if bias.dims()[0] == 1 => scores + bias,
        Some(bias) => {
            let texts = bias.dims()[0];
            scores + bias.repeat_dim(0, batch / texts)
        }
        None => scores,
    };
    let padding = (mask.clone().cast(dtype) - 1.0).mul_scalar(-LEAST);
    let scores = scores + padding.reshape([batch, 1, 1, length]);
    let shares = crate::dropout::dropout(softmax(scores, 3), dropout);
    shares.matmul(value).swap_dims(1, 2).reshape([batch, length, channels])
}
