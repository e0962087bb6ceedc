//! What loading did, tensor by tensor.

use std::fmt;

/// What became of every tensor, by the checkpoint's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Read as they are.
    pub loaded: Vec<String>,
    /// Read and changed, and how.
    pub adapted: Vec<(String, String)>,
    /// Not read but drawn anew, and why.
    pub reinitialized: Vec<(String, String)>,
    /// In the file, not in the network, and why that is right.
    pub unused: Vec<(String, String)>,
}

impl fmt::Display for LoadReport {
    /// A table: a line of counts, then a line for each tensor that was not simply loaded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = self.unused.iter().filter(|(name, _)| is_counter(name)).count();
        write!(
            f,
            "{} loaded, {} adapted, {} re-initialized, {} unused",
            self.loaded.len(),
            self.adapted.len(),
            self.reinitialized.len(),
            self.unused.len(),
        )?;
        for (what, rows) in [
            ("adapted", &self.adapted),
            ("re-initialized", &self.reinitialized),
            ("unused", &self.unused),
        ] {
            for (name, why) in rows.iter().filter(|(name, _)| !is_counter(name)) {
                write!(f, "\n  {what:<14} {name:<24} {why}")?;
            }
        }
        if counters > 0 {
            write!(f, "\n  {:<14} {counters} counters of batches (num_batches_tracked)", "unused")?;
        }
        Ok(())
    }
}

fn is_counter(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
}
