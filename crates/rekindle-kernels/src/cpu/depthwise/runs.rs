//! The window of a depthwise convolution in the order in which its positions are read.

use crate::{
    cpu::{geometry::Position, simd::Real},
    memory::Buffer,
};

/// `[channel][position]`, and a factor for each channel.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a, E> {
    pub(super) weights: &'a [E],
    pub(super) scale: Option<&'a [E]>,
}

/// A run of positions in a row of the window, from left to right: their sources are neighbors.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Where the first is, relative to the target.
    pub(super) offset: [isize; 2],
    /// The position in the window of each.
    pub(super) indices: Vec<usize>,
}

/// The positions of a gather as runs.
pub(super) fn runs(positions: &[Position]) -> Vec<Run> {
    let mut positions = positions.to_vec();
    positions.sort_by_key(|position| position.offset);
    let mut runs: Vec<Run> = Vec::new();
    for Position { offset, index } in positions {
        match runs.last_mut() {
            Some(run)
                if run.offset[0] == offset[0]
                    && run.offset[1] + run.indices.len() as isize == offset[1] =>
            {
                run.indices.push(index);
            }
            _ => runs.push(Run { offset, indices: vec![index] }),
        }
    }
    runs
}

impl<E: Real> Weights<'_, E> {
    /// `[position][channel]`, run after run.
    pub(super) fn in_order(&self, runs: &[Run], channels: usize) -> Buffer<E> {
        let positions = self.weights.len() / channels.max(1);
        let indices = || runs.iter().flat_map(|run| &run.indices);
        let mut out = Buffer::<E>::any(indices().count() * channels);
        for (row, &index) in out.chunks_exact_mut(channels.max(1)).zip(indices()) {
            for (channel, out) in row.iter_mut().enumerate() {
                let scale = self.scale.map_or(E::ONE, |scale| scale[channel]);
                *out = self.weights[channel * positions + index] * scale;
            }
        }
        out
    }
}
