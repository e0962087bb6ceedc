//! What a model's card says of its input, and how it is used.

use std::fmt::Write;

use super::{ModelCard, plain};
use crate::{CropMode, InputSpec, Interpolation, Preprocessing, TaskSpec, TextInput};

impl ModelCard {
    pub(super) fn input(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## What it expects\n")?;
        match &self.config.input {
            InputSpec::Image(input) => image(text, input),
            InputSpec::Text(input) => tokens(text, input),
            other => writeln!(text, "{}.\n", plain(&other.described())),
        }
    }

    pub(super) fn usage(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## How to use it\n")?;
        let repository = &self.repository;
        let embeds = self.config.classes == 0 && self.config.task == TaskSpec::SingleLabel;
        let verb = if embeds { "embed" } else { "predict" };
        let shell = |rest: &str| {
            format!("```sh\nrekindle {verb} --weights hf-hub:{repository} {rest}\n```\n")
        };
        match &self.config.input {
            InputSpec::Image(_) => {
                let labels = match &self.config.labels[..] {
                    [] => "",
                    _ => "labels = model.pretrained_cfg[\"label_names\"]\n",
                };
                writeln!(
                    text,
                    "```python\n\
                     import timm\n\n\
                     model = timm.create_model(\"hf-hub:{repository}\", pretrained=True).eval()\n\
                     config = timm.data.resolve_model_data_config(model)\n\
                     transform = timm.data.create_transform(**config, is_training=False)\n\
                     {labels}\
                     ```\n"
                )?;
                writeln!(text, "{}", shell("picture.jpg"))
            }
            InputSpec::Text(input) => {
                writeln!(text, "{}", shell("--text \"A text.\""))?;
                match input.columns.is_empty() {
                    true => Ok(()),
                    false => writeln!(text, "{}", shell("--data texts.csv")),
                }
            }
            _ => writeln!(text, "{}", shell("--data rows.csv")),
        }
    }
}

fn image(text: &mut String, input: &Preprocessing) -> std::fmt::Result {
    let [channels, height, width] = input.input_size;
    let filter = match input.interpolation {
        Interpolation::Nearest => "nearest",
        Interpolation::Bilinear => "bilinear",
        Interpolation::Bicubic => "bicubic",
        Interpolation::Lanczos => "lanczos",
    };
    let crop = match input.crop_mode {
        CropMode::Center => "the short side resized, the centre cropped",
        CropMode::Squash => "both sides resized, the aspect ratio given up",
        CropMode::Border => "the long side resized, the rest padded",
    };
    writeln!(
        text,
        "Pictures of {channels} channels, {height} x {width} pixels: {crop}, {filter}, crop fraction {}; \
         values in [0, 1], less {:?}, divided by {:?}.\n",
        input.crop_pct, input.mean, input.std
    )
}

fn tokens(
    text: &mut String,
    TextInput { tokenizer, max_tokens, columns, .. }: &TextInput,
) -> std::fmt::Result {
    let from = match &columns[..] {
        [] => String::new(),
        [column] => format!(", from the column {}", plain(column)),
        columns => {
            let columns: Vec<String> = columns.iter().map(|column| plain(column)).collect();
            format!(", in pairs from the columns {}", columns.join(" and "))
        }
    };
    let tokenizer = plain(tokenizer);
    writeln!(
        text,
        "Texts as tokens of {tokenizer}{from}; what is longer than {max_tokens} tokens, those it adds included, is cut.\n"
    )
}
