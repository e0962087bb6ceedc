//! The pictures of several commands.

use std::path::PathBuf;

use clap::Args;
use rekindle::data::{Error, ImageFolder, Parts, Split};

/// Which pictures.
#[derive(Args)]
pub(super) struct DataArguments {
    /// One folder per label, or train/ and perhaps val/ and test/ of those, or strips of pictures.
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
}

impl DataArguments {
    pub(super) fn open(&self) -> Result<ImageFolder, Error> {
        let split = Split { fraction: self.split, seed: self.split_seed };
        let Some(val) = &self.val else { return ImageFolder::open(&self.data, &split) };
        let parts = Parts::find(&self.data)?;
        let is_val = |test: &PathBuf| test.canonicalize().ok() == val.canonicalize().ok();
        let test = parts.test.filter(|test| !is_val(test));
        ImageFolder::of(&Parts { train: parts.train, val: Some(val.clone()), test }, &split)
    }
}
