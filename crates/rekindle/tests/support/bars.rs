//! Pictures with numbers: how large a bar is and how it lies.

use std::{f64::consts::TAU, fmt::Write as _, fs, path::PathBuf};

use rekindle::data::Random;
use tempfile::TempDir;

/// Height and width of a picture, in pixels.
const SIZE: usize = 32;
/// Height and width of a bar in its own length: a third as wide as it is long.
const WIDTH: f64 = 1.0 / 3.0;

/// Bars of a random color, length and turn on a noisy ground, and a list of their numbers.
pub(crate) struct Bars {
    pub(crate) folder: TempDir,
    pub(crate) list: PathBuf,
    /// To test on: the path and the length.
    #[allow(dead_code, reason = "not every test that shares this takes it")]
    pub(crate) test: Vec<(PathBuf, f64)>,
}

/// Red, green and blue bytes of a bar `length` pixels long at an angle in turns.
fn bar(length: f64, turn: f64, mut random: Random) -> Vec<u8> {
    let mut draw = |low: f64, high: f64| low + (high - low) * random.unit();
    let middle = [draw(13.0, 19.0), draw(13.0, 19.0)];
    let ground: [f64; 3] = std::array::from_fn(|_| draw(0.0, 0.4));
    let ink: [f64; 3] = std::array::from_fn(|_| draw(0.6, 1.0));
    let (sine, cosine) = (TAU * turn).sin_cos();
    let mut pixels = Vec::with_capacity(3 * SIZE * SIZE);
    for place in 0..SIZE * SIZE {
        let x = (place % SIZE) as f64 + 0.5 - middle[0];
        let y = (place / SIZE) as f64 + 0.5 - middle[1];
        let (along, across) = ((x * cosine + y * sine).abs(), (y * cosine - x * sine).abs());
        // How far outside, in pixels; an edge is one pixel wide.
        let outside = (along - length / 2.0).max(across - length * WIDTH / 2.0);
        let share = (0.5 - outside).clamp(0.0, 1.0);
        for channel in 0..3 {
            let value = ground[channel] + (ink[channel] - ground[channel]) * share;
            pixels.push((255.0 * (value + draw(-0.08, 0.08))).clamp(0.0, 255.0) as u8);
        }
    }
    pixels
}

/// The list's columns: `size` in pixels, the `cosine` and `sine` of twice the angle (a bar that is turned by half a turn is the
/// same), and `far`, the size in units in which its mean is a million and its deviation a thousand.
pub(crate) fn bars(count: usize) -> Bars {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = "path,size,cosine,sine,far,split\n".to_owned();
    let mut test = Vec::new();
    for place in 0..count {
        let mut random = Random::new(7, 0, place as u64);
        let (size, turn) = (8.0 + 20.0 * random.unit(), 0.5 * random.unit());
        let pixels = bar(size, turn, random);
        let picture = image::RgbImage::from_raw(SIZE as u32, SIZE as u32, pixels).unwrap();
        let path = folder.path().join(format!("{place}.png"));
        picture.save(&path).unwrap();
        let (sine, cosine) = (2.0 * TAU * turn).sin_cos();
        // An even distribution over 20 deviates from its middle by 20 / sqrt(12).
        let far = 1e6 + 1e3 * (size - 18.0) / (20.0 / 12_f64.sqrt());
        let split = ["train", "val", "train", "test", "train"][place % 5];
        writeln!(rows, "{place}.png,{size},{cosine},{sine},{far},{split}").unwrap();
        if split == "test" {
            test.push((path, size));
        }
    }
    let list = folder.path().join("bars.csv");
    fs::write(&list, rows).unwrap();
    Bars { folder, list, test }
}

/// The columns to learn.
pub(crate) const ALL: [&str; 6] = ["--target", "size", "--target", "cosine", "--target", "sine"];
