//! How a picture is composed: backdrop, clutter, the doodle, something in front of it, noise.
//!
//! Color, place, size, turn and backdrop are drawn without looking at the class: the shape alone tells it.

use crate::SIZE;
use crate::random::Random;
use crate::shape::{Part, Point, Shape, cosine, disk, distance, sine};

/// Red, green and blue in `[0, 1]`.
type Color = [f32; 3];

/// Least difference in luma between a doodle and the middle of its backdrop.
const CONTRAST: f32 = 0.25;
/// The doodle's unit, in pixels: half of its side.
const UNIT: [f32; 2] = [7.0, 13.0];
/// Largest turn to either side, in turns.
const TURN: f32 = 0.12;
/// Largest stretch of one axis against the other.
const STRETCH: f32 = 0.25;
/// Largest sideways bend of the doodle's plane, in the doodle's units.
const BEND: f32 = 0.1;
/// Largest shift of each part, in the doodle's units.
const SHIFT: f32 = 0.06;
/// Most parts that a doodle may have.
pub(crate) const PARTS: usize = 8;
/// Most pieces of clutter behind the doodle.
const CLUTTER: u32 = 6;
/// Share of the pictures with a piece in front of the doodle.
const COVERED: f32 = 0.6;
/// Width of an edge in pixels: 1 is sharp, more is a slight blur.
const SOFT: [f32; 2] = [1.0, 2.2];
/// Largest additive noise, of 1.
const NOISE: f32 = 0.25;

/// Paints `parts`: red, green and blue bytes, row by row.
pub(crate) fn paint(parts: &[Part], random: &mut Random) -> Vec<u8> {
    let backdrop = Backdrop::draw(random);
    let ink = backdrop.ink(random);
    let pose = Pose::draw(random);
    let behind: Vec<Piece> = (0..random.below(CLUTTER + 1)).map(|_| Piece::draw(random)).collect();
    let before = (random.unit() < COVERED).then(|| Piece::draw(random));
    let soft = random.between(SOFT[0], SOFT[1]);
    let noise = random.between(0.0, NOISE);

    let mut pixels = Vec::with_capacity(SIZE * SIZE * 3);
    for pixel in 0..SIZE * SIZE {
        let at = [(pixel % SIZE) as f32 + 0.5, (pixel / SIZE) as f32 + 0.5];
        let mut color = backdrop.color(at);
        for piece in &behind {
            color = mix(color, piece.color, cover(piece.shape.distance(at), soft));
        }
        color = mix(color, ink, cover(pose.distance(parts, at), soft));
        if let Some(piece) = &before {
            color = mix(color, piece.color, cover(piece.shape.distance(at), soft));
        }
        pixels.extend(grain(color, noise, random.bits()));
    }
    pixels
}

/// Where and how the doodle lies in the picture.
struct Pose {
    center: Point,
    /// From pixels to the doodle's units, row by row.
    inverse: [Point; 2],
    /// Pixels in a unit, to bring a distance back.
    unit: f32,
    /// Size, waves for each unit and phase in turns of the bend along each axis.
    bends: [[f32; 3]; 2],
    shifts: [Point; PARTS],
}

impl Pose {
    fn draw(random: &mut Random) -> Self {
        let unit = random.between(UNIT[0], UNIT[1]);
        let middle = SIZE as f32 / 2.0;
        // Nine tenths of the doodle's square stay in the picture.
        let free = (middle - 0.9 * unit).max(0.0);
        let center = random.point(middle - free, middle + free);
        let turn = random.between(-TURN, TURN);
        let stretch = 1.0 + random.between(-STRETCH, STRETCH);
        let mirror = if random.below(2) == 0 { 1.0 } else { -1.0 };
        let (across, down) = (mirror / (unit * stretch), stretch / unit);
        let inverse = [
            [cosine(turn) * across, sine(turn) * across],
            [-sine(turn) * down, cosine(turn) * down],
        ];
        let mut bend = || [random.between(0.0, BEND), random.between(0.3, 0.8), random.unit()];
        let bends = [bend(), bend()];
        let shifts = std::array::from_fn(|_| random.point(-SHIFT, SHIFT));
        Self { center, inverse, unit, bends, shifts }
    }

    /// Distance in pixels from the pixel `at` to the doodle.
    fn distance(&self, parts: &[Part], at: Point) -> f32 {
        let (x, y) = (at[0] - self.center[0], at[1] - self.center[1]);
        let [x, y] = self.inverse.map(|row| row[0] * x + row[1] * y);
        let [bend_x, bend_y] = self.bends;
        let at = [
            x + bend_x[0] * sine(bend_x[1] * y + bend_x[2]),
            y + bend_y[0] * sine(bend_y[1] * x + bend_y[2]),
        ];
        distance(parts, &self.shifts, at) * self.unit
    }
}

/// What lies behind everything: two near colors and how they are mixed.
struct Backdrop {
    colors: [Color; 2],
    texture: Texture,
}

/// How a backdrop goes from its first color to its second.
enum Texture {
    /// Evenly along a direction, given in turns for each pixel.
    Gradient(Point),
    /// Back and forth along a direction, given in turns for each pixel.
    Stripes(Point),
    /// Smooth patches between the random values of a coarse grid.
    Patches([[f32; CELLS + 1]; CELLS + 1]),
}

/// Cells of a patchy backdrop along each side.
const CELLS: usize = 5;

impl Backdrop {
    fn draw(random: &mut Random) -> Self {
        let first = [random.unit(), random.unit(), random.unit()];
        let second = first.map(|channel| (channel + random.between(-0.35, 0.35)).clamp(0.0, 1.0));
        let turn = random.unit();
        let along = |rate: f32| [cosine(turn) * rate, sine(turn) * rate];
        let texture = match random.below(3) {
            0 => Texture::Gradient(along(1.0 / SIZE as f32)),
            1 => Texture::Stripes(along(random.between(0.08, 0.25))),
            _ => Texture::Patches(std::array::from_fn(|_| std::array::from_fn(|_| random.unit()))),
        };
        Self { colors: [first, second], texture }
    }

    fn color(&self, at: Point) -> Color {
        let part = match &self.texture {
            Texture::Gradient(along) => {
                let middle = SIZE as f32 / 2.0;
                0.5 + along[0] * (at[0] - middle) + along[1] * (at[1] - middle)
            }
            Texture::Stripes(along) => 0.5 + 0.5 * sine(along[0] * at[0] + along[1] * at[1]),
            Texture::Patches(values) => patch(values, at),
        };
        mix(self.colors[0], self.colors[1], part.clamp(0.0, 1.0))
    }

    /// A color for the doodle that stands out from the backdrop.
    fn ink(&self, random: &mut Random) -> Color {
        let behind = luma(mix(self.colors[0], self.colors[1], 0.5));
        for _ in 0..16 {
            let ink = [random.unit(), random.unit(), random.unit()];
            if (luma(ink) - behind).abs() >= CONTRAST {
                return ink;
            }
        }
        if behind < 0.5 { [1.0; 3] } else { [0.0; 3] }
    }
}

/// A piece that has nothing to do with the class, in pixels.
struct Piece {
    shape: Shape,
    color: Color,
}

impl Piece {
    fn draw(random: &mut Random) -> Self {
        let center = random.point(0.0, SIZE as f32);
        let shape = match random.below(3) {
            0 => disk(center, random.between(1.0, 3.0)),
            1 => Shape::Block(center, random.point(1.0, 3.0)),
            _ => {
                let [x, y] = random.point(-12.0, 12.0);
                // A line needs two ends that differ.
                Shape::Line(center, [center[0] + x + 0.01, center[1] + y], random.between(0.5, 1.2))
            }
        };
        Self { shape, color: [random.unit(), random.unit(), random.unit()] }
    }
}

/// Part of a pixel that is covered at `distance` pixels from an edge that is `soft` pixels wide.
fn cover(distance: f32, soft: f32) -> f32 {
    (0.5 - distance / soft).clamp(0.0, 1.0)
}

/// Value of a coarse grid at a pixel, smooth between the corners of a cell.
fn patch(values: &[[f32; CELLS + 1]; CELLS + 1], at: Point) -> f32 {
    let [(column, x), (row, y)] = at.map(|pixel| {
        let cell = pixel * CELLS as f32 / SIZE as f32;
        let whole = (cell as usize).min(CELLS - 1);
        let part = cell - whole as f32;
        (whole, part * part * (3.0 - 2.0 * part))
    });
    let along = |row: usize| values[row][column] * (1.0 - x) + values[row][column + 1] * x;
    along(row) * (1.0 - y) + along(row + 1) * y
}

/// Bytes of a color with `noise` added; 48 of the random `bits` are used.
fn grain(color: Color, noise: f32, bits: u64) -> [u8; 3] {
    let mut bits = bits;
    color.map(|channel| {
        // The sum of two even bytes: a triangle around zero, in [-1, 1].
        let sum = (bits & 0xff) as f32 + (bits >> 8 & 0xff) as f32;
        bits >>= 16;
        // The cast rounds down and keeps to [0, 255].
        ((channel + noise * (sum / 255.0 - 1.0)) * 255.0 + 0.5) as u8
    })
}

fn mix(from: Color, to: Color, part: f32) -> Color {
    std::array::from_fn(|channel| from[channel] + (to[channel] - from[channel]) * part)
}

/// Brightness as seen, in `[0, 1]` (ITU-R BT.601, section 2.5.1).
fn luma(color: Color) -> f32 {
    0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
}
