//! The engine on networks and inputs that it knows nothing of.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, and says so")]

mod contrast;
mod files;
mod frozen;
mod fusion;
mod planted;
mod rules;
mod support;
