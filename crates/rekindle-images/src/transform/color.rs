//! Brightness, contrast, saturation, hue: the parts of torchvision's `ColorJitter`.
//!
//! The first three move a picture away from a duller one, or towards it, as Pillow's `ImageEnhance` does: in 32-bit floating
//! point, cut off at 0 and 255, the fraction dropped.

use crate::Picture;

/// Scales the light: 0 is black, 1 changes nothing (torchvision's `adjust_brightness`, PIL backend).
pub fn adjust_brightness(picture: &Picture, factor: f64) -> Picture {
    by_table(picture, |value| blend(0, value, factor as f32))
}

/// Scales the distance from the mean gray: 0 is gray all over, 1 changes nothing (torchvision's `adjust_contrast`, PIL backend).
pub fn adjust_contrast(picture: &Picture, factor: f64) -> Picture {
    let gray = picture.to_gray();
    let sum: u64 = gray.pixels().iter().map(|&value| u64::from(value)).sum();
    let mean = (sum as f64 / gray.pixels().len() as f64 + 0.5) as u8;
    by_table(picture, |value| blend(mean, value, factor as f32))
}

/// Scales the distance from gray: 0 is gray, 1 changes nothing (torchvision's `adjust_saturation`, PIL backend).
///
/// A gray picture has none to change.
pub fn adjust_saturation(picture: &Picture, factor: f64) -> Picture {
    if picture.channels() == 1 {
        return picture.clone();
    }
    let gray = picture.to_gray();
    let mut out = picture.clone().into_pixels();
    for (pixel, &gray) in out.chunks_exact_mut(3).zip(gray.pixels()) {
        pixel.iter_mut().for_each(|value| *value = blend(gray, *value, factor as f32));
    }
    Picture::of(picture.width(), picture.height(), 3, out)
}

/// Turns the color circle by a share of it, in `[-0.5, 0.5]` (torchvision's `adjust_hue`, PIL backend).
///
/// Hue, saturation and value have 8 bits each on the way, as in Pillow's mode `HSV`. A gray picture has no hue.
///
/// # Panics
///
/// If the share is not in `[-0.5, 0.5]`.
pub fn adjust_hue(picture: &Picture, share: f64) -> Picture {
    assert!((-0.5..=0.5).contains(&share), "a turn of {share}, not in [-0.5, 0.5]");
    if picture.channels() == 1 {
        return picture.clone();
    }
    let turn = (share * 255.0) as i32 as u8;
    let mut out = picture.clone().into_pixels();
    for pixel in out.as_chunks_mut::<3>().0 {
        let [hue, saturation, value] = to_hsv(*pixel);
        *pixel = to_rgb([hue.wrapping_add(turn), saturation, value]);
    }
    Picture::of(picture.width(), picture.height(), 3, out)
}

/// Takes the color out, and keeps the number of channels (torchvision's `to_grayscale`, PIL backend).
pub fn to_grayscale(picture: &Picture) -> Picture {
    match picture.channels() {
        1 => picture.clone(),
        _ => picture.to_gray().to_rgb(),
    }
}

/// A picture of which every value is replaced by what `of` says of it.
pub(super) fn by_table(picture: &Picture, of: impl Fn(u8) -> u8) -> Picture {
    let table: [u8; 256] = std::array::from_fn(|value| of(value as u8));
    let pixels = picture.pixels().iter().map(|&value| table[usize::from(value)]).collect();
    Picture::of(picture.width(), picture.height(), picture.channels(), pixels)
}

/// Pillow's `Image.blend`: `dull` at 0, `value` at 1, further away beyond.
pub(super) fn blend(dull: u8, value: u8, factor: f32) -> u8 {
    // A cast cuts off at 0 and 255, and drops the fraction.
    (f32::from(dull) + factor * (f32::from(value) - f32::from(dull))) as u8
}

/// Hue, saturation and value of a color (Smith, "Color gamut transform pairs", 1978), rounded where Pillow rounds.
fn to_hsv(rgb: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = rgb;
    let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
    if least == most {
        return [0, 0, most];
    }
    let range = f32::from(most - least);
    let [from_red, from_green, from_blue] = rgb.map(|value| f32::from(most - value) / range);
    // Sixths of the circle, each step in 64 bits and its result in 32.
    let sixths = if red == most {
        from_blue - from_green
    } else if green == most {
        (2.0 + f64::from(from_red) - f64::from(from_blue)) as f32
    } else {
        (4.0 + f64::from(from_green) - f64::from(from_red)) as f32
    };
    let hue = ((f64::from(sixths) / 6.0 + 1.0) % 1.0) as f32;
    let saturation = range / f32::from(most);
    let eight_bits = |share: f32| (f64::from(share) * 255.0) as u8;
    [eight_bits(hue), eight_bits(saturation), most]
}

/// The color of a hue, a saturation and a value, rounded where Pillow rounds.
fn to_rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let sector = sixths.floor();
    let rest = (sixths - sector) as f32;
    let saturation = (f64::from(saturation) / 255.0) as f32;
    let shade = |share: f64| (f64::from(value) * (1.0 - share)).round() as u8;
    let low = shade(f64::from(saturation));
    let falling = shade(f64::from(saturation * rest));
    let rising = shade(f64::from(saturation) * (1.0 - f64::from(rest)));
    match sector as u8 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}
