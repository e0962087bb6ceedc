//! What loading did, tensor by tensor.

use std::fmt;

use rekindle_files::CheckpointFile;

/// What became of every tensor, by the checkpoint's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// The key of a training checkpoint that the tensors are from; none where it has no such keys.
    pub set: Option<String>,
    /// Other keys of it that hold weights.
    pub other_sets: Vec<String>,
    /// What stood before every name in the file, and is not in the names below; may be empty.
    pub prefix: String,
    /// Read as they are.
    pub loaded: Vec<String>,
    /// Read and changed, and how.
    pub adapted: Vec<(String, String)>,
    /// Not read but drawn anew, and why.
    pub reinitialized: Vec<(String, String)>,
    /// In the file, not in the network, and why that is right.
    pub unused: Vec<(String, String)>,
}

impl LoadReport {
    /// Of a file, before anything was read.
    pub(crate) fn new(file: &CheckpointFile, prefix: &str) -> Self {
        let set = file.nested_under().map(str::to_owned);
        let others = file.sets().iter().filter(|other| Some(*other) != set.as_ref());
        Self {
            other_sets: others.cloned().collect(),
            set,
            prefix: format!("{}{prefix}", file.wrapper()),
            ..Self::default()
        }
    }

    /// What was decided about the file as a whole, a line each: which of several sets was taken, what stood before
    /// every name. To be said wherever weights are used.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(set) = &self.set
            && !self.other_sets.is_empty()
        {
            let others = self.other_sets.join(", ");
            notes.push(format!("the weights are those of {set}; the file has {others} too"));
        }
        if !self.prefix.is_empty() {
            notes.push(format!("`{}` before every name was dropped", self.prefix));
        }
        notes
    }
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
        for note in self.notes() {
            write!(f, "\n  {note}")?;
        }
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
