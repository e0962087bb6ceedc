use rekindle_cards::{CropMode, Interpolation, Preprocessing};

use super::*;
use crate::Rectangle;

fn preprocess() -> Preprocess {
    Preprocess::new(&Preprocessing {
        input_size: [3, 16, 24],
        interpolation: Interpolation::Bilinear,
        crop_pct: 0.9,
        crop_mode: CropMode::Center,
        mean: vec![0.5],
        std: vec![0.5],
    })
    .unwrap()
}

fn picture(width: usize, height: usize) -> Picture {
    let pixels = (0..width * height * 3).map(|place| (place * 7 % 251) as u8).collect();
    Picture::from_rgb(width, height, pixels).unwrap()
}

#[test]
fn nothing_drawn_is_the_evaluation() {
    let (picture, preprocess) = (picture(50, 40), preprocess());
    let drawn = Augment::NONE.apply(&picture, &preprocess, &mut Random::new(1, 2, 3)).unwrap();
    assert_eq!(drawn, preprocess.apply(&picture).unwrap());
}

#[test]
fn a_flip_mirrors_every_row() {
    let (picture, preprocess) = (picture(50, 40), preprocess());
    let always = Augment { flip: 1.0, ..Augment::NONE };
    let mut flipped = always.apply(&picture, &preprocess, &mut Random::new(0, 0, 0)).unwrap();
    let plain = preprocess.apply(&picture).unwrap();
    assert_ne!(flipped, plain);
    flipped.chunks_exact_mut(24).for_each(<[f32]>::reverse);
    assert_eq!(flipped, plain);
}

#[test]
fn half_of_the_pictures_are_flipped() {
    let (picture, preprocess) = (picture(24, 16), preprocess());
    let plain = preprocess.apply(&picture).unwrap();
    let flipped = (0..1000).filter(|&index| {
        Augment::FLIP.apply(&picture, &preprocess, &mut Random::new(0, 0, index)).unwrap() != plain
    });
    let flipped = flipped.count();
    assert!((440..560).contains(&flipped), "{flipped}");
}

#[test]
fn crops_stay_inside_and_within_their_ranges() {
    for (height, width) in [(300, 400), (40, 500), (500, 40), (1, 1), (2, 1000)] {
        for index in 0..500 {
            let crop = RandomCrop::STANDARD.draw(height, width, &mut Random::new(0, 0, index));
            assert!(crop.width > 0 && crop.height > 0, "{crop:?}");
            assert!(
                crop.left + crop.width <= width && crop.top + crop.height <= height,
                "{crop:?}"
            );
            if (height, width) == (300, 400) {
                let area = (crop.width * crop.height) as f64 / (height * width) as f64;
                let ratio = crop.width as f64 / crop.height as f64;
                assert!((0.079..=1.0).contains(&area) && (0.74..1.35).contains(&ratio), "{crop:?}");
            }
        }
    }
}

#[test]
fn areas_are_spread_as_those_of_torchvision() {
    let crops =
        (0..2000).map(|index| RandomCrop::STANDARD.draw(1000, 1000, &mut Random::new(0, 0, index)));
    let mean = crops.map(|crop| (crop.width * crop.height) as f64 / 1e6).sum::<f64>() / 2000.0;
    // torchvision: 0.478 over 5,000 draws; uniform would be 0.54, but the largest of other ratios do not fit.
    assert!((0.455..0.49).contains(&mean), "{mean}");
}

#[test]
fn a_sliver_falls_back_to_the_center() {
    let whole = RandomCrop { area: [1.0, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0] };
    // torchvision: height 40 * 4/3 = 53 wide, from (500 - 53) / 2.
    let expected = Rectangle { top: 0, left: 223, height: 40, width: 53 };
    assert_eq!(whole.draw(40, 500, &mut Random::new(0, 0, 0)), expected);
    let expected = Rectangle { top: 223, left: 0, height: 53, width: 40 };
    assert_eq!(whole.draw(500, 40, &mut Random::new(0, 0, 0)), expected);
}

#[test]
fn a_crop_of_everything_is_a_squash() {
    let preprocess = preprocess();
    let whole = Augment {
        crop: Some(RandomCrop { area: [1.0, 1.0], ratio: [1.25, 1.25] }),
        ..Augment::NONE
    };
    let drawn = whole.apply(&picture(50, 40), &preprocess, &mut Random::new(0, 0, 0)).unwrap();
    let squash = Preprocessing {
        input_size: [3, 16, 24],
        interpolation: Interpolation::Bilinear,
        crop_pct: 1.0,
        crop_mode: CropMode::Squash,
        mean: vec![0.5],
        std: vec![0.5],
    };
    assert_eq!(drawn, Preprocess::new(&squash).unwrap().apply(&picture(50, 40)).unwrap());
}

/// Every step at once.
fn everything() -> Augment {
    Augment {
        crop: Some(RandomCrop::STANDARD),
        flip: 0.5,
        vertical_flip: 0.5,
        rotation: Some(RandomRotation { degrees: [-30.0, 30.0], warp: Warp::BILINEAR }),
        affine: Some(RandomAffine {
            degrees: [-10.0, 10.0],
            translate: [0.2, 0.1],
            scale: [0.8, 1.2],
            shear_x: [-10.0, 10.0],
            ..RandomAffine::IDENTITY
        }),
        perspective: Some(RandomPerspective::STANDARD),
        policy: Some(Policy::AugMix(AugMix::STANDARD)),
        jitter: Some(ColorJitter::by(0.4, 0.4, 0.4, 0.1)),
        grayscale: 0.2,
        blur: Some(RandomBlur::STANDARD),
        erasing: Some(RandomErasing { erasure: Erasure::Noise, ..RandomErasing::STANDARD }),
    }
}

fn recipes() -> Vec<Augment> {
    let with = |policy| Augment { policy: Some(policy), ..Augment::STANDARD };
    vec![
        Augment::NONE,
        Augment::FLIP,
        Augment::LIGHT,
        Augment::STANDARD,
        Augment::STRONG,
        with(Policy::RandAugment(RandAugment::STANDARD)),
        with(Policy::TrivialAugmentWide(TrivialAugmentWide::STANDARD)),
        with(Policy::AugMix(AugMix::STANDARD)),
        everything(),
    ]
}

#[test]
fn fields_out_of_range_are_all_listed() {
    let wrong = Augment {
        crop: Some(RandomCrop { area: [0.0, 2.0], ratio: [2.0, 1.0] }),
        flip: 1.5,
        vertical_flip: -1.0,
        rotation: Some(RandomRotation { degrees: [5.0, 1.0], warp: Warp::NEAREST }),
        affine: Some(RandomAffine {
            translate: [0.0, 2.0],
            scale: [0.0, 1.0],
            ..RandomAffine::IDENTITY
        }),
        perspective: Some(RandomPerspective { distortion: 1.5, ..RandomPerspective::STANDARD }),
        policy: Some(Policy::AugMix(AugMix {
            severity: 11,
            chains: 0,
            depth: [0, 1],
            alpha: f64::NAN,
            ..AugMix::STANDARD
        })),
        jitter: Some(ColorJitter { hue: [0.0, 0.6], ..ColorJitter::by(0.0, 0.0, 0.0, 0.0) }),
        grayscale: f64::NAN,
        blur: Some(RandomBlur { probability: 2.0, kernel: 4, sigma: [0.0, 1.0] }),
        erasing: Some(RandomErasing { area: [0.5, 1.5], ..RandomErasing::STANDARD }),
    };
    let message = wrong.validate().unwrap_err().to_string();
    for part in [
        "flip is 1.5",
        "area is 0 to 2",
        "ratio is 2 to 1",
        "vertical_flip is -1",
        "rotation's degrees is 5 to 1",
        "affine's translate is [0.0, 2.0]",
        "affine's scale is 0 to 1",
        "perspective's distortion is 1.5",
        "AugMix's severity is 11",
        "AugMix's chains are 0",
        "AugMix's depth is 0 to 1",
        "AugMix's alpha is NaN",
        "hue is 0 to 0.6",
        "grayscale is NaN",
        "blur's probability is 2",
        "blur's kernel is 4",
        "blur's sigma is 0 to 1",
        "erasing's area is 0.5 to 1.5",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    for policy in [
        Policy::RandAugment(RandAugment { magnitude: 31, ..RandAugment::STANDARD }),
        Policy::RandAugment(RandAugment { magnitude: 0, bins: 1, ..RandAugment::STANDARD }),
        Policy::TrivialAugmentWide(TrivialAugmentWide { bins: 0, ..TrivialAugmentWide::STANDARD }),
    ] {
        let wrong = Augment { policy: Some(policy), ..Augment::NONE };
        assert!(wrong.validate().is_err(), "{wrong:?}");
    }
    recipes().iter().for_each(|recipe| recipe.validate().unwrap());
}

#[test]
fn a_recipe_says_all_of_itself() {
    let text = format!("{:?}", everything());
    for field in [
        "crop: Some(RandomCrop { area: [0.08, 1.0], ratio",
        "flip: 0.5",
        "vertical_flip: 0.5",
        "rotation: Some(RandomRotation { degrees: [-30.0, 30.0], warp: Warp { sampling: Bilinear, fill: [0, 0, 0] } })",
        "affine: Some(RandomAffine { degrees: [-10.0, 10.0], translate: [0.2, 0.1], scale: [0.8, 1.2], shear_x",
        "perspective: Some(RandomPerspective { probability: 0.5, distortion: 0.5, warp",
        "policy: Some(AugMix(AugMix { severity: 3, chains: 3, depth: [1, 3], alpha: 1.0, warp",
        "jitter: Some(ColorJitter { brightness: [0.6, 1.4], contrast",
        "grayscale: 0.2",
        "blur: Some(RandomBlur { probability: 0.5, kernel: 23, sigma: [0.1, 2.0] })",
        "erasing: Some(RandomErasing { probability: 0.5, area: [0.02, 0.33], ratio: [0.3, 3.3], erasure: Noise })",
    ] {
        assert!(text.contains(field), "{field} is not in {text}");
    }
    assert!(Augment::NONE.is_none() && !everything().is_none() && !Augment::LIGHT.is_none());
}

#[test]
fn steps_that_change_nothing_leave_the_short_way_s_input() {
    // Without a crop that is larger than the picture, and with; in gray and in color; through the picture in 8 bits.
    for (channels, crop_mode, crop_pct) in
        [(3, CropMode::Center, 0.9), (3, CropMode::Border, 0.7), (1, CropMode::Center, 1.0)]
    {
        let preprocess = Preprocess::new(&Preprocessing {
            input_size: [channels, 16, 24],
            interpolation: Interpolation::Bicubic,
            crop_pct,
            crop_mode,
            mean: vec![0.4],
            std: vec![0.3],
        })
        .unwrap();
        for plain in [Augment::NONE, Augment::FLIP, Augment::STANDARD] {
            let still = RandomRotation { degrees: [0.0; 2], warp: Warp::NEAREST };
            let long = Augment { rotation: Some(still), ..plain.clone() };
            for (index, (width, height)) in (0..).zip([(50, 40), (9, 80), (20, 11), (1, 1)]) {
                let input = |augment: &Augment| {
                    let random = &mut Random::new(3, 1, index);
                    augment.apply(&picture(width, height), &preprocess, random).unwrap()
                };
                assert_eq!(input(&long), input(&plain), "{plain:?} {channels} {width} x {height}");
            }
        }
    }
}

#[test]
fn a_view_is_drawn_from_its_numbers_alone() {
    let (picture, preprocess) = (picture(50, 40), preprocess());
    for recipe in recipes() {
        let input = |view, index| {
            recipe.apply(&picture, &preprocess, &mut Random::new(7, view, index)).unwrap()
        };
        assert_eq!(input(1, 2), input(1, 2));
        if recipe.crop.is_some() {
            assert_ne!(input(1, 2), input(2, 2), "{recipe:?}");
            assert_ne!(input(1, 2), input(1, 3), "{recipe:?}");
        }
        let views = recipe.views(&picture, &preprocess, 2, [7, 2]).unwrap();
        let inputs = [preprocess.apply(&picture).unwrap(), input(1, 2), input(2, 2)];
        assert_eq!(views, inputs.map(|input| preprocess.restore(&input)));
    }
}

#[test]
fn every_recipe_takes_every_picture() {
    for [height, width] in [[1, 1], [1, 7], [2, 2], [16, 24]] {
        for channels in [1, 3] {
            let preprocess = Preprocess::new(&Preprocessing {
                input_size: [channels, height, width],
                interpolation: Interpolation::Bilinear,
                crop_pct: 1.0,
                crop_mode: CropMode::Center,
                mean: vec![0.5],
                std: vec![0.5],
            })
            .unwrap();
            for recipe in recipes() {
                for index in 0..40 {
                    let random = &mut Random::new(1, 1, index);
                    let input = recipe.apply(&picture(30, 20), &preprocess, random).unwrap();
                    assert_eq!(input.len(), channels * height * width);
                    assert!(input.iter().all(|value| value.is_finite()), "{recipe:?}");
                }
            }
        }
    }
}

#[test]
fn magnitudes_are_those_of_torchvision() {
    let golden = include_str!("../../tests/golden/transforms.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    for (policy, rows, bins) in [
        ("RandAugment", space::RAND_AUGMENT, 31),
        ("TrivialAugmentWide", space::TRIVIAL_AUGMENT_WIDE, 31),
        ("AugMix", space::AUG_MIX, 10),
    ] {
        let expected = golden["spaces"][policy].as_array().unwrap();
        assert_eq!(expected.len(), rows.len());
        for ((operation, magnitudes, sign), expected) in rows.iter().zip(expected) {
            assert_eq!(format!("{operation:?}"), expected[0].as_str().unwrap());
            assert_eq!(*sign == space::Sign::Either, expected[2].as_bool().unwrap());
            for (step, expected) in expected[1].as_array().unwrap().iter().enumerate() {
                let (found, expected) =
                    (magnitudes.at(step, bins, [20, 24]), expected.as_f64().unwrap());
                let name = format!("{policy} {operation:?} {step}: {found}, not {expected}");
                assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{name}");
                assert_eq!(found.trunc(), expected.trunc(), "{name}");
            }
        }
    }
}

#[test]
fn a_blend_is_that_of_torch() {
    // torch 2.15: mix = 0.3 * a; mix.add_(0.45 * b); mix.add_(0.25 * c); mix.to(torch.uint8).
    let gray = |pixels: [u8; 5]| Picture::from_gray(5, 1, pixels.to_vec()).unwrap();
    let others = [(0.45, gray([255, 255, 9, 101, 33])), (0.25, gray([3, 255, 250, 99, 77]))];
    let blend = policy::blend(&gray([0, 255, 7, 100, 200]), 0.3, &others);
    assert_eq!(blend.pixels(), [115, 255, 68, 100, 94]);
}

#[test]
fn jitter_stays_in_its_ranges_and_orders_its_steps_anew() {
    let jitter = ColorJitter { brightness: [0.5, 0.6], ..ColorJitter::by(0.0, 0.0, 0.0, 0.0) };
    let gray = Picture::from_rgb(2, 1, vec![200; 6]).unwrap();
    for index in 0..200 {
        let random = &mut Random::new(0, 0, index);
        let found = jitter.apply(gray.clone(), random);
        assert!(found.pixels().iter().all(|value| (100..=120).contains(value)), "{found:?}");
    }
    assert_eq!(ColorJitter::by(0.0, 1.5, 0.0, 0.1).contrast, [0.0, 2.5]);
    // Contrast 0 then brightness 0.5 gives another gray than the other way round.
    let both = ColorJitter {
        brightness: [3.0, 3.0],
        contrast: [0.0, 0.0],
        ..ColorJitter::by(0.0, 0.0, 0.0, 0.0)
    };
    let picture = Picture::from_gray(2, 1, vec![20, 160]).unwrap();
    let draw = |index| both.apply(picture.clone(), &mut Random::new(0, 0, index)).pixels()[0];
    let found: std::collections::BTreeSet<u8> = (0..50).map(draw).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [158, 255]);
}

#[test]
fn erasing_writes_one_rectangle_of_its_area() {
    let shape = [3, 40, 50];
    let erasing = RandomErasing {
        probability: 1.0,
        erasure: Erasure::Constant(7.0),
        ..RandomErasing::STANDARD
    };
    for index in 0..200 {
        let mut input = vec![0.0; 6000];
        let part = erasing.draw(shape, &mut Random::new(0, 0, index));
        let Some(part) = part else { continue };
        assert!(part.top + part.height <= 40 && part.left + part.width <= 50, "{part:?}");
        let share = (part.height * part.width) as f64 / 2000.0;
        assert!((0.015..0.35).contains(&share), "{part:?}");
        crate::transform::erase(&mut input, shape, part, || 7.0);
        let erased = input.iter().filter(|&&value| value == 7.0).count();
        assert_eq!(erased, 3 * part.height * part.width);
        assert_eq!(input[part.top * 50 + part.left], 7.0);
    }
    let mut input = vec![0.0; 6000];
    erasing.apply(&mut input, shape, &mut Random::new(0, 0, 0));
    assert!(input.contains(&7.0));
    let noise = RandomErasing { erasure: Erasure::Noise, ..erasing };
    let noise_of_one = noise.clone();
    let mut input = vec![0.0; 6000];
    noise.apply(&mut input, shape, &mut Random::new(0, 0, 0));
    let noise: Vec<f32> = input.into_iter().filter(|&value| value != 0.0).collect();
    let mean = noise.iter().sum::<f32>() / noise.len() as f32;
    assert!(mean.abs() < 0.3 && noise.iter().any(|value| value.abs() > 1.5), "{mean}");
    // An input of one pixel has none to spare.
    let mut input = vec![1.0; 3];
    noise_of_one.apply(&mut input, [3, 1, 1], &mut Random::new(0, 0, 0));
    assert_eq!(input, [1.0; 3]);
}

/// Rounding and what to do where nothing fits are timm's, by `tests/reference/timm_rectangles.py`.
#[test]
fn rectangles_of_fixed_area_and_ratio_are_those_of_timm() {
    let golden = include_str!("../../tests/golden/timm_rectangles.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let (mut crops, mut erased) = (0, 0);
    for row in golden["rows"].as_array().unwrap() {
        let pair = |place: usize| [0, 1].map(|side| row[place][side].as_u64().unwrap() as usize);
        let number = |place: usize| [row[place].as_f64().unwrap(); 2];
        let ([height, width], area, ratio) = (pair(0), number(1), number(2));
        let random = || Random::new(0, 0, 0);
        // timm crops to no pixel at all where a side rounds to 0; here the center stands in.
        if pair(3).iter().all(|side| *side > 0) {
            let found = RandomCrop { area, ratio }.draw(height, width, &mut random());
            assert_eq!([found.height, found.width], pair(3), "crop {row}");
            crops += 1;
        }
        let erasing = RandomErasing { area, ratio, ..RandomErasing::STANDARD };
        let found = erasing.draw([3, height, width], &mut random());
        let found = found.filter(|part| part.height * part.width > 0);
        assert_eq!(found.map_or([0, 0], |part| [part.height, part.width]), pair(4), "erase {row}");
        erased += usize::from(pair(4) != [0, 0]);
    }
    assert!(crops > 150 && erased > 80, "{crops} {erased}");
}

#[test]
fn probabilities_are_kept() {
    let picture = picture(12, 10);
    let count = |happens: &dyn Fn(&mut Random) -> bool| {
        (0..2000).filter(|&index| happens(&mut Random::new(2, 1, index))).count()
    };
    let tilt = RandomPerspective { probability: 0.25, ..RandomPerspective::STANDARD };
    let tilted = count(&|random| tilt.apply(picture.clone(), random) != picture);
    assert!((400..600).contains(&tilted), "{tilted}");
    let erasing = RandomErasing { probability: 0.25, ..RandomErasing::STANDARD };
    let erased = count(&|random| {
        let mut input = vec![1.0; 1200];
        erasing.apply(&mut input, [1, 30, 40], random);
        input.contains(&0.0)
    });
    assert!((400..600).contains(&erased), "{erased}");
    // Of 14 operations one changes nothing for sure.
    let trivial = Policy::TrivialAugmentWide(TrivialAugmentWide::STANDARD);
    let changed = count(&|random| trivial.apply(picture.clone(), random) != picture);
    assert!((1500..1950).contains(&changed), "{changed}");
}

#[test]
fn what_was_published_can_be_drawn() {
    for tag in Augment::published() {
        let augment = Augment::of_checkpoint(tag).unwrap();
        augment.validate().unwrap();
        assert!(augment.crop.is_some() && augment.flip == 0.5, "{tag}");
    }
    assert_eq!(Augment::of_checkpoint("gluon_in1k"), None);
}
