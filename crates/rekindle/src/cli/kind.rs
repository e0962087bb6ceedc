//! What the command line asks of a kind of input: where its items are named, what is drawn for them, how they are shown.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use rekindle::{
    Exhibit, InputKind, ItemOf, Modality, ModelOf,
    cards::HubConfig,
    data::{MixConfig, Prepare, Target, TargetKind, Unusable},
};

use super::{augment::Augmentation, output::one_line, weights::WeightsArguments};

mod pictures;
mod several;
mod texts;

pub(super) use several::{begins_with_weights, check_inputs};

/// Items of a kind, by themselves: files, texts, a list.
#[derive(Args)]
pub(super) struct ItemArguments {
    /// A text, for models of texts; with --data the column of texts. Of a pair both, one after the other.
    #[arg(long, value_name = "TEXT")]
    pub(super) text: Vec<String>,
    /// Items of a data set: what `finetune --data` takes, or a list (.csv, .tsv, .jsonl) without labels.
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub(super) data: Option<PathBuf>,
    /// The column of labels, where it is not called as usual.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub(super) label: Option<String>,
    /// Pictures, folders of them, lists, or `-` for a list on standard input, a file a line; for models of texts files of a
    /// text each, lists, or `-` for a text a line.
    #[arg(value_name = "ITEM", required_unless_present_any = ["data", "text"], conflicts_with = "data")]
    pub(super) items: Vec<PathBuf>,
}

/// An item that a command was given.
#[derive(Debug, Clone)]
pub(super) struct Named<I> {
    /// What it is called where it is shown.
    pub(super) name: String,
    pub(super) item: I,
    /// Several are separated by `|`; empty where there is none.
    pub(super) label: String,
}

/// Samples that can be used, and those that cannot.
pub(super) type Screened<M, L> = (Vec<rekindle::data::SampleOf<L, ItemOf<M>>>, Vec<Unusable<L>>);

/// What simpler methods reach, by their names.
pub(super) type Baselines = Vec<(String, f64)>;

/// What is drawn for whole batches of a kind.
pub(super) type Draws<M> = Option<
    std::sync::Arc<dyn rekindle::data::DrawBatch<<<M as Modality>::Prepare as Prepare>::Batch>>,
>;

/// Where the items of a kind are, as it was asked for.
pub(super) struct Place<'a> {
    pub(super) config: rekindle::data::DataConfig,
    pub(super) text: &'a [String],
    pub(super) label: Option<&'a str>,
    /// The file of several inputs.
    pub(super) inputs: Option<&'a Path>,
}

/// A kind of input, as the command line knows it.
pub(super) trait Kind: Exhibit {
    /// What an item is called in JSON and CSV.
    const KEY: &'static str;
    /// What a set of them is counted by in JSON.
    const COUNTED: &'static str;
    /// The head's usual rate.
    const RATE: f64;

    /// Where the items are.
    ///
    /// # Errors
    ///
    /// Where something is asked for that this kind does not have.
    fn place(place: Place<'_>) -> anyhow::Result<Self::Data>;

    /// What is drawn for training items, to go on from weights of a tag: what was asked for, else as it is usual.
    ///
    /// # Errors
    ///
    /// Where something is asked for that this kind does not have, or that cannot be.
    fn augmented(
        asked: Option<Augmentation>,
        kind: TargetKind,
        tag: &str,
    ) -> anyhow::Result<Self::Options>;

    /// The same options, with items kept in a folder of so many bytes at most.
    ///
    /// # Errors
    ///
    /// Where this kind keeps none, or the folder cannot be used.
    fn kept(options: Self::Options, folder: &Path, bytes: u64) -> anyhow::Result<Self::Options>;

    /// What is drawn for whole batches.
    ///
    /// # Errors
    ///
    /// Where something is asked for that this kind does not have.
    fn draws(mix: MixConfig) -> anyhow::Result<Draws<Self>>;

    /// What a run is to say of how items were kept.
    fn notes(_options: &Self::Options, _told: bool) -> Vec<String> {
        Vec::new()
    }

    /// Samples that can be used, and those that cannot.
    fn screened<L: Target>(
        samples: Vec<rekindle::data::SampleOf<L, ItemOf<Self>>>,
    ) -> Screened<Self, L> {
        (samples, Vec::new())
    }

    /// The same model's config, which says where its inputs stood in the data.
    fn noted(config: HubConfig, _data: &Self::Data) -> HubConfig {
        config
    }

    /// A model before it is trained, with what else it is to begin with: word vectors; and what is to be said of that.
    ///
    /// # Errors
    ///
    /// Where this kind has none, or they cannot be read.
    fn with_vectors(
        model: ModelOf<Self>,
        vectors: &Path,
        device: &rekindle::Device,
    ) -> anyhow::Result<(ModelOf<Self>, String)>;

    /// Lines on what the items are, and the usual metric of what simpler methods reach on the validation items.
    ///
    /// # Errors
    ///
    /// Where an item cannot be read.
    fn remarks<L: rekindle::Learned>(
        _model: &rekindle::ModelOf<Self>,
        _set: &rekindle::SetOf<Self, L>,
    ) -> anyhow::Result<(Vec<String>, Baselines)> {
        Ok((Vec::new(), Vec::new()))
    }

    /// What is wrong with the items, before training on them; a model says how long its texts may be.
    ///
    /// # Errors
    ///
    /// Where they cannot be examined.
    fn examined(
        data: &Self::Data,
        options: &rekindle_doctor::Options,
        model: Option<&rekindle::ModelOf<Self>>,
    ) -> anyhow::Result<rekindle_doctor::Diagnosis>;

    /// The items that are examined, by the names that findings have.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    fn to_embed(data: &Self::Data) -> anyhow::Result<Vec<(PathBuf, ItemOf<Self>)>>;

    /// The items that were named, of a list its columns as the model's config says them.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    fn items(asked: &ItemArguments, config: &HubConfig)
    -> anyhow::Result<Vec<Named<ItemOf<Self>>>>;

    /// What an item is called, as a cell for spreadsheets.
    fn cell(name: &str) -> String;

    /// An item by one word of a command line: a file, or a text.
    fn item(word: &Path) -> ItemOf<Self>;
}

/// Calls a command for the kind of input that was found.
macro_rules! of_kind {
    ($kind:expr, $command:ident($($argument:expr),*)) => {
        match $kind {
            rekindle::InputKind::Pictures => $command::<rekindle::Pictures>($($argument),*),
            rekindle::InputKind::Texts => $command::<rekindle::Texts>($($argument),*),
            rekindle::InputKind::Several => $command::<rekindle::Several>($($argument),*),
        }
    };
}
pub(super) use of_kind;

impl WeightsArguments {
    /// Which kind of input the model takes that is asked for; `untrained` needs no weights.
    ///
    /// # Errors
    ///
    /// Where nothing names a model, or no weights can be had.
    pub(super) fn kind(&self, untrained: bool) -> anyhow::Result<InputKind> {
        let name = self.model.as_deref();
        if self.weights.is_none() || untrained {
            return Ok(InputKind::of(name, None)?);
        }
        Ok(InputKind::of(name, Some(&self.find()?.open()?))?)
    }
}

/// Refuses what a kind of input does not have.
fn refuse(wrong: bool, option: &str, kind: &str) -> anyhow::Result<()> {
    if wrong {
        bail!("{option} is for {kind}; leave it out, or name a model that takes those");
    }
    Ok(())
}

/// A label or several, as one cell has them.
fn label(labels: &[String]) -> String {
    labels.join("|")
}

/// Says notes on what was read.
fn tell(notes: &[String]) {
    notes.iter().for_each(|note| complain!("{}", one_line(note)));
}
