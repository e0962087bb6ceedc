//! A loss of embeddings by what they have in common: near each other where they should be, else at right angles.

use burn::prelude::*;

/// Lengths below are taken for this one, as PyTorch's `F.cosine_similarity` does: an embedding of zeros has no direction.
const SHORTEST: f64 = 1e-8;

/// The squared errors of the cosines between the embeddings `[batch, embed_dim]` of a batch, each of two of them against 1
/// where they are `alike`, else against 0: the mean of the mean over pairs that are alike and the mean over those that are
/// not, `[1]`.
///
/// It is sentence-transformers' `CosineSimilarityLoss` of SetFit's pairs, as many of which are alike as not (Tunstall et al.
/// 2022, <https://arxiv.org/abs/2209.11055>); but of all pairs that a batch has, as Khosla et al. 2020
/// (<https://arxiv.org/abs/2004.11362>) take them, so that each embedding is computed once for many pairs. A batch of one has
/// no pairs and a loss of zero.
pub fn contrastive(embeddings: Tensor<2>, alike: impl Fn(usize, usize) -> bool) -> Tensor<1> {
    let [count, _] = embeddings.dims();
    let on = (&embeddings.device(), embeddings.dtype());
    let pairs = || (0..count * count).map(|pair| (pair / count, pair % count));
    // An example is no pair with itself.
    let kinds: Vec<Option<bool>> =
        pairs().map(|(one, other)| (one != other).then(|| alike(one, other))).collect();
    let of_kind =
        [false, true].map(|alike| kinds.iter().filter(|&&kind| kind == Some(alike)).count());
    // Where all pairs are of one kind, they are the mean.
    let present = of_kind.iter().filter(|&&count| count > 0).count();
    let wanted = |kind: &Option<bool>| if *kind == Some(true) { 1.0 } else { 0.0 };
    let weight = |kind: &Option<bool>| {
        kind.map_or(0.0, |alike| 1.0 / (of_kind[usize::from(alike)] * present) as f32)
    };
    let wanted: Vec<f32> = kinds.iter().map(wanted).collect();
    let weights: Vec<f32> = kinds.iter().map(weight).collect();
    let square = |values: &[f32]| Tensor::<1>::from_data(values, on).reshape([count, count]);
    let squared = (embeddings.clone() * embeddings.clone()).sum_dim(1);
    // Under the root, whose slope at zero is infinite.
    let unit = embeddings / squared.clamp_min(SHORTEST * SHORTEST).sqrt();
    let error = unit.clone().matmul(unit.transpose()) - square(&wanted);
    (error.clone() * error * square(&weights)).sum()
}
