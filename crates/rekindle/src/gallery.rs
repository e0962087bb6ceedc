//! The items that tell the most about a model, with what it answers to them and what in them spoke for it.

use std::collections::{BTreeMap, btree_map::Entry};

use rekindle_data::Sample;
use rekindle_metrics::{NumberPredictions, sigmoid};
use rekindle_report::{
    ColumnsRecord, ExampleRecord, Gallery, GuessRecord, PredictedNumber, Verdict,
};
use rekindle_train::{Classify, ClassifyMultiLabel, Regress};

use crate::{
    Error, ModelOf, ModelTask, Outcome,
    modality::{ItemOf, Modality},
    task::thresholds,
};

/// A kind of input whose items a report shows, with what in them spoke for an answer.
pub trait Exhibit: Modality {
    /// An item, and what in it spoke for the output with this number.
    ///
    /// # Errors
    ///
    /// If it cannot be read again.
    fn shown(
        model: &ModelOf<Self>,
        item: &ItemOf<Self>,
        output: usize,
    ) -> Result<ExampleRecord, Error>;

    /// What the columns of a table are worth to a model, where it reads one.
    ///
    /// # Errors
    ///
    /// If a row cannot be read again.
    fn columns<T: ModelTask>(
        _model: &ModelOf<Self>,
        _task: &T,
        _val: &[Sample<T::Label, ItemOf<Self>>],
    ) -> Result<Option<ColumnsRecord>, Error> {
        Ok(None)
    }
}

/// A task whose runs show items.
pub trait ShownTask: ModelTask {
    /// The validation items that tell the most about the best model.
    ///
    /// # Errors
    ///
    /// If an item that is shown cannot be read again.
    fn galleries<M: Exhibit>(
        outcome: &Outcome<Self, M>,
        val: &[Sample<Self::Label, ItemOf<M>>],
    ) -> Result<Vec<Gallery>, Error>;
}

impl ShownTask for Classify {
    fn galleries<M: Exhibit>(
        outcome: &Outcome<Self, M>,
        val: &[Sample<usize, ItemOf<M>>],
    ) -> Result<Vec<Gallery>, Error> {
        of_classes(outcome, val)
    }
}

impl ShownTask for ClassifyMultiLabel {
    fn galleries<M: Exhibit>(
        outcome: &Outcome<Self, M>,
        val: &[Sample<Vec<usize>, ItemOf<M>>],
    ) -> Result<Vec<Gallery>, Error> {
        of_labels(outcome, val)
    }
}

impl ShownTask for Regress {
    fn galleries<M: Exhibit>(
        outcome: &Outcome<Self, M>,
        val: &[Sample<Vec<f32>, ItemOf<M>>],
    ) -> Result<Vec<Gallery>, Error> {
        of_numbers(outcome, val)
    }
}

/// Items in each gallery.
const GALLERY: usize = 12;
/// Guesses below each item where one label is right.
const GUESSES: usize = 3;
/// Labels and numbers below each item where there may be several.
const LISTED: usize = 6;

/// One label: what is most wrong, and what is most uncertain.
fn of_classes<M: Exhibit>(
    outcome: &Outcome<Classify, M>,
    val: &[Sample<usize, ItemOf<M>>],
) -> Result<Vec<Gallery>, Error> {
    let predictions = &outcome.predictions;
    let probabilities = predictions.probabilities();
    let labels = outcome.model.names();
    let told = |place: usize| {
        let probabilities = &probabilities[place];
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
        let guess = |&class: &usize| GuessRecord {
            class: labels[class].clone(),
            probability: probabilities[class],
            verdict: None,
        };
        let picture = ExampleRecord {
            label: labels[predictions.labels()[place]].clone(),
            guesses: order.iter().take(GUESSES).map(guess).collect(),
            ..ExampleRecord::default()
        };
        (picture, order[0])
    };
    let wrong = (
        "Most wrong",
        "Wrongly predicted, the highest loss first. Marked is what spoke for the wrong answer.",
        predictions.most_wrong(),
    );
    let unsure = (
        "Most uncertain",
        "The most evenly spread probabilities first. Marked is what spoke for the answer.",
        predictions.most_uncertain(),
    );
    galleries(&outcome.model, val, vec![wrong, unsure], told)
}

/// Several labels: what is most wrong.
fn of_labels<M: Exhibit>(
    outcome: &Outcome<ClassifyMultiLabel, M>,
    val: &[Sample<Vec<usize>, ItemOf<M>>],
) -> Result<Vec<Gallery>, Error> {
    let names = outcome.model.names();
    let predictions = &outcome.predictions;
    let thresholds = thresholds(&outcome.task);
    let rows: Vec<&[f32]> = predictions.rows().collect();
    let told = |place: usize| {
        let has = &val[place].label;
        let guess = |(label, (&logit, name)): (usize, (&f32, &String))| {
            let probability = sigmoid(logit);
            let given = probability > thresholds[label];
            let verdict = Some(Verdict::of(has.contains(&label), given));
            (label, GuessRecord { class: name.clone(), probability, verdict })
        };
        let mut guesses: Vec<(usize, GuessRecord)> =
            rows[place].iter().zip(&names).enumerate().map(guess).collect();
        // What is wrong first, by how far; then what is right, by how likely.
        let key = |guess: &GuessRecord| match guess.verdict {
            Some(Verdict::FalsePositive) => 2.0 + guess.probability,
            Some(Verdict::FalseNegative) => 3.0 - guess.probability,
            _ => guess.probability,
        };
        guesses.sort_by(|one, other| key(&other.1).total_cmp(&key(&one.1)));
        let worst = guesses.first().map_or(0, |(label, _)| *label);
        let label: Vec<&str> = has.iter().map(|&label| names[label].as_str()).collect();
        let label = if label.is_empty() { "no label".to_owned() } else { label.join(", ") };
        let guesses = guesses.into_iter().map(|(_, guess)| guess).take(LISTED).collect();
        (ExampleRecord { label, guesses, ..ExampleRecord::default() }, worst)
    };
    let wrong = (
        "Most wrong",
        "At least one label is missed or wrongly given; the highest loss first. Marked is what spoke for the first \
         label below.",
        predictions.most_wrong(&thresholds),
    );
    galleries(&outcome.model, val, vec![wrong], told)
}

/// Numbers: what is farthest off.
fn of_numbers<M: Exhibit>(
    outcome: &Outcome<Regress, M>,
    val: &[Sample<Vec<f32>, ItemOf<M>>],
) -> Result<Vec<Gallery>, Error> {
    let names = outcome.model.names();
    let predictions: &NumberPredictions = &outcome.predictions;
    let columns: Vec<Vec<(f64, f64)>> =
        (0..predictions.targets()).map(|target| predictions.of_target(target)).collect();
    let scales = &outcome.task.scales;
    let told = |place: usize| {
        let off = |target: &usize| {
            let (right, predicted) = columns[*target][place];
            (right - predicted).abs() / scales[*target].deviation.max(f64::MIN_POSITIVE)
        };
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by(|one, other| off(other).total_cmp(&off(one)));
        let number = |&target: &usize| {
            let (right, predicted) = columns[target][place];
            PredictedNumber { name: names[target].clone(), right, predicted }
        };
        let numbers = order.iter().take(LISTED).map(number).collect();
        (ExampleRecord { numbers, ..ExampleRecord::default() }, order.first().copied().unwrap_or(0))
    };
    let wrong = (
        "Most wrong",
        "The farthest off first, in standard deviations of what is true. Marked is what made the first number below \
         larger.",
        predictions.most_wrong(),
    );
    galleries(&outcome.model, val, vec![wrong], told)
}

/// Galleries of the items at these places. `told` says what is told of one, and for which output the overlay is drawn.
fn galleries<M: Exhibit, L>(
    model: &ModelOf<M>,
    samples: &[Sample<L, ItemOf<M>>],
    chosen: Vec<(&str, &str, Vec<usize>)>,
    told: impl Fn(usize) -> (ExampleRecord, usize),
) -> Result<Vec<Gallery>, Error> {
    // What is in two of them is looked at once.
    let mut shown: BTreeMap<usize, ExampleRecord> = BTreeMap::new();
    let mut galleries = Vec::new();
    for (title, text, places) in chosen {
        let mut pictures = Vec::new();
        for place in places.into_iter().take(GALLERY) {
            let picture = match shown.entry(place) {
                Entry::Occupied(found) => found.into_mut(),
                Entry::Vacant(free) => {
                    let (ExampleRecord { label, guesses, numbers, .. }, output) = told(place);
                    let item = &samples[place].item;
                    let file = M::called(item, place);
                    let shown = M::shown(model, item, output)?;
                    free.insert(ExampleRecord { file, label, guesses, numbers, ..shown })
                }
            };
            pictures.push(picture.clone());
        }
        if !pictures.is_empty() {
            galleries.push(Gallery { title: title.to_owned(), text: text.to_owned(), pictures });
        }
    }
    Ok(galleries)
}
