//! The hub against a server on the loopback interface, and against Python where there is one.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

mod cache;
mod faults;
mod fences;
mod licenses;
mod processes;
mod python;
mod send;
mod support;
mod trust;
