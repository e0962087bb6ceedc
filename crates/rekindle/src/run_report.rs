//! What a run left behind, as a page: `run.json` and `report.html` in its folder.

use std::path::Path;

use rekindle_data::{Sample, Target as _, TargetKind};
use rekindle_finetune::Constant;
use rekindle_metrics::{Direction, Values};
use rekindle_report::{
    Baseline, Better, Checkup, ClassCount, Data, Environment, EpochRecord, EvaluationRecord,
    ExampleCount, GroupRate, History, Metric, MetricUnit, Monitored, NumberRange, PartRange,
    PhaseRecord, PlanRecord, RunRecord, StageRecord, StageState, TextFacts, Weights, html,
};
use rekindle_train::{Classify, Monitor, Task};

use crate::{
    Error, Exhibit, FinetuneConfig, ModelOf, ModelTask, Outcome, ShownTask,
    modality::{ItemOf, Modality},
    pictures::Pictures,
};

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
    /// Values of the task's usual metric to compare with, by name.
    pub baselines: Vec<(String, f64)>,
    /// What the texts to train and validate on are like, where it was counted already.
    pub texts: Option<TextFacts>,
    /// What the doctor found in the pictures, if it was asked.
    pub checkup: Option<Checkup>,
    /// Whether paths and the command are told; notes and the origin are the caller's to choose.
    pub paths: ReportPaths,
}

/// Whether a report tells where it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReportPaths {
    /// The command, the folder, and the files of pictures.
    #[default]
    Told,
    /// None of these, nor what the doctor says of single files: a report for others.
    LeftOut,
}

/// Items, and what a model answers to them.
pub type Answered<'a, T, M = Pictures> =
    (&'a [Sample<<T as Task>::Label, ItemOf<M>>], &'a <T as Task>::Scores);

/// The items of a run.
#[derive(Debug)]
pub struct Shown<'a, T: ModelTask = Classify, M: Modality = Pictures> {
    /// Those it trained on.
    pub train: &'a [Sample<T::Label, ItemOf<M>>],
    /// Those it was validated on.
    pub val: &'a [Sample<T::Label, ItemOf<M>>],
    /// Those that chose nothing, and what the best model answers to them.
    pub test: Option<Answered<'a, T, M>>,
}

impl<T: ModelTask, M: Modality> Clone for Shown<'_, T, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ModelTask, M: Modality> Copy for Shown<'_, T, M> {}

/// Writes `run.json` and `report.html` for a run whose folder has been written.
///
/// # Errors
///
/// If a picture that was shown cannot be read again, or the folder cannot be written.
pub fn write_report<M: Exhibit, T: ShownTask>(
    folder: &Path,
    about: &About,
    config: &FinetuneConfig<T, M>,
    outcome: &Outcome<T, M>,
    shown: Shown<'_, T, M>,
) -> Result<(), Error> {
    let run = run(about, config, outcome, shown)?;
    let run = match about.paths {
        ReportPaths::Told => run,
        ReportPaths::LeftOut => {
            RunRecord { title: outcome.model.config().name(), ..run.without_paths() }
        }
    };
    run.write(&folder.join("run.json"))?;
    let path = folder.join("report.html");
    rekindle_base::write_file(&path, html(&run)).map_err(|source| Error::Write { path, source })
}

fn run<M: Exhibit, T: ShownTask>(
    about: &About,
    config: &FinetuneConfig<T, M>,
    outcome: &Outcome<T, M>,
    Shown { train, val, test }: Shown<'_, T, M>,
) -> Result<RunRecord, Error> {
    let model = &outcome.model;
    let evaluations = evaluations(about, outcome, Shown { train, val, test });
    let galleries = T::galleries(outcome, val)?;
    let tested = test.map(|(samples, _)| samples);
    let all: Vec<&ItemOf<M>> = train.iter().chain(val).map(|sample| &sample.item).collect();
    let card = rekindle_cards::find_checkpoint(&model.config().name())?;
    let name = Path::new(&about.folder).file_name();
    let name = name.map_or_else(|| about.folder.clone(), |name| name.display().to_string());
    Ok(RunRecord {
        title: format!("{} on {name}", model.config().name()),
        items: M::KIND,
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
            preprocessing: M::preprocessing(model.config()),
            // Otherwise the classes say it.
            pictures: (T::Label::KIND != TargetKind::Label).then(|| ExampleCount {
                train: train.len(),
                validation: val.len(),
                test: tested.map(<[_]>::len),
            }),
            texts: match about.texts {
                Some(facts) => Some(facts),
                None => model.modality().facts(&all)?,
            },
            classes: classes(&model.names(), [Some(train), Some(val), tested]),
            numbers: ranges(&model.names(), [Some(train), Some(val), tested]),
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
        evaluations,
        columns: M::columns(model, &outcome.task, val)?,
        galleries,
        notes: about.notes.clone(),
        ..RunRecord::default()
    })
}

/// How many pictures have each label, in each part; numbers are none.
fn classes<L: rekindle_data::Target, I>(
    names: &[String],
    [train, val, test]: [Option<&[Sample<L, I>]>; 3],
) -> Vec<ClassCount> {
    if L::KIND == TargetKind::Numbers {
        return Vec::new();
    }
    let counted = |samples: &[Sample<L, I>], label: usize| {
        samples.iter().filter(|sample| sample.label.labels().contains(&label)).count()
    };
    let count = |part: Option<&[Sample<L, I>]>, label| part.map(|samples| counted(samples, label));
    let class = |(label, name): (usize, &String)| ClassCount {
        name: name.clone(),
        train: count(train, label).unwrap_or_default(),
        validation: count(val, label).unwrap_or_default(),
        test: count(test, label),
    };
    names.iter().enumerate().map(class).collect()
}

/// Where the numbers of each column lie, in each part; labels are none.
fn ranges<L: rekindle_data::Target, I>(
    names: &[String],
    parts: [Option<&[Sample<L, I>]>; 3],
) -> Vec<NumberRange> {
    let range = |column: usize, part: Option<&[Sample<L, I>]>| {
        let of = |sample: &Sample<L, I>| sample.label.numbers().get(column).copied();
        let mut values: Vec<f32> = part?.iter().filter_map(of).collect();
        values.sort_by(f32::total_cmp);
        let [low, high] = [values.first()?, values.last()?].map(|end| f64::from(*end));
        let middle = [(values.len() - 1) / 2, values.len() / 2].map(|at| f64::from(values[at]));
        let median = (middle[0] + middle[1]) / 2.0;
        Some(PartRange { pictures: values.len(), low, median, high })
    };
    let column = |(column, name): (usize, &String)| {
        let [train, validation, test] = parts.map(|part| range(column, part));
        // A label has none anywhere.
        train.map(|train| NumberRange { name: name.clone(), train: Some(train), validation, test })
    };
    names.iter().enumerate().filter_map(column).collect()
}

/// The best model's answers to each part, measured.
fn evaluations<M: Modality, T: ModelTask>(
    about: &About,
    outcome: &Outcome<T, M>,
    Shown { train, val, test }: Shown<'_, T, M>,
) -> Vec<EvaluationRecord> {
    let names = outcome.model.names();
    let labels = |samples: &[Sample<T::Label, ItemOf<M>>]| -> Vec<T::Label> {
        samples.iter().map(|sample| sample.label.clone()).collect()
    };
    let trained = labels(train);
    let of = |set: &str, samples: &[Sample<T::Label, ItemOf<M>>], scores: &T::Scores, before| {
        EvaluationRecord {
            set: set.to_owned(),
            pictures: samples.len(),
            baselines: always(&outcome.task, &names, &trained, &labels(samples))
                .into_iter()
                .collect(),
            results: outcome.task.results(&names, scores, before),
        }
    };
    let mut validation = of("validation", val, &outcome.predictions, Some(&outcome.uncalibrated));
    // What else was compared with was measured on the validation pictures.
    let others = about.baselines.iter();
    validation
        .baselines
        .extend(others.map(|(name, value)| Baseline { name: name.clone(), value: *value }));
    let test = test.map(|(samples, scores)| of("test", samples, scores, None));
    std::iter::once(validation).chain(test).collect()
}

/// What always answering the same would reach.
fn always<T: ModelTask>(
    task: &T,
    names: &[String],
    train: &[T::Label],
    labels: &[T::Label],
) -> Option<Baseline> {
    let (constant, values): (Constant, Values) = task.constant(train, labels)?;
    let called = |label: usize| names.get(label).map_or_else(|| label.to_string(), String::clone);
    let name = match constant {
        Constant::Class(class) => format!("the most frequent label ({})", called(class)),
        Constant::Labels(labels) if labels.is_empty() => "always giving no label".to_owned(),
        Constant::Labels(labels) => {
            let given: Vec<String> = labels.into_iter().map(called).collect();
            format!("always giving {}", given.join(" and "))
        }
        Constant::Numbers(means) => {
            let means: Vec<String> = means.iter().map(|mean| format!("{mean:.4}")).collect();
            format!("always the mean ({})", means.join(", "))
        }
    };
    Some(Baseline { name, value: values.get(&task.monitor().metric)? })
}

fn plan<M: Modality, T: ModelTask>(
    config: &FinetuneConfig<T, M>,
    model: &ModelOf<M>,
) -> Result<PlanRecord, Error> {
    let table = config.engine.plan.table(&model.network().layout())?;
    let mut first_epoch = 1;
    let mut phases = Vec::new();
    for phase in &config.engine.plan.phases {
        let rows = table.rows.iter().filter(|row| row.phase == phase.name);
        let stage = |row: &rekindle_transfer::PlanRow| StageRecord {
            name: row.stage.clone(),
            parameters: row.parameters,
            state: if row.trained == 0 { StageState::Frozen } else { StageState::Trainable },
            rate: row.lr,
            batch_norm: row.batch_norm.to_string(),
        };
        phases.push(PhaseRecord {
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
    Ok(PlanRecord {
        name: String::new(),
        optimizer: same(|phase| format!("{:?}", phase.optimizer)),
        schedule: same(|phase| format!("{:?}", phase.schedule)),
        phases,
    })
}

fn history<M: Modality, T: ModelTask>(
    config: &FinetuneConfig<T, M>,
    outcome: &Outcome<T, M>,
) -> History {
    let Monitor { metric, direction } = &config.engine.settings.monitor;
    let metrics = |values: &rekindle_metrics::Values| {
        // JSON has no number that is none.
        let finite = values.iter().filter(|(_, value)| value.is_finite());
        finite.map(|(name, value)| Metric { name: name.to_owned(), value }).collect()
    };
    let groups = stages(&outcome.model);
    let epoch = |epoch: &rekindle_train::Epoch| EpochRecord {
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
            unit: MetricUnit::of(metric),
        },
        best: Some(outcome.best.number),
        epochs: outcome.history.iter().map(epoch).collect(),
    }
}

/// Names of the groups of rates: the head's, then each stage's.
fn stages<M: Modality>(model: &ModelOf<M>) -> Vec<String> {
    let stages = model.network().layout().stages.into_iter().map(|stage| stage.name);
    std::iter::once("head".to_owned()).chain(stages).collect()
}

/// Lines on what the feature cache did, for a report.
pub fn cache_notes<M: Modality, T: ModelTask>(outcome: &Outcome<T, M>) -> Vec<String> {
    let line = |report: &crate::CacheReport| {
        let epochs = outcome.history.iter().filter(|epoch| epoch.phase == report.phase).count();
        report.line(epochs)
    };
    outcome.cache.iter().filter_map(line).collect()
}
