//! `rekindle augment`: a sheet of what an augmentation makes of a picture.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use rekindle::{
    cards::{self, CropMode, Interpolation, Preprocessing},
    data::{self, Picture, Preprocess, transform::EXAMPLES},
};
use rekindle_base::write_file;

use super::{augment::Augmentation, numbers, output::one_line};

/// The share of a picture's short side that is evaluated, as for most weights.
const CROP: f64 = 0.875;
/// The most pixels of a sheet: less than a gigabyte, encoded.
const PIXELS: u64 = 1 << 28;

/// Show what an augmentation makes of a picture, on a sheet.
#[derive(Args)]
pub(super) struct Arguments {
    /// A picture.
    image: PathBuf,
    /// What is drawn.
    #[arg(long, default_value = "strong")]
    preset: Augmentation,
    /// The checkpoint whose own augmentation `--preset own` shows.
    #[arg(long, required_if_eq("preset", "own"))]
    model: Option<String>,
    /// The PNG file to write. Its first cell is as evaluation sees the picture.
    #[arg(long, default_value = "sheet.png")]
    out: PathBuf,
    /// Drawn views to show.
    #[arg(long, default_value_t = 16, value_parser = numbers::views)]
    views: u64,
    /// Pixels along each side of a view.
    #[arg(long, default_value_t = 224, value_parser = numbers::pixels)]
    size: usize,
    /// Draws the views.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Cells in a row.
    #[arg(long, default_value_t = 6, value_parser = numbers::columns)]
    columns: usize,
    /// Show each transform at a visible strength after the drawn views, and list them in the order of their cells.
    #[arg(long)]
    all: bool,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let pixels = (self.views + 1) * (self.size * self.size) as u64;
        anyhow::ensure!(
            pixels <= PIXELS,
            "{} views of {} x {} pixels are more than a sheet of {PIXELS} holds; ask for fewer or smaller ones",
            self.views,
            self.size,
            self.size
        );
        let picture = data::decode(&self.image)?;
        let preprocess = Preprocess::new(&Preprocessing {
            input_size: [3, self.size, self.size],
            interpolation: Interpolation::Bicubic,
            crop_pct: CROP,
            crop_mode: CropMode::Center,
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
        })?;
        let tag = match &self.model {
            Some(name) => &cards::find(name)?.tag,
            None => "",
        };
        let augment = self.preset.rows(tag)?;
        let mut cells = augment.views(&picture, &preprocess, self.views, [self.seed, 0])?;
        if self.all {
            let first = cells.len();
            let seen = cells.first().context("a sheet without cells")?.clone();
            for (place, (name, change)) in EXAMPLES.iter().enumerate() {
                let cell = first + place;
                say!("row {}, column {}: {name}", cell / self.columns + 1, cell % self.columns + 1);
                cells.push(change(&seen));
            }
        }
        let sheet = Picture::sheet(&cells, self.columns).to_png()?;
        write_file(&self.out, sheet)
            .with_context(|| format!("{}: cannot be written", self.out.display()))?;
        say!("{} cells in {}", cells.len(), one_line(self.out.display()));
        Ok(ExitCode::SUCCESS)
    }
}
