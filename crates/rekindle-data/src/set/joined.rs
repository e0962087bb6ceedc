//! One data set of several lists or folders: a part each.

use std::path::Path;

use super::{Gathered, Row};
use crate::Part;
use crate::folder::label_of;

impl<I> Gathered<I> {
    /// The lists of a data set's parts, each read by `read`; one to measure on that `lacks` what is learned is left out, and a
    /// note says so.
    ///
    /// # Errors
    ///
    /// Those of `read` and `lacks`.
    pub fn of_parts<E, P: AsRef<Path>>(
        lists: &[(Part, P)],
        lacks: impl Fn(&P) -> Result<bool, E>,
        read: impl Fn(&P) -> Result<Self, E>,
    ) -> Result<Self, E> {
        let mut all =
            Self { rows: Vec::new(), names: None, notes: Vec::new(), lacking: Vec::new() };
        for (part, list) in lists {
            if *part != Part::Train && lacks(list)? {
                let name = label_of(list.as_ref());
                all.notes.push(format!("{name} has no column of labels, and is not read"));
                continue;
            }
            let found = read(list)?;
            all.names = found.names;
            all.notes.extend(found.notes);
            all.lacking.extend(found.lacking);
            // A list to train on may set some aside itself.
            let of_part = |row: Row<I>| match part {
                Part::Train => row,
                part => Row { part: *part, ..row },
            };
            all.rows.extend(found.rows.into_iter().map(of_part));
        }
        Ok(all)
    }

    /// The same with a part from elsewhere: what is not divided is trained on, and its own such part is not used.
    pub fn with_part(mut self, part: Part, other: Self) -> Self {
        let all = self.rows.iter_mut().filter(|row| row.part == Part::All);
        all.for_each(|row| row.part = Part::Train);
        self.replace(part, other);
        self
    }
}
