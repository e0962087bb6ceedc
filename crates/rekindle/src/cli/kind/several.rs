//! Rows of several inputs on the command line.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::bail;
use rekindle::{
    Device, Example, FinetuneConfig, Inputs, Learned, Modality as _, ModelOf, ModelTask, Pictures,
    SetOf, Several, SeveralConfig,
    cards::LicensePolicy,
    checkpoint::{CheckpointFile, LoadReport},
    data::{
        DataConfig, DiskCache, PictureConfig, Sample, SampleOf, Target, TargetKind, Unusable,
        manifest::is_called_label, screen,
    },
};
use rekindle_doctor::{Diagnosis, Options};

use super::{
    super::{augment::Augmentation, weights::check_licenses},
    ItemArguments, Kind, Named, Origin, Place, Remarks, Screened,
    named::{UNLABELLED, items_of, labelled},
    refuse,
};

impl Kind for Several {
    const KEY: &'static str = "row";
    const COUNTED: &'static str = "rows";
    const DECAY: f64 = 0.7;

    fn rate(_: &str) -> f64 {
        0.001
    }

    fn place(
        Place { config, text, label, inputs, read }: Place<'_>,
    ) -> anyhow::Result<SeveralConfig> {
        refuse(!text.is_empty(), "--text", "texts alone")?;
        let inputs = inputs.map_or_else(Vec::new, Inputs::columns);
        Ok(SeveralConfig { data: config, inputs, label: label.map(str::to_owned), read })
    }

    fn begun<T: ModelTask>(
        of: Origin<'_>,
        task: &T,
        (names, items): (&[String], &[&Example]),
        device: &Device,
    ) -> anyhow::Result<(ModelOf<Self>, Option<LoadReport>)> {
        refuse(of.size.is_some(), "--size", "pictures")?;
        let Some(inputs) = of.inputs else {
            return Ok(ModelOf::for_items(of.name, of.weights, task, names, items, device)?);
        };
        Ok((ModelOf::of_inputs(inputs, task, (names, items), device)?, None))
    }

    /// Nothing, unless it is asked for: a mirrored picture may not be what its text says.
    fn augmented(
        asked: Option<Augmentation>,
        kind: TargetKind,
        model: &ModelOf<Self>,
    ) -> anyhow::Result<PictureConfig> {
        let Some(asked) = asked else { return Ok(PictureConfig::default()) };
        refuse(!model.modality().reads_pictures(), "--augment", "pictures")?;
        let augment = Augmentation::or_usual(Some(asked), kind, &model.config().tag)?;
        Ok(PictureConfig { augment, ..PictureConfig::default() })
    }

    fn kept(
        options: PictureConfig,
        model: &ModelOf<Self>,
        folder: &Path,
        bytes: u64,
    ) -> anyhow::Result<PictureConfig> {
        refuse(!model.modality().reads_pictures(), "--pixels", "pictures")?;
        Ok(PictureConfig { disk: Some(DiskCache::open(folder, bytes)?), ..options })
    }

    fn notes(options: &PictureConfig, told: bool) -> Vec<String> {
        Pictures::notes(options, told)
    }

    fn screened<L: Target>(samples: Vec<SampleOf<L, Example>>) -> Screened<Self, L> {
        let of_row = |(row, sample): (usize, &SampleOf<L, Example>)| {
            sample.item.pictures().map(|path| Sample::file(path, row)).collect::<Vec<_>>()
        };
        let pictures = samples.iter().enumerate().flat_map(of_row).collect();
        let (_, bad) = screen(pictures, rayon::current_num_threads());
        let mut bad: BTreeMap<usize, Unusable> =
            bad.into_iter().map(|bad| (bad.sample.label, bad)).collect();
        let (mut good, mut unusable) = (Vec::new(), Vec::new());
        for (row, sample) in samples.into_iter().enumerate() {
            match bad.remove(&row) {
                None => good.push(sample),
                Some(Unusable { sample: picture, error }) => {
                    let SampleOf { label, weight, .. } = sample;
                    let sample = Sample { item: picture.item, label, weight };
                    unusable.push(Unusable { sample, error });
                }
            }
        }
        (good, unusable)
    }

    fn remarks<L: Learned>(
        model: &ModelOf<Self>,
        set: &SetOf<Self, L>,
        probed: Option<&FinetuneConfig<L::Task, Self>>,
    ) -> anyhow::Result<Remarks> {
        let mut baselines: Vec<(String, f64)> = model.linear_baseline(set)?.into_iter().collect();
        if let Some(config) = probed {
            let told = |(part, value)| (format!("a probe of `{part}` alone"), value);
            baselines.extend(model.part_probes(set, config)?.into_iter().map(told));
        }
        Ok(Remarks { baselines, ..Remarks::default() })
    }

    fn with_vectors(
        _: ModelOf<Self>,
        vectors: &Path,
        _: &Device,
    ) -> anyhow::Result<(ModelOf<Self>, String)> {
        bail!("{}: --vectors is for texts alone; leave it out", vectors.display())
    }

    fn examined(
        data: &SeveralConfig,
        _: &Options,
        _: Option<&ModelOf<Self>>,
    ) -> anyhow::Result<Diagnosis> {
        bail!(
            "{}: rows of several inputs are examined a column at a time, as in `rekindle doctor --text COLUMN`",
            data.data.path.display()
        )
    }

    fn to_embed(data: &SeveralConfig) -> anyhow::Result<Vec<(PathBuf, Example)>> {
        Self::examined(data, &Options::default(), None).map(|_| Vec::new())
    }

    fn items(asked: &ItemArguments, model: &ModelOf<Self>) -> anyhow::Result<Vec<Named<Example>>> {
        let config = model.config();
        let Some(data) = &asked.data else {
            bail!(
                "{}: reads {}; give rows of a list with --data",
                config.name(),
                config.input.described()
            );
        };
        refuse(!asked.text.is_empty(), "--text", "texts alone")?;
        let asked = SeveralConfig {
            data: DataConfig::new(data),
            label: asked.label.clone(),
            ..SeveralConfig::default()
        };
        let data = model.modality().completed(config, &asked);
        // What the model reads is no label, whatever it is called.
        let read = data.inputs.iter().flat_map(|input| &input.columns);
        let is_read = asked.label.is_none() && read.clone().any(|name| is_called_label(name));
        let name = |_, item: &Example| item.called();
        let mut found = match is_read {
            true => items_of::<Self>(&data, UNLABELLED, name)?,
            false => labelled::<Self>(&data, name)?,
        };
        // As they stand in the list, to be laid beside it.
        found.sort_by(|a, b| natural(&a.name).cmp(natural(&b.name)));
        Ok(found)
    }

    /// A row is no word of a command line: whoever reads this one says so.
    fn item(word: &Path) -> Example {
        Example { values: Vec::new(), name: word.to_string_lossy().into() }
    }
}

/// The runs of a name's letters and of its digits, which count as numbers: `rows.csv:9` is before `rows.csv:10`.
fn natural(name: &str) -> impl Iterator<Item = (u64, &str)> {
    name.split_inclusive(|letter: char| !letter.is_ascii_digit()).flat_map(|run| {
        let digits = run.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let letter = &run[digits.len()..];
        [(digits.parse().unwrap_or(0), ""), (0, letter)]
    })
}

/// Refuses inputs whose weights of this machine are under a license that nobody has accepted.
pub(in super::super) fn check_inputs(
    inputs: &Inputs,
    policy: &LicensePolicy,
) -> anyhow::Result<()> {
    for weights in inputs.weights().filter(|weights| weights.exists()) {
        check_licenses(&CheckpointFile::open(weights)?, None, policy)?;
    }
    Ok(())
}
