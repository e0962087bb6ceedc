//! Shapes as signed distances: negative inside, positive outside, in the units of the shape.
//!
//! The formulas are those of <https://iquilezles.org/articles/distfunctions2d/>. Only additions, products,
//! quotients and square roots are used, which IEEE 754 rounds in one way, so that every machine draws the
//! same bytes; the sine is our own for the same reason.

/// A point: to the right, then down, as in a picture.
pub(crate) type Point = [f32; 2];

/// A piece of a doodle, in the square `[-1, 1]^2`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Center and radii.
    Ellipse(Point, Point),
    /// Center and half sides.
    Block(Point, Point),
    /// Two ends and half the width of the pen, whose ends are round.
    Line(Point, Point, f32),
    /// Corners in order, either way around.
    Polygon(&'static [Point]),
    /// Made by [`arc`].
    Arc(Arc),
}

/// A part of a circle drawn with a round pen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc {
    center: Point,
    radius: f32,
    /// Direction of the middle of the arc.
    middle: Point,
    /// Cosine and sine of half the angle that the arc spans.
    half: Point,
    pen: f32,
}

/// A piece that is added to what is drawn already, or cut out of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// Joins the piece to the drawing.
    Add(Shape),
    /// Takes the piece out of the drawing.
    Cut(Shape),
}

/// A disk.
pub(crate) const fn disk(center: Point, radius: f32) -> Shape {
    Shape::Ellipse(center, [radius, radius])
}

/// An arc from one angle to a larger one, in turns: 0 is right, 0.25 is down.
pub(crate) const fn arc(center: Point, radius: f32, turns: [f32; 2], pen: f32) -> Shape {
    let (middle, half) = ((turns[0] + turns[1]) / 2.0, (turns[1] - turns[0]) / 2.0);
    let (middle, half) = ([cosine(middle), sine(middle)], [cosine(half), sine(half)]);
    Shape::Arc(Arc { center, radius, middle, half, pen })
}

/// Distance from `at` to the drawing that `parts` make, each part moved by its entry of `shifts`.
pub(crate) fn distance(parts: &[Part], shifts: &[Point], at: Point) -> f32 {
    parts.iter().zip(shifts).fold(f32::MAX, |drawn, (part, shift)| {
        let at = sub(at, *shift);
        match part {
            Part::Add(shape) => drawn.min(shape.distance(at)),
            Part::Cut(shape) => drawn.max(-shape.distance(at)),
        }
    })
}

impl Shape {
    /// Signed distance from `at`; of an ellipse, close to it near the edge.
    pub(crate) fn distance(&self, at: Point) -> f32 {
        match *self {
            Self::Ellipse(center, radii) => ellipse(sub(at, center), radii),
            Self::Block(center, half) => block(sub(at, center), half),
            Self::Line(from, to, pen) => to_segment(at, from, to) - pen,
            Self::Polygon(corners) => polygon(at, corners),
            Self::Arc(ref arc) => arc.distance(at),
        }
    }
}

impl Arc {
    fn distance(&self, at: Point) -> f32 {
        let at = sub(at, self.center);
        // The arc is the same on both sides of its middle: one side is enough.
        let (along, across) = (dot(at, self.middle), cross(self.middle, at).abs());
        let [cosine, sine] = self.half;
        if cosine * across > sine * along {
            length(sub([along, across], [cosine * self.radius, sine * self.radius])) - self.pen
        } else {
            (length(at) - self.radius).abs() - self.pen
        }
    }
}

/// Sine of an angle in turns; its error is below 1e-5.
pub(crate) const fn sine(turns: f32) -> f32 {
    // To [-0.5, 0.5), then to [-0.25, 0.25] by the symmetry around a quarter turn.
    let whole = (turns + 4096.5) as i32 - 4096;
    let turns = turns - whole as f32;
    let folded = if turns > 0.25 {
        0.5 - turns
    } else if turns < -0.25 {
        -0.5 - turns
    } else {
        turns
    };
    let x = folded * std::f32::consts::TAU;
    let square = x * x;
    // Taylor's series, by Horner's rule.
    x * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))))
}

/// Cosine of an angle in turns.
pub(crate) const fn cosine(turns: f32) -> f32 {
    sine(turns + 0.25)
}

fn ellipse(at: Point, radii: Point) -> f32 {
    if radii[0] == radii[1] {
        return length(at) - radii[0];
    }
    let scaled = length([at[0] / radii[0], at[1] / radii[1]]);
    let slope = length([at[0] / (radii[0] * radii[0]), at[1] / (radii[1] * radii[1])]);
    // At the center the slope is zero, and the distance is the smaller radius.
    if slope == 0.0 { -radii[0].min(radii[1]) } else { scaled * (scaled - 1.0) / slope }
}

fn block(at: Point, half: Point) -> f32 {
    let (x, y) = (at[0].abs() - half[0], at[1].abs() - half[1]);
    length([x.max(0.0), y.max(0.0)]) + x.max(y).min(0.0)
}

fn polygon(at: Point, corners: &[Point]) -> f32 {
    let mut nearest = f32::MAX;
    let mut inside = false;
    let before = corners.iter().cycle().skip(corners.len().saturating_sub(1));
    for (&to, &from) in corners.iter().zip(before) {
        nearest = nearest.min(to_segment(at, from, to));
        // Even-odd rule: count the edges that a ray to the right crosses.
        let spans = (from[1] > at[1]) != (to[1] > at[1]);
        if spans && at[0] < from[0] + (to[0] - from[0]) * (at[1] - from[1]) / (to[1] - from[1]) {
            inside = !inside;
        }
    }
    if inside { -nearest } else { nearest }
}

fn to_segment(at: Point, from: Point, to: Point) -> f32 {
    let (along, whole) = (sub(at, from), sub(to, from));
    let part = (dot(along, whole) / dot(whole, whole)).clamp(0.0, 1.0);
    length(sub(along, [whole[0] * part, whole[1] * part]))
}

fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

fn cross(a: Point, b: Point) -> f32 {
    a[0] * b[1] - a[1] * b[0]
}

fn length(a: Point) -> f32 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_is_the_sine() {
        for step in -4000..4000 {
            let turns = step as f32 / 1000.0;
            let expected = (turns * std::f32::consts::TAU).sin();
            assert!((sine(turns) - expected).abs() < 1e-5, "at {turns} turns");
        }
    }

    #[test]
    fn distances_are_known() {
        const CORNERS: &[Point] = &[[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
        let rows: &[(Shape, Point, f32)] = &[
            (disk([1.0, 0.0], 0.5), [3.0, 0.0], 1.5),
            (Shape::Ellipse([0.0, 0.0], [2.0, 1.0]), [2.0, 0.0], 0.0),
            (Shape::Ellipse([0.0, 0.0], [2.0, 1.0]), [0.0, 0.0], -1.0),
            (Shape::Block([0.0, 0.0], [1.0, 2.0]), [0.0, 0.0], -1.0),
            (Shape::Block([0.0, 0.0], [1.0, 2.0]), [4.0, 6.0], 5.0),
            (Shape::Line([0.0, 0.0], [1.0, 0.0], 0.1), [0.5, 1.0], 0.9),
            (Shape::Polygon(CORNERS), [0.0, 0.25], -0.75),
            (Shape::Polygon(CORNERS), [4.0, 5.0], 5.0),
            (arc([0.0, 0.0], 1.0, [0.0, 0.5], 0.1), [0.0, 2.0], 0.9),
            (arc([0.0, 0.0], 1.0, [0.0, 0.5], 0.1), [1.0, -1.0], 0.9),
        ];
        for (shape, at, expected) in rows {
            let distance = shape.distance(*at);
            assert!((distance - expected).abs() < 1e-4, "{shape:?} at {at:?}: {distance}");
        }
    }
}
