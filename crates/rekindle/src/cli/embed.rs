//! `rekindle embed`: pictures and texts as vectors, for search, clusters and other programs.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::bail;
use clap::Args;
use indicatif::ProgressBar;
use rekindle::{EmbeddingFormat, Embeddings, ItemOf, ModelOf};
use serde_json::json;

use super::{
    Common,
    kind::{ItemArguments, Kind, Named, of_kind},
    numbers, output,
    weights::{OpenedWeights, WeightsArguments},
};

/// Write the embeddings of pictures or texts: vectors that are near each other where the network sees the same.
///
/// The ending of --out says the format. `.safetensors` holds the tensor `embeddings` (items x numbers), with names, labels
/// and what made them as JSON in its metadata. `.npy` is NumPy's, with FILE.npy.names.txt, FILE.npy.labels.txt (where there are
/// labels) and FILE.npy.maker.json beside it. `.jsonl` is an object a line: item, label, embedding. `.parquet` has these as
/// columns, in builds with the feature `parquet`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// The stage whose output is averaged over space or tokens, such as layer3; `rekindle info` lists them. [default: what the head
    /// reads]
    #[arg(long)]
    stage: Option<String>,
    /// Scale each vector to length one.
    #[arg(long)]
    normalize: bool,
    /// Items at once; no number of pictures depends on it, those of texts but for rounding.
    #[arg(long, default_value_t = 32, value_parser = numbers::batch)]
    batch: usize,
    /// The file to write, over an older one if there is one.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    items: ItemArguments,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        // Hours may lie before it is written.
        EmbeddingFormat::of(&self.out)?;
        let folder = self.out.parent().filter(|folder| *folder != Path::new(""));
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            bail!("{}: is no folder to write into; create it first", folder.display());
        }
        let (kind, weights) = self.weights.opened_kind()?;
        of_kind!(kind, self.embed(&weights, start))
    }

    /// An item that cannot be read is said and left out, and the exit code is 1.
    fn embed<M: Kind>(&self, weights: &OpenedWeights, start: Instant) -> anyhow::Result<ExitCode> {
        let device = self.common.device.open()?;
        let model = weights.model::<M>(&device)?;
        let named = M::items(&self.items, &model)?;
        if named.is_empty() {
            bail!("there are no {}; name some", M::MANY);
        }
        let stage = self.stage.as_deref();
        let dim = model.embed_dim(stage)?;
        let mut embeddings = Embeddings::new(dim, Some(model.maker(stage)?));
        let items: Vec<ItemOf<M>> = named.iter().map(|named| named.item.clone()).collect();
        let complaint = |error| complain!("error: {}", output::causes(&error));
        let rows = Batches { model: &model, stage, batch: self.batch }.embed(&items, complaint);
        for (Named { name, label, .. }, row) in named.iter().zip(&rows) {
            if let Some(row) = row {
                embeddings.push(name, label, row);
            }
        }
        let left_out = named.len() - embeddings.len();
        if embeddings.is_empty() {
            bail!("none of {} {} can be read; nothing is written", named.len(), M::MANY);
        }
        if left_out > 0 {
            complain!("{left_out} of {} {} cannot be read, and are left out", named.len(), M::MANY);
        }
        if self.normalize {
            embeddings.normalize();
        }
        let written = embeddings.save(&self.out)?;
        self.say(&embeddings, &written, left_out, start)?;
        Ok(if left_out == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn say(
        &self,
        embeddings: &Embeddings,
        written: &[PathBuf],
        left_out: usize,
        start: Instant,
    ) -> anyhow::Result<()> {
        let (count, dim) = (embeddings.len(), embeddings.dim());
        let seconds = start.elapsed().as_secs_f64();
        if self.common.json {
            return output::json(&json!({
                "out": self.out,
                "files": written,
                "embeddings": count,
                "dim": dim,
                "left_out": left_out,
                "normalized": self.normalize,
                "maker": embeddings.maker(),
                "seconds": seconds,
            }));
        }
        let beside: Vec<String> = written
            .iter()
            .filter(|path| **path != self.out)
            .map(|path| output::one_line(path.display()))
            .collect();
        let beside = match beside.is_empty() {
            true => String::new(),
            false => format!("; beside it {}", beside.join(", ")),
        };
        let out = output::one_line(self.out.display());
        say!("{out}: {count} embeddings of {dim} numbers, {seconds:.1} s{beside}");
        Ok(())
    }
}

/// How a list of items goes through a model.
pub(super) struct Batches<'a, M: Kind> {
    pub(super) model: &'a ModelOf<M>,
    pub(super) stage: Option<&'a str>,
    pub(super) batch: usize,
}

impl<M: Kind> Batches<'_, M> {
    /// A row an item, none for one that cannot be read, which is told; with a bar on a terminal.
    pub(super) fn embed(
        &self,
        items: &[ItemOf<M>],
        unreadable: impl Fn(anyhow::Error),
    ) -> Vec<Option<Vec<f32>>> {
        let shown = items.len() > self.batch && std::io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new(items.len() as u64) } else { ProgressBar::hidden() };
        let mut rows = Vec::with_capacity(items.len());
        for batch in items.chunks(self.batch) {
            match self.model.embed_each(batch.iter().cloned(), self.stage) {
                Ok(found) => {
                    rows.extend(found.into_iter().map(|row| {
                        row.map_err(|error| bar.suspend(|| unreadable(error.into()))).ok()
                    }))
                }
                Err(error) => {
                    bar.suspend(|| unreadable(error.into()));
                    rows.extend(batch.iter().map(|_| None));
                }
            }
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
        rows
    }
}
