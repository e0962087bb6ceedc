//! A network together with what its weights need: labels, preprocessing, origin.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};

use burn::prelude::*;
use rekindle_cards::{HubConfig, TaskSpec};
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, LoadReport, load, save};
use rekindle_finetune::naming;
use rekindle_layers::Backbone;
use rekindle_train::{Classify, Failure};
use rekindle_transfer::{Classifier, Plan};

use crate::{
    Error, Prediction,
    modality::{ItemOf, Modality, NetworkOf},
    predict::Predictor,
    task::{ModelTask, names},
};

/// Keys of what is written beside the weights.
pub(crate) const CONFIG: &str = "config";
const PLAN: &str = "plan";
/// The metric is behind it.
const PROBE: &str = "probe_val_";

/// A network, the config that its weights came with or will be saved with, and what else belongs to it.
#[derive(Debug, Clone)]
pub struct ModelOf<M: Modality> {
    network: NetworkOf<M>,
    config: HubConfig,
    modality: M,
    probe: Option<f64>,
    /// Ready to predict, once it was asked for.
    ready: OnceLock<Arc<Predictor<M>>>,
}

impl<M: Modality> ModelOf<M> {
    /// A network with its config, and what else belongs to it.
    ///
    /// # Panics
    ///
    /// If the network has another number of outputs than the config says.
    pub fn of(network: NetworkOf<M>, config: HubConfig, modality: M) -> Self {
        assert_eq!(network.classes(), config.classes, "a config of another number of outputs");
        Self { network, config, modality, probe: None, ready: OnceLock::new() }
    }

    /// The checkpoint of a card, or of an architecture's default one, from the Hub's cache; downloaded where it is not there.
    ///
    /// # Errors
    ///
    /// If there is no such card, its license is not accepted, or the weights cannot be had.
    #[cfg(feature = "net")]
    pub fn pretrained(name: &str, device: &Device) -> Result<Self, Error> {
        use rekindle_hub::{Hub, unwatched};
        // Which looks at licenses, as `REKINDLE_LICENSES` says.
        let weights = Hub::from_env()?.fetch(rekindle_cards::find(name)?, &unwatched)?;
        Ok(Self::open(Some(name), &weights.folder, device)?.0)
    }

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

    /// The same of weights that were opened already, such as a set of several that a file holds.
    ///
    /// # Errors
    ///
    /// Those of [`ModelOf::open`].
    pub fn open_file(
        name: Option<&str>,
        file: &CheckpointFile,
        device: &Device,
    ) -> Result<(Self, LoadReport), Error> {
        Self::opened(M::of_weights(name, file)?, file, device)
    }

    /// The same of what its file says besides the weights.
    pub(crate) fn opened(
        (modality, mut config): (M, HubConfig),
        file: &CheckpointFile,
        device: &Device,
    ) -> Result<(Self, LoadReport), Error> {
        let backbone = modality.backbone(&config, device)?;
        let network = Classifier::new(backbone.clone(), config.classes, device);
        let naming = naming(&network);
        // The file decides: a card's or a stale config's number of classes may be another's.
        config.classes = naming.classes_in(file).unwrap_or(config.classes);
        if !config.labels.is_empty() && config.labels.len() != config.classes {
            let (path, labels) = (file.path().to_owned(), config.labels.len());
            return Err(Error::LabelCount { path, labels, classes: config.classes });
        }
        let network = Classifier::new(backbone, config.classes, device);
        // An encoder without a head embeds, and answers nothing.
        let policy = if config.classes == 0 { HeadPolicy::Fresh } else { HeadPolicy::Required };
        let (network, report) = load(network, file, &naming, policy)?;
        let probe = file.metadata().iter().find(|(key, _)| key.starts_with(PROBE));
        let probe = probe.and_then(|(_, text)| text.parse().ok());
        Ok((Self { probe, ..Self::of(network, config, modality) }, report))
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
        Self::for_task(name, file.as_ref(), &Classify::of(labels), labels, device)
    }

    /// A network for a task whose outputs are called `names`, its backbone loaded where there are weights.
    ///
    /// The head is kept only if the weights were trained for the same task with these very names, in this order.
    ///
    /// # Errors
    ///
    /// If there is no such architecture, or the weights do not fit.
    pub fn for_task<T: ModelTask>(
        name: Option<&str>,
        weights: Option<&CheckpointFile>,
        task: &T,
        names: &[String],
        device: &Device,
    ) -> Result<(Self, Option<LoadReport>), Error> {
        Self::for_items(name, weights, task, names, &[], device)
    }

    /// The same; what a network without weights must know of its items, such as the words of texts, it learns of `items`.
    ///
    /// # Errors
    ///
    /// Those of [`for_task`](Self::for_task).
    pub fn for_items<T: ModelTask>(
        name: Option<&str>,
        weights: Option<&CheckpointFile>,
        task: &T,
        names: &[String],
        items: &[&ItemOf<M>],
        device: &Device,
    ) -> Result<(Self, Option<LoadReport>), Error> {
        let found = match (weights, name) {
            (Some(file), name) => M::of_weights(name, file)?,
            (None, Some(name)) => M::untrained(name, items)?,
            (None, None) => return Err(Error::NoModel),
        };
        Self::begun(found, weights, task, names, device)
    }

    /// The same of what belongs to a network besides its weights.
    pub(crate) fn begun<T: ModelTask>(
        (modality, found): (M, HubConfig),
        weights: Option<&CheckpointFile>,
        task: &T,
        names: &[String],
        device: &Device,
    ) -> Result<(Self, Option<LoadReport>), Error> {
        let same = T::from_config(&found).is_some() && self::names(&found) == names;
        let policy = if same { HeadPolicy::Required } else { HeadPolicy::Fresh };
        let backbone = modality.backbone(&found, device)?;
        let network = Classifier::new(backbone, names.len(), device);
        let naming = naming(&network);
        let (network, report) = match weights {
            Some(file) => {
                let (network, report) = load(network, file, &naming, policy)?;
                (network, Some(report))
            }
            None => (network, None),
        };
        let landmarks = naming.landmarks;
        let config = HubConfig {
            descriptions: BTreeMap::new(),
            features: Some(network.backbone().embed_dim()),
            first_conv: Some(landmarks.first_convolution.to_owned())
                .filter(|name| !name.is_empty()),
            classifier: Some(landmarks.classifier.to_owned()),
            ..task.to_config(names, found)
        };
        Ok((Self::of(network, config, modality), report))
    }

    /// The network.
    pub fn network(&self) -> &NetworkOf<M> {
        &self.network
    }

    /// The network alone.
    pub fn into_network(self) -> NetworkOf<M> {
        self.network
    }

    /// What belongs to it besides its network and its config.
    pub fn modality(&self) -> &M {
        &self.modality
    }

    /// Architecture, labels, preprocessing, license.
    pub fn config(&self) -> &HubConfig {
        &self.config
    }

    /// Of a fine-tuned network, what a probe of the weights it began with reached on what it was validated on, by
    /// the task's usual metric: what training had to beat. None where it was not measured.
    pub fn probe(&self) -> Option<f64> {
        self.probe
    }

    /// The same, with what a probe reached.
    pub(crate) fn with_probe(self, probe: Option<f64>) -> Self {
        Self { probe, ..self }
    }

    /// What its outputs are called: labels, or columns of numbers.
    pub fn names(&self) -> Vec<String> {
        names(&self.config)
    }

    /// The same for a task whose outputs are called `names`: with a head that was not trained yet, unless it is for that task.
    pub(crate) fn with_head_for<T: ModelTask>(self, task: &T, names: &[String]) -> Self {
        if T::from_config(&self.config).is_some() && self.names() == names {
            return self;
        }
        let device = self.network.devices().into_iter().next().unwrap_or_default();
        let network = Classifier::new(self.network.backbone().clone(), names.len(), &device);
        let config = HubConfig { descriptions: BTreeMap::new(), ..self.config };
        Self::of(network, task.to_config(names, config), self.modality)
    }

    /// The same network, which says another config of itself.
    ///
    /// # Panics
    ///
    /// If the network has another number of outputs than the config says.
    pub fn with_config(self, config: HubConfig) -> Self {
        let probe = self.probe;
        Self::of(self.network, config, self.modality).with_probe(probe)
    }

    /// The same network with untrained parameters, to train from nothing.
    ///
    /// # Errors
    ///
    /// If the config's architecture is in no table.
    pub fn untrained(self, device: &Device) -> Result<Self, Error> {
        let backbone = self.modality.backbone(&self.config, device)?;
        let network = Classifier::new(backbone, self.network.classes(), device);
        Ok(Self::of(network, self.config, self.modality))
    }

    /// The network with what a plan adds to its weights, if that was not done yet.
    ///
    /// # Errors
    ///
    /// If the weights cannot be adapted as the plan asks for.
    pub fn adapted(self, plan: &Plan) -> Result<Self, Error> {
        match &plan.lora {
            Some(lora) if !self.network.layout().is_adapted() => {
                let network = self.network.adapt(lora)?;
                Ok(Self::of(network, self.config, self.modality).with_probe(self.probe))
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
        let metadata = metadata(&self.modality, &self.config, plan, self.probe)?;
        save(&self.network, path, &naming(&self.network), &metadata)?;
        Ok(())
    }

    /// Ready to predict; made once.
    pub(crate) fn predictor(&self) -> Result<&Predictor<M>, Error> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready);
        }
        let ready = Arc::new(Predictor::new(&self.network, &self.config, &self.modality)?);
        Ok(self.ready.get_or_init(|| ready))
    }

    /// Outputs `[items, outputs]`.
    ///
    /// # Errors
    ///
    /// If an item cannot be read, or brought to the network's input.
    pub fn logits(
        &self,
        items: impl IntoIterator<Item = impl Into<ItemOf<M>>>,
    ) -> Result<Tensor<2>, Error> {
        self.predictor()?.outputs(items.into_iter().map(Into::into))
    }

    /// What the model answers to each item: files or pictures in memory of one of pictures, strings of one of texts.
    ///
    /// It is made ready at the first call, and stays so. All items go through the network at once; a long list is better cut
    /// into parts of a few dozen.
    ///
    /// # Errors
    ///
    /// If an item cannot be read, or brought to the network's input.
    pub fn predict(
        &self,
        items: impl IntoIterator<Item = impl Into<ItemOf<M>>>,
    ) -> Result<Vec<Prediction>, Error> {
        self.predictor()?.predict(items.into_iter().map(Into::into))
    }
}

/// What is written beside a model's weights.
pub(crate) fn metadata<M: Modality>(
    modality: &M,
    config: &HubConfig,
    plan: Option<&Plan>,
    probe: Option<f64>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut metadata = modality.metadata();
    metadata.extend([
        ("format".to_owned(), "pt".to_owned()),
        ("architecture".to_owned(), config.architecture.clone()),
        (CONFIG.to_owned(), config.to_json()?),
        ("rekindle".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("burn".to_owned(), "0.22.1".to_owned()),
    ]);
    if let Some(probe) = probe {
        let metric = match config.task {
            TaskSpec::SingleLabel => "accuracy",
            TaskSpec::MultiLabel { .. } => "map",
            _ => "mae",
        };
        metadata.insert(format!("{PROBE}{metric}"), probe.to_string());
    }
    if let Some(plan) = plan {
        let text = serde_json::to_string(plan);
        let text = text.map_err(|source| Error::PlanUnwritable(Failure::from(source)))?;
        metadata.insert(PLAN.to_owned(), text);
    }
    Ok(metadata)
}

/// What the weights say of themselves, as this program wrote it or as stands beside them.
pub(crate) fn config_text(file: &CheckpointFile) -> Option<&str> {
    let own = file.metadata().get(CONFIG).map(String::as_str);
    let beside = file.config_json();
    // Other tools keep something of theirs under this name.
    own.filter(|text| beside.is_none() || HubConfig::is_one(text)).or(beside)
}

/// The config of a text, which must be that of the name that was asked for, if one was.
pub(crate) fn parsed(
    name: Option<&str>,
    file: &CheckpointFile,
    text: &str,
) -> Result<HubConfig, Error> {
    let path = || file.path().to_owned();
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
