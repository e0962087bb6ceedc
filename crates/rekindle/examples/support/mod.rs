//! What the examples share: pictures as samples, how one of them becomes an input, and tables and curves of what was learned.
#![allow(dead_code, unused_imports, reason = "each example uses some of it")]

use std::path::Path;

use anyhow::{Result, bail};
use rekindle::{
    Model,
    cards::{HubConfig, InputSpec},
    data::{DataConfig, DataSet, Picture, Sample, open_pictures},
};
use rekindle_doodles::{SIZE, Task, set};

pub(crate) mod lesson;
mod made;
mod own;
mod plane;
mod pretrained;

pub(crate) use made::{charges, stripes};
pub(crate) use own::{Learn, Learned, plain};
pub(crate) use plane::draw_plane;
pub(crate) use pretrained::{Pretrained, STARTER, Tuned};

/// `per_class` pictures of every class; another seed gives other pictures.
pub(crate) fn doodles(task: Task, per_class: usize, seed: u64) -> Result<Vec<Sample>> {
    let sample = |doodle: rekindle_doodles::Rendered| {
        Ok(Sample::new(Picture::from_rgb(SIZE, SIZE, doodle.pixels)?.into(), doodle.label))
    };
    set(task, per_class, seed).into_iter().map(sample).collect()
}

/// The names of the classes, in the order of their labels.
pub(crate) fn labels(task: Task) -> Vec<String> {
    task.doodles().iter().map(|doodle| doodle.name.to_owned()).collect()
}

/// Pictures of a folder with a test part, a fifth of what is trained on being set aside to validate on; without a folder those
/// that are made.
pub(crate) fn pictures(
    folder: Option<&Path>,
    made: impl FnOnce() -> Result<DataSet>,
) -> Result<DataSet> {
    let Some(folder) = folder else { return made() };
    let found = open_pictures::<usize>(&DataConfig::new(folder))?;
    if found.test.is_empty() {
        bail!(
            "{}: has no test part; put pictures that choose nothing into test/",
            folder.display()
        );
    }
    Ok(found)
}

/// Doodles, so many of each class to train, to validate and to test on.
pub(crate) fn doodle_set(task: Task, each: [usize; 3]) -> Result<DataSet> {
    let part = |(count, seed)| doodles(task, count, seed);
    let [train, val, test] = each;
    let parts = [part((train, 0))?, part((val, 1000))?, part((test, 2000))?];
    Ok(DataSet::from_samples(labels(task), parts))
}

/// Makes a model expect doodles: as they are, a mean near 0.5 and a deviation near 0.25.
pub(crate) fn expect_doodles(model: Model) -> Model {
    let input = InputSpec::Image(plain([3, SIZE, SIZE]));
    let license = Some("mit or apache-2.0".to_owned());
    let config = model.config().clone();
    let config = HubConfig { tag: "doodles".to_owned(), input, license, ..config };
    Model::new(model.into_network(), config)
}
