//! Tensors whose elements are not next to each other: transposed, sliced or repeated.

use std::io;

use super::positioned::PositionedFile;
use super::{CHUNK_BYTES, TensorInfo};

/// The axes of a tensor: how long each is, how far apart its elements are in the file and in memory.
///
/// In the order of the file, the axis with the longest steps first, so that a walk along them goes
/// forward through the file and reads every part of it once. Axes that repeat one element come last.
#[derive(Debug)]
pub(super) struct Axes(Vec<Axis>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    extent: usize,
    /// Elements of the file from one to the next.
    step: u64,
    /// The same in memory, where elements are row-major.
    place: usize,
}

impl Axes {
    /// `None` where the number of elements is beyond a machine's addresses.
    pub(super) fn new(shape: &[usize], stride: &[usize]) -> Option<Self> {
        let mut axes = Vec::with_capacity(shape.len());
        let mut place = 1_usize;
        for (extent, step) in shape.iter().zip(stride).rev() {
            axes.push(Axis { extent: *extent, step: *step as u64, place });
            place = place.checked_mul(*extent)?;
        }
        // Axes of one element are not walked along; without any element there is nothing to walk.
        axes.retain(|axis| axis.extent != 1);
        if axes.iter().any(|axis| axis.extent == 0) {
            axes.clear();
            axes.push(Axis { extent: 0, step: 1, place: 1 });
        }
        axes.sort_by_key(|axis| (axis.step == 0, std::cmp::Reverse((axis.step, axis.place))));
        Some(Self(axes))
    }

    /// Elements from the first to behind the last.
    pub(super) fn span(&self) -> Option<u64> {
        let step = |axis: &Axis| (axis.extent as u64).checked_sub(1)?.checked_mul(axis.step);
        if self.0.iter().any(|axis| axis.extent == 0) {
            return Some(0);
        }
        self.0.iter().try_fold(1_u64, |span, axis| span.checked_add(step(axis)?))
    }

    /// Whether the file has the elements in the order of memory, without gaps.
    pub(super) fn is_contiguous(&self) -> bool {
        self.0.iter().all(|axis| axis.step == axis.place as u64)
    }

    /// Whether two elements share a place in the file, other than by an axis that repeats.
    pub(super) fn overlap(&self) -> bool {
        let mut span = 1;
        self.0.iter().rev().filter(|axis| axis.step > 0).any(|axis| {
            let overlaps = axis.step < span;
            span += (axis.extent as u64 - 1) * axis.step;
            overlaps
        })
    }
}

/// Reads the elements through a buffer that only ever goes forward.
pub(super) fn read(
    file: &PositionedFile,
    info: &TensorInfo,
    offset: u64,
    axes: &Axes,
) -> io::Result<Vec<f32>> {
    let size = info.dtype.bytes();
    let end = offset + axes.span().unwrap_or_default() * size as u64;
    let mut values = vec![0.0; info.num_elements()];
    let mut walk = Walk { axes: &axes.0, file, end, size, buffer: Vec::new(), start: offset };
    walk.along(0, offset, 0, &mut |bytes, place| {
        info.dtype.convert(bytes, &mut values[place..=place]);
    })?;
    Ok(values)
}

struct Walk<'a> {
    axes: &'a [Axis],
    file: &'a PositionedFile,
    end: u64,
    size: usize,
    buffer: Vec<u8>,
    /// Where in the file the buffer starts.
    start: u64,
}

impl Walk<'_> {
    /// Visits every element of the axes from `axis` on; there are at most as many as dimensions.
    fn along(
        &mut self,
        axis: usize,
        offset: u64,
        place: usize,
        visit: &mut impl FnMut(&[u8], usize),
    ) -> io::Result<()> {
        let Some(Axis { extent, step, place: apart }) = self.axes.get(axis).copied() else {
            visit(self.element(offset)?, place);
            return Ok(());
        };
        for index in 0..extent {
            let offset = offset + index as u64 * step * self.size as u64;
            self.along(axis + 1, offset, place + index * apart, visit)?;
        }
        Ok(())
    }

    fn element(&mut self, offset: u64) -> io::Result<&[u8]> {
        let mut at = (offset - self.start) as usize;
        if at + self.size > self.buffer.len() {
            let bytes = (self.end - offset).min(CHUNK_BYTES as u64);
            self.buffer.resize(bytes as usize, 0);
            self.file.read_exact_at(&mut self.buffer, offset)?;
            self.start = offset;
            at = 0;
        }
        Ok(&self.buffer[at..at + self.size])
    }
}
