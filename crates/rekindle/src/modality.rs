//! A kind of input that models take: what of a model is another one for pictures and for texts.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use burn::{prelude::*, tensor::TensorData};
use rekindle_base::Random;
use rekindle_cards::HubConfig;
use rekindle_checkpoint::CheckpointFile;
use rekindle_data::{
    DataConfig, DataSet, Digests, Gathered, Item, Measurable, Part, Prepare, Target, TargetKind,
    canonical, manifest::Offer,
};
use rekindle_finetune::{FromPrepared, Sheet};
use rekindle_layers::Backbone;
use rekindle_onnx::{Feed, Onnx};
use rekindle_report::{ItemKind, TextFacts};
use rekindle_transfer::{Classifier, Plan};
use serde_json::json;

use crate::Error;

/// What samples of a kind are made of.
pub type ItemOf<M> = <<M as Modality>::Prepare as Prepare>::Item;

/// What a network of a kind reads.
pub type InputOf<M> = <<M as Modality>::Backbone as Backbone>::Input;

/// A data set of a kind.
pub type SetOf<M, L> = DataSet<L, ItemOf<M>>;

/// A network of a kind with its head.
pub type NetworkOf<M> = Classifier<<M as Modality>::Backbone>;

pub(crate) type BatchOf<M> = <<M as Modality>::Prepare as Prepare>::Batch;

/// A graph that prepares its items itself, and items: as it takes them, by their inputs' names, and prepared.
pub struct InGraph<M: Modality> {
    pub(crate) onnx: Onnx,
    pub(crate) items: Vec<(BTreeMap<String, TensorData>, BatchOf<M>)>,
}

/// A kind of input. Its value is what belongs to a model besides its network and its config: a text model's tokenizer.
pub trait Modality: Debug + Clone + Send + Sync + 'static {
    /// What is counted in messages: `pictures`.
    const MANY: &'static str;
    /// One of them: `picture`.
    const ONE: &'static str;
    /// What a report calls them.
    const KIND: ItemKind;
    /// Another view of a batch that is as good as the first, where there is one: pictures mirrored.
    const MIRRORED: Option<fn(InputOf<Self>) -> InputOf<Self>> = None;

    /// The networks.
    type Backbone: Backbone<Input: FromPrepared<BatchOf<Self>> + Feed> + 'static;
    /// How an item becomes an input.
    type Prepare: Prepare<Error: Into<Error>>;
    /// How items are prepared in training.
    type Options: Debug + Clone + Default;
    /// Where items are.
    type Data: Debug + Clone + AsRef<DataConfig> + AsMut<DataConfig>;

    /// What weights say of themselves, else what the card of `name` says.
    ///
    /// # Errors
    ///
    /// If neither says it, or it is wrong.
    fn of_weights(name: Option<&str>, file: &CheckpointFile) -> Result<(Self, HubConfig), Error>;

    /// What a network of this name is without weights; what it must learn of texts before it is built, it learns of `items`.
    ///
    /// # Errors
    ///
    /// If there is no such network.
    fn untrained(name: &str, items: &[&ItemOf<Self>]) -> Result<(Self, HubConfig), Error>;

    /// A network with untrained parameters.
    ///
    /// # Errors
    ///
    /// If no such network can be built.
    fn backbone(&self, config: &HubConfig, device: &Device) -> Result<Self::Backbone, Error>;

    /// How items become inputs of a network.
    ///
    /// # Errors
    ///
    /// If the config or the options ask for something impossible.
    fn prepare(&self, config: &HubConfig, options: &Self::Options) -> Result<Self::Prepare, Error>;

    /// A batch of so many items that are drawn, of so many tokens each where they are texts: for whoever asks what a network
    /// computes, not what it says.
    ///
    /// # Errors
    ///
    /// If the config is of other inputs.
    fn sample(
        &self,
        config: &HubConfig,
        size: [usize; 2],
        random: &mut Random,
    ) -> Result<BatchOf<Self>, Error>;

    /// How many tokens its items have at most, where they are texts.
    fn longest(&self) -> Option<usize> {
        None
    }

    /// The same graph, which prepares its items itself; with some of them as it takes them, and prepared.
    ///
    /// # Errors
    ///
    /// If a graph cannot do it.
    fn in_graph(&self, config: &HubConfig, _onnx: Onnx) -> Result<InGraph<Self>, Error> {
        Err(Error::NotInGraph { name: config.name(), many: Self::MANY })
    }

    /// What the parts of an item are called, in the order in which a network reads them, where it has some.
    fn parts(&self) -> Vec<String> {
        Vec::new()
    }

    /// What cuts its items into tokens, where they are texts, as `tokenizer.json` has it.
    fn tokenizer_json(&self) -> Option<String> {
        None
    }

    /// The same options with nothing drawn.
    fn plain(options: &Self::Options) -> Self::Options;

    /// A plan as it suits a network: what has no weights yet trains along where all but the head would be frozen.
    fn suited(&self, _network: &NetworkOf<Self>, plan: Plan) -> Plan {
        plan
    }

    /// What a network that begins without weights of its own is made of, a line each.
    fn described(&self) -> Vec<String> {
        Vec::new()
    }

    /// What suits items that come once.
    fn once() -> Self::Options {
        Self::Options::default()
    }

    /// What is usually drawn where such labels are learned.
    fn usual(_kind: TargetKind) -> Self::Options {
        Self::Options::default()
    }

    /// Looks whether what earlier runs kept of items is theirs.
    ///
    /// # Errors
    ///
    /// If an item cannot be read.
    fn check(_options: &Self::Options, _items: &[&ItemOf<Self>]) -> Result<(), Error> {
        Ok(())
    }

    /// Where weights come from that the parts of a network begin with, where it begins with none of its own.
    fn origin(&self) -> Option<String> {
        None
    }

    /// What is written beside the weights, besides the config.
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// The files of a model's repository besides its weights and the page about it, names and texts: what other tools read.
    ///
    /// # Errors
    ///
    /// If the config cannot be written.
    fn files(&self, config: &HubConfig) -> Result<Vec<(String, String)>, Error> {
        Ok(vec![("config.json".to_owned(), config.to_json()? + "\n")])
    }

    /// What TensorBoard shows of a batch.
    ///
    /// # Errors
    ///
    /// If the config asks for something impossible.
    fn sheet(&self, _config: &HubConfig) -> Result<Option<Arc<Sheet<BatchOf<Self>>>>, Error> {
        Ok(None)
    }

    /// A vector an item `[batch, channels]`, of what some stages made of a batch: its mean over space or tokens.
    fn mean(flow: <Self::Backbone as Backbone>::Flow) -> Tensor<2>;

    /// What to train on, and what to choose by.
    ///
    /// # Errors
    ///
    /// If something cannot be read, or there is nothing to learn.
    fn open<L: Target>(data: &Self::Data) -> Result<SetOf<Self, L>, Error>;

    /// A part to measure on; without a name what there is to test on, else to validate on, else all.
    ///
    /// # Errors
    ///
    /// If something cannot be read, or there is no such part.
    fn measurable<L: Target>(
        data: &Self::Data,
        part: Option<Part>,
    ) -> Result<Measurable<L, ItemOf<Self>>, Error>;

    /// All items with their labels or numbers, before those are numbered and divided.
    ///
    /// # Errors
    ///
    /// If something cannot be read.
    fn gathered(data: &Self::Data, kind: TargetKind) -> Result<Gathered<ItemOf<Self>>, Error>;

    /// What there is to learn of.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn offer(data: &Self::Data) -> Result<Offer, Error>;

    /// The same data, with what a model says of where its inputs stand.
    fn completed(&self, _config: &HubConfig, data: &Self::Data) -> Self::Data {
        data.clone()
    }

    /// The SHA-256 of what an item holds.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn digest(item: &ItemOf<Self>, files: &Digests) -> Result<[u8; 32], Error>;

    /// What an item is called in a report.
    fn called(item: &ItemOf<Self>, place: usize) -> String {
        let name = item.path().map(|path| {
            let parent = path.parent().and_then(std::path::Path::file_name).unwrap_or_default();
            let name = path.file_name().unwrap_or_default();
            std::path::Path::new(parent).join(name).display().to_string()
        });
        name.unwrap_or_else(|| format!("{} {place}", Self::ONE))
    }

    /// All that inputs depend on besides the items, as canonical text: embeddings of other inputs are not compared.
    fn identity(&self, config: &HubConfig) -> String {
        canonical(&json!(config.input))
    }

    /// What a report says of texts.
    ///
    /// # Errors
    ///
    /// If one cannot be cut into tokens.
    fn facts(&self, _items: &[&ItemOf<Self>]) -> Result<Option<TextFacts>, Error> {
        Ok(None)
    }

    /// How items become inputs, in words.
    fn preprocessing(config: &HubConfig) -> String {
        config.input.described()
    }
}
