//! Measuring a model on labelled items.

use std::sync::Arc;

use burn::prelude::*;
use rekindle_data::{Part, Sample, TargetKind, manifest::Offer};
use rekindle_finetune::{Items, MeasureConfig};
use rekindle_train::{Classify, Test};

use crate::{
    Error, Learned, ModelOf, ModelTask,
    modality::{InputOf, ItemOf, Modality, NetworkOf},
};

/// How often an item is looked at when a model is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestViews {
    /// Once, as it is.
    One,
    /// As it is and mirrored, where it can be; the answers are averaged.
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
/// If the model or the data are for another kind of task, the model does not know the labels of the data, or an item cannot be
/// read.
pub fn evaluate<L: Learned, M: Modality>(
    model: &ModelOf<M>,
    data: &M::Data,
    part: Option<Part>,
    batch: usize,
    views: TestViews,
) -> Result<Evaluation<L::Task>, Error> {
    evaluate_with::<L, M>(model, data, part, &looked::<M, L::Task>(views, batch)?)
}

/// The same, by whatever makes outputs of a batch of inputs.
///
/// # Errors
///
/// Those of [`evaluate`].
pub(crate) fn evaluate_with<L: Learned, M: Modality>(
    model: &ModelOf<M>,
    data: &M::Data,
    part: Option<Part>,
    how: &MeasureConfig<M::Backbone>,
) -> Result<Evaluation<L::Task>, Error> {
    let task = model.task::<L::Task>()?;
    let names = model.names();
    if names.is_empty() {
        return Err(Error::NoLabels);
    }
    let mut data = model.modality().completed(model.config(), data);
    check_kind::<M, L>(model, &data)?;
    let targets = &mut data.as_mut().targets;
    if L::KIND == TargetKind::Numbers && targets.is_empty() {
        *targets = names.clone();
    }
    let found = M::measurable::<L>(&data, part)?.with_names(&names)?;
    let labels = found.samples.iter().map(|sample| sample.label.clone()).collect();
    let predictions = measured(model, &task, Test(found.samples), how)?;
    Ok(Evaluation { part: found.part, task, labels, predictions, notes: found.notes })
}

/// What a pretrained model answers to items whose labels or numbers are some of its own, as they come.
///
/// # Errors
///
/// Those of [`evaluate`].
pub fn as_is<L: Learned, M: Modality>(
    model: &ModelOf<M>,
    data: &M::Data,
    batch: usize,
) -> Result<Evaluation<L::Task>, Error> {
    evaluate::<L, M>(model, data, None, batch, TestViews::One)
}

/// Refuses data that do not have what the model answers.
fn check_kind<M: Modality, L: Learned>(model: &ModelOf<M>, data: &M::Data) -> Result<(), Error> {
    let offer = M::offer(data)?;
    let data = data.as_ref();
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
        item: M::ONE,
        name: model.config().name(),
        made_for: L::KIND.name(),
    })
}

/// What a model answers to items that chose nothing about it, in their order.
///
/// # Errors
///
/// If there are no items, one cannot be read, or there are no such views of them.
pub fn measure<M: Modality, T: ModelTask>(
    model: &ModelOf<M>,
    task: &T,
    samples: Test<Vec<Sample<T::Label, ItemOf<M>>>>,
    batch: usize,
    views: TestViews,
) -> Result<T::Scores, Error> {
    measured(model, task, samples, &looked::<M, T>(views, batch)?)
}

fn looked<M: Modality, T: ModelTask>(
    views: TestViews,
    batch: usize,
) -> Result<MeasureConfig<M::Backbone>, Error> {
    match views {
        TestViews::One => Ok(MeasureConfig::plain(batch)),
        TestViews::Mirrored if M::MIRRORED.is_none() => Err(Error::NotMirrored(M::MANY)),
        TestViews::Mirrored => Ok(MeasureConfig { batch, forward: Arc::new(mirrored::<M, T>) }),
    }
}

fn measured<M: Modality, T: ModelTask>(
    model: &ModelOf<M>,
    task: &T,
    samples: Test<Vec<Sample<T::Label, ItemOf<M>>>>,
    how: &MeasureConfig<M::Backbone>,
) -> Result<T::Scores, Error> {
    let prepare = model.modality().prepare(model.config(), &M::once())?;
    let items = Test(Items { samples: samples.0, prepare });
    Ok(rekindle_finetune::measure(model.network(), task, items, how)?)
}

fn mirrored<M: Modality, T: ModelTask>(network: &NetworkOf<M>, input: InputOf<M>) -> Tensor<2> {
    match M::MIRRORED {
        Some(other) => {
            let other = other(input.clone());
            T::average([input, other].map(|input| network.forward(input)))
        }
        None => network.forward(input),
    }
}

impl<M: Modality> ModelOf<M> {
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

    /// The number of the output that is called so, a label or a column, or that has this number; none where there is no such.
    pub fn output(&self, called: &str) -> Option<usize> {
        let by_name = self.names().iter().position(|name| name == called);
        let by_number = || called.parse().ok().filter(|place| *place < self.config().classes);
        by_name.or_else(by_number)
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
