//! `rekindle explain`: what in pictures and texts spoke for an answer.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{
    ItemOf, ModelOf, Prediction,
    report::{ExampleRecord, Gallery, GuessRecord, explained},
};
use serde_json::json;

use super::{
    Common,
    kind::{ItemArguments, Kind, Named, of_kind},
    output,
    weights::{OpenedWeights, WeightsArguments},
};

/// Show what in a picture or a text spoke for an answer: Grad-CAM over pictures, gradient times input of the words of texts.
///
/// --out writes a page (.html) or, of one picture, the picture with the heat over it (.png). Without it, words are printed with
/// their weights, from -1 (against) to 1 (for), and of pictures where they were looked at most.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// The label, or its number, that is asked about. [default: the answer]
    #[arg(long = "of", value_name = "LABEL")]
    of: Option<String>,
    /// The file to write: a page (.html), or of one picture an overlay (.png).
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    items: ItemArguments,
}

/// Guesses below each item of a page.
const GUESSES: usize = 3;

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (kind, weights) = self.weights.opened_kind()?;
        of_kind!(kind, self.explain(&weights))
    }

    fn explain<M: Kind>(&self, weights: &OpenedWeights) -> anyhow::Result<ExitCode> {
        let ending = self.out.as_ref().map(|out| {
            let ending = out.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            (out, ending.to_ascii_lowercase())
        });
        if let Some((out, ending)) = &ending
            && !["html", "png"].contains(&ending.as_str())
        {
            bail!("{}: ends neither in .html nor in .png; name a file that does", out.display());
        }
        let model = weights.model::<M>(&self.common.device.open()?)?;
        if model.config().classes == 0 {
            bail!(
                "{}: has no head, so it answers nothing; fine-tune it first",
                model.config().name()
            );
        }
        let items = M::items(&self.items, &model)?;
        if let Some((out, ending)) = &ending
            && ending == "png"
            && items.len() != 1
        {
            bail!("{}: is one picture, not {}; name a page (.html)", out.display(), items.len());
        }
        let mut shown = Vec::new();
        for (place, named) in items.iter().enumerate() {
            let (prediction, output) = self.asked(&model, &named.item)?;
            let label =
                model.config().label(output).map_or_else(|| output.to_string(), str::to_owned);
            let label = model.names().get(output).cloned().unwrap_or(label);
            match &ending {
                None => self.say(&model, named, (&label, output), &prediction)?,
                Some((out, ending)) if ending == "png" => {
                    let Some(overlay) = M::spoken(&model, &named.item, output)?.overlay else {
                        bail!(
                            "{}: {} are no pictures; name a page (.html)",
                            out.display(),
                            M::MANY
                        );
                    };
                    write(out, &overlay)?;
                }
                Some(_) => {
                    let mut guesses = records(&prediction);
                    // The one that is asked about comes first.
                    guesses.sort_by_key(|guess| guess.class != label);
                    guesses.truncate(GUESSES);
                    let record = M::shown(&model, &named.item, output)?;
                    let file = M::called(&named.item, place);
                    let label = named.label.clone();
                    shown.push(ExampleRecord { file, label, guesses, ..record });
                }
            }
        }
        if let Some((out, ending)) = ending {
            if ending == "html" {
                let title = format!("What spoke: {}", model.config().name());
                let text = "Marked is what spoke for the first answer below each.".to_owned();
                let gallery = Gallery { title: String::new(), text, pictures: shown };
                write(out, explained(&title, &gallery, M::KIND).as_bytes())?;
            }
            let many = if items.len() == 1 { M::ONE } else { M::MANY };
            say!("{}: {} {many}", out.display(), items.len());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What a model answers to an item, and the output that is asked about.
    fn asked<M: Kind>(
        &self,
        model: &ModelOf<M>,
        item: &ItemOf<M>,
    ) -> anyhow::Result<(Prediction, usize)> {
        let found = model.predict([item.clone()])?.pop();
        let prediction = found.context("an item without an answer")?;
        let answer = || prediction.guesses().first().map_or(0, |guess| guess.index);
        let output = match &self.of {
            None => answer(),
            Some(label) => model.output(label).with_context(|| {
                format!(
                    "{}: there is no such label; `rekindle predict` lists them",
                    output::one_line(label)
                )
            })?,
        };
        Ok((prediction, output))
    }

    fn say<M: Kind>(
        &self,
        model: &ModelOf<M>,
        named: &Named<ItemOf<M>>,
        (label, place): (&str, usize),
        prediction: &Prediction,
    ) -> anyhow::Result<()> {
        let spoken = M::spoken(model, &named.item, place)?;
        let guess = prediction.guesses().iter().find(|guess| guess.index == place);
        if self.common.json {
            let mut object = json!({ M::KEY: named.name, "label": label, "index": place });
            object["probability"] = json!(guess.map(|guess| guess.probability));
            let (key, value) = spoken.json;
            object[key] = value;
            return output::json(&object);
        }
        say!("{}", output::one_line(&named.name));
        let share = guess.map(|guess| format!("{:>5.1}%  ", 100.0 * guess.probability));
        say!("  {}{}", share.unwrap_or_default(), output::one_line(label));
        say!("  {}", output::one_line(&spoken.line));
        Ok(())
    }
}

/// Answers as a page has them.
fn records(prediction: &Prediction) -> Vec<GuessRecord> {
    let guesses = prediction.guesses().iter().map(|guess| GuessRecord {
        class: guess.label.clone(),
        probability: f64::from(guess.probability),
        verdict: None,
    });
    guesses.collect()
}

fn write(path: &std::path::Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("{}: is a folder; name a file", path.display());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    rekindle_base::write_file(path, bytes).with_context(|| path.display().to_string())
}
