//! `rekindle finetune`: make a pretrained model yours.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Args;
use rekindle::{
    About, Finetune, Model, Outcome, RunFolder, Shown, Start, TestViews, as_is, cache_notes,
    data::{DataSet, DiskCacheUse, Sample, Unusable, quarantine},
    finetune, measure,
    metrics::{Classification, Predictions},
    probe,
    train::{Test, Train, Validation},
    transfer::{Plan, Recipe},
    write_report,
};

mod ask;
mod checkup;

use ask::{KeepArguments, PictureArguments, StepArguments, What};

use checkup::{DoctorArguments, Verdict};

use super::{
    Common,
    data::{DataArguments, Pictures},
    progress::Progress,
    weights::{Found, WeightsArguments},
    with_interval,
};

/// The recipe that needs no weights.
const SCRATCH: &str = "scratch";

/// Fine-tune a model on labelled pictures.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    start: WeightsArguments,
    /// Begin with untrained parameters, of the architecture that --model names.
    #[arg(long, requires = "model", conflicts_with = "weights")]
    untrained: bool,
    /// Folder for the best weights, the state, the logs and the report.
    #[arg(long)]
    out: PathBuf,
    /// Go on with the run that was interrupted in this folder, to the same bits; start where there is none.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    doctor: DoctorArguments,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    pictures: PictureArguments,
    #[command(flatten)]
    steps: StepArguments,
    #[command(flatten)]
    keep: KeepArguments,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let device = self.common.device.open()?.autodiff();
        device.seed(self.what.seed);
        let recipe = self.recipe()?;
        let checkup = match self.checkup()? {
            Verdict::Train(checkup) => checkup,
            Verdict::Stop => return Ok(ExitCode::from(2)),
        };
        if recipe == Recipe::AsIs {
            return self.as_is();
        }
        let Pictures { folder, unusable } = self.data.open()?;
        let left_out = self.set_aside(&unusable)?;
        let weights = if self.is_untrained() { None } else { Some(self.start.find()?) };
        let path = weights.as_ref().map(|weights| weights.path.as_path());
        let name = self.start.model.as_deref();
        let (model, report) = Model::for_labels(name, path, &folder.names, &device)?;
        if !self.common.json {
            say!(
                "{}: {} labels, {} pictures to train on, {} to validate on, {} to test on",
                self.data.data.display(),
                folder.names.len(),
                folder.train.len(),
                folder.val.len(),
                folder.test.len()
            );
            left_out.iter().for_each(|line| say!("{line}"));
            match &report {
                Some(report) => say!("{}: {report}", model.config.name()),
                None => say!("{}: no weights, training from nothing", model.config.name()),
            }
        }
        let plan = match recipe {
            Recipe::Train(plan) => plan.with(&self.what.changes)?,
            Recipe::Probe | Recipe::AsIs => return self.probe(model, folder),
        };
        plan.check(&model.network.layout())?;
        let model = model.adapted(&plan)?;
        if !self.common.json {
            say!("{}", plan.table(&model.network.layout())?);
        }
        let config = self.config(plan, &folder, &model, &device)?;
        let run = RunFolder {
            path: &self.out,
            start: if self.resume { Start::Resume } else { Start::Fresh },
            interval: Duration::try_from_secs_f64(self.keep.state_seconds)
                .context("--state-seconds is no time")?,
        };
        let mut progress = Progress::new(self.common.json);
        let (train, val) = (folder.train.clone(), folder.val.clone());
        let data = (Train(train.clone()), Validation(val.clone()));
        let outcome = finetune(model, data, &config, Some(&run), &mut [&mut progress])?;
        let mut about = About { checkup, ..self.about(&outcome, weights.as_ref()) };
        about.notes.extend(left_out);
        about.notes.extend(config.disk.as_ref().map(|disk| pixels_note(&disk.used())));
        let test = self.test(&outcome.model, &folder.test)?;
        let test = test.as_ref().map(|predictions| (folder.test.as_slice(), predictions));
        let shown = Shown { train: &train, val: &val, test };
        write_report(&self.out, &about, &config, &outcome, shown)?;
        progress.end(&outcome, &train, test.map(|test| test.1));
        Ok(ExitCode::SUCCESS)
    }

    /// Whether training begins with untrained parameters.
    pub(super) fn is_untrained(&self) -> bool {
        let scratch = self.what.plan.is_none() && self.what.recipe == SCRATCH;
        self.untrained || (scratch && self.start.weights.is_none())
    }

    /// Lists the pictures that are left out in the run's folder, and says so.
    fn set_aside(&self, unusable: &[Unusable]) -> anyhow::Result<Option<String>> {
        if unusable.is_empty() {
            return Ok(None);
        }
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let list = self.out.join("bad_files.csv");
        quarantine(&list, unusable)?;
        Ok(Some(format!(
            "{} pictures cannot be read and are left out; {} says why",
            unusable.len(),
            list.display()
        )))
    }

    /// What the best model answers to the test pictures, if there are any: once, after everything was chosen.
    fn test(&self, model: &Model, samples: &[Sample]) -> anyhow::Result<Option<Predictions>> {
        if samples.is_empty() {
            return Ok(None);
        }
        let samples = Test(samples.to_vec());
        Ok(Some(measure(model, samples, self.pictures.batch.max(1), TestViews::One)?))
    }

    /// Measures the weights on their own labels.
    fn as_is(&self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let Found { path, .. } = self.start.find()?;
        let device = self.common.device.open()?;
        let (model, _) = Model::open(self.start.model.as_deref(), &path, &device)?;
        let (part, predictions) = as_is(&model, &self.data.data, self.pictures.batch)?;
        super::evaluate::say(&model, part, &predictions, self.common.json, start);
        Ok(ExitCode::SUCCESS)
    }

    fn about(&self, outcome: &Outcome, weights: Option<&Found>) -> About {
        let arguments =
            std::env::args_os().skip(1).map(|argument| quoted(&argument.to_string_lossy()));
        About {
            command: std::iter::once("rekindle".to_owned())
                .chain(arguments)
                .collect::<Vec<_>>()
                .join(" "),
            folder: self.data.data.display().to_string(),
            origin: weights.map_or_else(String::new, |weights| weights.origin.clone()),
            sha256: weights.map_or_else(String::new, |weights| weights.sha256.clone()),
            device: self.common.device.to_string(),
            notes: cache_notes(outcome),
            baselines: outcome
                .model
                .probe
                .map(|accuracy| ("a probe of the features".to_owned(), accuracy))
                .into_iter()
                .collect(),
            checkup: None,
        }
    }

    /// Solves for the head instead of training it.
    fn probe(&self, model: Model, folder: DataSet) -> anyhow::Result<ExitCode> {
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let config = Finetune {
            batch: self.pictures.batch,
            cache: self.cache(),
            seed: self.what.seed,
            ..Finetune::new(Plan::new(Vec::new()))
        };
        let data = (Train(folder.train.clone()), Validation(folder.val.clone()));
        let found = probe(model, data, &config, Some(&RunFolder::new(&self.out)))?;
        let path = self.out.join("best.safetensors");
        // The state of an older run there would go on from another best model than its own.
        RunFolder::new(&self.out).forget_state()?;
        found.model.save(&path, None)?;
        let test = self.test(&found.model, &folder.test)?.as_ref().map(Classification::of);
        let measured = Classification::of(&found.predictions);
        if self.common.json {
            say!(
                "{}",
                serde_json::json!({
                    "best_val_accuracy": measured.accuracy,
                    "strength": found.strength,
                    "test_accuracy": test.as_ref().map(|test| test.accuracy),
                    "weights": path.display().to_string(),
                    "seconds": found.seconds,
                })
            );
        } else {
            say!(
                "probe of strength {}: val accuracy {}, saved as {}, {:.1} s",
                found.strength,
                with_interval(&measured),
                path.display(),
                found.seconds
            );
            if let Some(test) = test {
                say!("test accuracy {}, of {} pictures", with_interval(&test), test.examples);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the cache of pictures on disk did.
fn pixels_note(used: &DiskCacheUse) -> String {
    let DiskCacheUse { pictures, found, closed } = used;
    let why = closed.as_ref().map_or_else(String::new, |why| format!("; nothing was added: {why}"));
    format!("decoded pictures on disk: {pictures}, read {found} times{why}")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./=:,@%+-".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
