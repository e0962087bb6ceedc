//! Every transform at a strength that is seen, to be looked at.

use super::{
    Affine, Warp, adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation,
    adjust_sharpness, affine, autocontrast, equalize, erase, gaussian_blur, hflip, invert,
    perspective, posterize, rotate, solarize, to_grayscale, vflip,
};
use crate::{Picture, Rectangle};

/// A name, and what it does to a picture.
pub type Example = (&'static str, fn(&Picture) -> Picture);

/// Every transform at a strength that is seen.
pub const EXAMPLES: &[Example] = &[
    ("horizontal flip", hflip),
    ("vertical flip", vflip),
    ("rotate by 30 degrees", |picture| rotate(picture, 30.0, &Warp::BILINEAR)),
    ("shear along x by 20 degrees", |picture| moved(picture, [0.0; 2], 1.0, [20.0, 0.0])),
    ("shear along y by 20 degrees", |picture| moved(picture, [0.0; 2], 1.0, [0.0, 20.0])),
    ("translate by a fifth to the right and a tenth down", |picture| {
        moved(picture, [0.2, 0.1], 1.0, [0.0; 2])
    }),
    ("zoom in to 1.5", |picture| moved(picture, [0.0; 2], 1.5, [0.0; 2])),
    ("zoom out to 0.6", |picture| moved(picture, [0.0; 2], 0.6, [0.0; 2])),
    ("perspective", tilted),
    ("brightness 1.6", |picture| adjust_brightness(picture, 1.6)),
    ("brightness 0.5", |picture| adjust_brightness(picture, 0.5)),
    ("contrast 2", |picture| adjust_contrast(picture, 2.0)),
    ("contrast 0.4", |picture| adjust_contrast(picture, 0.4)),
    ("saturation 2.5", |picture| adjust_saturation(picture, 2.5)),
    ("saturation 0.3", |picture| adjust_saturation(picture, 0.3)),
    ("hue by a third of the circle", |picture| adjust_hue(picture, 1.0 / 3.0)),
    ("grayscale", to_grayscale),
    ("gaussian blur of 3 pixels", |picture| gaussian_blur(picture, 19, 3.0)),
    ("sharpness 6", |picture| adjust_sharpness(picture, 6.0)),
    ("solarize from 128 on", |picture| solarize(picture, 128.0)),
    ("posterize to 2 bits", |picture| posterize(picture, 2)),
    ("equalize", equalize),
    ("autocontrast", autocontrast),
    ("invert", invert),
    ("erase", erased),
];

/// Shifted by shares of the picture's sides, scaled and sheared.
fn moved(picture: &Picture, shares: [f64; 2], scale: f64, shear: [f64; 2]) -> Picture {
    let translate =
        [shares[0] * picture.width() as f64, shares[1] * picture.height() as f64].map(f64::round);
    affine(picture, &Affine { translate, scale, shear, ..Affine::IDENTITY }, &Warp::BILINEAR)
}

fn tilted(picture: &Picture) -> Picture {
    let [right, bottom] = [picture.width(), picture.height()].map(|side| side as f64 - 1.0);
    let from = [[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]];
    let to = [
        [0.2 * right, 0.1 * bottom],
        [0.9 * right, 0.0],
        [right, 0.8 * bottom],
        [0.05 * right, bottom],
    ];
    perspective(picture, &from, &to, &Warp::BILINEAR)
}

/// The middle of the picture in gray, by way of floating point.
fn erased(picture: &Picture) -> Picture {
    let (width, height, channels) = (picture.width(), picture.height(), picture.channels());
    let mut values: Vec<f32> = picture.pixels().iter().map(|&value| f32::from(value)).collect();
    let part = Rectangle {
        top: height / 4,
        left: width / 3 * channels,
        height: height / 3,
        width: width / 3 * channels,
    };
    erase(&mut values, [1, height, width * channels], part, || 128.0);
    let pixels = values.into_iter().map(|value| value as u8).collect();
    Picture::of(width, height, channels, pixels)
}
