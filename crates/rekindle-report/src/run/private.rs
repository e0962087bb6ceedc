//! A record to show to others: without what tells where it was made.

use super::RunRecord;

impl RunRecord {
    /// The record without the command, the folder, names of files, and findings, whose texts name files too; notes and the
    /// title are left, and are to name none.
    pub fn without_paths(mut self) -> Self {
        self.command.clear();
        if let Some(data) = &mut self.data {
            data.folder.clear();
        }
        if let Some(checkup) = &mut self.checkup {
            checkup.title.clear();
            checkup.groups.clear();
            if let Some(data) = &mut checkup.data {
                data.folder.clear();
            }
        }
        for gallery in &mut self.galleries {
            for (place, picture) in gallery.pictures.iter_mut().enumerate() {
                picture.file = format!("picture {}", place + 1);
            }
        }
        self
    }
}
