//! `rekindle ladder`: scaling experiments, from few classes and pictures to all, the worst dropped on each rung.
//!
//! ```toml
//! data = "pictures"      # as `rekindle finetune --data` takes it; paths start at --root
//! seed = 0
//!
//! [[candidates]]
//! name = "head"
//! weights = "resnet18.a1_in1k"
//! recipe = "head"
//! epochs = 5
//!
//! [[rungs]]
//! classes = 0.5         # of the classes, at least two
//! pictures = 0.1        # of the training pictures of each class, at least one
//! keep = 0.5            # of the candidates go on, at least one
//! ```

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use rekindle::{
    Finetune, Model, RunFolder, TestViews,
    data::{ImageFolder, Sample, Split},
    digest_samples, finetune, measure,
    metrics::accuracy_interval,
    report::{
        Unit,
        chart::{Axis, LineChart, Scale, Series, line_chart},
    },
    train::{Test, Train, Validation},
};
use rekindle_base::write_file;
use serde::{Deserialize, Serialize};

mod file;

use file::{Candidate, Ladder, Rung};

use super::{Common, percent};

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
    accuracy: f64,
    low: f64,
    high: f64,
    /// On the test pictures, where there are any, on the last rung: nothing is chosen by it.
    test: Option<f64>,
    seconds: f64,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = fs::read_to_string(&self.ladder)
            .with_context(|| format!("{}: cannot be read", self.ladder.display()))?;
        let ladder: Ladder =
            toml::from_str(&text).with_context(|| self.ladder.display().to_string())?;
        ladder.check(&self.root)?;
        let folder = ImageFolder::open(&self.root.join(&ladder.data), &Split::default())?;
        fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let log = self.out.join("results.jsonl");
        let mut rows = read(&log)?;

        let width = ladder.candidates.iter().map(|candidate| candidate.name.chars().count()).max();
        let width = width.unwrap_or_default();
        let mut alive: Vec<&Candidate> = ladder.candidates.iter().collect();
        let mut climbed: Vec<Row> = Vec::new();
        for (index, rung) in ladder.rungs.iter().enumerate() {
            let last = index + 1 == ladder.rungs.len();
            let part = Part::of(&folder, rung, last);
            let mut found = Vec::new();
            for candidate in &alive {
                let key = format!("{} {} {}", ladder.seed, part.key(), candidate.key(&self.root)?);
                let known = rows.iter().find(|row| {
                    (row.rung, &row.candidate, &row.key) == (index + 1, &candidate.name, &key)
                });
                let row = match known {
                    Some(row) => row.clone(),
                    None => {
                        let row = self.climb(&ladder, candidate, &part, (index + 1, key))?;
                        append(&log, &row)?;
                        rows.push(row.clone());
                        row
                    }
                };
                self.say(&row, width);
                found.push(row);
            }
            // Of equals, the quicker one goes on.
            found.sort_by(|a, b| {
                (b.accuracy, a.seconds)
                    .partial_cmp(&(a.accuracy, b.seconds))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
            let keep = ((found.len() as f64 * rung.keep).ceil() as usize).max(1);
            let kept: Vec<&str> =
                found.iter().take(keep).map(|row| row.candidate.as_str()).collect();
            alive.retain(|candidate| kept.contains(&candidate.name.as_str()));
            climbed.extend(found);
        }
        let plots = [
            ("accuracy.svg", plot(&climbed, "training pictures", |row| row.pictures as f64)),
            ("cost.svg", plot(&climbed, "seconds of training", |row| row.seconds)),
        ];
        for (name, plot) in plots {
            write_file(&self.out.join(name), plot).context("a plot cannot be written")?;
        }
        write_file(&self.out.join("ladder.md"), table(&climbed))
            .context("the table cannot be written")?;
        if !self.common.json {
            say!("table and plots: {}", self.out.display());
        }
        Ok(ExitCode::SUCCESS)
    }

    fn climb(
        &self,
        ladder: &Ladder,
        candidate: &Candidate,
        part: &Part,
        (rung, key): (usize, String),
    ) -> anyhow::Result<Row> {
        let device = self.common.device.open()?.autodiff();
        device.seed(ladder.seed);
        let weights = candidate.weights.as_ref().map(|path| self.root.join(path));
        let (name, weights) = (candidate.model.as_deref(), weights.as_deref());
        let (model, _) = Model::for_labels(name, weights, &part.classes, &device)?;
        let plan = candidate.plan(&self.root)?;
        let config = Finetune {
            batch: candidate.batch,
            augment: candidate.augment()?.rows(&model.config.tag)?,
            views: Finetune::usual_views(&plan),
            probe: false,
            seed: ladder.seed,
            ..Finetune::new(plan)
        };
        let out = self.out.join(format!("{rung}-{}", candidate.name));
        let data = (Train(part.train.clone()), Validation(part.val.clone()));
        let outcome = finetune(model, data, &config, Some(&RunFolder::new(&out)), &mut [])
            .with_context(|| format!("candidate `{}` on rung {rung}", candidate.name))?;
        let interval = accuracy_interval(&outcome.predictions);
        let test = match part.test.is_empty() {
            true => None,
            false => {
                let samples = Test(part.test.clone());
                Some(measure(&outcome.model, samples, candidate.batch, TestViews::One)?.top(1))
            }
        };
        Ok(Row {
            rung,
            candidate: candidate.name.clone(),
            key,
            classes: part.classes.len(),
            pictures: part.train.len(),
            epochs: outcome.history.len(),
            accuracy: outcome.predictions.top(1),
            low: interval.low,
            high: interval.high,
            test,
            seconds: outcome.duration.as_secs_f64(),
        })
    }

    fn say(&self, row: &Row, width: usize) {
        if self.common.json {
            say!("{}", serde_json::to_string(row).unwrap_or_default());
            return;
        }
        let [accuracy, low, high] = [row.accuracy, row.low, row.high].map(percent);
        say!(
            "rung {}  {:<width$} {:>3} classes {:>6} pictures  {accuracy:>6} ({low} to {high})  {:.1} s",
            row.rung,
            row.candidate,
            row.classes,
            row.pictures,
            row.seconds
        );
    }
}

/// Some of the classes, and some of the training pictures of each; all validation pictures of those classes.
struct Part {
    classes: Vec<String>,
    train: Vec<Sample>,
    val: Vec<Sample>,
    /// None but on the last rung.
    test: Vec<Sample>,
}

impl Part {
    /// The first classes, and the first pictures of each: a higher rung has all that a lower one has.
    fn of(folder: &ImageFolder, rung: &Rung, last: bool) -> Self {
        let count = ((folder.classes.len() as f64 * rung.classes).round() as usize)
            .clamp(2, folder.classes.len());
        let of_class = |samples: &[Sample], share: f64| -> Vec<Sample> {
            let mut by_class: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
            for sample in samples.iter().filter(|sample| sample.label < count) {
                by_class.entry(sample.label).or_default().push(sample.clone());
            }
            let some = |samples: Vec<Sample>| {
                let some = ((samples.len() as f64 * share).round() as usize).max(1);
                samples.into_iter().take(some)
            };
            by_class.into_values().flat_map(some).collect()
        };
        Self {
            classes: folder.classes[..count].to_vec(),
            train: of_class(&folder.train, rung.pictures),
            val: of_class(&folder.val, 1.0),
            test: if last { of_class(&folder.test, 1.0) } else { Vec::new() },
        }
    }

    fn key(&self) -> String {
        format!(
            "{:?} {} {} {}",
            self.classes,
            digest_samples(&self.train),
            digest_samples(&self.val),
            digest_samples(&self.test)
        )
    }
}

/// What is done already; a line that was cut by a kill is done again.
fn read(log: &Path) -> anyhow::Result<Vec<Row>> {
    match fs::read_to_string(log) {
        Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("{}: cannot be read", log.display())),
    }
}

fn append(log: &Path, row: &Row) -> anyhow::Result<()> {
    let line = serde_json::to_string(row)?;
    // A line that a kill cut must not swallow this one.
    let torn = fs::read(log).is_ok_and(|text| text.last().is_some_and(|&byte| byte != b'\n'));
    let start = if torn { "\n" } else { "" };
    let mut file = OpenOptions::new().create(true).append(true).open(log)?;
    writeln!(file, "{start}{line}").with_context(|| format!("{}: cannot be written", log.display()))
}

fn table(rows: &[Row]) -> String {
    let mut text = "| rung | candidate | classes | pictures | accuracy | 95% | test | seconds |\n|---|---|---|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let [accuracy, low, high] = [row.accuracy, row.low, row.high].map(percent);
        let test = row.test.map_or_else(String::new, percent);
        text += &format!(
            "| {} | {} | {} | {} | {accuracy} | {low} to {high} | {test} | {:.1} |\n",
            row.rung, row.candidate, row.classes, row.pictures, row.seconds
        );
    }
    text
}

/// Accuracy by what it takes, a line a candidate.
fn plot(rows: &[Row], label: &str, x: fn(&Row) -> f64) -> String {
    let mut lines: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        lines.entry(&row.candidate).or_default().push((x(row), row.accuracy));
    }
    let series = lines.into_iter().enumerate().map(|(style, (name, mut points))| {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series { name: name.to_owned(), points, style }
    });
    line_chart(&LineChart {
        title: format!("Validation accuracy by {label}"),
        width: 720.0,
        height: 420.0,
        x: Axis { label: label.to_owned(), scale: Scale::Log, ..Axis::default() },
        y: Axis { unit: Unit::Share, ..Axis::default() },
        series: series.collect(),
        ..LineChart::default()
    })
}
