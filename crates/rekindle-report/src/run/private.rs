//! A record to show to others: without what tells where it was made.

use super::RunRecord;

impl RunRecord {
    /// The record without the command, the folder, names of files, and findings, whose sentences name files
    /// too; notes and the title are left, and are to name none. The pictures and texts themselves are left: they are what the
    /// page is about.
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
        let one = self.items.one();
        for gallery in &mut self.galleries {
            for (place, example) in gallery.pictures.iter_mut().enumerate() {
                example.file = format!("{one} {}", place + 1);
            }
        }
        self
    }
}
