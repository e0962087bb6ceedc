//! A pool of so many threads for one measurement.

use anyhow::Context;

/// Runs `task` on a thread of a pool of so many, which is then the pool of everything in it.
pub(super) fn in_pool<T: Send>(
    threads: usize,
    task: impl FnOnce() -> T + Send,
) -> anyhow::Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    Ok(pool.with_context(|| format!("cannot start {threads} threads"))?.install(task))
}
