//! Weights in the order in which the register tile reads them.
//!
//! ```text
//! [group][panel][depth][width]     width: the columns of a register tile; the last panel may be narrower
//! ```
//!
//! A column is an output channel going forward and an input channel going back; the depth is what is
//! summed over, position by position, channel by channel. Groups with fewer columns than a vector has
//! lanes are packed together, with zeros between them.

use super::{
    geometry::Convolution,
    parallel::{Shared, tasks},
    simd::{Isa, Real},
    winograd,
};
use crate::memory::Buffer;

/// Packed weights.
#[derive(Debug)]
pub(crate) struct Packed<E> {
    data: Buffer<E>,
    /// What they were packed for.
    pub(crate) layout: Layout,
}

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
    /// Whether they are for [`winograd`].
    pub(crate) winograd: bool,
    lanes: usize,
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

/// Which way a convolution is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Output channels are columns, input channels are summed over.
    Forward,
    /// Input channels are columns, output channels are summed over.
    Backward,
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
        let winograd = winograd::suits(convolution, direction);
        Self {
            isa,
            groups: convolution.groups / merged,
            columns: columns * merged,
            channels: channels * merged,
            positions: if winograd { winograd::POSITIONS } else { convolution.window.positions() },
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
    fn padded(&self) -> usize {
        self.columns.next_multiple_of(self.lanes)
    }
}

/// How many groups to pack together so that their columns fill a vector.
fn merge(groups: usize, columns: usize, lanes: usize) -> usize {
    (1..=groups)
        .find(|merged| groups.is_multiple_of(*merged) && merged * columns >= lanes)
        .unwrap_or(groups)
}

impl<E: Real> Packed<E> {
    /// Packs weights `[out, in / groups, height, width]`, each output channel times its `scale`.
    pub(crate) fn new(
        isa: Isa,
        convolution: &Convolution,
        direction: Direction,
        weights: &[E],
        scale: Option<&[E]>,
    ) -> Self {
        assert_eq!(weights.len(), convolution.weights(), "weights of another shape");
        let layout = Layout::new::<E>(isa, convolution, direction);
        let mut data = Buffer::<E>::any(layout.groups * layout.padded() * layout.depth());
        let out = Shared::new(&mut data);
        if layout.winograd {
            winograd::pack(convolution, direction, &layout, weights, scale, out);
            return Self { data, layout };
        }
        let panels: Vec<(usize, Panel)> = (0..layout.groups)
            .flat_map(|group| layout.panels(group).map(move |panel| (group, panel)))
            .collect();
        tasks(panels.len(), |index| {
            let (group, panel) = panels[index];
            let len = panel.vectors * layout.lanes * layout.depth();
            // SAFETY: panels do not overlap, and together they are the buffer.
            let part = unsafe { std::slice::from_raw_parts_mut(out.get().add(panel.start), len) };
            let source = Source { convolution, weights, scale };
            match direction {
                Direction::Forward => source.forward(&layout, group, panel, part),
                Direction::Backward => source.backward(&layout, group, panel, part),
            }
        });
        Self { data, layout }
    }

    /// Whether this is what packing weights of this convolution would give.
    pub(crate) fn fits(&self, isa: Isa, convolution: &Convolution, direction: Direction) -> bool {
        self.layout == Layout::new::<E>(isa, convolution, direction)
    }

    pub(crate) fn as_slice(&self) -> &[E] {
        &self.data
    }
}

struct Source<'a, E> {
    convolution: &'a Convolution,
    weights: &'a [E],
    scale: Option<&'a [E]>,
}

impl<E: Real> Source<'_, E> {
    /// Output channels side by side.
    fn forward(&self, layout: &Layout, group: usize, panel: Panel, part: &mut [E]) {
        /// Weights of a channel at a time, so that what is written stays in the cache.
        const BLOCK: usize = 64;
        let width = panel.vectors * layout.lanes;
        let seen = self.convolution.channels_seen();
        let outputs = self.convolution.channels_out / self.convolution.groups;
        let positions = layout.positions;
        let whole = seen == layout.channels;
        if !whole || panel.columns < width {
            part.fill(E::ZERO);
        }
        let row = seen * positions;
        let mut places = [0; BLOCK];
        for start in (0..row).step_by(BLOCK) {
            let len = (row - start).min(BLOCK);
            let (mut channel, mut position) = (start / positions, start % positions);
            for place in &mut places[..len] {
                *place = (position * layout.channels + channel) * width;
                position += 1;
                if position == positions {
                    (position, channel) = (0, channel + 1);
                }
            }
            for column in 0..panel.columns {
                let output = group * layout.columns + panel.column + column;
                // The first channel that this output sees, within the merged group.
                let first =
                    if whole { 0 } else { output / outputs * seen - group * layout.channels };
                let scale = self.scale.map_or(E::ONE, |scale| scale[output]);
                let from = output * row + start;
                let part = &mut part[first * width + column..];
                for (&weight, &place) in self.weights[from..from + len].iter().zip(&places) {
                    part[place] = weight * scale;
                }
            }
        }
    }

    /// Input channels side by side.
    fn backward(&self, layout: &Layout, group: usize, panel: Panel, part: &mut [E]) {
        let width = panel.vectors * layout.lanes;
        let seen = self.convolution.channels_seen();
        let outputs = self.convolution.channels_out / self.convolution.groups;
        let positions = layout.positions;
        if seen != layout.columns || panel.columns < width {
            part.fill(E::ZERO);
        }
        for channel in 0..layout.channels {
            let output = group * layout.channels + channel;
            let scale = self.scale.map_or(E::ONE, |scale| scale[output]);
            // The columns that this output sees, within the merged group and then within the panel.
            let first = output / outputs * seen - group * layout.columns;
            let from = first.max(panel.column);
            let to = (first + seen).min(panel.column + panel.columns);
            if from >= to {
                continue;
            }
            let source = (output * seen + from - first) * positions;
            let source = &self.weights[source..source + (to - from) * positions];
            for position in 0..positions {
                let target = (position * layout.channels + channel) * width + from - panel.column;
                let target = &mut part[target..target + to - from];
                if positions == 1 {
                    target.iter_mut().zip(source).for_each(|(to, &from)| *to = from * scale);
                } else {
                    let column = source[position..].iter().step_by(positions);
                    target.iter_mut().zip(column).for_each(|(to, &from)| *to = from * scale);
                }
            }
        }
    }
}
