//! What a run left behind, as a page: `run.json` and `report.html` in its folder.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
};

use rekindle_data::{Target as _, TargetKind};
use rekindle_images::Sample;
use rekindle_metrics::{Classification, Direction, Predictions, majority};
use rekindle_report::{
    Baseline, Better, Bin, Calibration, Checkup, ClassCount, ClassScores, Data, Environment, Epoch,
    Estimate, Evaluation, Gallery, GroupRate, Guess, History, Metric, Monitored, Phase, Picture,
    Plan, Run, Stage, State, Unit, Weights, html,
};
use rekindle_train::{Classify, Monitor};

use crate::{Error, Finetune, Model, ModelTask, Outcome};

/// What is said of a run besides what came out of it.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The command that repeats it.
    pub command: String,
    /// The folder of the pictures.
    pub folder: String,
    /// Where the weights that it began with come from; empty for none.
    pub origin: String,
    /// The SHA-256 of those weights, where it is known; else empty.
    pub sha256: String,
    /// The device.
    pub device: String,
    /// Free lines.
    pub notes: Vec<String>,
    /// Accuracies to compare with, by name.
    pub baselines: Vec<(String, f64)>,
    /// What the doctor found in the pictures, if it was asked.
    pub checkup: Option<Checkup>,
}

/// The pictures of a run.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a, T: ModelTask = Classify> {
    /// Those it trained on.
    pub train: &'a [Sample<T::Label>],
    /// Those it was validated on.
    pub val: &'a [Sample<T::Label>],
    /// Those that chose nothing, and what the best model answers to them.
    pub test: Option<(&'a [Sample<T::Label>], &'a T::Scores)>,
}

/// Metrics that are shares of the pictures.
const SHARES: [&str; 5] = ["accuracy", "top5", "precision", "recall", "f1"];
/// Pictures in each gallery.
const GALLERY: usize = 12;
/// Guesses below each picture.
const GUESSES: usize = 3;

/// Writes `run.json` and `report.html` for a run whose folder has been written.
///
/// # Errors
///
/// If a picture that was shown cannot be read again, or the folder cannot be written.
pub fn write_report<T: ModelTask>(
    folder: &Path,
    about: &About,
    config: &Finetune<T>,
    outcome: &Outcome<T>,
    shown: Shown<'_, T>,
) -> Result<(), Error> {
    let run = run(about, config, outcome, shown)?;
    run.write(&folder.join("run.json"))?;
    let path = folder.join("report.html");
    rekindle_base::write_file(&path, html(&run)).map_err(|source| Error::Write { path, source })
}

fn run<T: ModelTask>(
    about: &About,
    config: &Finetune<T>,
    outcome: &Outcome<T>,
    Shown { train, val, test }: Shown<'_, T>,
) -> Result<Run, Error> {
    let model = &outcome.model;
    let labels = &model.names();
    let counts = |samples: &[Sample<T::Label>], label: usize| match T::Label::KIND {
        TargetKind::Numbers => samples.len(),
        _ => samples.iter().filter(|sample| sample.label.labels().contains(&label)).count(),
    };
    let classes = labels.iter().enumerate().map(|(label, name)| ClassCount {
        name: name.clone(),
        train: counts(train, label),
        validation: counts(val, label),
        test: test.map(|(samples, _)| counts(samples, label)),
    });
    let told = T::told(&about.baselines, outcome, Shown { train, val, test })?;
    let card = rekindle_cards::find_checkpoint(&model.config().name())?;
    let name = Path::new(&about.folder).file_name();
    let name = name.map_or_else(|| about.folder.clone(), |name| name.display().to_string());
    Ok(Run {
        title: format!("{} on {name}", model.config().name()),
        command: about.command.clone(),
        environment: Environment {
            rekindle: env!("CARGO_PKG_VERSION").to_owned(),
            burn: "0.22.1".to_owned(),
            device: about.device.clone(),
            threads: Some(rayon::current_num_threads()),
            seed: Some(config.engine.seed),
            started: None,
            seconds: Some(outcome.duration.as_secs_f64()),
        },
        data: Some(Data {
            folder: about.folder.clone(),
            preprocessing: preprocessing(model),
            classes: classes.collect(),
        }),
        checkup: about.checkup.clone(),
        weights: (!about.origin.is_empty()).then(|| Weights {
            name: model.config().name(),
            origin: about.origin.clone(),
            license: model.config().license.clone().unwrap_or_else(|| "not stated".to_owned()),
            caution: card.and_then(|card| card.caution.clone()).unwrap_or_default(),
            sha256: about.sha256.clone(),
        }),
        plan: Some(plan(config, model)?),
        history: Some(history(config, outcome)),
        evaluations: told.evaluations,
        galleries: told.galleries,
        notes: about.notes.clone(),
        ..Run::default()
    })
}

fn preprocessing(model: &Model) -> String {
    let Ok(about) = model.config().image() else { return model.config().input.described() };
    let [_, height, width] = about.input_size;
    format!(
        "{height} x {width} pixels, {:?} of {:.1}% by {:?}, mean {:?}, deviation {:?}",
        about.crop_mode,
        100.0 * about.crop_pct,
        about.interpolation,
        about.mean,
        about.std
    )
    .to_lowercase()
}

fn plan<T: ModelTask>(config: &Finetune<T>, model: &Model) -> Result<Plan, Error> {
    let table = config.engine.plan.table(&model.network().layout())?;
    let mut first_epoch = 1;
    let mut phases = Vec::new();
    for phase in &config.engine.plan.phases {
        let rows = table.rows.iter().filter(|row| row.phase == phase.name);
        let stage = |row: &rekindle_transfer::Row| Stage {
            name: row.stage.clone(),
            parameters: row.parameters,
            state: if row.trained == 0 { State::Frozen } else { State::Trainable },
            rate: row.lr,
            batch_norm: row.batch_norm.to_string(),
        };
        phases.push(Phase {
            name: phase.name.clone(),
            first_epoch,
            epochs: phase.epochs,
            stages: rows.map(stage).collect(),
        });
        first_epoch += phase.epochs;
    }
    let same = |of: fn(&rekindle_transfer::Phase) -> String| {
        let mut found: Vec<String> = config.engine.plan.phases.iter().map(of).collect();
        found.dedup();
        found.join("; then ")
    };
    Ok(Plan {
        name: String::new(),
        optimizer: same(|phase| format!("{:?}", phase.optimizer)),
        schedule: same(|phase| format!("{:?}", phase.schedule)),
        phases,
    })
}

fn history<T: ModelTask>(config: &Finetune<T>, outcome: &Outcome<T>) -> History {
    let Monitor { metric, direction } = &config.engine.settings.monitor;
    let metrics = |values: &rekindle_metrics::Values| {
        // JSON has no number that is none.
        let finite = values.iter().filter(|(_, value)| value.is_finite());
        finite.map(|(name, value)| Metric { name: name.to_owned(), value }).collect()
    };
    let groups = stages(&outcome.model);
    let epoch = |epoch: &rekindle_train::Epoch| Epoch {
        number: epoch.number,
        phase: epoch.phase.clone(),
        train: metrics(&epoch.train),
        validation: metrics(&epoch.val),
        rates: groups
            .iter()
            .zip(&epoch.rates)
            .filter(|(_, rate)| **rate > 0.0)
            .map(|(group, rate)| GroupRate { group: group.clone(), rate: *rate })
            .collect(),
        seconds: epoch.seconds,
    };
    History {
        monitored: Monitored {
            name: metric.clone(),
            better: match direction {
                Direction::Higher => Better::Higher,
                Direction::Lower => Better::Lower,
            },
            unit: if SHARES.contains(&metric.as_str()) { Unit::Share } else { Unit::Number },
        },
        best: Some(outcome.best.number),
        epochs: outcome.history.iter().map(epoch).collect(),
    }
}

/// Names of the groups of rates: the head's, then each stage's.
fn stages(model: &Model) -> Vec<String> {
    let stages = model.network().layout().stages.into_iter().map(|stage| stage.name);
    std::iter::once("head".to_owned()).chain(stages).collect()
}

/// What a page shows of a model's answers.
#[derive(Debug, Default)]
pub struct Told {
    /// The answers to each part, measured.
    pub evaluations: Vec<Evaluation>,
    /// Pictures that tell the most.
    pub galleries: Vec<Gallery>,
}

/// What a page shows of one label a picture.
pub(crate) fn told_of_classes(
    baselines: &[(String, f64)],
    outcome: &Outcome<Classify>,
    Shown { train, val, test }: Shown<'_, Classify>,
) -> Result<Told, Error> {
    let of = |set: &str, predictions: &Predictions, others: &[(String, f64)]| {
        evaluation(set, &outcome.model, predictions, train, others)
    };
    let validation = of("validation", &outcome.predictions, baselines);
    // What else was compared with was measured on the validation pictures.
    let test = test.map(|(_, predictions)| of("test", predictions, &[]));
    let evaluations = std::iter::once(validation).chain(test).collect();
    Ok(Told { evaluations, galleries: galleries(outcome, val)? })
}

fn evaluation(
    set: &str,
    model: &Model,
    predictions: &Predictions,
    train: &[Sample],
    others: &[(String, f64)],
) -> Evaluation {
    let found = Classification::of(predictions);
    let labels = &model.names();
    let trained: Vec<usize> = train.iter().map(|sample| sample.label).collect();
    let (most, accuracy) = majority(&trained, predictions.labels());
    let always = Baseline { name: format!("the most frequent label ({})", labels[most]), accuracy };
    let others =
        others.iter().map(|(name, accuracy)| Baseline { name: name.clone(), accuracy: *accuracy });
    let class = |(name, class): (&String, &rekindle_metrics::PerClass)| ClassScores {
        name: name.clone(),
        support: class.support,
        precision: class.precision,
        recall: class.recall,
        f1: class.f1,
    };
    let bin = |bin: &rekindle_metrics::Bin| Bin {
        count: bin.examples,
        confidence: bin.confidence,
        accuracy: bin.accuracy,
    };
    Evaluation {
        set: set.to_owned(),
        pictures: found.examples,
        accuracy: Estimate {
            value: found.accuracy,
            low: found.interval.low,
            high: found.interval.high,
            level: 0.95,
        },
        baselines: std::iter::once(always).chain(others).collect(),
        log_loss: Some(found.log_loss),
        auroc: found.auroc,
        calibration: Some(Calibration {
            error: found.calibration_error,
            bins: found.bins.iter().map(bin).collect(),
        }),
        classes: labels.iter().zip(&found.classes).map(class).collect(),
        confusion: found.confusion,
    }
}

fn galleries(outcome: &Outcome, samples: &[Sample]) -> Result<Vec<Gallery>, Error> {
    let Outcome { model, predictions, .. } = outcome;
    let probabilities = predictions.probabilities();
    let mut shown = BTreeMap::new();
    let mut gallery = |title: &str,
                       text: &str,
                       places: Vec<usize>|
     -> Result<Option<Gallery>, Error> {
        let mut pictures = Vec::new();
        for place in places.into_iter().take(GALLERY) {
            let shown = match shown.entry(place) {
                Entry::Occupied(found) => found.into_mut(),
                Entry::Vacant(free) => {
                    free.insert(picture(model, predictions, samples, place, &probabilities[place])?)
                }
            };
            pictures.push(shown.clone());
        }
        let gallery = Gallery { title: title.to_owned(), text: text.to_owned(), pictures };
        Ok((!gallery.pictures.is_empty()).then_some(gallery))
    };
    let wrong = gallery(
        "Most wrong",
        "Wrongly predicted, the highest loss first. The overlay shows what spoke for the wrong answer.",
        predictions.most_wrong(),
    )?;
    let unsure = gallery(
        "Most uncertain",
        "The most evenly spread probabilities first. The overlay shows what spoke for the answer.",
        predictions.most_uncertain(),
    )?;
    Ok(wrong.into_iter().chain(unsure).collect())
}

fn picture(
    model: &Model,
    predictions: &Predictions,
    samples: &[Sample],
    place: usize,
    probabilities: &[f64],
) -> Result<Picture, Error> {
    let sample = &samples[place];
    let labels = &model.names();
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    let explanation = model.explain(sample.item.clone(), order[0])?;
    let name = sample.path().map(|path| {
        let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
        Path::new(parent).join(path.file_name().unwrap_or_default()).display().to_string()
    });
    let guess =
        |&class: &usize| Guess { class: labels[class].clone(), probability: probabilities[class] };
    Ok(Picture {
        file: name.unwrap_or_else(|| format!("picture {place}")),
        label: labels[predictions.labels()[place]].clone(),
        guesses: order.iter().take(GUESSES).map(guess).collect(),
        image: explanation.picture.to_jpeg()?,
        overlay: explanation.overlay().to_jpeg()?,
    })
}

/// Lines on what the feature cache did, for a report.
pub fn cache_notes<T: ModelTask>(outcome: &Outcome<T>) -> Vec<String> {
    let line = |report: &crate::CacheReport| {
        let epochs = outcome.history.iter().filter(|epoch| epoch.phase == report.phase).count();
        report.line(epochs)
    };
    outcome.cache.iter().filter_map(line).collect()
}
