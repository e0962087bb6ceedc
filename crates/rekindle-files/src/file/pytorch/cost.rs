//! What reading a file may cost, counted as it is spent: whatever a file says, it ends after so many bytes.
//!
//! Steps are counted where they are taken, but a step may copy: a key that was written once can be named again and again, a
//! list of pairs can be made into any number of dictionaries.

use super::Problem;

/// Bytes that reading a file may copy, beside those that are read: keys, names, items.
const MAX_COPIED_BYTES: usize = 32 << 20;

/// What was spent so far.
#[derive(Debug, Default)]
pub(super) struct Cost {
    copied: usize,
}

impl Cost {
    /// Counts bytes that are about to be copied.
    pub(super) fn copy(&mut self, bytes: usize) -> Result<(), Problem> {
        self.copied = self.copied.saturating_add(bytes);
        if self.copied > MAX_COPIED_BYTES {
            let reason = format!(
                "its keys and lists are used so often that they take more than {MAX_COPIED_BYTES} bytes"
            );
            return Err(Problem::Refused(reason));
        }
        Ok(())
    }
}
