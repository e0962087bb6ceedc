//! `rekindle embed`: pictures as vectors, for search, clusters and other programs.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use rekindle::{
    EmbeddingFormat, Embeddings, Model,
    data::{DataConfig, Gathered, Source, TargetKind, lists, manifest, offer, read_pictures},
};
use serde_json::json;

use super::{Common, items::files, numbers, output, weights::WeightsArguments};

/// Write the embeddings of pictures: vectors that are near each other where the network sees the same.
///
/// The ending of --out says the format. `.safetensors` holds the tensor `embeddings` (pictures x numbers), with names, labels
/// and what made them as JSON in its metadata. `.npy` is NumPy's, with FILE.npy.names.txt, FILE.npy.labels.txt (where there are
/// labels) and FILE.npy.maker.json beside it. `.jsonl` is an object a line: item, label, embedding. `.parquet` has these as
/// columns, in builds with the feature `parquet`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// Pictures whose labels are kept: what `finetune --data` takes, or a list (.csv, .tsv, .jsonl) with a column of paths
    /// alone.
    #[arg(long, value_name = "FILE_OR_DIR")]
    data: Option<PathBuf>,
    /// The stage whose output is averaged over space, such as layer3; `rekindle info` lists them. [default: what the head
    /// reads]
    #[arg(long)]
    stage: Option<String>,
    /// Scale each vector to length one.
    #[arg(long)]
    normalize: bool,
    /// Pictures at once; no number depends on it.
    #[arg(long, default_value_t = 32, value_parser = numbers::batch)]
    batch: usize,
    /// The file to write, over an older one if there is one.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    pub(super) common: Common,
    /// Pictures, folders of them, lists, or `-` for a list on standard input, a file a line.
    #[arg(value_name = "ITEM", required_unless_present = "data", conflicts_with = "data")]
    items: Vec<PathBuf>,
}

/// A picture to embed.
struct Named {
    name: String,
    source: Source,
    /// Several are separated by `|`; empty where there is none.
    label: String,
}

impl Arguments {
    /// A picture that cannot be read is said and left out, and the exit code is 1.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        // Hours may lie before it is written.
        EmbeddingFormat::of(&self.out)?;
        let folder = self.out.parent().filter(|folder| *folder != Path::new(""));
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            bail!("{}: is no folder to write into; create it first", folder.display());
        }
        let pictures = match &self.data {
            Some(data) => of_data(data)?,
            None => of_items(&self.items)?,
        };
        if pictures.is_empty() {
            bail!("there are no pictures; name some, or folders of them");
        }
        let device = self.common.device.open()?;
        let weights = self.weights.find()?;
        let name = self.weights.model.as_deref();
        let (model, report) = Model::open_file(name, &weights.open()?, &device)?;
        weights.tell(&report);
        let stage = self.stage.as_deref();
        let dim = model.embed_dim(stage)?;
        let mut embeddings = Embeddings::new(dim, Some(model.maker(stage)?));
        let sources: Vec<Source> = pictures.iter().map(|picture| picture.source.clone()).collect();
        let complaint = |error| complain!("error: {}", output::causes(&error));
        let rows = Batches { model: &model, stage, batch: self.batch }.embed(&sources, complaint);
        for (Named { name, label, .. }, row) in pictures.iter().zip(&rows) {
            if let Some(row) = row {
                embeddings.push(name, label, row);
            }
        }
        let left_out = pictures.len() - embeddings.len();
        if embeddings.is_empty() {
            bail!("none of {} pictures can be read; nothing is written", pictures.len());
        }
        if left_out > 0 {
            complain!("{left_out} of {} pictures cannot be read, and are left out", pictures.len());
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

/// How a list of pictures goes through a model.
pub(super) struct Batches<'a> {
    pub(super) model: &'a Model,
    pub(super) stage: Option<&'a str>,
    pub(super) batch: usize,
}

impl Batches<'_> {
    /// A row a picture, none for one that cannot be read, which is told; with a bar on a terminal.
    pub(super) fn embed(
        &self,
        sources: &[Source],
        unreadable: impl Fn(anyhow::Error),
    ) -> Vec<Option<Vec<f32>>> {
        let shown = sources.len() > self.batch && std::io::stderr().is_terminal();
        let bar =
            if shown { ProgressBar::new(sources.len() as u64) } else { ProgressBar::hidden() };
        let mut rows = Vec::with_capacity(sources.len());
        for batch in sources.chunks(self.batch) {
            match self.rows(batch) {
                Ok(found) => rows.extend(found.into_iter().map(Some)),
                // One of them cannot be read: the others can.
                Err(_) => rows.extend(batch.iter().map(|source| {
                    let found = self.rows(std::slice::from_ref(source));
                    let found = found.and_then(|rows| {
                        rows.into_iter().next().context("a picture without an embedding")
                    });
                    found.map_err(|error| bar.suspend(|| unreadable(error))).ok()
                })),
            }
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
        rows
    }

    fn rows(&self, batch: &[Source]) -> anyhow::Result<Vec<Vec<f32>>> {
        let batch = batch.iter().cloned();
        Ok(match self.stage {
            Some(stage) => self.model.embed_stage(batch, stage)?,
            None => self.model.embed(batch)?,
        })
    }
}

fn of_items(items: &[PathBuf]) -> anyhow::Result<Vec<Named>> {
    let mut pictures = Vec::new();
    for item in items {
        if manifest::is_manifest(item) {
            pictures.extend(of_data(item)?);
            continue;
        }
        let files = files(std::slice::from_ref(item))?;
        pictures.extend(files.into_iter().map(|path| Named {
            name: path.display().to_string(),
            source: path.into(),
            label: String::new(),
        }));
    }
    Ok(pictures)
}

/// The pictures of a data set with their labels, or of lists that name none.
fn of_data(data: &Path) -> anyhow::Result<Vec<Named>> {
    let offer = offer(data)?;
    if !offer.label && !offer.labels {
        return unlabelled(data);
    }
    let kind = if offer.label { TargetKind::Label } else { TargetKind::Labels };
    let Gathered { rows, notes, .. } = read_pictures(&DataConfig::new(data), kind)?;
    notes.iter().for_each(|note| complain!("{}", output::one_line(note)));
    let named = rows.into_iter().enumerate().map(|(place, row)| {
        let name = match &row.item {
            Source::File(path) => path.display().to_string(),
            // Of many in a file.
            Source::Memory(_) => format!("{}#{place}", data.display()),
        };
        Named { name, label: row.labels.join("|"), source: row.item }
    });
    Ok(named.collect())
}

fn unlabelled(data: &Path) -> anyhow::Result<Vec<Named>> {
    let lists: Vec<PathBuf> = match data.is_dir() {
        true => lists(data)?.into_iter().map(|(_, list)| list).collect(),
        false => vec![data.to_owned()],
    };
    let mut pictures = Vec::new();
    for list in lists {
        let table = manifest::Table::read(&list).map_err(rekindle::data::Error::from)?;
        let Some(column) = table.column(manifest::PATH) else { continue };
        let folder = list.parent().unwrap_or(Path::new(""));
        pictures.extend(table.rows.iter().map(|(_, cells)| {
            let path = folder.join(&cells[column]);
            let name = path.display().to_string();
            Named { name, source: path.into(), label: String::new() }
        }));
    }
    Ok(pictures)
}
