//! What the machine can do, measured in the same minute as the networks.

use std::time::Instant;

use burn::prelude::*;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The limits of a machine.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Machine {
    /// Floating-point operations a second, of `gemm` at its best.
    pub(super) flops: f64,
    /// Bytes a second, read and written.
    pub(super) bandwidth: f64,
}

/// Measures both on the threads of the current pool.
pub(super) fn measure() -> Machine {
    Machine { flops: flops(), bandwidth: bandwidth() }
}

/// The product of two matrices of 1024 x 1024, through Burn and the crate `gemm`.
fn flops() -> f64 {
    let side = 1024;
    let device = Device::flex();
    let matrix = || Tensor::<2>::ones([side, side], &device);
    let (a, b) = (matrix(), matrix());
    let product = || {
        let _ = a.clone().matmul(b.clone());
    };
    2.0 * (side as f64).powi(3) / fastest(product)
}

/// A copy that does not fit any cache.
fn bandwidth() -> f64 {
    let len = 32 << 20;
    let part = 1 << 20;
    let from = vec![1.0_f32; len];
    let mut to = vec![0.0_f32; len];
    let copy = || {
        let parts = to.par_chunks_mut(part).zip(from.par_chunks(part));
        parts.for_each(|(to, from)| to.copy_from_slice(from));
    };
    (2 * len * size_of::<f32>()) as f64 / fastest(copy)
}

fn fastest(mut task: impl FnMut()) -> f64 {
    task();
    let times = (0..10).map(|_| {
        let start = Instant::now();
        task();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}
