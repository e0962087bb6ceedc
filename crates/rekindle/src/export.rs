//! A model as ONNX, with what its user must know of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::{
    module::Module,
    prelude::*,
    tensor::{
        TensorData,
        activation::{sigmoid, softmax},
    },
};
use rekindle_base::{Random, write_file};
use rekindle_cards::{TargetColumn, TaskSpec};
use rekindle_finetune::FromPrepared;
use rekindle_layers::Input;
use rekindle_onnx::{Check, Onnx, Recorded, TOLERANCE, check_path, write_check};

use crate::{
    Error, ModelOf,
    modality::{InGraph, InputOf, Modality},
};

mod series;

pub use series::export_forecaster;

/// What a graph is to have.
#[derive(Debug, Clone, Default)]
pub struct ExportConfig {
    /// Whether embeddings are an output beside the answers. A model without a head has them alone.
    pub embeddings: bool,
    /// Tokens of every text, where the network cannot be written for any number of them, as recurrent ones. [default: as many as
    /// it takes]
    pub length: Option<usize>,
    /// Whether the graph prepares items itself: of pictures it takes `pixels`, in 8 bits and of any size.
    pub preprocessing: bool,
}

/// A model as a graph.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The graph.
    pub onnx: Onnx,
    /// Some of its inputs and outputs, of batches of several sizes.
    pub check: Check,
    /// How many tokens every text has to have, where that is not free.
    pub length: Option<usize>,
    /// What cuts texts into tokens, as `tokenizer.json` has it.
    pub tokenizer: Option<String>,
}

/// The files that one was written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The graph.
    pub onnx: PathBuf,
    /// What it must compute.
    pub check: PathBuf,
    /// The tokenizer of a model of texts.
    pub tokenizer: Option<PathBuf>,
}

impl Exported {
    /// The same with weights in float16, and a check that allows for it.
    #[must_use]
    pub fn half(self) -> Self {
        let tolerance = self.check.tolerance.max(HALVED);
        Self { onnx: self.onnx.half(), check: Check { tolerance, ..self.check }, ..self }
    }

    /// Writes the graph; beside it, as `NAME.check.safetensors`, inputs and outputs of this machine, `0.input.images` and
    /// `0.output.logits`, `1.` those of another batch; and what cuts texts into tokens as `NAME.tokenizer.json`.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn save(&self, path: &Path) -> Result<Written, Error> {
        self.onnx.write(path)?;
        let check = check_path(path);
        write_check(&check, &self.check)?;
        let tokenizer = match &self.tokenizer {
            None => None,
            Some(json) => {
                let path = path.with_extension("tokenizer.json");
                write_file(&path, json)
                    .map_err(|source| rekindle_onnx::Error::Write { path: path.clone(), source })?;
                Some(path)
            }
        };
        Ok(Written { onnx: path.to_owned(), check, tokenizer })
    }
}

/// Batches that are traced: what differs between them is free in the graph, and the last ones check it.
const BATCHES: [usize; 3] = [2, 3, 5];
/// What outputs may differ by where a graph resizes pictures: a pixel that is rounded otherwise is off by a part in 255.
const RESIZED: f64 = 2e-2;
/// What they may differ by where weights have 11 bits.
const HALVED: f64 = 1e-2;
/// Lengths of texts that are traced beside the longest.
const LENGTHS: [usize; 2] = [7, 11];

impl<M: Modality> ModelOf<M> {
    /// The model as ONNX, for batches of any size and texts of any length up to the model's longest: what it reads, under the
    /// names that [`Feed`](rekindle_onnx::Feed) gives, and as outputs `logits` and what follows from them: `probabilities`, calibrated, or `values`,
    /// numbers in the units of the training data; `embeddings` where it has no head, or they are asked for.
    ///
    /// In its metadata are `labels` (or `targets`), `thresholds`, `name`, `architecture`, `license`, `inputs` (of several) and `config`, which is the model's
    /// with all of its preprocessing.
    ///
    /// # Errors
    ///
    /// If the config asks for something impossible, or a part of the network cannot be written.
    pub fn export(&self, config: &ExportConfig) -> Result<Exported, Error> {
        let longest = self.modality().longest();
        let longest = match (longest, config.length) {
            (Some(most), Some(asked)) if !(1..=most).contains(&asked) => {
                return Err(Error::Length { name: self.config().name(), asked, most });
            }
            (Some(_), Some(length)) => Some(length),
            (longest, _) => longest,
        };
        let free: Vec<[usize; 2]> = match longest {
            Some(most) if most > 1 && config.length.is_none() => {
                let one = LENGTHS[0].min(most.div_ceil(3));
                let other = LENGTHS[1].min(most.div_ceil(2));
                vec![[2, one], [3, one], [2, other], [5, most]]
            }
            longest => BATCHES.map(|batch| [batch, longest.unwrap_or(1)]).to_vec(),
        };
        let fixed = longest.filter(|_| config.length.is_some());
        match (self.traced(&free, config), longest) {
            // Steps over time are as many as there are tokens.
            (Err(Error::Onnx(rekindle_onnx::Error::OtherSteps { .. })), Some(length))
                if fixed.is_none() =>
            {
                let batches = BATCHES.map(|batch| [batch, length]);
                Ok(Exported { length: Some(length), ..self.traced(&batches, config)? })
            }
            (exported, _) => Ok(Exported { length: fixed, ..exported? }),
        }
    }

    /// The graph over examples of these batches and lengths.
    fn traced(&self, sizes: &[[usize; 2]], config: &ExportConfig) -> Result<Exported, Error> {
        let network = self.network().valid();
        let device = network.devices().into_iter().next().unwrap_or_default();
        let mut random = Random::new(0, 0, 0);
        let examples = sizes.iter().map(|&size| {
            let batch = self.modality().sample(self.config(), size, &mut random)?;
            Ok(InputOf::<M>::from_prepared(batch, &device))
        });
        let examples = examples.collect::<Result<Vec<_>, Error>>()?;
        let answers = Answers { config: self.config(), embeddings: config.embeddings };
        let names = answers.names();
        let onnx = rekindle_onnx::export(&examples, &names, |input, device| {
            // Of its own: clones share what batch norms found, and would move it with them.
            answers.of(&network.valid().to_device(device), input)
        })?;
        let record = |input| Recorded::of(input, &names, |input| answers.of(&network, input));
        let (onnx, check) = if config.preprocessing {
            let InGraph { onnx, items } = self.modality().in_graph(self.config(), onnx)?;
            let recorded = items.into_iter().map(|(inputs, batch)| {
                let batch = InputOf::<M>::from_prepared(batch, &device);
                Recorded { inputs, ..record(batch) }
            });
            (onnx, Check { batches: recorded.collect(), tolerance: RESIZED })
        } else {
            // Two are enough to show that it computes the same, and the longest may take its time.
            let batches = examples.into_iter().take(2).map(record).collect();
            (onnx, Check { batches, tolerance: TOLERANCE })
        };
        let onnx = self.about()?.iter().fold(onnx, |onnx, (key, value)| onnx.with(key, value));
        let tokenizer = self.modality().tokenizer_json();
        Ok(Exported { onnx, check, length: None, tokenizer })
    }

    /// What a graph says of itself.
    fn about(&self) -> Result<BTreeMap<&'static str, String>, Error> {
        let config = self.config();
        let list = |items: &[String]| serde_json::json!(items).to_string();
        let mut about = BTreeMap::from([
            ("architecture", config.architecture.clone()),
            ("name", config.name()),
            ("config", config.to_json()?),
            ("preprocessing", M::preprocessing(config)),
        ]);
        about.extend(config.license.clone().map(|license| ("license", license)));
        about.extend(self.modality().origin().map(|origin| ("origin", origin)));
        // Inputs have the place of their part in front.
        let parts = self.modality().parts();
        if !parts.is_empty() {
            about.insert("inputs", list(&parts));
        }
        match &config.task {
            TaskSpec::Regression { .. } => about.insert("targets", list(&self.names())),
            _ => about.insert("labels", list(&self.names())),
        };
        if let TaskSpec::MultiLabel { thresholds } = &config.task {
            about.insert("thresholds", serde_json::json!(thresholds).to_string());
        }
        Ok(about)
    }
}

/// What a graph answers.
struct Answers<'a> {
    config: &'a rekindle_cards::HubConfig,
    embeddings: bool,
}

impl Answers<'_> {
    fn names(&self) -> Vec<&'static str> {
        if self.config.classes == 0 {
            return vec!["embeddings"];
        }
        let answer = match self.config.task {
            TaskSpec::Regression { .. } => "values",
            _ => "probabilities",
        };
        let mut names = vec!["logits", answer];
        names.extend(self.embeddings.then_some("embeddings"));
        names
    }

    /// As [`ModelOf::predict`] has them.
    fn of<B: rekindle_layers::Backbone>(
        &self,
        network: &rekindle_transfer::Classifier<B>,
        input: B::Input,
    ) -> Vec<Tensor<2>> {
        let device = input.device();
        let embeddings = network.embed(input);
        if self.config.classes == 0 {
            return vec![embeddings];
        }
        let logits = network.classify(embeddings.clone());
        let answer = match &self.config.task {
            TaskSpec::MultiLabel { .. } => sigmoid(logits.clone()),
            TaskSpec::Regression { targets, .. } => {
                let row = |of: fn(&TargetColumn) -> f64| {
                    let values: Vec<f32> = targets.iter().map(|target| of(target) as f32).collect();
                    let columns = values.len();
                    Tensor::<2>::from_data(TensorData::new(values, [1, columns]), &device)
                };
                logits.clone() * row(|target| target.std) + row(|target| target.mean)
            }
            _ => softmax(logits.clone() / self.config.temperature.unwrap_or(1.0), 1),
        };
        let mut outputs = vec![logits, answer];
        outputs.extend(self.embeddings.then_some(embeddings));
        outputs
    }
}

/// Numbers as a network may be given them.
pub(crate) fn normal(random: &mut Random, shape: Vec<usize>) -> rekindle_data::Dense {
    let values = (0..shape.iter().product()).map(|_| random.normal() as f32).collect();
    rekindle_data::Dense { values, shape }
}
