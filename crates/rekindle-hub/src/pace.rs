//! How slow a server may be: one that sends a byte now and then would keep a connection, and us, for ever.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

/// The least that a server is to send, in bytes a second.
const SLOWEST: u64 = 1000;

/// Over how long that is looked at, in longest silences of a server.
pub(crate) const WINDOW: u32 = 6;

/// Counts what comes, a window after the other.
#[derive(Debug)]
pub(crate) struct Pace {
    window: Duration,
    /// When this window began.
    start: Instant,
    /// What has come since then.
    bytes: u64,
}

impl Pace {
    pub(crate) fn new(silence: Duration, now: Instant) -> Self {
        Self { window: silence.saturating_mul(WINDOW), start: now, bytes: 0 }
    }

    /// Takes note of bytes; says what is wrong where a whole window brought too few.
    pub(crate) fn came(&mut self, bytes: u64, now: Instant) -> Result<(), String> {
        self.bytes += bytes;
        let passed = now.duration_since(self.start);
        if passed < self.window {
            return Ok(());
        }
        if (self.bytes as f64) < SLOWEST as f64 * passed.as_secs_f64() {
            return Err(format!(
                "it sent {} bytes in {:.0} s, and {SLOWEST} a second is the least that is waited for",
                self.bytes,
                passed.as_secs_f64()
            ));
        }
        (self.start, self.bytes) = (now, 0);
        Ok(())
    }
}

/// A reader that is given up where it is too slow.
#[derive(Debug)]
pub(crate) struct Paced<R> {
    from: R,
    pace: Pace,
}

impl<R> Paced<R> {
    pub(crate) fn new(from: R, silence: Duration) -> Self {
        Self { from, pace: Pace::new(silence, Instant::now()) }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        // The end is always in time.
        if read > 0 {
            let slow = |problem| io::Error::new(io::ErrorKind::TimedOut, problem);
            self.pace.came(read as u64, Instant::now()).map_err(slow)?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By a clock of the test's own: so many bytes each second, and how many come before it is given up.
    #[test]
    fn a_trickle_is_given_up_after_a_window_and_a_slow_line_is_not() {
        for (rate, most) in [(1, Some(60)), (999, Some(60 * 999)), (1000, None), (100_000, None)] {
            let start = Instant::now();
            let mut pace = Pace::new(Duration::from_secs(10), start);
            let mut bytes = 0;
            let failed = (1..=10_000).find_map(|second| {
                bytes += rate;
                pace.came(rate, start + Duration::from_secs(second)).err()
            });
            assert_eq!(failed.as_ref().map(|_| bytes), most, "{rate} a second");
            assert!(failed.is_none_or(|problem| problem.contains("1000 a second")));
        }
        // What was quick first is not trusted to go on like that.
        let start = Instant::now();
        let mut pace = Pace::new(Duration::from_secs(10), start);
        pace.came(1 << 30, start + Duration::from_secs(61)).unwrap();
        let later = |second| start + Duration::from_secs(second);
        assert!((62..200).any(|second| pace.came(1, later(second)).is_err()));
    }
}
