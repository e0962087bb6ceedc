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

#[test]
fn fields_out_of_range_are_all_listed() {
    let wrong = Augment {
        crop: Some(RandomCrop { area: [0.0, 2.0], ratio: [2.0, 1.0] }),
        flip: 1.5,
        ..Augment::NONE
    };
    let message = wrong.validate().unwrap_err().to_string();
    for part in ["flip is 1.5", "area is 0 to 2", "ratio is 2 to 1"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert!(Augment::STANDARD.validate().is_ok() && Augment::NONE.validate().is_ok());
}
