//! What the tests of the binary share: a folder of doodles, and the starter.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rekindle_doodles::{SIZE, Task, set};
use tempfile::TempDir;

/// A folder with `train/` and `val/` of three of the target's classes, so many pictures of each.
#[allow(dead_code, reason = "not every test that shares this takes it")]
pub(crate) fn doodles(train: usize, val: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (split, per_class, seed) in [("train", train, 0), ("val", val, 1)] {
        for (index, doodle) in set(Task::Target, per_class, seed).into_iter().enumerate() {
            if doodle.label < 3 {
                let name = Task::Target.doodles()[doodle.label].name;
                let label = folder.path().join(split).join(name);
                fs::create_dir_all(&label).unwrap();
                let size = SIZE as u32;
                let picture = image::RgbImage::from_raw(size, size, doodle.pixels).unwrap();
                picture.save(label.join(format!("{index}.png"))).unwrap();
            }
        }
    }
    folder
}

/// The weights that `first_light` begins with.
#[allow(dead_code, reason = "not every test that shares this takes it")]
pub(crate) fn starter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights/resnet20_cifar.doodles.safetensors")
}
