//! How much one request may ask for, and all together.

use std::time::Duration;

/// How much one request may ask for, and all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most items that go through a network at once.
    pub max_batch: usize,
    /// How long an item waits for others to go with it.
    pub max_wait: Duration,
    /// Most items that wait for a model.
    pub queue: usize,
    /// Most bytes of a body.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// Most bytes of all bodies that are there at once.
    pub all_bytes: usize,
    /// Most connections at once.
    pub connections: usize,
    /// How long connections are still taken once the server is told to stop: whoever asks then is answered, and told to close.
    pub drain: Duration,
    /// How long requests may take once the server is told to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_batch: 32,
            max_wait: Duration::from_millis(2),
            queue: 256,
            body_bytes: 16 << 20,
            body_time: Duration::from_secs(30),
            all_bytes: 512 << 20,
            connections: 1024,
            drain: Duration::from_millis(500),
            grace: Duration::from_secs(30),
        }
    }
}
