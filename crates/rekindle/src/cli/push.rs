//! `rekindle push`: a fine-tuned model to the Hub.

use std::{
    io::stderr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{
    InputKind, card_from,
    cards::HubConfig,
    checkpoint::CheckpointFile,
    hub::{
        Hub,
        push::{Fate, Push, Pushed, Upload, Visibility, push},
    },
    model_card,
    report::RunRecord,
};
use serde_json::json;

use super::{
    fetching::metered,
    output::{self, one_line},
};

/// Upload a fine-tuned model to the Hub, where timm (of texts sentence-transformers) and Rekindle load it by its name.
///
/// The repository gets model.safetensors, config.json (of texts also the tokenizer) and a README.md that says what the model is, what it reaches and
/// under which license. The same push again sends nothing.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of a run, or the weights in it.
    run: PathBuf,
    /// Where to: `owner/name`. It is created where there is none.
    repository: String,
    /// The license. [default: that of the weights it was made from; none that allows more may be given]
    #[arg(long, value_name = "NAME")]
    license: Option<String>,
    /// Show the repository to nobody else.
    #[arg(long)]
    private: bool,
    /// Upload nothing: write what would be into this folder.
    #[arg(long, value_name = "FOLDER")]
    dry_run: Option<PathBuf>,
    /// The first line of the commit.
    #[arg(long, default_value = "Upload a model fine-tuned with Rekindle")]
    message: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (file, config, run) = read(&self.run)?;
        let kind = InputKind::of(None, Some(&file))?;
        let (bases, license) = (kind.bases(&file)?, self.license.as_deref());
        let card = match bases.is_empty() {
            true => model_card(&self.repository, config, run.as_ref(), license)?,
            false => card_from(&self.repository, config, run.as_ref(), (bases, license))?,
        };
        let beside = kind.files(&file, &card.config)?;
        let files = Upload::model(&card, beside, file.path());
        if let Some(folder) = &self.dry_run {
            for file in &files {
                file.write(folder)?;
            }
            say!(
                "{}: {} files, which would go to {}",
                one_line(folder.display()),
                files.len(),
                self.repository
            );
            return Ok(ExitCode::SUCCESS);
        }
        let wanted = Push {
            repository: self.repository.clone(),
            visibility: if self.private { Visibility::Private } else { Visibility::Usual },
            message: self.message.clone(),
            files,
        };
        let hub = Hub::from_env()?;
        let client = hub.client()?;
        let Pushed { commit, files } =
            metered(&stderr(), &self.repository, |watch| push(client, &wanted, watch))?;
        let url = format!("{}/{}", client.endpoint(), self.repository);
        if self.json {
            let files: Vec<_> =
                files.iter().map(|(name, fate)| json!([name, word(*fate)])).collect();
            output::json(
                &json!({ "repository": self.repository, "url": url, "commit": commit, "files": files }),
            )?;
        } else {
            files.iter().for_each(|(name, fate)| say!("{name:<20} {}", word(*fate)));
            say!("{} is at {}", one_line(url), one_line(commit));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Unchanged => "unchanged",
        Fate::Known => "committed, in storage already",
        Fate::Sent => "sent",
    }
}

/// The weights of a run, what they carry, and the record of how they came about.
fn read(path: &Path) -> anyhow::Result<(CheckpointFile, HubConfig, Option<RunRecord>)> {
    let (weights, record) = match path.is_dir() {
        true => (path.join("best.safetensors"), path.join("run.json")),
        false => (path.to_owned(), path.with_file_name("run.json")),
    };
    let file = CheckpointFile::open(&weights)?;
    let config = file.metadata().get("config").with_context(|| {
        format!(
            "{}: does not say what it is: push what `rekindle finetune` saved",
            weights.display()
        )
    })?;
    let config = HubConfig::from_json(config).with_context(|| weights.display().to_string())?;
    let run = record.exists().then(|| RunRecord::read(&record)).transpose()?;
    if let Some(data) = run.as_ref().and_then(|run| run.data.as_ref())
        // Numbers have no labels.
        && !data.classes.iter().map(|class| &class.name).eq(&config.labels)
    {
        bail!(
            "{}: is of other labels than {}: move the weights out of that folder, or take the run that made them",
            record.display(),
            weights.display()
        );
    }
    Ok((file, config, run))
}
