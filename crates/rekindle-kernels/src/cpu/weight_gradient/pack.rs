//! Both sides of a chunk of pixels in the order in which the register tile reads them.

use crate::{
    cpu::{
        geometry::Convolution,
        parallel::{Shared, parts},
        simd::{Isa, Kernel, Real, Simd},
    },
    memory::Buffer,
};

/// The gradient of the output packed `[group][tile of outputs][pixel][height]`.
pub(super) fn pack_all<E: Real>(
    isa: Isa,
    convolution: &Convolution,
    dy: &[E],
    pixels: usize,
) -> Buffer<E> {
    let Convolution { groups, channels_out: channels, .. } = *convolution;
    let (outputs, height) = (channels / groups, isa.tile().0);
    let tiles = Tiles { outputs, height, stride: pixels * height };
    let mut packed = Buffer::<E>::any(groups * outputs.div_ceil(height) * pixels * height);
    let (dy, out) = (Shared::read(dy), Shared::new(&mut packed));
    parts(pixels, 128, |start, end| {
        for group in 0..groups {
            // SAFETY: each pixel is packed by one task.
            unsafe {
                let dy = dy.get().add(start * channels + group * outputs);
                let packed = group * outputs.div_ceil(height) * tiles.stride + start * height;
                tiles.pack(dy, channels, end - start, out.get().add(packed));
            }
        }
    });
    packed
}

/// Tiles of outputs, `[tile][pixel][height]`; of the last there may be fewer than `height`.
pub(in crate::cpu) struct Tiles {
    pub(in crate::cpu) outputs: usize,
    pub(in crate::cpu) height: usize,
    /// From one tile to the next.
    pub(in crate::cpu) stride: usize,
}

impl Tiles {
    /// Packs `count` pixels whose outputs lie `channels` apart.
    ///
    /// # Safety
    ///
    /// `dy` has that many numbers, and `packed` room for them.
    pub(in crate::cpu) unsafe fn pack<E: Real>(
        &self,
        dy: *const E,
        channels: usize,
        count: usize,
        packed: *mut E,
    ) {
        /// Of a height that is known, so that no row is a call.
        unsafe fn rows<E: Real, const N: usize>(
            dy: *const E,
            stride: usize,
            count: usize,
            out: *mut E,
        ) {
            for pixel in 0..count {
                // SAFETY: the caller's contract.
                unsafe {
                    let row = dy.add(pixel * stride).cast::<[E; N]>().read();
                    out.add(pixel * N).cast::<[E; N]>().write(row);
                }
            }
        }
        /// Pixels at a time: few enough that their lines are still in the cache for the next tile.
        const PIXELS: usize = 8;
        let Self { outputs, height, stride } = *self;
        for pixel in (0..count).step_by(PIXELS) {
            let count = (count - pixel).min(PIXELS);
            for first in (0..outputs).step_by(height) {
                // SAFETY: by contract.
                unsafe {
                    let dy = dy.add(pixel * channels + first);
                    let packed = packed.add(first / height * stride + pixel * height);
                    match (height, (outputs - first).min(height)) {
                        (6, 6) => rows::<E, 6>(dy, channels, count, packed),
                        (12, 12) => rows::<E, 12>(dy, channels, count, packed),
                        (_, left) => {
                            for pixel in 0..count {
                                let row = dy.add(pixel * channels);
                                std::ptr::copy_nonoverlapping(
                                    row,
                                    packed.add(pixel * height),
                                    left,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Pixels between the one that is copied and the one that is fetched.
const AHEAD: usize = 32;

/// Copies a few channels of many pixels side by side, zeros where there is no pixel.
pub(super) struct PackInput<E> {
    pub(super) sources: *const *const E,
    pub(super) count: usize,
    pub(super) channel: usize,
    pub(super) columns: usize,
    pub(super) width: usize,
    pub(super) panel: *mut E,
}

impl<E: Real> Kernel<E> for PackInput<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: each source has `columns` numbers, and the panel `count` times `width`.
        unsafe {
            match (self.columns == self.width, self.width / S::LANES) {
                (true, 1) => self.whole::<S, 1>(),
                (true, 2) => self.whole::<S, 2>(),
                _ => self.part::<S>(),
            }
        }
    }
}

impl<E: Real> PackInput<E> {
    /// Panels of `VECTORS` vectors that are all there.
    #[inline(always)]
    unsafe fn whole<S: Simd<E = E>, const VECTORS: usize>(&self) {
        // SAFETY: as in `run`.
        unsafe {
            let mut target = self.panel;
            for i in 0..self.count {
                let source = *self.sources.add(i);
                // A panel's part of a pixel is too short for the machine to see where the next is.
                let next = (*self.sources.add((i + AHEAD).min(self.count - 1))).cast::<S::E>();
                for v in 0..VECTORS {
                    S::prefetch(next.wrapping_add(self.channel + v * S::LANES));
                }
                if source.is_null() {
                    for v in 0..VECTORS {
                        S::store(target.add(v * S::LANES), S::zero());
                    }
                } else {
                    let source = source.add(self.channel);
                    for v in 0..VECTORS {
                        S::store(target.add(v * S::LANES), S::load(source.add(v * S::LANES)));
                    }
                }
                target = target.add(VECTORS * S::LANES);
            }
        }
    }

    /// The last panel of a run.
    #[inline(always)]
    unsafe fn part<S: Simd<E = E>>(&self) {
        // SAFETY: as in `run`.
        unsafe {
            for i in 0..self.count {
                let source = *self.sources.add(i);
                let target = self.panel.add(i * self.width);
                let mut at = 0;
                while at < self.width {
                    let left = self.columns.saturating_sub(at).min(S::LANES);
                    let v = if source.is_null() || left == 0 {
                        S::zero()
                    } else {
                        S::load_up_to(source.add(self.channel + at), left)
                    };
                    S::store(target.add(at), v);
                    at += S::LANES;
                }
            }
        }
    }
}
