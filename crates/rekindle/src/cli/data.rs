//! The pictures of several commands.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use rekindle::data::{
    DataConfig, DataSet, Split, Target, TargetKind, Unusable, offer, open_pictures, screen,
};

use super::numbers;

/// Which pictures.
#[derive(Args)]
pub(super) struct DataArguments {
    /// One folder per label, or train/ and perhaps val/ and test/ of those; or a list (path,label,split in a .csv); or
    /// MNIST's or CIFAR's files, or strips of pictures.
    #[arg(long)]
    pub(super) data: PathBuf,
    /// Validate on this folder, one folder a label, instead of on val/ or on a part of the training pictures. It chooses
    /// the best epoch, so it is no test any more.
    #[arg(long)]
    val: Option<PathBuf>,
    /// Learn the numbers of this column of a list instead of labels. As often as there are columns.
    #[arg(long = "target", value_name = "COLUMN")]
    pub(super) targets: Vec<String>,
    /// The share of each label's training pictures to validate on, where there is no folder of those.
    #[arg(long, default_value_t = 0.2, value_parser = numbers::share)]
    split: f64,
    /// Draws which ones; another than --seed, so that runs of several seeds are measured on the same pictures.
    #[arg(long, default_value_t = 0)]
    split_seed: u64,
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

/// The pictures, and those that were left out.
pub(super) struct Pictures<L: Target> {
    pub(super) set: DataSet<L>,
    pub(super) unusable: Vec<Unusable<L>>,
}

impl DataArguments {
    /// Where they are.
    pub(super) fn folders(&self) -> Vec<&Path> {
        [Some(&self.data), self.val.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect()
    }

    /// Whether pictures that cannot be read are left out instead of stopping at them.
    pub(super) fn skips_bad_files(&self) -> bool {
        self.bad_files == BadFiles::Skip
    }

    /// What is learned of them.
    pub(super) fn kind(&self) -> anyhow::Result<TargetKind> {
        if !self.targets.is_empty() {
            return Ok(TargetKind::Numbers);
        }
        let offer = offer(&self.data)?;
        if !offer.label && !offer.labels && !offer.numbers.is_empty() {
            bail!(
                "{}: has no column `label` or `labels`; name the numbers to learn, as in --target {}",
                super::output::one_line(self.data.display()),
                super::output::one_line(&offer.numbers[0])
            );
        }
        Ok(if offer.labels && !offer.label { TargetKind::Labels } else { TargetKind::Label })
    }

    pub(super) fn config(&self) -> DataConfig {
        DataConfig {
            path: self.data.clone(),
            val: self.val.clone(),
            targets: self.targets.clone(),
            split: Split { fraction: self.split, seed: self.split_seed },
        }
    }

    /// The pictures that can be used.
    pub(super) fn open<L: Target>(&self) -> anyhow::Result<Pictures<L>> {
        let mut set = open_pictures::<L>(&self.config())?;
        let mut unusable = Vec::new();
        if self.bad_files == BadFiles::Skip {
            for part in [&mut set.train, &mut set.val, &mut set.test] {
                let (good, bad) = screen(std::mem::take(part), rayon::current_num_threads());
                *part = good;
                unusable.extend(bad);
            }
            if L::KIND != TargetKind::Numbers {
                for (label, name) in set.names.iter().enumerate() {
                    if !set.train.iter().any(|sample| sample.label.labels().contains(&label)) {
                        bail!(
                            "no training picture of `{name}` can be read; mend some, or take its folder away"
                        );
                    }
                }
            }
            if set.train.is_empty() {
                bail!("no picture to train on can be read; mend some");
            }
            if set.val.is_empty() {
                bail!("no picture to validate on can be read; mend some");
            }
        }
        Ok(Pictures { set, unusable })
    }
}
