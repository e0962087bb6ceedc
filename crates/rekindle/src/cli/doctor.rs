//! `rekindle doctor`: what is wrong with labelled pictures or texts, before training on them.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{DeviceKind, InputKind, ItemOf, ListsRead, ModelOf, data::DataConfig};
use rekindle_base::write_file;
use rekindle_doctor::{
    Diagnosis, EmbeddingOptions, Options, Severity, html, least_for, text, write_manifest,
};
use serde_json::json;

use super::{
    embed::Batches,
    kind::{Kind, Place, kind_of_data, of_kind},
    machine, numbers, output,
    weights::{OpenedWeights, WeightsArguments},
};

/// Find what is wrong with labelled pictures or texts before training on them; without them, with this machine. No file of
/// theirs is changed.
///
/// A list with a column `labels` is examined for several labels a picture, and one with --target for numbers: copies whose
/// labels or numbers differ, labels that are never apart, numbers that are missing, far out, or elsewhere in one part.
///
/// Without data it says what this machine has for training: instructions, memory, cache, network, licenses.
///
/// Exits with 0 where no error is found (there may be warnings and notes), with 1 where the data cannot be examined or a
/// file not be written, and with 2 where errors are found (or the command is mistyped): files that cannot be read, one
/// picture under two labels or in two parts of the data, labels without pictures, numbers that are missing or never change.
///
/// With weights (--model or --weights) it also doubts labels: it warns of pictures whose label the pictures most like them
/// contradict, as the network sees them, with a score: of several labels one at a time, of numbers those far from the median of
/// the pictures most like theirs. Labels of fewer than five pictures are not doubted.
#[derive(Args)]
pub(super) struct Arguments {
    /// One folder per label, or train/ and perhaps val/ and test/ of those; or a list (path,label,split in a .csv); or
    /// MNIST's or CIFAR's files, or strips of pictures, whose pictures are named FILE#ROW, counted from 0.
    data: Option<PathBuf>,
    /// The column of texts, where it is not called as usual; twice for pairs.
    #[arg(long = "text", value_name = "COLUMN")]
    texts: Vec<String>,
    /// The column of labels of texts, where it is not called as usual.
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Examine the numbers of this column of a list instead of labels. As often as there are columns.
    #[arg(long = "target", value_name = "COLUMN")]
    targets: Vec<String>,
    #[command(flatten)]
    weights: WeightsArguments,
    /// Where the network computes: cpu, cuda or vulkan.
    #[arg(long, default_value = "cpu")]
    device: DeviceKind,
    /// Items that go through the network at once.
    #[arg(long, default_value_t = 32, value_parser = numbers::batch)]
    batch: usize,
    /// The recipe that the data are for; it decides how many a label needs.
    #[arg(long, default_value = "head")]
    recipe: String,
    /// The fewest training pictures that a label may have, or numbers in all. [default: what the recipe wants]
    #[arg(long, value_parser = numbers::count_or_none)]
    least: Option<usize>,
    /// Write `path,label,split` of all pictures but the bad: those that cannot be read, all but one of exact duplicates,
    /// those under two labels (or with other labels or numbers), those without a number, and copies in train/ of what is measured on. Of a list its lines without those, with all
    /// its columns. `finetune --data MANIFEST.csv` takes it.
    #[arg(long, value_name = "MANIFEST.csv")]
    fix: Option<PathBuf>,
    /// Write what was found as one page of HTML, with small pictures.
    #[arg(long, value_name = "PAGE.html")]
    html: Option<PathBuf>,
    /// The most findings of a kind, and files of a finding, that are shown.
    #[arg(long, default_value_t = 5, value_parser = numbers::count_or_none)]
    most: usize,
    /// Threads to read pictures on. [default: one for each core]
    #[arg(long, value_parser = numbers::threads)]
    threads: Option<NonZeroUsize>,
    /// Print one JSON object a line: each finding, then a summary.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let Some(data) = &self.data else { return self.machine() };
        let known = least_for(&self.recipe);
        let Some(least_examples) = self.least.or(known) else {
            bail!(
                "`{}` is no recipe; give one that `finetune --help` lists, or --least",
                self.recipe
            );
        };
        let threads = self.threads.map_or(0, NonZeroUsize::get);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.context("cannot start the threads to read on; try fewer with --threads")?;
        pool.install(|| {
            let options = Options { least_examples, ..Options::default() };
            let (kind, weights) = self.kind(data)?;
            let diagnosis = of_kind!(kind, self.diagnosis(data, options, weights.as_ref()))?;
            say(&diagnosis, self.most, self.json)?;
            if let Some(path) = &self.html {
                write_file(path, html(&diagnosis, self.most.max(12)))
                    .with_context(|| format!("{}: cannot be written", path.display()))?;
            }
            let manifest =
                self.fix.as_ref().map(|path| write_manifest(&diagnosis, path)).transpose()?;
            if let (Some(path), Some(manifest), false) = (&self.fix, manifest, self.json) {
                let (kept, left_out) = (manifest.kept, manifest.left_out);
                let path = output::one_line(path.display());
                say!("{path}: {kept} kept; {left_out} left out");
            }
            let errors = diagnosis.count(Severity::Error);
            Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
        })
    }
}

impl Arguments {
    /// Examines the machine, where nothing was asked of data.
    fn machine(&self) -> anyhow::Result<ExitCode> {
        let asked = [
            ("--text", !self.texts.is_empty()),
            ("--label", self.label.is_some()),
            ("--target", !self.targets.is_empty()),
            ("--model or --weights", self.weights.is_given()),
            ("--least", self.least.is_some()),
            ("--fix", self.fix.is_some()),
            ("--html", self.html.is_some()),
        ];
        if let Some((name, _)) = asked.iter().find(|(_, given)| *given) {
            bail!("which data? {name} is of pictures or texts; name them: `rekindle doctor DATA`");
        }
        machine::examine(self.json)
    }

    /// What the data are of: what the model that is given takes, else what they look like.
    fn kind(&self, data: &Path) -> anyhow::Result<(InputKind, Option<OpenedWeights>)> {
        if self.weights.is_given() {
            let (kind, weights) = self.weights.opened_kind()?;
            return Ok((kind, Some(weights)));
        }
        let named = !self.texts.is_empty() || self.label.is_some();
        Ok((kind_of_data(data, named), None))
    }

    fn diagnosis<M: Kind>(
        &self,
        data: &Path,
        options: Options,
        weights: Option<&OpenedWeights>,
    ) -> anyhow::Result<Diagnosis> {
        let config = DataConfig { targets: self.targets.clone(), ..DataConfig::new(data) };
        let label = self.label.as_deref();
        let data = M::place(Place {
            config,
            text: &self.texts,
            label,
            inputs: None,
            read: ListsRead::default(),
        })?;
        let Some(weights) = weights else {
            return M::examined(&data, &options, None);
        };
        let device = self.device.open()?;
        let model = weights.model::<M>(&device)?;
        let data = model.modality().completed(model.config(), &data);
        let embeddings = Some(self.embeddings(&model, &data)?);
        M::examined(&data, &Options { embeddings, ..options }, Some(&model))
    }

    /// What a network sees in the items. What cannot be read is a finding, and no error.
    fn embeddings<M: Kind>(
        &self,
        model: &ModelOf<M>,
        data: &M::Data,
    ) -> anyhow::Result<EmbeddingOptions> {
        let (names, items): (Vec<PathBuf>, Vec<ItemOf<M>>) = M::to_embed(data)?.into_iter().unzip();
        let rows = Batches { model, stage: None, batch: self.batch }.embed(&items, |_| ());
        let rows = names.into_iter().zip(rows).filter_map(|(name, row)| Some((name, row?)));
        Ok(EmbeddingOptions { rows: rows.collect() })
    }
}

/// Prints what was found, at most `most` findings of a kind and files of a finding, or all as JSON.
pub(super) fn say(diagnosis: &Diagnosis, most: usize, json: bool) -> anyhow::Result<()> {
    if !json {
        say!("{}", text(diagnosis, most).trim_end());
        return Ok(());
    }
    for finding in &diagnosis.findings {
        output::json(finding)?;
    }
    let [errors, warnings, notes] =
        [Severity::Error, Severity::Warning, Severity::Note].map(|it| diagnosis.count(it));
    let mut summary = json!({
        "folder": diagnosis.folder.to_string_lossy(),
        "pictures": diagnosis.examined.len(),
        "labels": diagnosis.labels,
        "errors": errors,
        "warnings": warnings,
        "notes": notes,
    });
    if !diagnosis.numbers.is_empty() {
        summary["numbers"] = json!(diagnosis.numbers);
    }
    output::json(&summary)
}
