//! `rekindle ladder`: scaling experiments, from few classes and pictures to all, the worst dropped on each rung.
//!
//! ```toml
//! data = "pictures"      # as `rekindle finetune --data` takes it; paths start at --root
//! seed = 0
//!
//! [[candidates]]
//! name = "head"
//! weights = "resnet18.a1_in1k"    # or model, or of rows inputs = "inputs.toml"
//! recipe = "head"
//! epochs = 5
//!
//! [[rungs]]
//! classes = 0.5         # of the classes, at least two
//! pictures = 0.1        # of the training pictures of each class, at least one
//! keep = 0.5            # of the candidates go on, at least one
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{
    FinetuneConfig, HeadStart, InputKind, Inputs, ItemOf, ListsRead, ModelTask as _, RunFolder,
    TestViews,
    data::{DataConfig, Digests, TargetKind},
    engine::TransferTask as _,
    finetune, measure,
    metrics::Direction,
    train::{Test, Train, Validation},
};
use rekindle_base::{own_folder, write_file};
use serde::{Deserialize, Serialize};

mod file;
mod part;
mod results;
mod shown;

use file::{Candidate, Ladder, folder};
use part::{Opened, Part};
use shown::{plot, table};

use super::{
    Common,
    answers::{Answers, shown},
    kind::{Kind, Origin, Place, check_inputs, completed, of_kind},
    output,
    run_folder::{self, Older},
    weights::{check_licenses, policy},
};

/// Run candidates on more and more data, and drop the worst on the way.
#[derive(Args)]
pub(super) struct Arguments {
    /// The candidates and the rungs, in TOML.
    ladder: PathBuf,
    /// Where the paths in it start.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Folder for the runs, the table and the plots; what is done there is not done again.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    pub(super) common: Common,
}

/// A candidate that goes on.
struct Climber<'a> {
    candidate: &'a Candidate,
    /// What its runs depend on, besides the data.
    key: String,
    /// The place of what it is trained on.
    data: usize,
}

/// A run, as a line of `results.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    rung: usize,
    candidate: String,
    /// What the run depends on; another text is another run.
    key: String,
    classes: usize,
    pictures: usize,
    epochs: usize,
    /// What candidates are compared by, on the validation pictures.
    #[serde(default = "accuracy")]
    metric: String,
    #[serde(alias = "accuracy")]
    value: f64,
    low: f64,
    high: f64,
    /// On the test pictures, where there are any, on the last rung: nothing is chosen by it.
    test: Option<f64>,
    seconds: f64,
}

fn accuracy() -> String {
    "accuracy".to_owned()
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = fs::read_to_string(&self.ladder)
            .with_context(|| format!("{}: cannot be read", self.ladder.display()))?;
        let ladder: Ladder =
            toml::from_str(&text).with_context(|| self.ladder.display().to_string())?;
        ladder.check(&self.root)?;
        let kinds: anyhow::Result<Vec<InputKind>> =
            ladder.candidates.iter().map(|candidate| candidate.kind(&self.root)).collect();
        let kinds = kinds?;
        if kinds.windows(2).any(|pair| pair[0] != pair[1]) {
            bail!(
                "candidates take different kinds of items (pictures, texts, rows); climb a ladder of each"
            );
        }
        of_kind!(kinds.first().copied().unwrap_or(InputKind::Pictures), self.climb_kind(&ladder))
    }

    /// Where the data of a candidate are.
    fn place<M: Kind>(
        &self,
        ladder: &Ladder,
        candidate: &Candidate,
        inputs: Option<&Inputs>,
    ) -> anyhow::Result<M::Data> {
        let config = DataConfig {
            targets: ladder.targets.clone(),
            ..DataConfig::new(self.root.join(&ladder.data))
        };
        let (text, label) = (&ladder.text, ladder.label.as_deref());
        let place = M::place(Place { config, text, label, inputs, read: ListsRead::default() })?;
        completed::<M>(place, candidate.opened(&self.root)?.as_ref())
    }

    fn climb_kind<M: Kind>(&self, ladder: &Ladder) -> anyhow::Result<ExitCode> {
        let data = self.root.join(&ladder.data);
        let Some(first) = ladder.candidates.first() else { bail!("there are no candidates") };
        let inputs = first.inputs(&self.root)?;
        let offer = M::offer(&self.place::<M>(ladder, first, inputs.as_ref())?)?;
        if ladder.targets.is_empty() && offer.kind() == TargetKind::Numbers {
            bail!(
                "{}: has no column `label` or `labels`; name the numbers to learn, as in targets = [{:?}]",
                output::one_line(data.display()),
                offer.numbers[0]
            );
        }
        let kind = match (ladder.targets.is_empty(), offer.labels && !offer.label) {
            (false, _) => TargetKind::Numbers,
            (true, true) => TargetKind::Labels,
            (true, false) => TargetKind::Label,
        };
        match kind {
            TargetKind::Label => self.climb_all::<M, usize>(ladder),
            TargetKind::Labels => self.climb_all::<M, Vec<usize>>(ladder),
            TargetKind::Numbers => self.climb_all::<M, Vec<f32>>(ladder),
        }
    }

    fn open<M: Kind, L: Answers>(
        &self,
        ladder: &Ladder,
        candidate: &Candidate,
    ) -> anyhow::Result<Opened<M, L>> {
        let inputs = candidate.inputs(&self.root)?;
        let place = self.place::<M>(ladder, candidate, inputs.as_ref())?;
        let set = M::open::<L>(&place)?;
        if !self.common.json {
            set.notes.iter().for_each(|note| say!("{}", output::one_line(note)));
        }
        Ok(Opened { inputs, place, set })
    }

    fn climb_all<M: Kind, L: Answers>(&self, ladder: &Ladder) -> anyhow::Result<ExitCode> {
        let data = self.root.join(&ladder.data);
        let (opened, places) =
            Opened::of_all(ladder, |candidate| self.open::<M, L>(ladder, candidate))?;
        run_folder::check(&self.out, &[&data], Older::GoneOnWith)?;
        let _held = run_folder::hold(&self.out, Older::GoneOnWith)?;
        let log = self.out.join("results.jsonl");
        let mut rows = results::read(&log)?;

        let width = ladder.candidates.iter().map(|candidate| candidate.name.chars().count()).max();
        let width = width.unwrap_or_default();
        let climber = |(candidate, data): (_, usize)| {
            let key = Candidate::key::<M>(candidate, &self.root, opened[data].inputs.as_ref())?;
            Ok(Climber { candidate, key, data })
        };
        let alive = ladder.candidates.iter().zip(places).map(climber);
        let mut alive: Vec<Climber<'_>> = alive.collect::<anyhow::Result<_>>()?;
        let files = Digests::in_memory();
        let mut climbed: Vec<Row> = Vec::new();
        for (index, rung) in ladder.rungs.iter().enumerate() {
            let last = index + 1 == ladder.rungs.len();
            let read: BTreeSet<usize> = alive.iter().map(|climber| climber.data).collect();
            let part = |data: usize| {
                let part = Part::<M, L>::of(&opened[data].set, rung, last);
                let digest = part.key(&files)?;
                Ok((data, (part, digest)))
            };
            let parts: BTreeMap<_, _> =
                read.into_iter().map(part).collect::<anyhow::Result<_>>()?;
            let mut found = Vec::new();
            for Climber { candidate, key, data } in &alive {
                let (part, digest) = &parts[data];
                let key = format!("{} {digest} {key}", ladder.seed);
                let known = rows.iter().find(|row| {
                    (row.rung, &row.candidate, &row.key) == (index + 1, &candidate.name, &key)
                });
                let row = match known {
                    Some(row) => row.clone(),
                    None => {
                        let on = (part, &opened[*data]);
                        let row = self.climb(ladder, candidate, on, (index + 1, key))?;
                        results::append(&log, &row)?;
                        rows.push(row.clone());
                        row
                    }
                };
                self.say(&row, width, M::MANY)?;
                found.push(row);
            }
            // Of equals, the quicker one goes on.
            found.sort_by(|a, b| {
                let better = Direction::of(&a.metric).map(|direction| {
                    let beats = |x: &Row, y: &Row| direction.is_better(x.value, y.value);
                    beats(b, a).cmp(&beats(a, b))
                });
                let better = better.unwrap_or(std::cmp::Ordering::Equal);
                better.then(a.seconds.total_cmp(&b.seconds))
            });
            let keep = ((found.len() as f64 * rung.keep).ceil() as usize).max(1);
            let kept: Vec<&str> =
                found.iter().take(keep).map(|row| row.candidate.as_str()).collect();
            alive.retain(|climber| kept.contains(&climber.candidate.name.as_str()));
            climbed.extend(found);
        }
        let plots = [
            (
                "accuracy.svg",
                plot(&climbed, &format!("training {}", M::MANY), |row| row.pictures as f64),
            ),
            ("cost.svg", plot(&climbed, "seconds of training", |row| row.seconds)),
        ];
        for (name, plot) in plots {
            write_file(&self.out.join(name), plot).context("a plot cannot be written")?;
        }
        write_file(&self.out.join("ladder.md"), table(&climbed, M::MANY))
            .context("the table cannot be written")?;
        if !self.common.json {
            say!("table and plots: {}", output::one_line(self.out.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn climb<M: Kind, L: Answers>(
        &self,
        ladder: &Ladder,
        candidate: &Candidate,
        (part, opened): (&Part<M, L>, &Opened<M, L>),
        (rung, key): (usize, String),
    ) -> anyhow::Result<Row> {
        let device = self.common.device.open()?.autodiff();
        device.seed(ladder.seed);
        let weights = candidate.opened(&self.root)?;
        let (name, task) = (candidate.model.as_deref(), L::Task::of(&part.names));
        if let Some(weights) = &weights {
            check_licenses(weights, name, &policy(&[])?)?;
        }
        let inputs = opened.inputs.as_ref();
        if let Some(inputs) = inputs {
            check_inputs(inputs, &policy(&[])?)?;
        }
        let items: Vec<&ItemOf<M>> = part.train.iter().map(|sample| &sample.item).collect();
        let origin = Origin { name, weights: weights.as_ref(), inputs, size: None };
        let (model, _) = M::begun(origin, &task, (&part.names, &items), &device)?;
        let about = M::noted(model.config().clone(), &opened.place);
        let model = model.with_config(about);
        let plan = candidate.plan::<M>(&self.root)?;
        let plan = model.modality().suited(model.network(), plan);
        let views = FinetuneConfig::<L::Task, M>::usual_views(&plan);
        let mut config = FinetuneConfig::<L::Task, M>::of(plan, task);
        config.inputs = M::augmented(candidate.augment()?, L::KIND, &model)?;
        config.engine.batch = candidate.batch;
        config.engine.views = views;
        config.engine.probe = false;
        config.engine.seed = ladder.seed;
        let begun = inputs.is_some_and(|inputs| inputs.weights().next().is_some());
        if weights.is_none() && !begun {
            config.engine.head = HeadStart::AsItIs;
        }
        let out = self.out.join(folder(rung, &candidate.name));
        own_folder(&out).with_context(|| format!("{}: cannot be made", out.display()))?;
        let data = (Train(part.train.clone()), Validation(part.val.clone()));
        let outcome = finetune(model, data, &config, Some(&RunFolder::new(&out)), &mut [])
            .with_context(|| format!("candidate `{}` on rung {rung}", candidate.name))?;
        let found = L::found(&outcome.task, &outcome.predictions);
        let metric = outcome.task.monitor().metric;
        let measured = found.metrics.iter().find(|known| known.name == metric);
        let measured = measured.context("a task without its own metric")?;
        let [low, high] = measured.interval.unwrap_or([f64::NAN; 2]);
        let test = match part.test.is_empty() {
            true => None,
            false => {
                let (model, samples) = (&outcome.model, Test(part.test.clone()));
                let one = TestViews::One;
                let scores = measure(model, &outcome.task, samples, candidate.batch, one)?;
                L::found(&outcome.task, &scores).values.get(&metric)
            }
        };
        Ok(Row {
            rung,
            candidate: candidate.name.clone(),
            key,
            classes: part.names.len(),
            pictures: part.train.len(),
            epochs: outcome.history.iter().filter(|epoch| epoch.number > 0).count(),
            value: measured.value,
            metric,
            low,
            high,
            test,
            seconds: outcome.duration.as_secs_f64(),
        })
    }

    fn say(&self, row: &Row, width: usize, many: &str) -> anyhow::Result<()> {
        if self.common.json {
            let mut line = serde_json::to_value(row)?;
            // As it was called before there were other metrics.
            line[row.metric.as_str()] = row.value.into();
            return output::json(&line);
        }
        let [value, low, high] = [row.value, row.low, row.high].map(|x| shown(&row.metric, x));
        say!(
            "rung {}  {:<width$} {:>3} {} {:>6} {many}  {value:>6} ({low} to {high})  {:.1} s",
            row.rung,
            output::one_line(&row.candidate),
            row.classes,
            if row.metric == "mae" { "numbers" } else { "classes" },
            row.pictures,
            row.seconds
        );
        Ok(())
    }
}
