//! A network together with what its weights need: labels, preprocessing, origin.

use std::{collections::BTreeMap, path::Path};

use burn::{prelude::*, tensor::TensorData, tensor::activation::softmax};
use rekindle_cards::HubConfig;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, LoadReport, Naming, load, save};
use rekindle_data::{Picture, Preprocess};
use rekindle_layers::Backbone;
use rekindle_transfer::{Classifier, Plan};
use rekindle_vision::{Architecture, Init, VisionBackbone};

use crate::Error;

/// A vision network with its classifier.
pub type Network = Classifier<VisionBackbone>;

/// Keys of what is written beside the weights.
const CONFIG: &str = "config";
const PLAN: &str = "plan";
const PROBE: &str = "probe_val_accuracy";

/// A network, and the config that its weights came with or will be saved with.
#[derive(Debug, Clone)]
pub struct Model {
    /// The network.
    pub network: Network,
    /// Architecture, labels, preprocessing, license.
    pub config: HubConfig,
    /// Of a fine-tuned network, the accuracy that a probe of the weights it began with had on the pictures it was
    /// validated on: what training had to beat. None where it was not measured.
    pub probe: Option<f64>,
}

/// One of the labels a picture may have.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// Its place among the network's classes.
    pub index: usize,
    /// What the config calls it; its number where it has no name.
    pub label: String,
    /// In `[0, 1]`; those of a picture sum to one.
    pub probability: f32,
}

impl Model {
    /// Opens weights to use them as they are.
    ///
    /// `weights` is a file or a folder as the Hub has it. `name` (an architecture, or a card's name)
    /// is needed where the weights come without a config.
    ///
    /// # Errors
    ///
    /// If the weights cannot be read, do not say what they are, or do not fit to the last tensor.
    pub fn open(
        name: Option<&str>,
        weights: &Path,
        device: &Device,
    ) -> Result<(Self, LoadReport), Error> {
        Self::open_file(name, &CheckpointFile::open(weights)?, device)
    }

    /// As [`open`](Self::open), of a file that is open: of another set of its weights than the averaged ones, say.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_file(
        name: Option<&str>,
        file: &CheckpointFile,
        device: &Device,
    ) -> Result<(Self, LoadReport), Error> {
        let mut config = config_of(name, file)?;
        let backbone = build(&config, device)?;
        let naming = naming(&backbone);
        // The file decides: a card's or a stale config's number of classes may be another's.
        config.classes = naming.classes_in(file).unwrap_or(config.classes);
        if !config.labels.is_empty() && config.labels.len() != config.classes {
            let (path, labels) = (file.path().to_owned(), config.labels.len());
            return Err(Error::LabelCount { path, labels, classes: config.classes });
        }
        let network = Classifier::new(backbone, config.classes, device);
        let (network, report) = load(network, file, &naming, HeadPolicy::Required)?;
        let probe = file.metadata().get(PROBE).and_then(|text| text.parse().ok());
        Ok((Self { network, config, probe }, report))
    }

    /// A network for new labels, its backbone loaded where there are weights.
    ///
    /// The head is kept only if the weights were trained on these very labels, in this order.
    ///
    /// # Errors
    ///
    /// If there is no such architecture, or the weights do not fit.
    pub fn for_labels(
        name: Option<&str>,
        weights: Option<&Path>,
        labels: &[String],
        device: &Device,
    ) -> Result<(Self, Option<LoadReport>), Error> {
        let file = weights.map(CheckpointFile::open).transpose()?;
        let found = match (&file, name) {
            (Some(file), name) => config_of(name, file)?,
            (None, Some(name)) => HubConfig::from_card(rekindle_cards::find(name)?),
            (None, None) => return Err(Error::NoModel),
        };
        let policy = if found.labels == labels { HeadPolicy::Required } else { HeadPolicy::Fresh };
        let backbone = build(&found, device)?;
        let naming = naming(&backbone);
        let network = Classifier::new(backbone, labels.len(), device);
        let (network, report) = match &file {
            Some(file) => {
                let (network, report) = load(network, file, &naming, policy)?;
                (network, Some(report))
            }
            None => (network, None),
        };
        let landmarks = naming.landmarks;
        let config = HubConfig {
            classes: labels.len(),
            labels: labels.to_vec(),
            descriptions: BTreeMap::new(),
            features: Some(network.backbone().embed_dim()),
            first_conv: Some(landmarks.first_convolution.to_owned()),
            classifier: Some(landmarks.classifier.to_owned()),
            ..found
        };
        Ok((Self { network, config, probe: None }, report))
    }

    /// The same network with untrained parameters, to train from nothing.
    ///
    /// # Errors
    ///
    /// If the config's architecture is in no table.
    pub fn forget(self, device: &Device) -> Result<Self, Error> {
        let backbone = build(&self.config, device)?;
        let network = Classifier::new(backbone, self.network.classes(), device);
        Ok(Self { network, config: self.config, probe: None })
    }

    /// The network with what a plan adds to its weights, if that was not done yet.
    ///
    /// # Errors
    ///
    /// If the weights cannot be adapted as the plan asks for.
    pub fn adapted(self, plan: &Plan) -> Result<Self, Error> {
        match &plan.lora {
            Some(lora) if !self.network.layout().is_adapted() => {
                Ok(Self { network: self.network.adapt(lora)?, ..self })
            }
            _ => Ok(self),
        }
    }

    /// Writes weights, labels, preprocessing and plan into one safetensors file, all or nothing.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; what was there before is then unchanged.
    pub fn save(&self, path: &Path, plan: Option<&Plan>) -> Result<(), Error> {
        let mut metadata = BTreeMap::from([
            ("format".to_owned(), "pt".to_owned()),
            ("architecture".to_owned(), self.config.architecture.clone()),
            (CONFIG.to_owned(), self.config.to_json()?),
            ("rekindle".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("burn".to_owned(), "0.22.1".to_owned()),
        ]);
        if let Some(probe) = self.probe {
            metadata.insert(PROBE.to_owned(), probe.to_string());
        }
        if let Some(Ok(plan)) = plan.map(serde_json::to_string) {
            metadata.insert(PLAN.to_owned(), plan);
        }
        save(&self.network, path, &naming(self.network.backbone()), &metadata)?;
        Ok(())
    }

    /// How pictures become inputs of this network.
    ///
    /// # Errors
    ///
    /// If the config asks for something impossible.
    pub fn preprocess(&self) -> Result<Preprocess, Error> {
        Ok(Preprocess::new(&self.config.preprocessing)?)
    }

    /// Logits `[pictures, classes]`.
    ///
    /// # Errors
    ///
    /// If a picture cannot be brought to the network's input.
    pub fn logits(&self, pictures: &[Picture]) -> Result<Tensor<2>, Error> {
        let preprocess = self.preprocess()?;
        let [channels, height, width] = preprocess.shape();
        let mut images = Vec::with_capacity(pictures.len() * channels * height * width);
        for picture in pictures {
            images.extend(preprocess.apply(picture)?);
        }
        let network = self.network.valid();
        let device = network.devices().into_iter().next().unwrap_or_default();
        let shape = [pictures.len(), channels, height, width];
        Ok(network.forward(Tensor::from_data(TensorData::new(images, shape), &device)))
    }

    /// The labels of each picture, most likely first.
    ///
    /// # Errors
    ///
    /// If a picture cannot be brought to the network's input.
    pub fn predict(&self, pictures: &[Picture]) -> Result<Vec<Vec<Guess>>, Error> {
        let probabilities = softmax(self.logits(pictures)?, 1).into_data();
        let values: Vec<f32> = probabilities.iter::<f32>().collect();
        let guess = |(index, probability): (usize, &f32)| Guess {
            index,
            label: self.label(index),
            probability: *probability,
        };
        let classes = self.network.classes();
        let rows = values.chunks_exact(classes).map(|row| {
            let mut guesses: Vec<_> = row.iter().enumerate().map(guess).collect();
            guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
            guesses
        });
        Ok(rows.collect())
    }

    fn label(&self, index: usize) -> String {
        self.config.label(index).map_or_else(|| index.to_string(), str::to_owned)
    }
}

fn build(config: &HubConfig, device: &Device) -> Result<VisionBackbone, Error> {
    let [channels_in, ..] = config.preprocessing.input_size;
    let init = Init { channels_in, ..Init::default() };
    Ok(Architecture::find(&config.architecture)?.init(&init, device))
}

pub(crate) fn naming(backbone: &VisionBackbone) -> Naming {
    Naming {
        trunk: Network::TRUNK,
        head: Network::HEAD,
        landmarks: backbone.landmarks(),
        rules: &[],
    }
}

/// What the weights say of themselves, else what the card of `name` says.
fn config_of(name: Option<&str>, file: &CheckpointFile) -> Result<HubConfig, Error> {
    let path = || file.path().to_owned();
    let own = file.metadata().get(CONFIG).map(String::as_str).or_else(|| file.config_json());
    let Some(text) = own else {
        let name = name.ok_or_else(|| Error::NoConfig(path()))?;
        return Ok(HubConfig::from_card(rekindle_cards::find(name)?));
    };
    let config = HubConfig::from_json(text)
        .map_err(|source| Error::Config { path: path(), source: Box::new(source) })?;
    match name {
        Some(asked) if asked != config.architecture && asked != config.name() => {
            Err(Error::OtherArchitecture {
                path: path(),
                found: config.name(),
                asked: asked.to_owned(),
            })
        }
        _ => Ok(config),
    }
}
