//! Weights in the order in which the register tile reads them, which [`Layout`] says.

use super::{
    geometry::{Convolution, Direction},
    layout::{Layout, Panel},
    parallel::{Shared, tasks},
    simd::{Isa, Real},
    winograd::pack as pack_squares,
};
use crate::memory::Buffer;

/// Packed weights.
#[derive(Debug)]
pub(crate) struct Packed<E> {
    data: Buffer<E>,
    /// What they were packed for.
    pub(crate) layout: Layout,
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
            pack_squares(convolution, direction, &layout, weights, scale, out);
            return Self { data, layout };
        }
        let panels: Vec<(usize, Panel)> = (0..layout.groups)
            .flat_map(|group| layout.panels(group).map(move |panel| (group, panel)))
            .collect();
        tasks(panels.len(), |index| {
            let (group, panel) = panels[index];
            let len = panel.vectors * layout.lanes * layout.depth();
            // SAFETY: panels do not overlap, and together they are the buffer: no product of the convolution's shapes
            // wraps.
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

    /// Refuses the weights of another convolution, or of another direction.
    ///
    /// # Panics
    ///
    /// If that is what they are.
    pub(crate) fn check(&self, convolution: &Convolution, direction: Direction) {
        let fits = self.fits(self.layout.isa, convolution, direction);
        assert!(fits, "weights that were packed for another convolution than {convolution}");
    }

    pub(crate) fn as_slice(&self) -> &[E] {
        &self.data
    }
}

/// Writes `rows` rows of `columns` numbers as columns: from one row to the next it is `stride`, and from one of those that are
/// written `step`.
///
/// # Safety
///
/// There are so many numbers, and room for them.
pub(super) unsafe fn transpose<E: Copy>(
    from: *const E,
    [rows, columns]: [usize; 2],
    stride: usize,
    to: *mut E,
    step: usize,
) {
    /// Rows and columns that are turned in registers.
    const SIDE: usize = 4;
    let whole = [rows, columns].map(|count| count / SIDE * SIDE);
    // SAFETY: by contract.
    unsafe {
        for column in (0..whole[1]).step_by(SIDE) {
            for row in (0..whole[0]).step_by(SIDE) {
                let block: [[E; SIDE]; SIDE] = std::array::from_fn(|r| {
                    from.add((row + r) * stride + column).cast::<[E; SIDE]>().read()
                });
                for c in 0..SIDE {
                    let turned: [E; SIDE] = std::array::from_fn(|r| block[r][c]);
                    to.add((column + c) * step + row).cast::<[E; SIDE]>().write(turned);
                }
            }
        }
        for row in 0..rows {
            let first = if row < whole[0] { whole[1] } else { 0 };
            for column in first..columns {
                *to.add(column * step + row) = *from.add(row * stride + column);
            }
        }
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
        if positions == 1 && whole {
            let first = group * layout.columns + panel.column;
            // SAFETY: the panel's columns are outputs of `row` weights each, and the part has a row of `width` for each of them.
            unsafe {
                let from = self.weights[first * row..].as_ptr();
                transpose(from, [panel.columns, row], row, part.as_mut_ptr(), width);
            }
            if let Some(scale) = self.scale {
                for part in part.chunks_exact_mut(width) {
                    let scale = &scale[first..first + panel.columns];
                    part.iter_mut().zip(scale).for_each(|(part, &scale)| *part = *part * scale);
                }
            }
            return;
        }
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
