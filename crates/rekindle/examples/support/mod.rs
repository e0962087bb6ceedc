//! What the examples share: doodles as samples, and how a picture of them becomes an input.

use anyhow::Result;
use rekindle::{
    Model,
    cards::{CropMode, HubConfig, InputSpec, Interpolation, Preprocessing},
    data::{Picture, Sample},
};
use rekindle_doodles::{SIZE, Task, set};

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

/// Makes a model expect doodles: as they are, a mean near 0.5 and a deviation near 0.25.
#[allow(dead_code, reason = "one of the two examples makes models from nothing")]
pub(crate) fn expect_doodles(model: Model) -> Model {
    let input = InputSpec::Image(Preprocessing {
        input_size: [3, SIZE, SIZE],
        interpolation: Interpolation::Bilinear,
        crop_pct: 1.0,
        crop_mode: CropMode::Center,
        mean: vec![0.5; 3],
        std: vec![0.25; 3],
    });
    let license = Some("mit or apache-2.0".to_owned());
    let config = HubConfig { tag: "doodles".to_owned(), input, license, ..model.config };
    Model { config, ..model }
}
