//! What operations took: for benchmarks, to tell where the time goes.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// One operation of a kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Which.
    pub what: &'static str,
    /// Over what.
    pub shape: String,
    /// Multiplications and additions.
    pub flops: f64,
    /// Bytes of its inputs and outputs, each counted once.
    pub bytes: f64,
    /// How long it took.
    pub duration: Duration,
}

static RECORDING: AtomicBool = AtomicBool::new(false);
static RECORDED: Mutex<Vec<Operation>> = Mutex::new(Vec::new());

/// Runs `task` and lists the operations that were finished meanwhile, on whichever thread.
pub fn record<T>(task: impl FnOnce() -> T) -> (T, Vec<Operation>) {
    RECORDED.lock().unwrap_or_else(PoisonError::into_inner).clear();
    RECORDING.store(true, Ordering::Relaxed);
    let result = task();
    RECORDING.store(false, Ordering::Relaxed);
    let recorded = std::mem::take(&mut *RECORDED.lock().unwrap_or_else(PoisonError::into_inner));
    (result, recorded)
}

/// What an operation costs.
pub(crate) struct Cost {
    pub(crate) shape: String,
    pub(crate) flops: f64,
    pub(crate) bytes: f64,
}

/// Runs an operation, and writes down how long it took if anybody wants to know.
pub(crate) fn measure<T>(
    what: &'static str,
    cost: impl FnOnce() -> Cost,
    run: impl FnOnce() -> T,
) -> T {
    if !RECORDING.load(Ordering::Relaxed) {
        return run();
    }
    let start = Instant::now();
    let result = run();
    let duration = start.elapsed();
    let Cost { shape, flops, bytes } = cost();
    let operation = Operation { what, shape, flops, bytes, duration };
    RECORDED.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    result
}
