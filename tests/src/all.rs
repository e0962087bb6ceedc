//! The rules that span crates, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and says so"
)]

mod freeze;
mod graphs;
mod invariance;
mod load;
#[cfg(target_os = "linux")]
mod memory;
mod names;
mod parity;
mod phases;
mod save;
mod support;
mod texts;
mod weights;
