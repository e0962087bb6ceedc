//! `rekindle finetune`: make a pretrained model yours.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Args;
use rekindle::{
    About, Device, FoundInputs, ItemOf, ModelOf, ModelTask, Outcome, Pictures, ReportPaths,
    RunFolder, Shown, Start, TestViews, cache_notes,
    data::{SampleOf, TargetKind, Unusable, quarantine},
    finetune, measure,
    report::Checkup,
    train::{Test, Train, Validation},
    transfer::{Plan, Recipe},
    write_report,
};

mod ask;
mod checkup;
mod choose;
mod next;
mod pilot;
mod untrained;
mod words;

use ask::{EPOCHS, KeepArguments, PictureArguments, StepArguments, What};
use checkup::{DoctorArguments, Verdict};
use choose::{Chosen, Quality, Wish, choose, epochs_of};
use words::quoted;

use super::{
    Common,
    answers::Answers,
    data::{DataArguments, Opened},
    kind::{Beginning, Kind, Origin, Remarks, of_kind},
    numbers,
    output::{self, one_line},
    progress::Progress,
    run_folder::{self, Held, Older},
    weights::{Found, WeightsArguments},
};

/// Fine-tune a model on labelled pictures or texts.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    start: WeightsArguments,
    /// Where nothing names a model, one is chosen that is trained in the time that --minutes gives (10 where it says nothing): a
    /// small network whose head is trained, one of usual size, or a large one. [default: good]
    #[arg(long, value_enum, conflicts_with_all = ["model", "weights", "inputs"])]
    quality: Option<Quality>,
    /// What was chosen so, as it is said of the run.
    #[arg(skip)]
    chosen: Option<Chosen>,
    /// Begin with untrained parameters, of the architecture that --model names.
    #[arg(long, requires = "model", conflicts_with = "weights")]
    untrained: bool,
    /// Height and width of pictures, in pixels, where they are to be others than the weights expect: tables of positions are
    /// resampled.
    #[arg(long, value_name = "PIXELS", value_parser = numbers::count_or_none)]
    size: Option<usize>,
    /// Folder for the best weights, the state, the logs and the report.
    #[arg(long)]
    out: PathBuf,
    /// Go on with the run that was interrupted in this folder, to the same bits; start where there is none.
    #[arg(long)]
    resume: bool,
    /// Replace the results of another run in this folder.
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Leave paths, names of files and the command out of report.html and run.json, to show them to others.
    #[arg(long)]
    private_report: bool,
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

/// What is to be trained, on what.
struct Asked<M: Kind> {
    recipe: Recipe,
    place: M::Data,
    checkup: Option<Checkup>,
}

impl Arguments {
    pub(super) fn run(mut self) -> anyhow::Result<ExitCode> {
        let device = self.common.device.open()?.autodiff();
        self.data.find_inputs(&self.start)?;
        // Whatever the rate of a kind, what is named is known, and each other thing that was asked for can be.
        let writes = self.recipe::<Pictures>()? != Recipe::AsIs;
        if writes {
            run_folder::check(&self.out, &self.data.folders(), self.older())?;
        }
        self.complete(&device)?;
        device.seed(self.what.seed);
        let beginning = self.start.beginning(self.data.inputs()?, self.is_untrained()?)?;
        of_kind!(beginning.kind, self.begin(beginning, &device, writes))
    }

    /// Chooses a model and a recipe where nothing names one.
    fn complete(&mut self, device: &Device) -> anyhow::Result<()> {
        let own = |recipe: &str| ["scratch", "as-is"].contains(&recipe);
        let recipe = self.what.recipe.as_deref();
        let named = self.start.is_given() || self.data.inputs()?.is_some();
        if named || recipe.is_some_and(own) {
            return Ok(());
        }
        // Gone on with is what was chosen then, however fast the machine is now.
        let older = if self.resume { Chosen::read(&self.out)? } else { None };
        let chosen = match older {
            Some(chosen) => chosen,
            None => {
                let asked = recipe.is_some() || self.what.plan.is_some();
                let wish = Wish {
                    quality: self.quality.unwrap_or(Quality::Good),
                    minutes: self.keep.minutes,
                    asked: asked.then(|| self.recipe::<Pictures>()).transpose()?,
                    epochs: self.what.epochs,
                };
                choose(&self.data, &self.start, &wish, device)?
            }
        };
        for line in &chosen.lines {
            match self.common.json {
                true => complain!("{}", one_line(line)),
                false => say!("{}", one_line(line)),
            }
        }
        self.start.model = Some(chosen.model.clone());
        if let Some(recipe) = &chosen.recipe {
            self.what.recipe = Some(recipe.clone());
            self.what.epochs.get_or_insert(epochs_of(recipe));
        }
        self.chosen = Some(chosen);
        Ok(())
    }

    /// Trains on the kind of labels that the data have.
    fn begin<M: Kind>(
        &self,
        beginning: Beginning,
        device: &Device,
        trains: bool,
    ) -> anyhow::Result<ExitCode> {
        let place = beginning.completed::<M>(self.data.place::<M>()?)?;
        let checkup = match self.checkup::<M>(&place)? {
            Verdict::Train(checkup) => checkup,
            Verdict::Stop => return Ok(ExitCode::from(2)),
        };
        if !trains {
            return self.as_is::<M>(beginning, place);
        }
        let recipe = self.recipe::<M>()?;
        let kind = self.data.kind::<M>(&place)?;
        let asked = Asked { recipe, place, checkup };
        match kind {
            TargetKind::Label => self.train::<M, usize>(asked, beginning, device),
            TargetKind::Labels => self.train::<M, Vec<usize>>(asked, beginning, device),
            TargetKind::Numbers => self.train::<M, Vec<f32>>(asked, beginning, device),
        }
    }

    fn train<M: Kind, L: Answers>(
        &self,
        Asked { recipe, place, checkup }: Asked<M>,
        beginning: Beginning,
        device: &Device,
    ) -> anyhow::Result<ExitCode> {
        let Opened { place, set, unusable } = self.data.open::<M, L>(place)?;
        let weights = beginning.weights(&self.start)?;
        let file = weights.as_ref().map(|weights| &weights.file);
        let origin = Origin {
            name: self.start.model.as_deref(),
            weights: file,
            inputs: self.data.inputs()?,
            size: self.size,
        };
        let task = self.task::<M, L>(&set)?;
        let items: Vec<&ItemOf<M>> = set.train.iter().map(|sample| &sample.item).collect();
        let (model, report) = M::begun(origin, &task, (&set.names, &items), device)?;
        let (model, vectors) = match &self.what.vectors {
            Some(file) => {
                let (model, said) = M::with_vectors(model, file, device)?;
                (model, Some(said))
            }
            None => (model, None),
        };
        let config = M::noted(model.config().clone(), &place);
        let model = model.with_config(config);
        let held = run_folder::hold(&self.out, self.older())?;
        let left_out = self.set_aside::<M, L>(&unusable)?;
        let columns: Vec<String> =
            self.data.found().into_iter().flat_map(FoundInputs::left_out).collect();
        let notes = || columns.iter().chain(&set.notes).chain(&left_out).chain(&vectors);
        if self.common.json {
            notes().for_each(|line| complain!("{}", one_line(line)));
        } else {
            say!(
                "{}: {}, {} {} to train on, {} to validate on, {} to test on",
                one_line(self.data.data.display()),
                L::counted(&set.names),
                set.train.len(),
                M::MANY,
                set.val.len(),
                set.test.len()
            );
            notes().for_each(|line| say!("{}", one_line(line)));
            let name = one_line(model.config().name());
            match &report {
                Some(report) => output::block(&format!("{name}: {report}")),
                None if model.modality().described().is_empty() => {
                    say!("{name}: no weights, training from nothing");
                }
                None => {
                    let parts = model.modality().described();
                    parts.iter().for_each(|part| say!("{}", one_line(part)));
                }
            }
        }
        self.warn_of_paths::<M, L>(&set);
        let plan = self.plan(recipe, &model)?;
        let trains = plan.is_some();
        let plan = plan.unwrap_or_else(|| Plan::new(Vec::new()));
        let config = self.config(plan, &set, &model, device)?;
        let probed = (!self.keep.no_probe).then_some(&config);
        let Remarks { lines: remarks, baselines, texts } = M::remarks(&model, &set, probed)?;
        if !self.common.json {
            remarks.iter().for_each(|line| say!("{}", one_line(line)));
        }
        if !trains {
            return self.probe(model, &set, &config, &held, &baselines);
        }
        let plan = &config.engine.plan;
        let model = model.adapted(plan)?;
        let table = plan.table(&model.network().layout())?;
        if !self.common.json {
            say!("{table}");
        }
        let run = RunFolder {
            path: &self.out,
            start: if self.resume { Start::Resume } else { Start::Fresh },
            interval: Duration::try_from_secs_f64(self.keep.state_seconds)
                .context("--state-seconds is no time")?,
        };
        self.begin_anew(&held)?;
        let metric = config.engine.settings.monitor.metric.clone();
        let mut progress = Progress::new(self.common.json, metric, M::MANY);
        // Its features are of the weights as they came. To compute them again takes time, which is not to be lost where a model was
        // named: there is a plan already.
        let before = self.chosen.is_some().then(|| model.clone());
        let data = (Train(set.train.clone()), Validation(set.val.clone()));
        let outcome = finetune(model, data, &config, Some(&run), &mut [&mut progress])?;
        let mut about = About {
            texts,
            checkup,
            ..self.about(&outcome, weights.as_ref().map(|weights| &weights.found))
        };
        about.baselines.extend(baselines.iter().cloned());
        about.notes.extend(remarks);
        about.notes.extend(self.chosen.iter().flat_map(|chosen| chosen.lines.clone()));
        about.notes.extend(table.notes);
        match about.paths {
            ReportPaths::Told => about.notes.extend(notes().cloned()),
            ReportPaths::LeftOut => {
                let skipped =
                    format!("{} {} cannot be read and are left out", unusable.len(), M::MANY);
                about.notes.extend((!unusable.is_empty()).then_some(skipped));
            }
        }
        about.notes.extend(M::notes(&config.inputs, about.paths == ReportPaths::Told));
        let test = self.test(&outcome.model, &outcome.task, &set.test)?;
        let shown = Shown {
            train: &set.train,
            val: &set.val,
            test: test.as_ref().map(|scores| (set.test.as_slice(), scores)),
        };
        write_report(&self.out, &about, &config, &outcome, shown)?;
        let mut next = match before {
            Some(model) => next::worth(&model, &set)?,
            None => Vec::new(),
        };
        let page = self.out.join("report.html");
        next.push(format!("{} shows the {} that it is most wrong about", page.display(), M::MANY));
        progress.end::<M, L>(&outcome, &set, test.as_ref(), &baselines, &next)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Removes what an older run left where it is to be replaced, and keeps what was chosen for this one.
    fn begin_anew(&self, held: &Held) -> anyhow::Result<()> {
        if self.overwrite {
            held.clear()?;
        }
        self.chosen.as_ref().map_or(Ok(()), |chosen| chosen.write(&self.out))
    }

    fn older(&self) -> Older {
        match (self.resume, self.overwrite) {
            (true, _) => Older::GoneOnWith,
            (false, true) => Older::Removed,
            (false, false) => Older::Refused,
        }
    }

    /// Lists the files that are left out in the run's folder, and says so.
    fn set_aside<M: Kind, L>(&self, unusable: &[Unusable<L>]) -> anyhow::Result<Option<String>> {
        if unusable.is_empty() {
            return Ok(None);
        }
        let list = self.out.join("bad_files.csv");
        quarantine(&list, unusable)?;
        Ok(Some(format!(
            "{} {} cannot be read and are left out; {} says why",
            unusable.len(),
            M::MANY,
            list.display()
        )))
    }

    /// What the best model answers to the test items, if there are any: once, after everything was chosen.
    fn test<M: Kind, T: ModelTask>(
        &self,
        model: &ModelOf<M>,
        task: &T,
        samples: &[SampleOf<T::Label, ItemOf<M>>],
    ) -> anyhow::Result<Option<T::Scores>> {
        if samples.is_empty() {
            return Ok(None);
        }
        let samples = Test(samples.to_vec());
        Ok(Some(measure(model, task, samples, self.batch(), TestViews::One)?))
    }

    fn about<M: Kind, T: ModelTask>(
        &self,
        outcome: &Outcome<T, M>,
        weights: Option<&Found>,
    ) -> About {
        let arguments =
            std::env::args_os().skip(1).map(|argument| quoted(&argument.to_string_lossy()));
        let probe =
            outcome.model.probe().map(|value| ("a probe of the features".to_owned(), value));
        About {
            command: std::iter::once("rekindle".to_owned())
                .chain(arguments)
                .collect::<Vec<_>>()
                .join(" "),
            folder: self.data.data.display().to_string(),
            origin: match (weights, outcome.model.modality().origin()) {
                // Of files that were named no digest is known, and their origin is their path.
                (Some(Found { sha256, .. }), _) if sha256.is_empty() && self.private_report => {
                    "a file".to_owned()
                }
                (Some(weights), _) => weights.origin.clone(),
                (None, Some(_)) if self.private_report => "files".to_owned(),
                (None, origin) => origin.unwrap_or_default(),
            },
            sha256: weights.map_or_else(String::new, |weights| weights.sha256.clone()),
            device: self.common.device.to_string(),
            notes: cache_notes(outcome),
            baselines: probe.into_iter().collect(),
            texts: None,
            checkup: None,
            paths: match self.private_report {
                true => ReportPaths::LeftOut,
                false => ReportPaths::Told,
            },
        }
    }
}
