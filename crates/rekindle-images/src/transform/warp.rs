//! Where the pixels of a moved picture come from: rotations, affine maps, perspectives.

use crate::Picture;

/// How a moved picture is read between its pixels, and what is seen beside it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Warp {
    /// How to read between pixels.
    pub sampling: Sampling,
    /// The color of what lies beside the picture; of a gray one the first value alone.
    pub fill: [u8; 3],
}

impl Warp {
    /// The nearest pixel, on black: torchvision's default.
    pub const NEAREST: Self = Self { sampling: Sampling::Nearest, fill: [0; 3] };
    /// Between four pixels, on black.
    pub const BILINEAR: Self = Self { sampling: Sampling::Bilinear, fill: [0; 3] };
}

/// How to read a picture between its pixels, as Pillow's `Image.transform` does: without antialiasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Sampling {
    /// The nearest pixel.
    Nearest,
    /// A mean of 2 x 2 pixels.
    Bilinear,
    /// A mean of 4 x 4 pixels, by the cubic convolution of Keys (1981) at -1.
    Bicubic,
}

/// A rotation, a scale and a shear around a center, then a shift (torchvision's `affine`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Clockwise rotation in degrees.
    pub degrees: f64,
    /// Shift to the right and down, in pixels.
    pub translate: [f64; 2],
    /// How much larger things become, above 0.
    pub scale: f64,
    /// Shear along x and along y, in degrees.
    pub shear: [f64; 2],
    /// What stays in place, x and y in pixels; without one, the middle of the picture.
    pub center: Option<[f64; 2]>,
}

impl Affine {
    /// Nothing moves.
    pub const IDENTITY: Self =
        Self { degrees: 0.0, translate: [0.0; 2], scale: 1.0, shear: [0.0; 2], center: None };
}

/// Rotates a picture around its middle, counterclockwise in degrees, in its own frame (torchvision's `rotate`, PIL backend).
pub fn rotate(picture: &Picture, degrees: f64, warp: &Warp) -> Picture {
    let angle = -degrees.rem_euclid(360.0).to_radians();
    // Pillow rounds to 15 decimals, too: a right angle is one. To scale, round and scale back is off in the last of them.
    let round = |value: f64| format!("{value:.15}").parse().unwrap_or(value);
    let (cos, sin) = (round(angle.cos()), round(angle.sin()));
    let [x, y] = [picture.width(), picture.height()].map(|side| side as f64 / 2.0);
    let shifts = [cos * -x + sin * -y + x, -sin * -x + cos * -y + y];
    along(picture, [[cos, sin, shifts[0]], [-sin, cos, shifts[1]]], warp)
}

/// Rotates, scales, shears and shifts a picture, in its own frame (torchvision's `affine`, PIL backend).
///
/// # Panics
///
/// If the scale is not above 0.
pub fn affine(picture: &Picture, affine: &Affine, warp: &Warp) -> Picture {
    let Affine { degrees, translate, scale, shear, center } = *affine;
    assert!(scale > 0.0, "a scale of {scale}");
    let sides = [picture.width(), picture.height()];
    let [x, y] = center.unwrap_or(sides.map(|side| side as f64 * 0.5));
    let [angle, shear_x, shear_y] = [degrees, shear[0], shear[1]].map(f64::to_radians);
    // Rotation times shear along y times shear along x; its determinant is 1.
    let leaned = angle - shear_y;
    let a = leaned.cos() / shear_y.cos();
    let b = -leaned.cos() * shear_x.tan() / shear_y.cos() - angle.sin();
    let c = leaned.sin() / shear_y.cos();
    let d = -leaned.sin() * shear_x.tan() / shear_y.cos() + angle.cos();
    // Its inverse leads from the result to the source.
    let row = |along: f64, across: f64, center: f64| {
        let (along, across) = (along / scale, across / scale);
        let shift = along * (-x - translate[0]) + across * (-y - translate[1]);
        [along, across, shift + center]
    };
    along(picture, [row(d, -b, x), row(-c, a, y)], warp)
}

/// A picture of the same size whose pixel (x, y) is that of the source at the two rows times (x, y, 1).
fn along(picture: &Picture, rows: [[f64; 3]; 2], warp: &Warp) -> Picture {
    if warp.sampling == Sampling::Nearest {
        return nearest_along(picture, rows, warp);
    }
    let at = |[a, b, c]: [f64; 3], x: f64, y: f64| a * x + b * y + c;
    warped(picture, warp, |x, y| [at(rows[0], x, y), at(rows[1], x, y)])
}

/// The nearest pixels along an affine map, with Pillow's sums, which decide what is nearest half way between two pixels.
fn nearest_along(picture: &Picture, rows: [[f64; 3]; 2], warp: &Warp) -> Picture {
    let (width, height) = (picture.width(), picture.height());
    let mut out = Canvas::new(picture, warp);
    let [[a, b, c], [d, e, f]] = rows;
    if b == 0.0 && d == 0.0 {
        let sums = |step: f64, start: f64, length: usize| -> Vec<f64> {
            let first = start + step * 0.5;
            std::iter::successors(Some(first), |sum| Some(sum + step)).take(length).collect()
        };
        let (columns, lines) = (sums(a, c, width), sums(e, f, height));
        for y in &lines {
            columns.iter().for_each(|x| out.push(nearest(picture, [*x, *y])));
        }
        return out.picture;
    }
    // 16 bits after the point, summed from the first pixel on.
    let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i64;
    let start = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
    let (right, down) = ([a, d].map(fixed), [b, e].map(fixed));
    for y in 0..height as i64 {
        for x in 0..width as i64 {
            let [x, y] = [0, 1].map(|axis| {
                let steps =
                    x.saturating_mul(right[axis]).saturating_add(y.saturating_mul(down[axis]));
                usize::try_from(start[axis].saturating_add(steps) >> 16).unwrap_or(usize::MAX)
            });
            out.push((x < width && y < height).then_some([x, y]));
        }
    }
    out.picture
}

/// A picture of the same size whose pixel at (x, y) is that of the source at `from(x, y)`; centers are at halves.
pub(super) fn warped(
    picture: &Picture,
    warp: &Warp,
    from: impl Fn(f64, f64) -> [f64; 2],
) -> Picture {
    let mut out = Canvas::new(picture, warp);
    for y in 0..picture.height() {
        for x in 0..picture.width() {
            let place = from(x as f64 + 0.5, y as f64 + 0.5);
            match warp.sampling {
                Sampling::Nearest => out.push(nearest(picture, place)),
                Sampling::Bilinear => out.blend(place, |[a, b], share| a + (b - a) * share),
                Sampling::Bicubic => out.blend(place, |[a, b, c, d], share| {
                    let cubic = d - c + b - a;
                    let square = 2.0 * (a - b) + c - d;
                    b + share * (c - a + share * (square + share * cubic))
                }),
            }
        }
    }
    out.picture
}

/// The pixel at a place, if it is in the picture.
fn nearest(picture: &Picture, [x, y]: [f64; 2]) -> Option<[usize; 2]> {
    inside(picture, [x, y]).then_some([x as usize, y as usize])
}

fn inside(picture: &Picture, [x, y]: [f64; 2]) -> bool {
    (0.0..picture.width() as f64).contains(&x) && (0.0..picture.height() as f64).contains(&y)
}

/// A picture in the making, pixel by pixel.
struct Canvas<'a> {
    source: &'a Picture,
    fill: [u8; 3],
    /// The next value to write.
    next: usize,
    picture: Picture,
}

impl<'a> Canvas<'a> {
    fn new(source: &'a Picture, warp: &Warp) -> Self {
        Self { source, fill: warp.fill, next: 0, picture: source.clone() }
    }

    fn write(&mut self, pixel: [u8; 3]) {
        let channels = self.source.channels();
        self.picture.pixels_mut()[self.next..self.next + channels]
            .copy_from_slice(&pixel[..channels]);
        self.next += channels;
    }

    /// The source's pixel, or the color beside it.
    fn push(&mut self, pixel: Option<[usize; 2]>) {
        let channels = self.source.channels();
        let pixel = pixel.map_or(self.fill, |[x, y]| {
            let start = (y * self.source.width() + x) * channels;
            let source = &self.source.pixels()[start..start + channels];
            std::array::from_fn(|channel| source[channel.min(channels - 1)])
        });
        self.write(pixel);
    }

    /// A blend of `N` x `N` pixels around a place, or the color beside the picture.
    fn blend<const N: usize>(&mut self, place: [f64; 2], mix: impl Fn([f64; N], f64) -> f64) {
        if !inside(self.source, place) {
            return self.write(self.fill);
        }
        let (width, channels) = (self.source.width(), self.source.channels());
        let [(columns, right), (rows, down)] =
            [(place[0], width), (place[1], self.source.height())].map(|(place, length)| {
                let first = (place - 0.5).floor();
                let taps: [usize; N] = std::array::from_fn(|tap| {
                    let position = first as isize + tap as isize - (N as isize / 2 - 1);
                    position.clamp(0, length as isize - 1) as usize
                });
                (taps, place - 0.5 - first)
            });
        let source = self.source.pixels();
        let pixel = std::array::from_fn(|channel| {
            let channel = channel.min(channels - 1);
            let lines = rows.map(|row| {
                let value = |column| f64::from(source[(row * width + column) * channels + channel]);
                mix(columns.map(value), right)
            });
            // A cast cuts off at 0 and 255, and drops the fraction, as Pillow does.
            mix(lines, down) as u8
        });
        self.write(pixel);
    }
}
