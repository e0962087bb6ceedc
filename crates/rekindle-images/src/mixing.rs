//! Batches of which each picture is mixed with another, and so are the labels: mixup and cutmix.

use rekindle_base::Random;
use rekindle_data::{Dense, Draw, DrawBatch, Mixed, canonical};
use serde::{Deserialize, Serialize};

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

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        let mut problems = Vec::new();
        for (name, value) in [("mixup", self.mixup), ("cutmix", self.cutmix)] {
            if !(value >= 0.0 && value.is_finite()) {
                problems.push(format!("{name} is {value} but must lie in 0..inf"));
            }
        }
        if !(0.0..=1.0).contains(&self.probability) {
            let value = self.probability;
            problems.push(format!("probability is {value} but must lie in 0..=1"));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }

    /// How a batch is mixed, if it is.
    fn draw(&self, stream: &mut Random) -> Option<Mixing> {
        let [chance, which] = [(); 2].map(|()| stream.open_unit());
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

/// With an odd number of pictures the middle one stays as it is, and so does a single one.
impl DrawBatch<Dense> for MixConfig {
    /// Mixes pictures `[batch, channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If the batch has other axes.
    fn draw(&self, batch: &mut Dense, draw: Draw) -> Option<Mixed> {
        let Dense { values, shape } = batch;
        let [count, channels, height, width] = shape[..] else {
            panic!("{shape:?} are no pictures");
        };
        let mut random = draw.random();
        let mixing = self.draw(&mut random).filter(|_| count > 1)?;
        let picture = channels * height * width;
        // Each with its mirror place: of a pair, both at once.
        let pairs = |values: &mut [f32], mix: &dyn Fn(usize, &mut f32, &mut f32)| {
            for place in 0..count / 2 {
                let (left, right) = values.split_at_mut((count - 1 - place) * picture);
                let left = &mut left[place * picture..(place + 1) * picture];
                let pair = left.iter_mut().zip(right).enumerate();
                pair.for_each(|(pixel, (one, other))| mix(pixel, one, other));
            }
        };
        let share = match mixing {
            Mixing::Blend { share } => {
                let (own, others) = ((1.0 - share) as f32, share as f32);
                pairs(values, &|_, one, other| {
                    (*one, *other) = (*one * own + *other * others, *other * own + *one * others);
                });
                share
            }
            Mixing::Cut { share } => {
                let [rows, columns] = cut(&mut random, share, [height, width]);
                let area = (rows.1 - rows.0) * (columns.1 - columns.0);
                if area == 0 {
                    return None;
                }
                pairs(values, &|pixel, one, other| {
                    let (row, column) = (pixel / width % height, pixel % width);
                    if (rows.0..rows.1).contains(&row) && (columns.0..columns.1).contains(&column) {
                        std::mem::swap(one, other);
                    }
                });
                area as f64 / (height * width) as f64
            }
        };
        Some(Mixed { places: (0..count).rev().collect(), share })
    }

    fn is_none(&self) -> bool {
        self.is_none()
    }

    fn check(&self) -> Result<(), String> {
        self.check()
    }

    fn describe(&self) -> String {
        canonical(self)
    }
}

/// What is done to a batch, and the share of the other pictures.
enum Mixing {
    Blend { share: f64 },
    Cut { share: f64 },
}

/// Rows and columns, from and to, of a box of a share of the area, around a point anywhere in the image and
/// clipped to it.
fn cut(stream: &mut Random, share: f64, size: [usize; 2]) -> [(usize, usize); 2] {
    size.map(|size| {
        let length = ((size as f64 * share.sqrt()) as usize).min(size);
        let center = ((stream.open_unit() * size as f64) as usize).min(size.saturating_sub(1));
        (center.saturating_sub(length / 2), (center + length.div_ceil(2)).min(size))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: MixConfig = MixConfig { mixup: 0.8, cutmix: 1.0, probability: 0.75 };

    /// Picture `i` is `i` throughout.
    fn pictures(batch: usize) -> Dense {
        let values = (0..batch * 2 * 9 * 7).map(|place| (place / (2 * 9 * 7)) as f32).collect();
        Dense { values, shape: vec![batch, 2, 9, 7] }
    }

    fn mixed(config: &MixConfig, batch: usize, draw: Draw) -> (Vec<f32>, Option<Mixed>) {
        let mut pictures = pictures(batch);
        let mix = DrawBatch::draw(config, &mut pictures, draw);
        (pictures.values, mix)
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
                let (values, mix) = mixed(&BOTH, batch, draw);
                let Some(Mixed { places, share }) = mix else {
                    assert_eq!(values, pictures(batch).values);
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
        let at = |draw| mixed(&BOTH, 3, draw);
        let mut all: Vec<_> = draws().map(|draw| (draw, at(draw))).collect();
        all.reverse();
        for (draw, before) in all {
            assert_eq!(at(draw), before);
        }
    }

    #[test]
    fn nothing_is_mixed_where_nothing_can_be() {
        for draw in draws() {
            assert_eq!(mixed(&BOTH, 1, draw), (pictures(1).values, None));
            let never = MixConfig { probability: 0.0, ..BOTH };
            for config in [never, MixConfig::NONE] {
                assert!(config.is_none());
                assert_eq!(mixed(&config, 2, draw).1, None);
            }
        }
    }

    #[test]
    fn boxes_stay_inside_and_have_their_area() {
        for step in 0..1000 {
            let mut stream = Draw { seed: 1, epoch: 0, step }.random();
            let share = stream.beta(1.0);
            for ((from, to), size) in cut(&mut stream, share, [31, 12]).into_iter().zip([31, 12]) {
                let length = (size as f64 * share.sqrt()) as usize;
                assert!(from <= to && to <= size && to - from <= length, "{from}, {to}, {share}");
            }
        }
        let mut stream = Draw { seed: 1, epoch: 0, step: 0 }.random();
        assert!(cut(&mut stream, 0.0, [5, 5]).iter().all(|(from, to)| from == to));
    }

    #[test]
    fn everything_wrong_is_named() {
        BOTH.check().unwrap();
        let wrong = MixConfig { mixup: -1.0, cutmix: f64::NAN, probability: 2.0 };
        assert_eq!(wrong.check().unwrap_err().matches("must").count(), 3);
        MixConfig::NONE.check().unwrap();
    }
}
