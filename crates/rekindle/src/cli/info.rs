//! `rekindle info`: one model, its stages and its checkpoints.

use std::process::ExitCode;

use clap::Args;
use rekindle::{
    Device,
    cards::{self, Card},
    is_scratch,
    layers::{Backbone, parameters},
    vision::{Architecture, Init},
};

use super::{millions, output::one_line};

/// Show a model: its stages, its checkpoints, and what they expect of a picture.
#[derive(Args)]
pub(super) struct Arguments {
    /// An architecture (resnet50) or a checkpoint (resnet50.a1_in1k).
    model: String,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if is_scratch(&self.model) {
            say!(
                "{}: a network of texts that begins from nothing; its words are learned of the texts it is trained on",
                one_line(&self.model)
            );
            say!(
                "rekindle finetune --data FILE --model {} --out RUN trains it",
                one_line(&self.model)
            );
            return Ok(ExitCode::SUCCESS);
        }
        let card = cards::find(&self.model)?;
        if !matches!(card.input, cards::InputSpec::Image(_)) {
            say!("{}: {} parameters", card.name(), millions(card.parameters));
            say!("{}\n{}\n", card.paper.title, card.paper.url);
            describe(card);
            return Ok(ExitCode::SUCCESS);
        }
        let architecture = Architecture::find(&card.architecture)?;
        let network = architecture.init(&Init::default(), &Device::flex());
        say!(
            "{}: {} parameters, embeddings of {}",
            card.architecture,
            millions(architecture.parameters),
            network.embed_dim()
        );
        say!("{}\n{}\n", card.paper.title, card.paper.url);

        say!("{:<12} {:>9} {:>9} {:>10}", "stage", "params", "channels", "reduction");
        let parameters = parameters(&network);
        for stage in network.stages() {
            let owned = parameters.iter().filter(|p| p.learned && stage.owns(&p.name));
            say!(
                "{:<12} {:>9} {:>9} {:>10}",
                stage.name,
                owned.map(|p| p.count()).sum::<usize>(),
                stage.channels,
                stage.reduction().map_or("pooled".to_owned(), |reduction| reduction.to_string())
            );
        }
        say!("");
        describe(card);
        let siblings = cards::search(&format!("{}.*", card.architecture))?;
        let others: Vec<_> =
            siblings.iter().map(|card| card.name()).filter(|name| *name != card.name()).collect();
        if !others.is_empty() {
            say!("other checkpoints  {}", others.join(", "));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(card: &Card) {
    say!("checkpoint         {}", card.name());
    say!("repository         {}", card.repository.as_deref().unwrap_or("none: a file only"));
    say!("license            {}", card.license.as_deref().unwrap_or("not stated"));
    if let Ok(image) = card.image() {
        let cards::Preprocessing { input_size: [c, h, w], interpolation, crop_pct, .. } = image;
        let cards::Preprocessing { crop_mode, mean, std, .. } = image;
        say!("input              {c}x{h}x{w}, {interpolation:?}, crop {crop_pct} {crop_mode:?}");
        say!("normalized by      mean {mean:?}, std {std:?}");
    } else {
        say!("input              {}", card.input.described());
    }
    if let (Some(top1), Some(top5)) = (card.top1, card.top5) {
        say!("ImageNet           top-1 {top1}%, top-5 {top5}%");
    }
    say!("good for           {}", card.use_for);
    if let Some(caution) = &card.caution {
        say!("caution            {caution}");
    }
}
