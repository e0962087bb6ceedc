//! A sheet of what an augmentation draws, or of every transform.
//!
//!     cargo run --release -p rekindle-images --example augment_sheet -- PICTURE sheet.png strong
//!     cargo run --release -p rekindle-images --example augment_sheet -- PICTURE sheet.png all
//!
//! The first cell is the evaluation's input. Without a picture (`-`) one is drawn.

use std::{error::Error, path::Path};

use rekindle_cards::{CropMode, Interpolation, Preprocessing};
use rekindle_images::{
    AugMix, Augment, Picture, Policy, Preprocess, RandAugment, TrivialAugmentWide, decode,
    transform::EXAMPLES,
};

const SIZE: usize = 160;
const VIEWS: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [picture, out, preset] = arguments.as_slice() else {
        return Err("give a picture or -, a file to write, and a preset or `all`".into());
    };
    let picture = if picture == "-" { drawn()? } else { decode(Path::new(picture))? };
    let preprocess = Preprocess::new(&Preprocessing {
        input_size: [3, SIZE, SIZE],
        interpolation: Interpolation::Bicubic,
        crop_pct: 0.875,
        crop_mode: CropMode::Center,
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
    })?;
    let plain = || Augment::NONE.views(&picture, &preprocess, 0, [0, 0]);
    let with = |policy| Augment { policy: Some(policy), ..Augment::STANDARD };
    let augment = match preset.as_str() {
        "all" => Augment::NONE,
        "light" => Augment::LIGHT,
        "standard" => Augment::STANDARD,
        "strong" => Augment::STRONG,
        "randaugment" => with(Policy::RandAugment(RandAugment::STANDARD)),
        "trivialaugment" => with(Policy::TrivialAugmentWide(TrivialAugmentWide::STANDARD)),
        "augmix" => with(Policy::AugMix(AugMix::STANDARD)),
        _ => return Err(format!("no preset named {preset}").into()),
    };
    let mut cells = plain()?;
    if preset == "all" {
        let seen = cells[0].clone();
        cells.extend(EXAMPLES.iter().map(|(_, change)| change(&seen)));
    } else {
        cells = augment.views(&picture, &preprocess, VIEWS, [0, 0])?;
    }
    std::fs::write(out, Picture::sheet(&cells, 7).to_png()?)?;
    Ok(())
}

/// A scene: sky, ground, a house with a door, a sun.
fn drawn() -> Result<Picture, rekindle_images::Error> {
    let (width, height) = (320, 240);
    let color = |x: i32, y: i32| -> [u8; 3] {
        let sun = (x - 250).pow(2) + (y - 55).pow(2) < 900;
        let roof = (60..110).contains(&y) && (x - 130).abs() < 2 * (y - 60);
        let wall = (110..190).contains(&y) && (50..210).contains(&x);
        let door = (140..190).contains(&y) && (80..110).contains(&x);
        let window = (125..155).contains(&y) && (145..185).contains(&x);
        match () {
            () if sun => [250, 220, 60],
            () if roof => [170, 60, 40],
            () if door => [90, 60, 30],
            () if window => [120 + (x % 8 * 10) as u8, 180, 220],
            () if wall => [220, 200 - (y / 8 % 2 * 30) as u8, 170],
            () if y > 170 => [60, 130 + (x * y % 40) as u8, 50],
            () => [110 + (y / 3) as u8, 160 + (y / 4) as u8, 225],
        }
    };
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let pixels = places.flat_map(|(x, y)| color(x, y)).collect();
    Picture::from_rgb(width as usize, height as usize, pixels)
}
