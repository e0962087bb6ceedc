//! The classes: what each doodle is made of, a row each.
//!
//! Pictures are mirrored at random, so no row differs from another by its handedness.

use crate::shape::Part::{Add, Cut};
use crate::shape::Shape::{Block, Ellipse, Line, Polygon};
use crate::shape::{Part, arc, disk};

/// A class of pictures: its name, and the pieces it is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Doodle {
    /// Name in lower case, unique over both tasks.
    pub name: &'static str,
    /// Pieces in drawing order, in the square `[-1, 1]^2`.
    pub(crate) parts: &'static [Part],
}

/// Classes to pretrain on.
#[rustfmt::skip]
pub const SOURCE: &[Doodle] = &[
    Doodle { name: "ring", parts: &[Add(disk([0.0, 0.0], 0.9)), Cut(disk([0.0, 0.0], 0.5))] },
    Doodle { name: "triangle", parts: &[Add(Polygon(&[[0.0, -0.9], [0.95, 0.75], [-0.95, 0.75]]))] },
    Doodle { name: "square", parts: &[Add(Block([0.0, 0.0], [0.75, 0.75]))] },
    Doodle { name: "star", parts: &[Add(Polygon(&[
        [0.0, -1.0], [0.25, -0.34], [0.95, -0.31], [0.4, 0.13], [0.59, 0.81],
        [0.0, 0.42], [-0.59, 0.81], [-0.4, 0.13], [-0.95, -0.31], [-0.25, -0.34],
    ]))] },
    Doodle { name: "cross", parts: &[Add(Block([0.0, 0.0], [0.9, 0.26])), Add(Block([0.0, 0.0], [0.26, 0.9]))] },
    Doodle { name: "arrow", parts: &[
        Add(Block([-0.3, 0.0], [0.65, 0.2])), Add(Polygon(&[[0.1, -0.7], [0.98, 0.0], [0.1, 0.7]])),
    ] },
    Doodle { name: "heart", parts: &[
        Add(disk([-0.42, -0.3], 0.48)), Add(disk([0.42, -0.3], 0.48)),
        Add(Polygon(&[[-0.83, -0.05], [0.0, -0.4], [0.83, -0.05], [0.0, 0.9]])),
    ] },
    Doodle { name: "crescent", parts: &[Add(disk([-0.05, 0.0], 0.92)), Cut(disk([0.42, -0.1], 0.75))] },
    Doodle { name: "spiral", parts: &[
        Add(arc([0.0, 0.0], 0.2, [0.5, 1.0], 0.12)), Add(arc([-0.14, 0.0], 0.34, [0.0, 0.5], 0.12)),
        Add(arc([0.06, 0.0], 0.54, [0.5, 1.0], 0.12)), Add(arc([-0.1, 0.0], 0.7, [0.0, 0.5], 0.12)),
        Add(arc([0.05, 0.0], 0.85, [0.5, 0.8], 0.12)),
    ] },
    Doodle { name: "stripes", parts: &[
        Add(Block([0.0, -0.7], [0.9, 0.17])), Add(Block([0.0, 0.0], [0.9, 0.17])), Add(Block([0.0, 0.7], [0.9, 0.17])),
    ] },
    Doodle { name: "checkers", parts: &[
        Add(Block([0.0, 0.0], [0.3, 0.3])), Add(Block([-0.6, -0.6], [0.3, 0.3])), Add(Block([0.6, -0.6], [0.3, 0.3])),
        Add(Block([-0.6, 0.6], [0.3, 0.3])), Add(Block([0.6, 0.6], [0.3, 0.3])),
    ] },
    Doodle { name: "house", parts: &[
        Add(Block([0.0, 0.4], [0.65, 0.5])), Add(Polygon(&[[-0.95, -0.05], [0.0, -0.95], [0.95, -0.05]])),
        Cut(Block([-0.2, 0.55], [0.17, 0.36])),
    ] },
    Doodle { name: "tree", parts: &[
        Add(Block([0.0, 0.75], [0.14, 0.25])), Add(Polygon(&[[0.0, -0.2], [0.75, 0.55], [-0.75, 0.55]])),
        Add(Polygon(&[[0.0, -0.65], [0.58, 0.1], [-0.58, 0.1]])), Add(Polygon(&[[0.0, -1.0], [0.42, -0.4], [-0.42, -0.4]])),
    ] },
    Doodle { name: "fish", parts: &[
        Add(Ellipse([0.2, 0.0], [0.75, 0.48])), Add(Polygon(&[[-0.4, 0.0], [-0.98, -0.52], [-0.8, 0.0], [-0.98, 0.52]])),
        Cut(disk([0.55, -0.12], 0.11)),
    ] },
    Doodle { name: "flower", parts: &[
        Add(disk([0.0, -0.58], 0.34)), Add(disk([0.55, -0.18], 0.34)), Add(disk([0.34, 0.47], 0.34)),
        Add(disk([-0.34, 0.47], 0.34)), Add(disk([-0.55, -0.18], 0.34)), Cut(disk([0.0, 0.0], 0.26)),
    ] },
    Doodle { name: "mug", parts: &[
        Add(Block([-0.2, 0.0], [0.58, 0.75])), Add(arc([0.38, 0.0], 0.4, [-0.25, 0.25], 0.13)),
    ] },
    Doodle { name: "key", parts: &[
        Add(disk([-0.55, 0.0], 0.42)), Cut(disk([-0.58, 0.0], 0.19)), Add(Line([-0.15, 0.0], [0.88, 0.0], 0.11)),
        Add(Line([0.83, 0.0], [0.83, 0.38], 0.11)), Add(Line([0.5, 0.0], [0.5, 0.3], 0.1)),
    ] },
    Doodle { name: "umbrella", parts: &[
        Add(disk([0.0, 0.0], 0.92)), Cut(Block([0.0, 0.6], [1.2, 0.6])), Cut(disk([-0.6, 0.05], 0.28)),
        Cut(disk([0.6, 0.05], 0.28)), Add(Line([0.0, -0.2], [0.0, 0.65], 0.09)), Add(arc([0.2, 0.65], 0.2, [0.0, 0.5], 0.09)),
    ] },
    Doodle { name: "mushroom", parts: &[
        Add(Ellipse([0.0, 0.05], [0.92, 0.85])), Cut(Block([0.0, 0.65], [1.2, 0.6])), Add(Block([0.0, 0.4], [0.27, 0.48])),
        Cut(disk([-0.35, -0.3], 0.14)), Cut(disk([0.3, -0.35], 0.17)),
    ] },
    Doodle { name: "anchor", parts: &[
        Add(disk([0.0, -0.72], 0.25)), Cut(disk([0.0, -0.72], 0.1)), Add(Line([0.0, -0.5], [0.0, 0.8], 0.11)),
        Add(Line([-0.4, -0.3], [0.4, -0.3], 0.09)), Add(arc([0.0, 0.1], 0.72, [0.03, 0.47], 0.12)),
    ] },
    Doodle { name: "boat", parts: &[
        Add(Polygon(&[[-0.95, 0.35], [0.95, 0.35], [0.6, 0.85], [-0.6, 0.85]])), Add(Line([0.0, -0.9], [0.0, 0.4], 0.06)),
        Add(Polygon(&[[0.08, -0.95], [0.8, 0.2], [0.08, 0.2]])), Add(Polygon(&[[-0.1, -0.6], [-0.1, 0.2], [-0.6, 0.2]])),
    ] },
    Doodle { name: "bolt", parts: &[Add(Polygon(&[
        [0.2, -1.0], [-0.6, 0.15], [-0.05, 0.15], [-0.25, 1.0], [0.6, -0.25], [0.05, -0.25], [0.5, -1.0],
    ]))] },
    Doodle { name: "ladder", parts: &[
        Add(Line([-0.45, -0.9], [-0.45, 0.9], 0.1)), Add(Line([0.45, -0.9], [0.45, 0.9], 0.1)),
        Add(Line([-0.4, -0.5], [0.4, -0.5], 0.08)), Add(Line([-0.4, 0.0], [0.4, 0.0], 0.08)), Add(Line([-0.4, 0.5], [0.4, 0.5], 0.08)),
    ] },
    Doodle { name: "snowman", parts: &[
        Add(disk([0.0, 0.45], 0.52)), Add(disk([0.0, -0.28], 0.34)), Add(Block([0.0, -0.62], [0.5, 0.07])),
        Add(Block([0.0, -0.8], [0.28, 0.2])),
    ] },
];

/// Classes to transfer to; none is in [`SOURCE`].
#[rustfmt::skip]
pub const TARGET: &[Doodle] = &[
    Doodle { name: "hourglass", parts: &[
        Add(Polygon(&[[-0.65, -0.85], [0.65, -0.85], [0.08, 0.0], [0.65, 0.85], [-0.65, 0.85], [-0.08, 0.0]])),
        Add(Block([0.0, -0.85], [0.75, 0.1])), Add(Block([0.0, 0.85], [0.75, 0.1])),
    ] },
    Doodle { name: "cat", parts: &[
        Add(Ellipse([0.0, 0.2], [0.85, 0.68])), Add(Polygon(&[[-0.82, 0.0], [-0.78, -0.9], [-0.15, -0.35]])),
        Add(Polygon(&[[0.82, 0.0], [0.78, -0.9], [0.15, -0.35]])), Cut(disk([-0.32, 0.05], 0.13)), Cut(disk([0.32, 0.05], 0.13)),
    ] },
    Doodle { name: "car", parts: &[
        Add(Block([0.0, 0.2], [0.95, 0.27])), Add(Polygon(&[[-0.65, 0.0], [-0.4, -0.5], [0.35, -0.5], [0.65, 0.0]])),
        Cut(Block([0.0, -0.2], [0.26, 0.14])), Add(disk([-0.5, 0.5], 0.25)), Add(disk([0.5, 0.5], 0.25)),
    ] },
    Doodle { name: "rocket", parts: &[
        Add(Ellipse([0.0, -0.1], [0.36, 0.9])), Add(Polygon(&[[-0.2, 0.15], [-0.75, 0.85], [-0.15, 0.65]])),
        Add(Polygon(&[[0.2, 0.15], [0.75, 0.85], [0.15, 0.65]])), Cut(disk([0.0, -0.3], 0.15)),
    ] },
    Doodle { name: "butterfly", parts: &[
        Add(Ellipse([-0.52, -0.35], [0.43, 0.45])), Add(Ellipse([0.52, -0.35], [0.43, 0.45])), Add(Ellipse([-0.42, 0.45], [0.34, 0.36])),
        Add(Ellipse([0.42, 0.45], [0.34, 0.36])), Add(Line([0.0, -0.7], [0.0, 0.7], 0.11)),
    ] },
    Doodle { name: "glasses", parts: &[
        Add(disk([-0.52, 0.0], 0.45)), Add(disk([0.52, 0.0], 0.45)), Cut(disk([-0.52, 0.0], 0.27)), Cut(disk([0.52, 0.0], 0.27)),
        Add(Line([-0.1, -0.12], [0.1, -0.12], 0.09)),
    ] },
    Doodle { name: "balloon", parts: &[
        Add(Ellipse([0.0, -0.35], [0.56, 0.64])), Add(Polygon(&[[0.0, 0.2], [0.16, 0.42], [-0.16, 0.42]])),
        Add(arc([0.18, 0.6], 0.2, [0.25, 0.6], 0.07)), Add(arc([0.18, 0.98], 0.18, [0.6, 0.8], 0.07)),
    ] },
    Doodle { name: "hammer", parts: &[
        Add(Block([0.0, -0.62], [0.68, 0.25])), Add(Line([0.0, -0.5], [0.0, 0.88], 0.14)),
    ] },
    Doodle { name: "fork", parts: &[
        Add(Line([0.0, 0.0], [0.0, 0.9], 0.11)), Add(Line([-0.42, -0.1], [0.42, -0.1], 0.1)), Add(Line([-0.42, -0.85], [-0.42, -0.1], 0.1)),
        Add(Line([0.0, -0.85], [0.0, 0.0], 0.1)), Add(Line([0.42, -0.85], [0.42, -0.1], 0.1)),
    ] },
    Doodle { name: "zigzag", parts: &[
        Add(Line([-0.85, 0.4], [-0.45, -0.4], 0.14)), Add(Line([-0.45, -0.4], [0.0, 0.4], 0.14)),
        Add(Line([0.0, 0.4], [0.45, -0.4], 0.14)), Add(Line([0.45, -0.4], [0.85, 0.4], 0.14)),
    ] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_shift() {
        // A part without one would be left out of the drawing.
        for doodle in SOURCE.iter().chain(TARGET) {
            assert!((1..=crate::paint::PARTS).contains(&doodle.parts.len()), "{}", doodle.name);
        }
    }
}
