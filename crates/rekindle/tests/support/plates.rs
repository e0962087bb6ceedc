//! Pictures with several labels: plates with doodles.

use std::{collections::BTreeSet, fs, path::PathBuf};

use rekindle_doodles::{SIZE, Task, set};
use tempfile::TempDir;

/// Classes that a plate may show.
pub(crate) const CLASSES: usize = 4;

/// Plates with doodles of four classes, alone or two exposed on one plate, and a list of what each shows.
pub(crate) struct Plates {
    pub(crate) folder: TempDir,
    pub(crate) list: PathBuf,
    /// To test on, with what they show.
    #[allow(dead_code, reason = "not every test that shares this takes it")]
    pub(crate) test: Vec<(PathBuf, BTreeSet<String>)>,
}

/// `doodles` of each class; of five plates one is to validate on, and one to test on.
pub(crate) fn plates(doodles: usize) -> Plates {
    let folder = tempfile::tempdir().unwrap();
    let all = set(Task::Target, doodles, 3);
    let known: Vec<_> = all.iter().filter(|doodle| doodle.label < CLASSES).collect();
    let others: Vec<_> = all.iter().filter(|doodle| doodle.label >= CLASSES).collect();
    let mut rows = "path,labels,split\n".to_owned();
    let mut test = Vec::new();
    for (place, &doodle) in known.iter().enumerate() {
        let beside = match place % 3 {
            0 => doodle,
            _ => known[(place * 7 + 3) % known.len()],
        };
        // A few show nothing that is looked for.
        let [one, two] =
            if place % 12 == 7 { [others[place], others[place + 1]] } else { [doodle, beside] };
        let pixels = one.pixels.iter().zip(&two.pixels).map(|(a, b)| a.midpoint(*b)).collect();
        let plate = image::RgbImage::from_raw(SIZE as u32, SIZE as u32, pixels).unwrap();
        let path = folder.path().join(format!("{place}.png"));
        plate.save(&path).unwrap();
        let shown: BTreeSet<String> = [one, two]
            .iter()
            .filter(|doodle| doodle.label < CLASSES)
            .map(|doodle| Task::Target.doodles()[doodle.label].name.to_owned())
            .collect();
        let split = ["train", "val", "train", "test", "train"][(place / CLASSES) % 5];
        let labels = shown.iter().cloned().collect::<Vec<_>>().join("|");
        rows += &format!("{place}.png,{labels},{split}\n");
        if split == "test" {
            test.push((path, shown));
        }
    }
    let list = folder.path().join("plates.csv");
    fs::write(&list, rows).unwrap();
    Plates { folder, list, test }
}
