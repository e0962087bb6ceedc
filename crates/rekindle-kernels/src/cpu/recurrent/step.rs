//! What a step of a recurrent layer adds up: some rows of states times the weights.

use std::ops::Range;

use crate::{
    cpu::{
        Convolution, Direction, Extent, Isa, Packed, Window,
        dense::{part_of, slices},
        layout::{Layout, Panel},
        post::extended,
        simd::Real,
        tile::{self, Columns, Part, Rows},
    },
    memory::Buffer,
};

/// The weights in the order in which a step reads them.
pub(super) struct Step<E> {
    packed: Packed<E>,
    panels: Vec<Panel>,
    scale: Buffer<E>,
    shift: Buffer<E>,
    /// Numbers of a row that are summed over.
    inner: usize,
    /// The parts in which they are.
    slices: Vec<Range<usize>>,
}

impl<E: Real> Step<E> {
    /// Of weights `[width, units]`: from `units` to `width` numbers forward, with `bias` added, and the other way back.
    pub(super) fn new(
        isa: Isa,
        [width, units]: [usize; 2],
        weight: &[E],
        direction: Direction,
        bias: Option<&[E]>,
    ) -> Self {
        let input = Extent::new([1, 1, 1, units]);
        let convolution = Convolution::new(input, width, 1, Window::square(1, 1, 0));
        let packed = Packed::new(isa, &convolution, direction, weight, None);
        let (inner, columns) = match direction {
            Direction::Forward => (units, width),
            Direction::Backward => (width, units),
        };
        // A panel reads whole vectors of factors, beyond the last column too.
        let len = columns + packed.layout.width();
        let (scale, shift) = (extended(None, E::ONE, len), extended(bias, E::ZERO, len));
        let panels = packed.layout.panels(0).collect();
        let slices = slices(inner, 1);
        Self { packed, panels, scale, shift, inner, slices }
    }

    /// `targets[r] = sources[r] weights + bias` for `count` rows.
    ///
    /// # Safety
    ///
    /// Each source has as many numbers as are summed over, each target as many as come out, and nobody else reads or writes
    /// the targets.
    pub(super) unsafe fn run(&self, sources: &[*const E], targets: &[*mut E]) {
        assert_eq!(sources.len(), targets.len(), "as many rows as come out");
        let Some(&first) = targets.first() else { return };
        let count = sources.len();
        let rows =
            Rows { sources: sources.as_ptr(), targets: targets.as_ptr(), capacity: count, count };
        let weights = self.packed.as_slice();
        let Layout { isa, lanes, .. } = self.packed.layout;
        for (slice, (index, &panel)) in self
            .slices
            .iter()
            .flat_map(|slice| self.panels.iter().enumerate().map(move |at| (slice, at)))
        {
            let width = panel.vectors * lanes;
            let is_full = panel.columns == width;
            let Some(slice) = part_of(slice, self.inner, is_full) else { continue };
            let next = self.panels.get(index + 1).unwrap_or(&self.panels[0]);
            let start =
                |panel: &Panel| weights.as_ptr().wrapping_add(panel.start + slice.start * width);
            let columns = Columns {
                weights: start(&panel),
                next: start(next),
                offsets: &0,
                positions: 1,
                length: slice.len(),
                source: slice.start,
                target: panel.column,
                columns: panel.columns,
                part: Part { is_first: slice.start == 0, is_last: slice.end == self.inner },
                scale: self.scale[panel.column..].as_ptr(),
                shift: self.shift[panel.column..].as_ptr(),
                residual: None,
                targets_start: first,
                low: E::of(f64::NEG_INFINITY),
                high: E::of(f64::INFINITY),
            };
            // SAFETY: the rows are the caller's, and the panel's weights and factors are as long as it is.
            unsafe { tile::product(isa, panel, rows, columns) };
        }
    }
}
