//! `rekindle predict`: what is in pictures.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use indicatif::ProgressBar;
use rekindle::{Model, Prediction};
use rekindle_base::{path_cell, text_cell};
use serde_json::{Value, json};

use super::{Common, items::files, numbers, output, weights::WeightsArguments};

/// Name what is in pictures, or predict their numbers.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// Labels to show for each picture.
    #[arg(long, default_value_t = 5, value_parser = numbers::count)]
    top: usize,
    /// Pictures at once.
    #[arg(long, default_value_t = 32, value_parser = numbers::batch)]
    batch: usize,
    /// What is written; --json is short for json.
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    pub(super) common: Common,
    /// Pictures, folders of them, or `-` for a list on standard input, a file a line.
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// An object a line.
    Json,
    /// A line a picture, below one of names, for spreadsheets: what these would compute gets a `'` in front, a path `./`.
    Csv,
}

impl Arguments {
    /// A picture that cannot be read is said, the others are still named, and the exit code is 1.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let format = if self.common.json { Format::Json } else { self.format };
        let device = self.common.device.open()?;
        let weights = self.weights.find()?;
        let name = self.weights.model.as_deref();
        let (model, report) = Model::open_file(name, &weights.open()?, &device)?;
        weights.tell(&report);
        let images = files(&self.images)?;
        let shown = images.len() > self.batch && std::io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new(images.len() as u64) } else { ProgressBar::hidden() };
        let mut failed = 0;
        if format == Format::Csv {
            csv_line(&self.header(&model));
        }
        // Nothing is saved here, so there is nothing left to do where nobody reads.
        for images in images.chunks(self.batch).take_while(|_| output::is_read()) {
            let found = match model.predict(images.iter().cloned()) {
                Ok(found) => found.into_iter().map(Ok).collect(),
                // One of them cannot be read: the others can.
                Err(_) => images.iter().map(|image| one(&model, image)).collect::<Vec<_>>(),
            };
            for (image, found) in images.iter().zip(found) {
                match found {
                    Ok(found) => bar.suspend(|| self.print(format, image, &found))?,
                    Err(error) => {
                        bar.suspend(|| complain!("error: {}", output::causes(&error)));
                        failed += 1;
                    }
                }
            }
            bar.inc(images.len() as u64);
        }
        bar.finish_and_clear();
        if failed > 0 && images.len() > 1 {
            complain!("{failed} of {} pictures cannot be read", images.len());
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print(&self, format: Format, image: &Path, found: &Prediction) -> anyhow::Result<()> {
        match format {
            Format::Text => self.print_text(image, found),
            Format::Json => return output::json(&self.object(image, found)),
            Format::Csv => csv_line(&self.cells(image, found)),
        }
        Ok(())
    }

    fn print_text(&self, image: &Path, found: &Prediction) {
        say!("{}", output::one_line(image.display()));
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

    fn object(&self, image: &Path, found: &Prediction) -> Value {
        let mut object = json!({ "image": image });
        match found {
            Prediction::Numbers(numbers) => {
                let number = |number: &rekindle::Number| (number.name.clone(), json!(number.value));
                object["numbers"] = Value::Object(numbers.iter().map(number).collect());
            }
            _ => {
                let top = found.guesses().iter().take(self.top).map(|guess| {
                    json!({
                        "label": guess.label,
                        "index": guess.index,
                        "probability": guess.probability,
                    })
                });
                object["top"] = Value::Array(top.collect());
            }
        }
        if let Prediction::Labels(guesses) = found {
            let given = guesses.iter().filter(|guess| guess.given);
            object["labels"] = given.map(|guess| guess.label.as_str()).collect();
        }
        object
    }

    /// The names of the columns.
    fn header(&self, model: &Model) -> Vec<String> {
        let mut cells = vec!["image".to_owned()];
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

    fn cells(&self, image: &Path, found: &Prediction) -> Vec<String> {
        let mut cells = vec![path_cell(&image.display().to_string()).into_owned()];
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

fn one(model: &Model, image: &Path) -> anyhow::Result<Prediction> {
    let mut found = model.predict([image.to_owned()])?;
    found.pop().ok_or_else(|| anyhow::anyhow!("a picture without an answer"))
}

/// A line of CSV.
pub(super) fn csv_line(cells: &[String]) {
    output::values(&rekindle_base::csv_line(cells.iter().map(String::as_str)));
}
