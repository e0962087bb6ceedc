//! Augmentation: what is drawn anew for a picture in every epoch, what it gains, and when it harms.
//!
//! ```sh
//! cargo run --release --example augmentation
//! cargo run --release --example augmentation -- --data pizza_steak_sushi --side 32 --epochs 20
//! ```
//!
//! A small ResNet learns from nothing. The stripes that are drawn without `--data` run in four directions: mirrored, rising
//! ones are falling ones under the wrong label, and so are turned ones. `views.png` shows what the network sees. Expected:
//!
//! ```text
//! way                        accuracy                 95%  seconds  the course
//! nothing                      100.0%     96.3% to 100.0%      1.4
//! turned by 0.2 degrees        100.0%     96.3% to 100.0%      1.5
//! turned by 0.2 turns           27.0%      18.0% to 36.0%      2.8
//! mirrored                      72.0%      63.0% to 81.0%      5.5
//! cropped and mirrored          69.0%      60.0% to 79.0%      2.3
//! a pixel changes by 0.0, 1.4, 64.9, 40.7, 58.1 of 255
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use rekindle::{
    data::{Augment, Picture, Preprocess, RandomRotation, transform::Warp},
    vision::{Architecture, Init},
};
use support::{Learn, lesson, pictures, plain, stripes};

/// Learns pictures with and without augmentation.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// One folder per label in train/ and test/; stripes without.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Height and width of the input, in pixels.
    #[arg(long, default_value_t = 32)]
    pub(crate) side: usize,
    /// Epochs.
    #[arg(long, default_value_t = 4)]
    pub(crate) epochs: usize,
    /// Draws the network, the order and the augmentation.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for the views.
    #[arg(long, default_value = "runs/augmentation")]
    pub(crate) out: PathBuf,
}

/// A rotation by up to so many degrees to either side.
fn turned(degrees: f64) -> Augment {
    let rotation = RandomRotation { degrees: [-degrees, degrees], warp: Warp::BILINEAR };
    Augment { rotation: Some(rotation), ..Augment::NONE }
}

fn main() -> Result<()> {
    run(&Arguments::parse()).map(drop)
}

/// Of each way how far it changes a pixel on the average, of 255, and the accuracy.
pub(crate) fn run(arguments: &Arguments) -> Result<Vec<[f64; 2]>> {
    let Arguments { data, side, epochs, seed, out } = arguments;
    let data = pictures(data.as_deref(), || stripes([40, 10, 25]))?;
    let input = [3, *side, *side];
    let network = Architecture::find("resnet20_cifar")?;
    let init = Init { size: Some([*side, *side]), ..Init::default() };
    let preprocess = Preprocess::new(&plain(input))?;
    let first = data.train.first().context("a picture")?.item.picture()?;
    let (mut reached, mut sheet) = (Vec::new(), Vec::new());
    lesson::heading("accuracy");
    // ANCHOR: ways
    for (way, augment, course) in [
        ("nothing", Augment::NONE, "28.8%"),
        // ImageDataGenerator(rotation_range=0.2) means degrees.
        ("turned by 0.2 degrees", turned(0.2), "36.2%"),
        // RandomRotation(0.2) means turns of 360 degrees.
        ("turned by 0.2 turns", turned(72.0), ""),
        ("mirrored", Augment::FLIP, ""),
        ("cropped and mirrored", Augment::LIGHT, ""),
    ] {
        // ANCHOR_END: ways
        let views = augment.views(&first, &preprocess, 7, [*seed, 0])?;
        let changed = views[1..].iter().map(|view| difference(&views[0], view)).sum::<f64>() / 7.0;
        sheet.extend(views);
        let learn = Learn { input, epochs: *epochs, lr: 3e-3, augment, seed: *seed };
        let found = learn.learn(|device| network.init(&init, device), &data)?;
        let accuracy = lesson::accuracy(
            way,
            &found.predictions,
            found.seconds,
            lesson::course(arguments.data.as_ref(), course),
        );
        reached.push([changed, accuracy]);
    }
    fs::create_dir_all(out)?;
    fs::write(out.join("views.png"), Picture::sheet(&sheet, 8).to_png()?)?;
    let changed: Vec<String> = reached.iter().map(|[changed, _]| format!("{changed:.1}")).collect();
    println!("a pixel changes by {} of 255", changed.join(", "));
    Ok(reached)
}

/// The mean difference of two pictures' pixels.
fn difference(one: &Picture, other: &Picture) -> f64 {
    let pixels = one.pixels().iter().zip(other.pixels());
    let sum: f64 = pixels.map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    sum / one.pixels().len() as f64
}
