//! What whoever works on Rekindle measures it by: golden results of reference libraries, and time and memory.
//!
//! | module | command | what |
//! |---|---|---|
//! | [`parity`] | `cargo xtask parity` | networks against what the reference computed in float64 |
//! | [`mod@bench`] | `cargo xtask bench` | how long networks take, how much memory, and where the limits are |
//!
//! It is not published.

pub mod bench;
pub mod parity;
