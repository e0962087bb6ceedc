//! The pictures of several commands.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use rekindle::data::{DataConfig, DataSet, Error, Split, Unusable, open_pictures, screen};

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
    /// The share of each label's training pictures to validate on, where there is no folder of those.
    #[arg(long, default_value_t = 0.2)]
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
pub(super) struct Pictures {
    pub(super) folder: DataSet,
    pub(super) unusable: Vec<Unusable>,
}

impl DataArguments {
    /// Whether pictures that cannot be read are left out instead of stopping at them.
    pub(super) fn skips_bad_files(&self) -> bool {
        self.bad_files == BadFiles::Skip
    }

    /// The pictures that can be used.
    pub(super) fn open(&self) -> anyhow::Result<Pictures> {
        let mut folder = self.find()?;
        let mut unusable = Vec::new();
        if self.bad_files == BadFiles::Skip {
            for part in [&mut folder.train, &mut folder.val, &mut folder.test] {
                let (good, bad) = screen(std::mem::take(part), rayon::current_num_threads());
                *part = good;
                unusable.extend(bad);
            }
            for (label, class) in folder.names.iter().enumerate() {
                if !folder.train.iter().any(|sample| sample.label == label) {
                    bail!(
                        "no training picture of `{class}` can be read; mend some, or take its folder away"
                    );
                }
            }
            if folder.val.is_empty() {
                bail!("no picture to validate on can be read; mend some");
            }
        }
        Ok(Pictures { folder, unusable })
    }

    fn find(&self) -> Result<DataSet, Error> {
        open_pictures(&DataConfig {
            val: self.val.clone(),
            split: Split { fraction: self.split, seed: self.split_seed },
            ..DataConfig::new(&self.data)
        })
    }
}
