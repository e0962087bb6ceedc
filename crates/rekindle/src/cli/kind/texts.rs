//! Texts on the command line.

use std::{
    io::{self, BufRead},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rekindle::{
    FinetuneConfig, Modality as _, SetOf, TextModel, Texts,
    cards::HubConfig,
    data::{DataConfig, SampleOf, TargetKind, manifest},
    report::{TextFacts, WordRecord},
    text::{BaselineKind, Baselines, Text, TextConfig, read_text},
    with_columns,
};
use rekindle_doctor::{Diagnosis, Options, examine_texts};
use serde_json::json;

use super::{
    super::{percent, spoken::Spoken},
    ItemArguments, Kind, Named, Place, Remarks,
    named::labelled,
};

/// What stands for standard input.
const INPUT: &str = "-";

impl Kind for Texts {
    const KEY: &'static str = "text";
    const COUNTED: &'static str = "texts";
    const DECAY: f64 = 0.9;
    const FEW: &'static str = "setfit";

    /// All of an encoder learns at a tenth of what is given here, 3e-5, of which a few epochs are usual (Devlin et al. 2019,
    /// appendix A.3); networks from nothing at Adam's 0.001, nearly.
    fn rate(recipe: &str) -> f64 {
        match recipe {
            "full" | "gradual" | "fine-tune" => 0.0003,
            "scratch" => 0.003,
            _ => 0.001,
        }
    }

    fn place(Place { config, text, label, .. }: Place<'_>) -> anyhow::Result<TextConfig> {
        Ok(TextConfig { data: config, text: text.to_vec(), label: label.map(str::to_owned) })
    }

    fn noted(config: HubConfig, data: &TextConfig) -> HubConfig {
        with_columns(config, &data.text)
    }

    fn with_vectors(
        model: TextModel,
        vectors: &Path,
        device: &rekindle::Device,
    ) -> anyhow::Result<(TextModel, String)> {
        Ok(model.with_vectors(vectors, device)?)
    }

    fn spoken(model: &TextModel, item: &Text, output: usize) -> anyhow::Result<Spoken> {
        let words = model.saliency(item, output)?;
        let tokens = WordRecord::spans(&words).map(|(span, word)| {
            json!({ "text": word.text, "start": span.start, "end": span.end, "weight": word.weight })
        });
        let tokens: Vec<serde_json::Value> = tokens.collect();
        let marked = words.iter().filter(|word| word.weight != 0.0);
        let line: Vec<String> =
            marked.map(|word| format!("{} ({:+.2})", word.text.trim(), word.weight)).collect();
        Ok(Spoken { line: line.join(" "), json: ("tokens", json!(tokens)), overlay: None })
    }

    fn remarks<L: rekindle::Learned>(
        model: &TextModel,
        set: &SetOf<Self, L>,
        _: Option<&FinetuneConfig<L::Task, Self>>,
    ) -> anyhow::Result<Remarks> {
        let items: Vec<&Text> = set.train.iter().chain(&set.val).map(|it| &it.item).collect();
        let texts = model.modality().facts(&items)?;
        let mut lines = Vec::new();
        if let Some(TextFacts { tokens: [median, most, longest], max_tokens, cut, unknown }) = texts
        {
            lines.push(format!(
                "texts of {median} tokens (median), {most} (19 of 20), {longest} (longest, cut at {max_tokens}: {} of texts); {} of tokens are unknown",
                percent(cut),
                percent(unknown)
            ));
        }
        if L::KIND != TargetKind::Label {
            return Ok(Remarks { lines, texts, ..Remarks::default() });
        }
        let plain = |samples: &[SampleOf<L, Text>]| -> Vec<SampleOf<usize, Text>> {
            let label = |it: &SampleOf<L, Text>| it.label.labels().first().copied();
            samples
                .iter()
                .filter_map(|it| Some(SampleOf::new(it.item.clone(), label(it)?)))
                .collect()
        };
        let learned = Baselines::learn(&plain(&set.train), set.names.len());
        lines.extend(learned.notes.iter().cloned());
        let scores = learned.measure(&plain(&set.val));
        // What always answering the same reaches is told of every kind of data.
        let scores = scores.into_iter().filter(|score| score.kind != BaselineKind::MostFrequent);
        let baselines = scores.map(|score| (score.kind.name().to_owned(), score.accuracy()));
        Ok(Remarks { lines, baselines: baselines.collect(), texts })
    }

    fn examined(
        data: &TextConfig,
        options: &Options,
        model: Option<&TextModel>,
    ) -> anyhow::Result<Diagnosis> {
        Ok(examine_texts(data, options, model.map(|model| model.modality().tokenizer()))?)
    }

    fn to_embed(data: &TextConfig) -> anyhow::Result<Vec<(PathBuf, Text)>> {
        Ok(rekindle_doctor::texts(data)?)
    }

    fn items(asked: &ItemArguments, model: &TextModel) -> anyhow::Result<Vec<Named<Text>>> {
        let config = model.config();
        if let Some(data) = &asked.data {
            return of_data(data, &asked.text, asked.label.as_deref(), model);
        }
        let mut texts = match asked.text.as_slice() {
            [] => Vec::new(),
            [text, pair] if reads_pairs(config) => {
                vec![named(Text { pair: Some(pair.as_str().into()), ..text.as_str().into() })]
            }
            several => several.iter().map(|text| named(text.as_str().into())).collect(),
        };
        for item in &asked.items {
            if item.as_os_str() == INPUT {
                for line in io::stdin().lock().lines() {
                    let line = line.context("standard input cannot be read as text")?;
                    if !line.trim().is_empty() {
                        texts.push(named(line.into()));
                    }
                }
            } else if manifest::is_manifest(item) {
                texts.extend(of_data(item, &[], None, model)?);
            } else if item.is_dir() {
                bail!("{}: is a folder; name files, or give it as --data", item.display());
            } else {
                let text = read_text(item).context("a text by itself is given by --text")?;
                texts.push(Named { name: item.display().to_string(), ..named(text) });
            }
        }
        Ok(texts)
    }

    fn item(word: &Path) -> Text {
        Text::from(word.to_string_lossy().into_owned())
    }
}

/// Whether a model was trained on pairs.
fn reads_pairs(config: &HubConfig) -> bool {
    matches!(&config.input, rekindle::cards::InputSpec::Text(text) if text.columns.len() == 2)
}

fn named(text: Text) -> Named<Text> {
    Named { name: text.shown(), item: text, label: String::new() }
}

/// The texts of a list with their labels, where it has some.
fn of_data(
    data: &Path,
    columns: &[String],
    column: Option<&str>,
    model: &TextModel,
) -> anyhow::Result<Vec<Named<Text>>> {
    let asked = TextConfig {
        data: DataConfig::new(data),
        text: columns.to_vec(),
        label: column.map(str::to_owned),
    };
    let data = model.modality().completed(model.config(), &asked);
    labelled::<Texts>(&data, |_, text| text.shown())
}
