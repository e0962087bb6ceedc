//! From the sums of units to the gradient of weights as it lies in memory.

use super::{Job, outer::JoinRows};
use crate::cpu::simd::Real;

impl<E: Real> Job<'_, E> {
    /// Writes the sums of all parts, `stride` apart, of a panel of windows of one pixel where the weights are.
    ///
    /// # Safety
    ///
    /// `sums` are those of all units of all parts, `target` is the whole gradient, and nobody else writes this panel's part of
    /// it.
    pub(super) unsafe fn join(
        &self,
        group: usize,
        panel: usize,
        (sums, stride, splits): (*const E, usize, usize),
        target: *mut E,
    ) {
        let lanes = E::lanes(self.isa);
        let width = self.isa.tile().1 * lanes;
        let column = panel * width;
        let columns = (self.run - column).min(width);
        let seen = self.convolution.channels_seen();
        // SAFETY: by contract.
        unsafe {
            let joined = JoinRows {
                first: sums.add(self.unit(group, 0, panel) * self.outputs * width),
                stride,
                splits,
                rows: self.outputs,
                columns,
                step: columns.next_multiple_of(lanes),
                target: target.add(group * self.outputs * seen + column),
                target_step: seen,
            };
            E::dispatch(self.isa, joined);
        }
    }

    /// Writes the sums of a panel at all positions where the weights are.
    ///
    /// # Safety
    ///
    /// `sums` are those of all units, `target` is the whole gradient, and nobody else writes this panel's
    /// part of it.
    pub(super) unsafe fn scatter(
        &self,
        group: usize,
        panel: usize,
        sums: *const E,
        target: *mut E,
    ) {
        let lanes = E::lanes(self.isa);
        let width = self.isa.tile().1 * lanes;
        let column = panel * width;
        let columns = (self.run - column).min(width);
        let stride = columns.next_multiple_of(lanes);
        let seen = self.convolution.channels_seen();
        let positions = self.convolution.window.positions();
        let unit = |position: usize| {
            let unit = self.unit(group, position, panel);
            // SAFETY: there are sums of all units.
            unsafe { sums.add(unit * self.outputs * width) }
        };
        for output in 0..self.outputs {
            let row = (group * self.outputs + output) * seen;
            if self.run == seen {
                let target = target.wrapping_add((row + column) * positions);
                for (index, position) in self.gather.positions.iter().enumerate() {
                    let sums = unit(index).wrapping_add(output * stride);
                    for i in 0..columns {
                        // SAFETY: within the weights, and this panel's.
                        unsafe { *target.add(i * positions + position.index) = *sums.add(i) };
                    }
                }
                continue;
            }
            // A run over a row of the window has all channels of each of its positions.
            for (index, position) in self.gather.positions.iter().enumerate() {
                let sums = unit(index).wrapping_add(output * stride);
                for i in 0..columns {
                    let (channel, next) = ((column + i) % seen, (column + i) / seen);
                    let at = (row + channel) * positions + position.index + next;
                    // SAFETY: within the weights, and this panel's.
                    unsafe { *target.add(at) = *sums.add(i) };
                }
            }
        }
    }
}
