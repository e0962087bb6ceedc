//! `rekindle predict`: what is in pictures, what texts are about.

use std::{io::IsTerminal, process::ExitCode};

use clap::Args;
use indicatif::ProgressBar;
use rekindle::{ItemOf, ModelOf, Prediction};
use rekindle_base::text_cell;

use super::{
    Common,
    kind::{ItemArguments, Kind, Named, of_kind},
    numbers, output,
    weights::{OpenedWeights, WeightsArguments},
};

/// Name what is in pictures or what texts are about, or predict their numbers.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// Labels to show for each item.
    #[arg(long, default_value_t = 5, value_parser = numbers::count)]
    top: usize,
    /// Items at once.
    #[arg(long, default_value_t = 32, value_parser = numbers::batch)]
    batch: usize,
    /// What is written; --json is short for json.
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    items: ItemArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// An object a line.
    Json,
    /// A line an item, below one of names, for spreadsheets: what these would compute gets a `'` in front, a path `./`.
    Csv,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (kind, weights) = self.weights.opened_kind()?;
        of_kind!(kind, self.predict(&weights))
    }

    /// An item that cannot be read is said, the others are still answered, and the exit code is 1.
    fn predict<M: Kind>(&self, weights: &OpenedWeights) -> anyhow::Result<ExitCode> {
        let format = if self.common.json { Format::Json } else { self.format };
        let device = self.common.device.open()?;
        let model = weights.model::<M>(&device)?;
        if model.config().classes == 0 {
            anyhow::bail!(
                "{}: has no head, so it embeds (rekindle embed) and answers nothing; fine-tune it first",
                model.config().name()
            );
        }
        let items = M::items(&self.items, &model)?;
        let shown = items.len() > self.batch && std::io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new(items.len() as u64) } else { ProgressBar::hidden() };
        let mut failed = 0;
        if format == Format::Csv {
            csv_line(&self.header(&model));
        }
        // Nothing is saved here, so there is nothing left to do where nobody reads.
        for items in items.chunks(self.batch).take_while(|_| output::is_read()) {
            let found = model.predict_each(items.iter().map(|named| named.item.clone()))?;
            for (named, found) in items.iter().zip(found) {
                match found {
                    Ok(found) => bar.suspend(|| self.print::<M>(format, named, &found))?,
                    Err(error) => {
                        bar.suspend(|| complain!("error: {}", output::causes(&error.into())));
                        failed += 1;
                    }
                }
            }
            bar.inc(items.len() as u64);
        }
        bar.finish_and_clear();
        if failed > 0 && items.len() > 1 {
            complain!("{failed} of {} {} cannot be read", items.len(), M::MANY);
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print<M: Kind>(
        &self,
        format: Format,
        named: &Named<ItemOf<M>>,
        found: &Prediction,
    ) -> anyhow::Result<()> {
        match format {
            Format::Text => self.print_text(&named.name, found),
            Format::Json => {
                let mut object = found.to_json(self.top);
                object.insert(M::KEY.to_owned(), named.name.as_str().into());
                return output::json(&object);
            }
            Format::Csv => csv_line(&self.cells::<M>(&named.name, found)),
        }
        Ok(())
    }

    fn print_text(&self, name: &str, found: &Prediction) {
        say!("{}", output::one_line(name));
        let all_given = matches!(found, Prediction::Labels(_));
        for guess in found.guesses().iter().take(self.top) {
            let given = if all_given && guess.given { "  *" } else { "" };
            let label = output::one_line(&guess.label);
            say!("  {:>5.1}%  {label}{given}", 100.0 * guess.probability);
        }
        for number in found.numbers() {
            say!("  {:>10.4}  {}", number.value, output::one_line(&number.name));
        }
    }

    /// The names of the columns.
    fn header<M: Kind>(&self, model: &ModelOf<M>) -> Vec<String> {
        let mut cells = vec![M::KEY.to_owned()];
        match model.kind() {
            rekindle::data::TargetKind::Numbers => {
                cells.extend(model.names().iter().map(|name| text_cell(name).into_owned()));
            }
            kind => {
                if kind == rekindle::data::TargetKind::Labels {
                    cells.push("labels".to_owned());
                }
                for place in 1..=self.top.min(model.config().classes) {
                    let behind = if place == 1 { String::new() } else { format!("_{place}") };
                    cells.extend([format!("label{behind}"), format!("probability{behind}")]);
                }
            }
        }
        cells
    }

    fn cells<M: Kind>(&self, name: &str, found: &Prediction) -> Vec<String> {
        let mut cells = vec![M::cell(name)];
        if let Prediction::Labels(guesses) = found {
            let given = guesses.iter().filter(|guess| guess.given);
            let given = given.map(|guess| guess.label.as_str()).collect::<Vec<_>>().join("|");
            cells.push(text_cell(&given).into_owned());
        }
        for guess in found.guesses().iter().take(self.top) {
            cells.extend([text_cell(&guess.label).into_owned(), guess.probability.to_string()]);
        }
        cells.extend(found.numbers().iter().map(|number| number.value.to_string()));
        cells
    }
}

/// A line of CSV.
pub(super) fn csv_line(cells: &[String]) {
    output::values(&rekindle_base::csv_line(cells.iter().map(String::as_str)));
}
