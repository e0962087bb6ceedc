//! What is asked of the Hub for pins, what commands say of weights, and what is pushed.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

mod batches;
mod pinning;
mod pushing;
mod python;
mod support;
mod texts;
