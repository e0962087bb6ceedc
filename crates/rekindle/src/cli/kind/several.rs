//! Rows of several inputs on the command line.

use std::path::{Path, PathBuf};

use anyhow::bail;
use rekindle::{
    Device, Example, InputCode, Inputs, Modality as _, ModelOf, Several, SeveralConfig, TextSource,
    cards::{HubConfig, LicensePolicy},
    checkpoint::CheckpointFile,
    data::DataConfig,
};
use rekindle_doctor::{Diagnosis, Options};

use super::{super::weights::check_licenses, ItemArguments, Kind, Named, Place, labelled, refuse};

impl Kind for Several {
    const KEY: &'static str = "row";
    const COUNTED: &'static str = "rows";
    const RATE: f64 = 0.001;

    fn place(Place { config, text, label, inputs }: Place<'_>) -> anyhow::Result<SeveralConfig> {
        refuse(!text.is_empty(), "--text", "texts alone")?;
        let inputs = inputs.map(Inputs::read).transpose()?;
        let inputs = inputs.map_or_else(Vec::new, |inputs| inputs.columns());
        Ok(SeveralConfig {
            data: config,
            inputs,
            label: label.map(str::to_owned),
            ..SeveralConfig::default()
        })
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

    fn items(asked: &ItemArguments, config: &HubConfig) -> anyhow::Result<Vec<Named<Example>>> {
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
        labelled::<Self>(&Self::completed(config, &asked), |_, item| item.called())
    }

    /// A row is no word of a command line: whoever reads this one says so.
    fn item(word: &Path) -> Example {
        Example { values: Vec::new(), name: word.to_string_lossy().into() }
    }
}

/// Refuses inputs whose weights of this machine are under a license that nobody has accepted.
pub(super) fn check_inputs(path: &Path, policy: &LicensePolicy) -> anyhow::Result<()> {
    for part in Inputs::read(path)?.parts {
        if let InputCode::Text { source: TextSource::Weights(weights), .. } = part.code
            && weights.exists()
        {
            check_licenses(&CheckpointFile::open(&weights)?, None, policy)?;
        }
    }
    Ok(())
}

/// Whether some of the inputs begin with weights.
pub(in super::super) fn begins_with_weights(path: &Path) -> anyhow::Result<bool> {
    let weights =
        |code: &InputCode| matches!(code, InputCode::Text { source: TextSource::Weights(_), .. });
    Ok(Inputs::read(path)?.parts.iter().any(|part| weights(&part.code)))
}
