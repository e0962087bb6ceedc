//! `rekindle similar`: which pictures, or texts, are most like another.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;
use rekindle::{Embeddings, InputKind, ModelOf, Neighbor};
use rekindle_base::{path_cell, text_cell};
use serde_json::json;

use super::{
    Common,
    kind::{Kind, of_kind},
    numbers, output,
    predict::{Format, csv_line},
    weights::{OpenedWeights, WeightsArguments},
};

/// Find the pictures or texts that are most like others, among those of a file that `embed` wrote.
///
/// Likeness is the cosine of two embeddings: 1 is the same, 0 has nothing in common. All are compared; of equals those come
/// first that stand first in the file.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// The embeddings: .safetensors, .npy, .jsonl, or .parquet in builds with the feature `parquet`.
    #[arg(long = "in", value_name = "EMBEDDINGS")]
    embeddings: PathBuf,
    /// The stage that made them, where the file does not say.
    #[arg(long)]
    stage: Option<String>,
    /// Neighbors to show of each.
    #[arg(long, default_value_t = 10, value_parser = numbers::count)]
    top: usize,
    /// What is written; --json is short for json.
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    pub(super) common: Common,
    /// Names of items in the file, or other items (files of pictures, texts), which takes the weights that made the
    /// embeddings. An item of the file is not its own neighbor.
    #[arg(required = true, value_name = "QUERY")]
    queries: Vec<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let given = self.weights.model.is_some() || self.weights.weights.is_some();
        let opened = if given { Some(self.weights.opened_kind()?) } else { None };
        let (kind, weights) = opened.unzip();
        of_kind!(kind.unwrap_or(InputKind::Pictures), self.look(weights.as_ref()))
    }

    /// An item that cannot be read is said, the others are still looked for, and the exit code is 1.
    fn look<M: Kind>(&self, weights: Option<&OpenedWeights>) -> anyhow::Result<ExitCode> {
        let format = if self.common.json { Format::Json } else { self.format };
        let embeddings = Embeddings::open(&self.embeddings)?;
        let place = |query: &PathBuf| query.to_str().and_then(|name| embeddings.find(name));
        let places: Vec<Option<usize>> = self.queries.iter().map(place).collect();
        let embedder = match places.contains(&None) {
            true => Some(self.embedder::<M>(&embeddings, weights)?),
            false => None,
        };
        if format == Format::Csv {
            csv_line(&["query", "rank", "item", "label", "similarity"].map(str::to_owned));
        }
        let mut failed = 0;
        for (query, place) in self.queries.iter().zip(places).take_while(|_| output::is_read()) {
            let row = match (place, &embedder) {
                (Some(place), _) => Ok(Some(embeddings.row(place).to_vec())),
                (None, Some((model, stage))) => {
                    let query = [M::item(query)];
                    match stage {
                        Some(stage) => model.embed_stage(query, stage),
                        None => model.embed(query),
                    }
                    .map(|rows| rows.into_iter().next())
                }
                (None, None) => Ok(None),
            };
            match row {
                Ok(row) => {
                    let row = row.unwrap_or_default();
                    let found = embeddings.neighbors(&row, self.top, place);
                    print(format, query, &embeddings, &found)?;
                }
                Err(error) => {
                    complain!("error: {}", output::causes(&error.into()));
                    failed += 1;
                }
            }
        }
        if failed > 0 && self.queries.len() > 1 {
            complain!("{failed} of {} {} cannot be read", self.queries.len(), M::MANY);
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The model that made the embeddings, and its stage.
    fn embedder<M: Kind>(
        &self,
        embeddings: &Embeddings,
        weights: Option<&OpenedWeights>,
    ) -> anyhow::Result<(ModelOf<M>, Option<String>)> {
        let path = output::one_line(self.embeddings.display());
        let Some(weights) = weights else {
            let others = self
                .queries
                .iter()
                .filter(|query| query.to_str().is_none_or(|name| embeddings.find(name).is_none()));
            let others: Vec<String> =
                others.map(|query| output::one_line(query.display())).collect();
            bail!(
                "{} not among the {} of {path}; to embed it, give the weights that made those, with --weights or --model",
                output_list(&others),
                M::MANY
            );
        };
        let device = self.common.device.open()?;
        let model = weights.model::<M>(&device)?;
        let noted = embeddings.maker().map(|maker| maker.stage.clone());
        let stage = match (noted, &self.stage) {
            (Some(noted), None) => noted,
            (_, asked) => asked.clone(),
        };
        check_made(&self.embeddings, embeddings, &model, stage.as_deref())?;
        Ok((model, stage))
    }
}

/// Refuses embeddings that a stage of a model did not make; it is said where nothing tells.
pub(super) fn check_made<M: Kind>(
    path: &Path,
    embeddings: &Embeddings,
    model: &ModelOf<M>,
    stage: Option<&str>,
) -> anyhow::Result<()> {
    let path = output::one_line(path.display());
    match embeddings.maker() {
        Some(maker) => {
            if let Some(difference) = maker.difference(&model.maker(stage)?) {
                bail!(
                    "{path}: these embeddings were made by another model: {difference}; give the weights that made them, or embed once more"
                );
            }
        }
        None => complain!(
            "{path}: nothing says what made these embeddings; only their length is compared"
        ),
    }
    let (dim, found) = (model.embed_dim(stage)?, embeddings.dim());
    if dim != found {
        bail!(
            "{path}: these embeddings have {found} numbers, the model's {dim}; give the weights that made them, or embed once more"
        );
    }
    Ok(())
}

fn output_list(names: &[String]) -> String {
    match names {
        [one] => format!("{one} is"),
        several => format!("{} are", several.join(", ")),
    }
}

fn print(
    format: Format,
    query: &Path,
    embeddings: &Embeddings,
    found: &[Neighbor],
) -> anyhow::Result<()> {
    let of = |neighbor: &Neighbor| {
        let (item, label) =
            (&embeddings.items()[neighbor.place], &embeddings.labels()[neighbor.place]);
        (item.clone(), label.clone(), neighbor.similarity)
    };
    match format {
        Format::Text => {
            say!("{}", output::one_line(query.display()));
            for (item, label, similarity) in found.iter().map(of) {
                let label = match label.is_empty() {
                    true => label,
                    false => format!("  {}", output::one_line(label)),
                };
                say!("  {similarity:>7.4}  {}{label}", output::one_line(item));
            }
        }
        Format::Json => {
            let neighbors: Vec<_> = found
                .iter()
                .map(of)
                .map(|(item, label, similarity)| match label.is_empty() {
                    true => json!({ "item": item, "similarity": similarity }),
                    false => json!({ "item": item, "label": label, "similarity": similarity }),
                })
                .collect();
            output::json(&json!({ "query": query, "neighbors": neighbors }))?;
        }
        Format::Csv => {
            for (rank, (item, label, similarity)) in (1..).zip(found.iter().map(of)) {
                let [query, item] =
                    [query.display().to_string(), item].map(|path| path_cell(&path).into_owned());
                let label = text_cell(&label).into_owned();
                csv_line(&[query, format!("{rank}"), item, label, similarity.to_string()]);
            }
        }
    }
    Ok(())
}
