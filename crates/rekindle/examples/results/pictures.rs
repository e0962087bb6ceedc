//! The pictures that are learned, laid out in folders where they are not: the peer reads nothing else.

use std::{f64::consts::PI, fmt::Write, fs, path::Path};

use anyhow::Result;
use rekindle::data::{DataConfig, Picture, Random, Sample, decode, open_pictures};

/// Where pictures are, or how they are laid out in a folder of their own: the peer reads nothing but folders.
pub(crate) enum Pictures {
    Folder(&'static str),
    LaidOut(fn(&Path) -> Result<Laid>),
    /// The same, each turned by an angle that is to be told.
    Turned(fn(&Path) -> Result<Laid>),
}

/// Pictures with labels, to train on and to validate on.
pub(crate) struct Laid {
    pub(crate) labels: Vec<String>,
    pub(crate) parts: [Vec<Sample>; 2],
}

/// Writes pictures as `train/LABEL/*.png` and `val/LABEL/*.png`, or turned, with a list of the angles.
pub(crate) fn lay_out(laid: &Laid, turned: bool, folder: &Path) -> Result<()> {
    let mut list = "path,degrees,split\n".to_owned();
    for ((part, samples), seed) in ["train", "val"].into_iter().zip(&laid.parts).zip(0..) {
        for (place, sample) in samples.iter().enumerate() {
            let within = format!("{part}/{}/{place}.png", laid.labels[sample.label]);
            let mut picture = sample.item.picture()?.as_ref().clone();
            if turned {
                let degrees = 90.0 * Random::new(seed, 0, place as u64).unit() - 45.0;
                picture = turn(&picture, degrees)?;
                writeln!(list, "{within},{degrees},{part}")?;
            }
            let path = folder.join(within);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, picture.to_png()?)?;
        }
    }
    if turned {
        fs::write(folder.join("turned.csv"), list)?;
    }
    Ok(())
}

/// A square picture turned clockwise about its middle, between four pixels; what is outside the circle in it is gray, so
/// that corners tell nothing.
fn turn(picture: &Picture, degrees: f64) -> Result<Picture> {
    let side = picture.width();
    let (sine, cosine) = (degrees * PI / 180.0).sin_cos();
    let middle = (side as f64 - 1.0) / 2.0;
    let at = |x: usize, y: usize, channel: usize| {
        let [x, y] = [x, y].map(|place| place.min(side - 1));
        f64::from(picture.pixels()[(y * side + x) * 3 + channel])
    };
    let mut pixels = vec![128; side * side * 3];
    for (place, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let [x, y] = [place % side, place / side].map(|value| value as f64 - middle);
        if x.hypot(y) > middle {
            continue;
        }
        let from = [x * cosine + y * sine, y * cosine - x * sine];
        let [x, y] = from.map(|value| (value + middle).max(0.0));
        let (left, top) = (x as usize, y as usize);
        let (right, below) = (x.fract(), y.fract());
        for (channel, value) in pixel.iter_mut().enumerate() {
            let row = |y| at(left, y, channel) * (1.0 - right) + at(left + 1, y, channel) * right;
            *value = (row(top) * (1.0 - below) + row(top + 1) * below).round() as u8;
        }
    }
    Ok(Picture::from_rgb(side, side, pixels)?)
}

/// CIFAR-10's pictures: 4,000 to train on, 1,000 of its test part to validate on.
pub(crate) fn cifar(images: &Path) -> Result<Laid> {
    let set = open_pictures::<usize>(&DataConfig::new(images.join("cifar10_lossless")))?;
    Ok(Laid { labels: set.names, parts: [[set.train, set.val].concat(), set.test] })
}

const FASHION: [&str; 10] = [
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

/// Fashion-MNIST's overview: 30 x 30 pictures of 28 x 28 pixels, three rows a class; the first two to train on.
pub(crate) fn fashion(images: &Path) -> Result<Laid> {
    const SIDE: usize = 28;
    let sheet = decode(&images.join("fashion_mnist_sprite/fashion-mnist-sprite.png"))?.to_gray();
    let mut parts = [Vec::new(), Vec::new()];
    for (row, column) in (0..30).flat_map(|row| (0..30).map(move |column| (row, column))) {
        let line = |y: usize| {
            let start = (row * SIDE + y) * sheet.width() + column * SIDE;
            &sheet.pixels()[start..start + SIDE]
        };
        let pixels = (0..SIDE).flat_map(line).copied().collect();
        let sample = Sample::new(Picture::from_gray(SIDE, SIDE, pixels)?.into(), row / 3);
        parts[usize::from(row % 3 == 2)].push(sample);
    }
    Ok(Laid { labels: FASHION.map(str::to_owned).to_vec(), parts })
}
