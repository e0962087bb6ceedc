//! Rows of several inputs on the command line.

use std::path::{Path, PathBuf};

use anyhow::bail;
use rekindle::{
    Device, Example, Inputs, Modality as _, ModelOf, ModelTask, Several, SeveralConfig,
    cards::LicensePolicy,
    checkpoint::{CheckpointFile, LoadReport},
    data::DataConfig,
};
use rekindle_doctor::{Diagnosis, Options};

use super::{
    super::weights::check_licenses, ItemArguments, Kind, Named, Origin, Place, labelled, refuse,
};

impl Kind for Several {
    const KEY: &'static str = "row";
    const COUNTED: &'static str = "rows";
    const RATE: f64 = 0.001;

    fn place(Place { config, text, label, inputs }: Place<'_>) -> anyhow::Result<SeveralConfig> {
        refuse(!text.is_empty(), "--text", "texts alone")?;
        let inputs = inputs.map_or_else(Vec::new, Inputs::columns);
        Ok(SeveralConfig {
            data: config,
            inputs,
            label: label.map(str::to_owned),
            ..SeveralConfig::default()
        })
    }

    fn begun<T: ModelTask>(
        of: Origin<'_>,
        task: &T,
        (names, items): (&[String], &[&Example]),
        device: &Device,
    ) -> anyhow::Result<(ModelOf<Self>, Option<LoadReport>)> {
        let Some(inputs) = of.inputs else {
            return Ok(ModelOf::for_items(of.name, of.weights, task, names, items, device)?);
        };
        Ok((ModelOf::of_inputs(inputs, task, (names, items), device)?, None))
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
        labelled::<Self>(&model.modality().completed(config, &asked), |_, item| item.called())
    }

    /// A row is no word of a command line: whoever reads this one says so.
    fn item(word: &Path) -> Example {
        Example { values: Vec::new(), name: word.to_string_lossy().into() }
    }
}

/// Refuses inputs whose weights of this machine are under a license that nobody has accepted.
pub(super) fn check_inputs(inputs: &Inputs, policy: &LicensePolicy) -> anyhow::Result<()> {
    for weights in inputs.weights().filter(|weights| weights.exists()) {
        check_licenses(&CheckpointFile::open(weights)?, None, policy)?;
    }
    Ok(())
}
