//! Convolution, norm, addition and activation on Flex, the way back.

use burn_flex::FlexTensor;

use super::{
    NormKind,
    costs::{cost, packing, pass},
    forward::{reciprocal_deviation, times},
    saved::{BETA, BIAS, GAMMA, RESIDUAL, Saved, WEIGHT, X},
    tensor::{FlexReal, contiguous, map_in_place, numbers, slice, tensor_of},
};
use crate::{
    cpu::{
        Activation, Direction, Isa, Packed, Written, dense, depthwise, scale,
        slope::{self, Argument, Rest, Sums},
        sparse::Sparse,
        weight_gradient,
    },
    memory::Buffer,
    profile::measure,
};

pub(super) type Found = [Option<FlexTensor>; 6];

/// The gradients of the operands that are wanted; to that of the input is added what is known of it `before`.
pub(super) fn gradients<E: FlexReal>(
    dz: FlexTensor,
    saved: Saved,
    wanted: [bool; 6],
    before: Option<FlexTensor>,
) -> Found {
    let mut found = Found::default();
    let isa = Isa::best();
    let output = saved.convolution.output();
    let channels = output.channels;
    let activation = saved.plan.activation;
    let vector = |buffer: Buffer<E>| Some(tensor_of(buffer, [channels]));
    let dz = contiguous::<E>(dz);
    let slopes = |activation, argument: Argument<'_, E>, dz: Written<'_, E>| {
        let run = || slope::slopes(isa, activation, argument, channels, dz);
        measure("slopes", || pass::<E>(output, 3), run)
    };
    let sums_of = |activation, argument: Argument<'_, E>, dz: &[E]| {
        let run = || slope::sums(isa, activation, argument, channels, dz);
        measure("slopes", || pass::<E>(output, 2), run)
    };
    let of = |tensor: &Option<FlexTensor>| {
        tensor.as_ref().map(|tensor| numbers::<E>(tensor).into_owned())
    };

    if let NormKind::Batch { epsilon } = saved.plan.norm {
        let (gamma, beta) =
            (of(&saved.gamma).unwrap_or_default(), of(&saved.beta).unwrap_or_default());
        let (mean, variance) =
            (of(&saved.mean).unwrap_or_default(), of(&saved.variance).unwrap_or_default());
        let r = reciprocal_deviation(&variance, epsilon);
        let scale = times(&gamma, &r);
        let rest = match (&saved.value, &saved.residual) {
            (Some(value), _) => Some(Rest::Value(slice::<E>(value))),
            (_, Some(residual)) => Some(Rest::Residual(slice::<E>(residual))),
            _ => None,
        };
        let Some(y) = &saved.kept else { return found };
        let argument =
            Argument::Normed { y: slice::<E>(y), scale: &scale, shift: &beta, mean: &mean, rest };
        // The gradient of what was added is that of the activation's argument: it must be written.
        let (g, sums, activation) = if wanted[RESIDUAL] && activation != Activation::Identity {
            let mut sums = None;
            let g = map_in_place::<E>(dz, |dz| sums = Some(slopes(activation, argument, dz)));
            (g, sums, Activation::Identity)
        } else {
            let sums = sums_of(activation, argument, slice::<E>(&dz));
            (dz, Some(sums), activation)
        };
        let Some(sums) = sums else { return found };
        if wanted[GAMMA] {
            let mut gamma = Buffer::<E>::any(channels);
            for (c, gamma) in gamma.iter_mut().enumerate() {
                *gamma = sums.product[c] * r[c];
            }
            found[GAMMA] = vector(gamma);
        }
        if wanted[BETA] {
            found[BETA] = vector(Buffer::copy(&sums.gradient));
        }
        if wanted[BIAS] {
            // Whatever is added to all pixels of a channel, the norm takes off again.
            found[BIAS] = vector(Buffer::zeros(channels));
        }
        if wanted[RESIDUAL] {
            found[RESIDUAL] = Some(g.clone());
        }
        if wanted[X] || wanted[WEIGHT] {
            let dy = map_in_place::<E>(g, |dz| {
                let run = || slope::through_norm(isa, activation, argument, dz, &sums, &r);
                measure("norm back", || pass::<E>(output, 3), run);
            });
            convolution_gradients::<E>(&saved, &dy, None, wanted, before, &mut found);
        }
        return found;
    }

    let vectors = wanted[BIAS] || wanted[GAMMA] || wanted[BETA];
    if let Some(dropout) = saved.plan.dropout {
        // Before anything was added, some of it was dropped.
        if wanted[RESIDUAL] {
            found[RESIDUAL] = Some(dz.clone());
        }
        let g = super::dropout::dropped::<E>(&dz, dropout);
        if wanted[BIAS] {
            let g = slice::<E>(&g);
            found[BIAS] = vector(sums_of(Activation::Identity, Argument::Kept(g), g).gradient);
        }
        convolution_gradients::<E>(&saved, &g, None, wanted, before, &mut found);
        return found;
    }
    let kept = saved.kept.as_ref().or(saved.value.as_ref());
    let mut sums: Option<Sums<E>> = None;
    let g = match kept {
        Some(kept) if activation != Activation::Identity => map_in_place::<E>(dz, |dz| {
            let argument = Argument::Kept(slice::<E>(kept));
            sums = Some(slopes(activation, argument, dz));
        }),
        _ => {
            if vectors {
                let dz = slice::<E>(&dz);
                sums = Some(sums_of(Activation::Identity, Argument::Kept(dz), dz));
            }
            dz
        }
    };
    if wanted[RESIDUAL] {
        found[RESIDUAL] = Some(g.clone());
    }
    let NormKind::Running { epsilon } = saved.plan.norm else {
        if let (true, Some(sums)) = (wanted[BIAS], sums) {
            found[BIAS] = vector(sums.gradient);
        }
        convolution_gradients::<E>(&saved, &g, None, wanted, before, &mut found);
        return found;
    };
    let (gamma, mean) = (of(&saved.gamma).unwrap_or_default(), of(&saved.mean).unwrap_or_default());
    let r = reciprocal_deviation(&of(&saved.variance).unwrap_or_default(), epsilon);
    let bias = of(&saved.bias);
    let scale = times(&gamma, &r);
    let dots = convolution_gradients::<E>(&saved, &g, Some(&scale), wanted, before, &mut found);
    if let Some(sums) = sums {
        if let (true, Some(dots)) = (wanted[GAMMA], dots) {
            let mut gamma = Buffer::<E>::any(channels);
            for (c, gamma) in gamma.iter_mut().enumerate() {
                let apart = bias.as_ref().map_or(0.0, |bias| bias[c].wide()) - mean[c].wide();
                let total = dots[c].wide() + apart * sums.gradient[c].wide();
                *gamma = E::of(total * r[c].wide());
            }
            found[GAMMA] = vector(gamma);
        }
        if wanted[BIAS] {
            let mut bias = Buffer::<E>::any(channels);
            for (c, bias) in bias.iter_mut().enumerate() {
                *bias = sums.gradient[c] * scale[c];
            }
            found[BIAS] = vector(bias);
        }
        if wanted[BETA] {
            found[BETA] = vector(sums.gradient);
        }
    }
    found
}

/// The gradients of input and weights for that of `scale * convolution`; returned is that of the scale,
/// where weights are kept: the product of each output channel's weights and their gradient.
fn convolution_gradients<E: FlexReal>(
    saved: &Saved,
    g: &FlexTensor,
    factor: Option<&[E]>,
    wanted: [bool; 6],
    before: Option<FlexTensor>,
    found: &mut Found,
) -> Option<Buffer<E>> {
    let convolution = &saved.convolution;
    let output = convolution.output();
    let isa = Isa::best();
    let g = slice::<E>(g);
    let weight = saved.weight.as_ref()?;
    let weights = numbers::<E>(weight);
    let mut dots = None;
    let sparse = if factor.is_none() { Sparse::of(convolution, g) } else { None };
    if let Some(x) = &saved.x {
        let x = slice::<E>(x);
        let mut dw = Buffer::<E>::any(weights.len());
        if let Some(sparse) = &sparse {
            let run = || sparse.weight_gradient(isa, convolution, x, &mut dw);
            measure("weight gradient, sparse", || pass::<E>(output, 1), run);
        } else if convolution.is_depthwise() {
            measure(
                "weight gradient",
                || cost::<E>(convolution),
                || {
                    depthwise::weight_gradient(isa, convolution, x, g, &mut dw);
                },
            );
        } else {
            measure(
                "weight gradient",
                || cost::<E>(convolution),
                || {
                    weight_gradient::weight_gradient(isa, convolution, x, g, &mut dw);
                },
            );
        }
        if let Some(factor) = factor {
            dots = Some(scale::dots(isa, &weights, &mut dw, factor));
        }
        if wanted[WEIGHT] {
            let shape = weight.layout().shape().to_vec();
            let shape = <[usize; 4]>::try_from(shape).unwrap_or_default();
            found[WEIGHT] = Some(tensor_of(dw, shape));
        }
    }
    if wanted[X] {
        let mut dx = Buffer::<E>::any(convolution.input.len());
        let before = before.map(contiguous::<E>);
        let before = before.as_ref().map(|before| slice::<E>(before));
        if let Some(sparse) = &sparse {
            let run = || sparse.input_gradient(isa, convolution, &weights, before, &mut dx);
            measure("input gradient, sparse", || pass::<E>(convolution.input, 1), run);
        } else if convolution.is_depthwise() {
            measure(
                "input gradient",
                || cost::<E>(convolution),
                || {
                    depthwise::input_gradient(
                        isa,
                        convolution,
                        g,
                        &weights,
                        factor,
                        before,
                        &mut dx,
                    );
                },
            );
        } else {
            let packed = measure(
                "packing",
                || packing::<E>(convolution),
                || Packed::new(isa, convolution, Direction::Backward, &weights, factor),
            );
            measure(
                "input gradient",
                || cost::<E>(convolution),
                || {
                    dense::input_gradient(convolution, g, &packed, before, &mut dx);
                },
            );
        }
        found[X] = Some(tensor_of(dx, convolution.input.dims()));
    }
    dots
}
