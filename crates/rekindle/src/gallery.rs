//! The pictures that tell the most about a model, with what it answers to them and where it looked.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
};

use rekindle_images::Sample;
use rekindle_metrics::{NumberPredictions, sigmoid};
use rekindle_report::{Gallery, GuessRecord, PictureRecord, PredictedNumber, Verdict};
use rekindle_train::{Classify, ClassifyMultiLabel, Regress};

use crate::{Error, Model, ModelTask, Outcome, task::thresholds};

/// A task whose runs show pictures.
pub trait ShownTask: ModelTask {
    /// The validation pictures that tell the most about the best model.
    ///
    /// # Errors
    ///
    /// If a picture that is shown cannot be read again.
    fn galleries(
        outcome: &Outcome<Self>,
        val: &[Sample<Self::Label>],
    ) -> Result<Vec<Gallery>, Error>;
}

impl ShownTask for Classify {
    fn galleries(outcome: &Outcome<Self>, val: &[Sample<usize>]) -> Result<Vec<Gallery>, Error> {
        of_classes(outcome, val)
    }
}

impl ShownTask for ClassifyMultiLabel {
    fn galleries(
        outcome: &Outcome<Self>,
        val: &[Sample<Vec<usize>>],
    ) -> Result<Vec<Gallery>, Error> {
        of_labels(outcome, val)
    }
}

impl ShownTask for Regress {
    fn galleries(outcome: &Outcome<Self>, val: &[Sample<Vec<f32>>]) -> Result<Vec<Gallery>, Error> {
        of_numbers(outcome, val)
    }
}

/// Pictures in each gallery.
const GALLERY: usize = 12;
/// Guesses below each picture where one label is right.
const GUESSES: usize = 3;
/// Labels and numbers below each picture where there may be several.
const LISTED: usize = 6;

/// One label: what is most wrong, and what is most uncertain.
fn of_classes(outcome: &Outcome<Classify>, val: &[Sample<usize>]) -> Result<Vec<Gallery>, Error> {
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
        let picture = PictureRecord {
            label: labels[predictions.labels()[place]].clone(),
            guesses: order.iter().take(GUESSES).map(guess).collect(),
            ..PictureRecord::default()
        };
        (picture, order[0])
    };
    let wrong = (
        "Most wrong",
        "Wrongly predicted, the highest loss first. The overlay shows what spoke for the wrong answer.",
        predictions.most_wrong(),
    );
    let unsure = (
        "Most uncertain",
        "The most evenly spread probabilities first. The overlay shows what spoke for the answer.",
        predictions.most_uncertain(),
    );
    galleries(&outcome.model, val, vec![wrong, unsure], told)
}

/// Several labels: what is most wrong.
fn of_labels(
    outcome: &Outcome<ClassifyMultiLabel>,
    val: &[Sample<Vec<usize>>],
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
        (PictureRecord { label, guesses, ..PictureRecord::default() }, worst)
    };
    let wrong = (
        "Most wrong",
        "At least one label is missed or wrongly given; the highest loss first. The overlay shows what spoke for the first \
         label below.",
        predictions.most_wrong(&thresholds),
    );
    galleries(&outcome.model, val, vec![wrong], told)
}

/// Numbers: what is farthest off.
fn of_numbers(outcome: &Outcome<Regress>, val: &[Sample<Vec<f32>>]) -> Result<Vec<Gallery>, Error> {
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
        (PictureRecord { numbers, ..PictureRecord::default() }, order.first().copied().unwrap_or(0))
    };
    let wrong = (
        "Most wrong",
        "The farthest off first, in standard deviations of what is true. The overlay shows what made the first number below \
         larger.",
        predictions.most_wrong(),
    );
    galleries(&outcome.model, val, vec![wrong], told)
}

/// Galleries of the pictures at these places. `told` says what is told of one, and for which output the overlay is drawn.
fn galleries<L>(
    model: &Model,
    samples: &[Sample<L>],
    chosen: Vec<(&str, &str, Vec<usize>)>,
    told: impl Fn(usize) -> (PictureRecord, usize),
) -> Result<Vec<Gallery>, Error> {
    // A picture that is in two of them is looked at once.
    let mut shown: BTreeMap<usize, PictureRecord> = BTreeMap::new();
    let mut galleries = Vec::new();
    for (title, text, places) in chosen {
        let mut pictures = Vec::new();
        for place in places.into_iter().take(GALLERY) {
            let picture = match shown.entry(place) {
                Entry::Occupied(found) => found.into_mut(),
                Entry::Vacant(free) => {
                    let (picture, output) = told(place);
                    let cam = model.grad_cam(samples[place].item.clone(), output)?;
                    free.insert(PictureRecord {
                        file: name(&samples[place], place),
                        image: cam.picture.to_jpeg()?,
                        overlay: cam.overlay().to_jpeg()?,
                        ..picture
                    })
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

/// The file and the folder it lies in.
fn name<L>(sample: &Sample<L>, place: usize) -> String {
    let name = sample.path().map(|path| {
        let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
        Path::new(parent).join(path.file_name().unwrap_or_default()).display().to_string()
    });
    name.unwrap_or_else(|| format!("picture {place}"))
}
