//! Examines a data set, prints what is found and perhaps writes a page of it; without one, times that on 10,000 generated pictures.
//!
//! ```sh
//! cargo run --release --package rekindle-doctor --example examine -- pets page.html
//! cargo run --release --package rekindle-doctor --example examine
//! ```
//!
//! Expect less than 20 seconds on two cores for the 10,000 PNG files of 32 x 32 pixels.

use std::{env, error::Error, path::Path, time::Instant};

use rekindle_doctor::{Options, examine, html, text};

/// How many pictures are generated, and the pixels along a side of each.
const PICTURES: usize = 10_000;
const SIDE: u32 = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let generated = tempfile::tempdir()?;
    let folder = match env::args_os().nth(1) {
        Some(folder) => folder.into(),
        None => {
            generate(generated.path())?;
            generated.path().to_owned()
        }
    };
    let start = Instant::now();
    let diagnosis = examine(&folder, &Options::default())?;
    let seconds = start.elapsed().as_secs_f64();
    // The text ends with a line break of its own.
    std::io::Write::write_all(&mut std::io::stdout(), text(&diagnosis, 5).as_bytes())?;
    if let Some(page) = env::args_os().nth(2) {
        std::fs::write(page, html(&diagnosis, 12))?;
    }
    eprintln!("{} pictures in {seconds:.2} s", diagnosis.examined.len());
    Ok(())
}

/// Waves of all directions, one a color, in ten labels.
fn generate(folder: &Path) -> Result<(), Box<dyn Error>> {
    for label in 0..10 {
        std::fs::create_dir_all(folder.join(format!("label {label}")))?;
    }
    for number in 0..PICTURES {
        let mut random = rekindle_data::Random::new(number as u64, 0, 0);
        let mut wave = || [(); 3].map(|()| random.between(-9.0, 9.0));
        let waves = [wave(), wave(), wave()];
        let picture = image::RgbImage::from_fn(SIDE, SIDE, |x, y| {
            let [x, y] = [x, y].map(|at| f64::from(at) / f64::from(SIDE));
            image::Rgb(waves.map(|[a, b, c]| (127.0 + 120.0 * (a * x + b * y + c).sin()) as u8))
        });
        picture.save(folder.join(format!("label {}/{number}.png", number % 10)))?;
    }
    Ok(())
}
