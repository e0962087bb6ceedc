//! Measuring a model on labelled pictures.

use burn::prelude::*;
use rekindle_data::{DataConfig, Part, TargetKind, manifest::Offer};
use rekindle_finetune::{Items, MeasureConfig};
use rekindle_images::{PictureConfig, PreparePictures, Sample, measure_pictures, offer};
use rekindle_train::{Classify, Test};

use crate::{Error, Learned, Model, ModelTask, Network};

/// How often a picture is looked at when a model is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestViews {
    /// Once, as it is.
    One,
    /// As it is and mirrored; the answers are averaged.
    Mirrored,
}

/// What a model answered to a part of a data set.
#[derive(Debug)]
pub struct Evaluation<T: ModelTask> {
    /// The part.
    pub part: Part,
    /// What the outputs mean.
    pub task: T,
    /// What was right.
    pub labels: Vec<T::Label>,
    /// What was answered.
    pub predictions: T::Scores,
    /// What is worth knowing of the data, a line each.
    pub notes: Vec<String>,
}

/// What a model answers to a part of a data set; without a name, what there is to test on, else to validate on, else all.
///
/// # Errors
///
/// If the model or the data are for another kind of task, the model does not know the labels of the data, or a picture cannot be
/// read.
pub fn evaluate<L: Learned>(
    model: &Model,
    data: &DataConfig,
    part: Option<Part>,
    batch: usize,
    views: TestViews,
) -> Result<Evaluation<L::Task>, Error> {
    let task = model.task::<L::Task>()?;
    let names = model.names();
    if names.is_empty() {
        return Err(Error::NoLabels);
    }
    check_kind::<L>(model, data)?;
    let mut data = data.clone();
    if L::KIND == TargetKind::Numbers && data.targets.is_empty() {
        data.targets = names.clone();
    }
    let found = measure_pictures::<L>(&data, part)?.with_names(&names);
    let found = found.map_err(rekindle_images::Error::from)?;
    let labels = found.samples.iter().map(|sample| sample.label.clone()).collect();
    let predictions = measure(model, &task, Test(found.samples), batch, views)?;
    Ok(Evaluation { part: found.part, task, labels, predictions, notes: found.notes })
}

/// What a pretrained model answers to pictures whose labels or numbers are some of its own, as they come.
///
/// # Errors
///
/// Those of [`evaluate`].
pub fn as_is<L: Learned>(
    model: &Model,
    data: &DataConfig,
    batch: usize,
) -> Result<Evaluation<L::Task>, Error> {
    evaluate::<L>(model, data, None, batch, TestViews::One)
}

/// Refuses data that do not have what the model answers.
fn check_kind<L: Learned>(model: &Model, data: &DataConfig) -> Result<(), Error> {
    let offer = offer(&data.path)?;
    // Numbers are learned where columns are named.
    let found = match (data.targets.is_empty(), L::is_offered(&offer)) {
        (false, _) if L::KIND != TargetKind::Numbers => TargetKind::Numbers,
        // What offers nothing at all is told by whoever reads it.
        (true, false) if offer != Offer::NOTHING => offer.kind(),
        _ => return Ok(()),
    };
    Err(Error::OtherData {
        path: data.path.clone(),
        found: found.name(),
        name: model.config().name(),
        made_for: L::KIND.name(),
    })
}

/// What a model answers to pictures that chose nothing about it, in their order.
///
/// # Errors
///
/// If there are no pictures, or one cannot be read.
pub fn measure<T: ModelTask>(
    model: &Model,
    task: &T,
    samples: Test<Vec<Sample<T::Label>>>,
    batch: usize,
    views: TestViews,
) -> Result<T::Scores, Error> {
    // Each picture comes once.
    let pictures = PictureConfig { cache_bytes: 0, ..PictureConfig::default() };
    let prepare = PreparePictures::new(&model.preprocess()?, &pictures)?;
    let how = match views {
        TestViews::One => MeasureConfig::plain(batch),
        TestViews::Mirrored => MeasureConfig { batch, forward: mirrored::<T> },
    };
    let items = Test(Items { samples: samples.0, prepare });
    Ok(rekindle_finetune::measure(model.network(), task, items, &how)?)
}

fn mirrored<T: ModelTask>(network: &Network, images: Tensor<4>) -> Tensor<2> {
    T::average([images.clone(), images.flip([3])].map(|images| network.forward(images)))
}

impl Model {
    /// What its outputs mean.
    ///
    /// # Errors
    ///
    /// [`Error::OtherTask`] if it was made for another kind of task.
    pub fn task<T: ModelTask>(&self) -> Result<T, Error> {
        T::from_config(self.config()).ok_or_else(|| Error::OtherTask {
            name: self.config().name(),
            found: self.kind().name(),
        })
    }

    /// What kind of labels it was made for.
    pub fn kind(&self) -> TargetKind {
        match (Classify::from_config(self.config()), &self.config().task) {
            (Some(_), _) => TargetKind::Label,
            (None, rekindle_cards::TaskSpec::MultiLabel { .. }) => TargetKind::Labels,
            (None, _) => TargetKind::Numbers,
        }
    }
}
