//! The rules that span crates, in one binary.

mod freeze;
mod load;
#[cfg(target_os = "linux")]
mod memory;
mod parity;
mod save;
mod support;
mod weights;
