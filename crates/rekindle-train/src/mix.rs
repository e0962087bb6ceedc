//! Batches of which each image is mixed with another, and so are the labels: mixup and cutmix.

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Draw, Mix, draw::Stream, ranges::Ranges};

/// How to mix, as timm does: one share for a batch, and each image with its mirror place in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct MixConfig {
    /// Alpha of the Beta distribution of shares of mixup, 0 for off; 0.2 for small networks, 0.8 for large.
    /// Zhang et al. 2017, <https://arxiv.org/abs/1710.09412>.
    #[serde(default)]
    pub mixup: f64,
    /// Alpha of the Beta distribution of areas of cutmix, 0 for off; 1 in Yun et al. 2019,
    /// <https://arxiv.org/abs/1905.04899>. Where both are on, each takes half of the batches.
    #[serde(default)]
    pub cutmix: f64,
    /// Chance that a batch is mixed, in `[0, 1]`.
    #[serde(default = "always")]
    pub probability: f64,
}

fn always() -> f64 {
    1.0
}

impl MixConfig {
    /// Nothing is mixed.
    pub const NONE: Self = Self { mixup: 0.0, cutmix: 0.0, probability: 1.0 };

    /// Whether nothing is ever mixed.
    pub fn is_none(&self) -> bool {
        (self.mixup == 0.0 && self.cutmix == 0.0) || self.probability == 0.0
    }

    /// Mixes `images` `[batch, channels, height, width]` as drawn at a place in training, and says what
    /// was mixed into which with what share; none if nothing was.
    ///
    /// With an odd number of images the middle one stays as it is, and so does a single one.
    pub fn apply(&self, images: Tensor<4>, draw: Draw) -> (Tensor<4>, Option<Mix>) {
        let [batch, channels, height, width] = images.dims();
        let mut stream = draw.stream();
        let Some(mixing) = self.draw(&mut stream).filter(|_| batch > 1) else {
            return (images, None);
        };
        let (images, share) = match mixing {
            Mixing::Blend { share } => {
                let others = images.clone().flip([0]);
                (images * (1.0 - share) + others * share, share)
            }
            Mixing::Cut { share } => {
                let [rows, columns] = cut(&mut stream, share, [height, width]);
                let area = (rows.1 - rows.0) * (columns.1 - columns.0);
                if area == 0 {
                    return (images, None);
                }
                let range = [0..batch, 0..channels, rows.0..rows.1, columns.0..columns.1];
                let others = images.clone().slice(range.clone()).flip([0]);
                let share = area as f64 / (height * width) as f64;
                (images.slice_assign(range, others), share)
            }
        };
        (images, Some(Mix { places: (0..batch).rev().collect(), share }))
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        Ranges::default()
            .within("mixup", self.mixup, 0.0..f64::INFINITY)
            .within("cutmix", self.cutmix, 0.0..f64::INFINITY)
            .within("probability", self.probability, 0.0..=1.0)
            .wrong_if(self.mixup == 0.0 && self.cutmix == 0.0, || {
                "mixup and cutmix are both off; set one, or leave mixing out".into()
            })
            .done()
    }

    /// How a batch is mixed, if it is.
    fn draw(&self, stream: &mut Stream) -> Option<Mixing> {
        let [chance, which] = [(); 2].map(|()| stream.uniform());
        let (mixup, cutmix) = (self.mixup > 0.0, self.cutmix > 0.0);
        if chance >= self.probability || !(mixup || cutmix) {
            return None;
        }
        Some(if mixup && !(cutmix && which < 0.5) {
            Mixing::Blend { share: stream.beta(self.mixup) }
        } else {
            Mixing::Cut { share: stream.beta(self.cutmix) }
        })
    }
}

/// What is done to a batch, and the share of the other images.
enum Mixing {
    Blend { share: f64 },
    Cut { share: f64 },
}

/// Rows and columns, from and to, of a box of a share of the area, around a point anywhere in the image and
/// clipped to it.
fn cut(stream: &mut Stream, share: f64, size: [usize; 2]) -> [(usize, usize); 2] {
    size.map(|size| {
        let length = ((size as f64 * share.sqrt()) as usize).min(size);
        let center = stream.below(size);
        (center.saturating_sub(length / 2), (center + length.div_ceil(2)).min(size))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: MixConfig = MixConfig { mixup: 0.8, cutmix: 1.0, probability: 0.75 };

    /// Image `i` is `i` throughout.
    fn images(batch: usize) -> Tensor<4> {
        let place = Tensor::<1, Int>::arange(0..batch as i64, &Device::flex()).float();
        place.reshape([batch, 1, 1, 1]).repeat(&[1, 2, 9, 7])
    }

    fn floats(x: &Tensor<4>) -> Vec<f32> {
        x.to_data().try_to_vec().unwrap()
    }

    fn draws() -> impl Iterator<Item = Draw> {
        (0..200).map(|step| Draw { seed: 3, epoch: 1, step })
    }

    /// Whatever was mixed, the mean of an image is that of its places by their shares.
    #[test]
    fn places_are_mixed_as_images_are() {
        for batch in [2, 5, 8] {
            let (mut blended, mut cuts, mut alone) = (0, 0, 0);
            for draw in draws() {
                let (mixed, mix) = BOTH.apply(images(batch), draw);
                let values = floats(&mixed);
                let Some(Mix { places, share }) = mix else {
                    assert_eq!(values, floats(&images(batch)));
                    alone += 1;
                    continue;
                };
                assert!((0.0..=1.0).contains(&share));
                assert!(places.iter().copied().eq((0..batch).rev()));
                let per_image = 2 * 9 * 7;
                for (place, image) in values.chunks(per_image).enumerate() {
                    let other = batch - 1 - place;
                    let expected = place as f64 * (1.0 - share) + other as f64 * share;
                    let sum: f64 = image.iter().copied().map(f64::from).sum();
                    let mean = sum / per_image as f64;
                    assert!((mean - expected).abs() < 1e-5, "{draw:?}: {mean} against {expected}");
                }
                // Whole numbers are cut, others blended.
                let whole =
                    values[..per_image].iter().all(|x| *x == 0.0 || *x == (batch - 1) as f32);
                *(if whole { &mut cuts } else { &mut blended }) += 1;
            }
            assert!(blended > 50 && cuts > 50 && alone > 30, "{blended}, {cuts}, {alone}");
        }
    }

    #[test]
    fn a_place_draws_the_same_whatever_came_before() {
        let at = |draw| BOTH.apply(images(3), draw);
        let mut all: Vec<_> = draws().map(|draw| (draw, at(draw))).collect();
        all.reverse();
        for (draw, (mixed, mix)) in all {
            let (again, mix_again) = at(draw);
            assert_eq!((floats(&again), mix_again), (floats(&mixed), mix));
        }
    }

    #[test]
    fn nothing_is_mixed_where_nothing_can_be() {
        for draw in draws() {
            let (mixed, mix) = BOTH.apply(images(1), draw);
            assert_eq!((floats(&mixed), mix), (floats(&images(1)), None));
            let never = MixConfig { probability: 0.0, ..BOTH };
            assert_eq!(never.apply(images(2), draw).1, None);
            let off = MixConfig { mixup: 0.0, cutmix: 0.0, probability: 1.0 };
            assert_eq!(off.apply(images(2), draw).1, None);
        }
    }

    #[test]
    fn boxes_stay_inside_and_have_their_area() {
        for step in 0..1000 {
            let mut stream = Draw { seed: 1, epoch: 0, step }.stream();
            let share = stream.beta(1.0);
            for ((from, to), size) in cut(&mut stream, share, [31, 12]).into_iter().zip([31, 12]) {
                let length = (size as f64 * share.sqrt()) as usize;
                assert!(from <= to && to <= size && to - from <= length, "{from}, {to}, {share}");
            }
        }
        let mut stream = Draw { seed: 1, epoch: 0, step: 0 }.stream();
        assert!(cut(&mut stream, 0.0, [5, 5]).iter().all(|(from, to)| from == to));
    }

    #[test]
    fn everything_wrong_is_named() {
        BOTH.check().unwrap();
        let wrong = MixConfig { mixup: -1.0, cutmix: f64::NAN, probability: 2.0 };
        assert_eq!(wrong.check().unwrap_err().matches("must").count(), 3);
        let off = MixConfig { mixup: 0.0, cutmix: 0.0, probability: 1.0 };
        assert!(off.check().unwrap_err().contains("both off"));
    }
}
