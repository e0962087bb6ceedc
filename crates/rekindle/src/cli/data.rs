//! The data of several commands.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::bail;
use clap::Args;
use rekindle::{
    FoundInputs, Inputs, NotInputs, SetOf,
    data::{DataConfig, Split, Target, TargetKind, Unusable, manifest::is_manifest},
    text::lists_of_texts,
};

use super::{
    kind::{Kind, Place},
    numbers,
    weights::WeightsArguments,
};

/// Which data.
#[derive(Args)]
pub(super) struct DataArguments {
    /// One folder per label, or train/ and perhaps val/ and test/ of those; or a list (path,label,split in a .csv); or
    /// MNIST's or CIFAR's files, or strips of pictures. Of texts a list (text,label,split in a .csv, .tsv, .jsonl), or a
    /// folder of lists (train.csv, val.csv, test.csv). Where nothing names a network, the columns of a list are inputs.
    #[arg(long)]
    pub(super) data: PathBuf,
    /// Validate on this folder, one folder a label, instead of on val/ or on a part of the training pictures. It chooses
    /// the best epoch, so it is no test any more.
    #[arg(long)]
    val: Option<PathBuf>,
    /// Measure the model that is kept on this folder or list, once, at the end, instead of on what the data have to test on.
    #[arg(long)]
    test: Option<PathBuf>,
    /// The column of texts, where it is not called as usual; twice for pairs.
    #[arg(long, value_name = "COLUMN")]
    pub(super) text: Vec<String>,
    /// The column of labels of texts or of a table, where it is not called as usual.
    #[arg(long, value_name = "COLUMN")]
    pub(super) label: Option<String>,
    /// Which columns of a list are read, and how, by a model of several inputs: a file in TOML.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "model", "weights"])]
    inputs: Option<PathBuf>,
    /// The same, once it was read.
    #[arg(skip)]
    inputs_read: OnceLock<Inputs>,
    /// Leave this column of a table out, all of whose other columns are inputs. As often as needed.
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["inputs", "model", "weights"])]
    ignore: Vec<String>,
    /// Units of the hidden layers over the columns of a table, as in 64,64; 0 for none. [default: 128,128]
    #[arg(
        long,
        value_name = "UNITS",
        value_delimiter = ',',
        value_parser = numbers::units,
        conflicts_with_all = ["inputs", "model", "weights"]
    )]
    hidden: Vec<usize>,
    /// Make residual blocks of all hidden layers over the columns of a table but the first.
    #[arg(long, conflicts_with_all = ["inputs", "model", "weights"])]
    residual: bool,
    /// What was found of the columns of a table.
    #[arg(skip)]
    found: OnceLock<FoundInputs>,
    /// Learn the numbers of this column of a list instead of labels. As often as there are columns.
    #[arg(long = "target", value_name = "COLUMN")]
    pub(super) targets: Vec<String>,
    /// The share of each label's training pictures to validate on, where there is no folder of those.
    #[arg(long, default_value_t = 0.2, value_parser = numbers::share)]
    split: f64,
    /// Draws which ones; another than --seed, so that runs of several seeds are measured on the same pictures.
    #[arg(long, default_value_t = 0)]
    split_seed: u64,
    /// Train on so many items of each label, drawn by --shots-seed; what is measured on stays.
    #[arg(long, value_name = "COUNT", value_parser = numbers::count)]
    shots: Option<usize>,
    /// Draws which.
    #[arg(long, default_value_t = 0, requires = "shots")]
    shots_seed: u64,
    /// What becomes of pictures that cannot be read: `error` stops at the first that is needed, `skip` looks at all
    /// of them first, leaves those out, and says so.
    #[arg(long, default_value = "error")]
    bad_files: BadFiles,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BadFiles {
    Error,
    Skip,
}

/// What is learned from, and what was left out.
pub(super) struct Opened<M: Kind, L: Target> {
    pub(super) place: M::Data,
    pub(super) set: SetOf<M, L>,
    pub(super) unusable: Vec<Unusable<L>>,
}

impl DataArguments {
    /// Where they are.
    pub(super) fn folders(&self) -> Vec<&Path> {
        [Some(&self.data), self.val.as_ref(), self.test.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .collect()
    }

    /// Whether only some examples of each label are trained on.
    pub(super) fn draws_few(&self) -> bool {
        self.shots.is_some()
    }

    /// Whether pictures that cannot be read are left out instead of stopping at them.
    pub(super) fn skips_bad_files(&self) -> bool {
        self.bad_files == BadFiles::Skip
    }

    /// Looks at the columns of a list, where nothing names a network: they are inputs then. A list of nothing but texts or
    /// pictures is none, for those have networks to be named.
    pub(super) fn find_inputs(&self, start: &WeightsArguments) -> anyhow::Result<()> {
        let named = start.is_given() || self.inputs.is_some();
        if named || !self.text.is_empty() || !is_list(&self.data) {
            return Ok(());
        }
        let besides = NotInputs { label: self.label.as_deref(), ignored: &self.ignore };
        let mut found = Inputs::find(&self.config(), besides)?;
        if !found.is_table() {
            // Of items it is said that nothing names a network for them.
            if found.has_items() {
                return Ok(());
            }
            let left_out: Vec<String> = found.left_out().collect();
            bail!(
                "{}: has no column to learn from besides what is learned ({})",
                super::output::one_line(self.data.display()),
                super::output::one_line(left_out.join("; "))
            );
        }
        if !found.is_learnable && self.label.is_none() && self.targets.is_empty() {
            bail!(
                "{}: has no column `label` or `labels`; name what is to be learned, numbers as in --target {column}, labels as in --label {column}",
                super::output::one_line(self.data.display()),
                column = found
                    .columns
                    .last()
                    .map_or_else(String::new, |it| super::output::one_line(&it.name)),
            );
        }
        match self.hidden.as_slice() {
            [] => {}
            [0] => found.inputs.hidden.clear(),
            hidden => found.inputs.hidden = hidden.to_vec(),
        }
        found.inputs.residual = self.residual;
        let _ = self.found.set(found);
        Ok(())
    }

    /// The columns of a table, where they were found.
    pub(super) fn found(&self) -> Option<&FoundInputs> {
        self.found.get()
    }

    /// Several inputs, where their file is named, or they were found.
    pub(super) fn inputs(&self) -> anyhow::Result<Option<&Inputs>> {
        if let Some(found) = self.found.get() {
            return Ok(Some(&found.inputs));
        }
        let Some(path) = &self.inputs else { return Ok(None) };
        if self.inputs_read.get().is_none() {
            let _ = self.inputs_read.set(Inputs::read(path)?);
        }
        Ok(self.inputs_read.get())
    }

    /// What is learned of them.
    pub(super) fn kind<M: Kind>(&self, place: &M::Data) -> anyhow::Result<TargetKind> {
        if !self.targets.is_empty() {
            return Ok(TargetKind::Numbers);
        }
        let offer = M::offer(place)?;
        if !offer.label && !offer.labels && !offer.numbers.is_empty() {
            bail!(
                "{}: has no column `label` or `labels`; name the numbers to learn, as in --target {}",
                super::output::one_line(self.data.display()),
                super::output::one_line(&offer.numbers[0])
            );
        }
        Ok(if offer.labels && !offer.label { TargetKind::Labels } else { TargetKind::Label })
    }

    /// Where they are, as a kind of input says it; what one look reads, the next need not.
    pub(super) fn place<M: Kind>(&self) -> anyhow::Result<M::Data> {
        let (text, label) = (&self.text, self.label.as_deref());
        let read = self.found().map(|found| found.read.clone()).unwrap_or_default();
        M::place(Place { config: self.config(), text, label, inputs: self.inputs()?, read })
    }

    fn config(&self) -> DataConfig {
        DataConfig {
            path: self.data.clone(),
            val: self.val.clone(),
            test: self.test.clone(),
            targets: self.targets.clone(),
            split: Split { fraction: self.split, seed: self.split_seed },
        }
    }

    /// The items that can be used.
    pub(super) fn open<M: Kind, L: Target>(&self, place: M::Data) -> anyhow::Result<Opened<M, L>> {
        let mut set = M::open::<L>(&place)?;
        let mut unusable = Vec::new();
        if self.bad_files == BadFiles::Skip {
            for part in [&mut set.train, &mut set.val, &mut set.test] {
                let (good, bad) = M::screened(std::mem::take(part));
                *part = good;
                unusable.extend(bad);
            }
            if L::KIND != TargetKind::Numbers {
                for (label, name) in set.names.iter().enumerate() {
                    if !set.train.iter().any(|sample| sample.label.labels().contains(&label)) {
                        bail!(
                            "no training {} of `{name}` can be read; mend some, or take its folder away",
                            M::ONE
                        );
                    }
                }
            }
            for (part, what) in [(&set.train, "train"), (&set.val, "validate")] {
                if part.is_empty() {
                    bail!("no {} to {what} on can be read; mend some", M::ONE);
                }
            }
        }
        let set = match self.shots {
            Some(shots) => set.with_shots(shots, self.shots_seed)?,
            None => set,
        };
        Ok(Opened { place, set, unusable })
    }
}

/// Whether there are columns to look at: a list, or a folder of lists.
fn is_list(path: &Path) -> bool {
    is_manifest(path) || path.is_dir() && lists_of_texts(path).is_ok()
}
