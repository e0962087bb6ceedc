//! How packed weights lie in memory: panels, each as wide as a register tile.
//!
//! ```text
//! [group][panel][depth][width]     width: the columns of a register tile; the last panel may be narrower
//! ```
//!
//! A column is an output channel going forward and an input channel going back; the depth is what is
//! summed over, position by position, channel by channel. Groups with fewer columns than a vector has
//! lanes are packed together, with zeros between them.

use super::{
    geometry::{Convolution, Direction},
    simd::{Isa, Real},
    winograd::{POSITIONS, suits},
};

/// How packed weights lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) isa: Isa,
    /// Groups that do not see each other.
    pub(crate) groups: usize,
    /// Columns of a group.
    pub(crate) columns: usize,
    /// Channels of a group that are summed over at each position.
    pub(crate) channels: usize,
    /// Positions of the window, or of a transformed square.
    pub(crate) positions: usize,
    /// Whether they are for [`winograd`](super::winograd).
    pub(crate) winograd: bool,
    pub(crate) lanes: usize,
}

/// Columns that one register tile computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panel {
    /// The first column of the group.
    pub(crate) column: usize,
    /// Columns that exist.
    pub(crate) columns: usize,
    /// Vectors of columns, the padding included.
    pub(crate) vectors: usize,
    /// Where its weights start.
    pub(crate) start: usize,
}

impl Layout {
    pub(crate) fn new<E: Real>(isa: Isa, convolution: &Convolution, direction: Direction) -> Self {
        let lanes = E::lanes(isa);
        let outputs = convolution.channels_out / convolution.groups;
        let inputs = convolution.channels_seen();
        let (columns, channels) = match direction {
            Direction::Forward => (outputs, inputs),
            Direction::Backward => (inputs, outputs),
        };
        let merged = merge(convolution.groups, columns, lanes);
        let winograd = suits(convolution, direction);
        Self {
            isa,
            groups: convolution.groups / merged,
            columns: columns * merged,
            channels: channels * merged,
            positions: if winograd { POSITIONS } else { convolution.window.positions() },
            winograd,
            lanes,
        }
    }

    /// Numbers that are summed for one output.
    pub(crate) fn depth(&self) -> usize {
        self.positions * self.channels
    }

    /// The panels of a group.
    pub(crate) fn panels(&self, group: usize) -> impl Iterator<Item = Panel> + use<> {
        let Self { columns, lanes, .. } = *self;
        let depth = self.depth();
        let width = self.width();
        let group = group * self.padded() * depth;
        (0..columns.div_ceil(width)).map(move |index| {
            let column = index * width;
            let columns = (columns - column).min(width);
            let vectors = columns.div_ceil(lanes);
            Panel { column, columns, vectors, start: group + column * depth }
        })
    }

    /// Columns of a panel.
    pub(crate) fn width(&self) -> usize {
        self.isa.tile().1 * self.lanes
    }

    /// Columns of a group with the padding of the last panel.
    pub(crate) fn padded(&self) -> usize {
        self.columns.next_multiple_of(self.lanes)
    }
}

/// How many groups to pack together so that their columns fill a vector.
fn merge(groups: usize, columns: usize, lanes: usize) -> usize {
    (1..=groups)
        .find(|merged| groups.is_multiple_of(*merged) && merged * columns >= lanes)
        .unwrap_or(groups)
}
