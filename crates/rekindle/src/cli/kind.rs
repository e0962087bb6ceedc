//! What the command line asks of a kind of input: where its items are named, what is drawn for them, how they are shown.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use rekindle::{
    Device, Exhibit, FinetuneConfig, InputKind, Inputs, ItemOf, ListsRead, Modality, ModelOf,
    ModelTask,
    cards::HubConfig,
    checkpoint::{CheckpointFile, LoadReport},
    data::{MixConfig, Prepare, Target, TargetKind, Unusable},
    report::{ItemKind, TextFacts},
    text::is_texts,
    transfer::Recipe,
};

use super::{
    augment::Augmentation,
    spoken::Spoken,
    weights::{OpenedWeights, WeightsArguments, policy},
};

mod named;
mod pictures;
mod several;
mod texts;

pub(super) use named::Named;
pub(super) use several::check_inputs;

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

/// Samples that can be used, and those that cannot.
pub(super) type Screened<M, L> = (Vec<rekindle::data::SampleOf<L, ItemOf<M>>>, Vec<Unusable<L>>);

/// What there is to say of items before training on them.
#[derive(Default)]
pub(super) struct Remarks {
    /// What they are, a line each.
    pub(super) lines: Vec<String>,
    /// The usual metric of what simpler methods reach on the validation items, by their names.
    pub(super) baselines: Vec<(String, f64)>,
    /// What texts are like.
    pub(super) texts: Option<TextFacts>,
}

/// What is drawn for whole batches of a kind.
pub(super) type Draws<M> = Option<
    std::sync::Arc<dyn rekindle::data::DrawBatch<<<M as Modality>::Prepare as Prepare>::Batch>>,
>;

/// Where the items of a kind are, as it was asked for.
pub(super) struct Place<'a> {
    pub(super) config: rekindle::data::DataConfig,
    pub(super) text: &'a [String],
    pub(super) label: Option<&'a str>,
    /// Several inputs.
    pub(super) inputs: Option<&'a Inputs>,
    /// What was read of lists already.
    pub(super) read: ListsRead,
}

/// What a model is made of before it is trained.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) weights: Option<&'a CheckpointFile>,
    pub(super) inputs: Option<&'a Inputs>,
    /// Height and width of pictures, where they are to be others than the weights expect.
    pub(super) size: Option<usize>,
}

/// A kind of input, as the command line knows it.
pub(super) trait Kind: Exhibit {
    /// What an item is called in JSON and CSV.
    const KEY: &'static str;
    /// What a set of them is counted by in JSON.
    const COUNTED: &'static str;
    /// What the rates of stages are multiplied by from one to the one below it, where a recipe has that.
    const DECAY: f64;
    /// The usual recipe where a few examples a label are drawn, to go on from weights.
    const FEW: &'static str = "head";

    /// The usual rate of a recipe's head; stages learn at a fraction of it.
    fn rate(recipe: &str) -> f64;

    /// The recipe of a name, as fast as it is usual where nothing is asked for.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    fn recipe(name: &str, epochs: usize, lr: Option<f64>) -> anyhow::Result<Recipe> {
        let lr = lr.or_else(|| Recipe::rate(name)).unwrap_or_else(|| Self::rate(name));
        Ok(Recipe::named(name, epochs, lr)?.with_decay(Self::DECAY))
    }

    /// Where the items are.
    ///
    /// # Errors
    ///
    /// Where something is asked for that this kind does not have.
    fn place(place: Place<'_>) -> anyhow::Result<Self::Data>;

    /// A model for a task whose outputs have these names, and what it must know of items it learns of these.
    ///
    /// # Errors
    ///
    /// Where there is no such network, or the weights do not fit.
    fn begun<T: ModelTask>(
        of: Origin<'_>,
        task: &T,
        (names, items): (&[String], &[&ItemOf<Self>]),
        device: &Device,
    ) -> anyhow::Result<(ModelOf<Self>, Option<LoadReport>)> {
        refuse(of.size.is_some(), "--size", "pictures")?;
        Ok(ModelOf::for_items(of.name, of.weights, task, names, items, device)?)
    }

    /// What is drawn for training items of a model: what was asked for, else as it is usual.
    ///
    /// # Errors
    ///
    /// Where something is asked for that this kind does not have, or that cannot be.
    fn augmented(
        asked: Option<Augmentation>,
        _kind: TargetKind,
        _model: &ModelOf<Self>,
    ) -> anyhow::Result<Self::Options> {
        refuse(asked.is_some(), "--augment", "pictures")?;
        Ok(Self::Options::default())
    }

    /// The same options, with items kept in a folder of so many bytes at most.
    ///
    /// # Errors
    ///
    /// Where this kind keeps none, or the folder cannot be used.
    fn kept(
        options: Self::Options,
        _model: &ModelOf<Self>,
        _folder: &Path,
        _bytes: u64,
    ) -> anyhow::Result<Self::Options> {
        refuse(true, "--pixels", "pictures")?;
        Ok(options)
    }

    /// What is drawn for whole batches.
    ///
    /// # Errors
    ///
    /// Where something is asked for that this kind does not have.
    fn draws(mix: MixConfig) -> anyhow::Result<Draws<Self>> {
        refuse(!mix.is_none(), "--mixup, or --cutmix,", "pictures")?;
        Ok(None)
    }

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

    /// What the items are, and what simpler methods reach; those that run parts of the network do as a run that is given.
    ///
    /// # Errors
    ///
    /// Where an item cannot be read.
    fn remarks<L: rekindle::Learned>(
        _model: &rekindle::ModelOf<Self>,
        _set: &rekindle::SetOf<Self, L>,
        _probed: Option<&FinetuneConfig<L::Task, Self>>,
    ) -> anyhow::Result<Remarks> {
        Ok(Remarks::default())
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

    /// What in an item spoke for the output with this number.
    ///
    /// # Errors
    ///
    /// Where this kind does not say, or the item cannot be read.
    fn spoken(
        _model: &ModelOf<Self>,
        _item: &ItemOf<Self>,
        _output: usize,
    ) -> anyhow::Result<Spoken> {
        bail!(
            "what spoke in {} is said of pictures and texts alone; the report of a run says what each column is worth",
            Self::MANY
        )
    }

    /// The items that were named, of a list its columns as the model says them.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    fn items(
        asked: &ItemArguments,
        model: &ModelOf<Self>,
    ) -> anyhow::Result<Vec<Named<ItemOf<Self>>>>;

    /// What an item is called, as a cell for spreadsheets.
    fn cell(name: &str) -> String {
        rekindle_base::text_cell(name).into_owned()
    }

    /// An item by one word of a command line: a file, or a text.
    fn item(word: &Path) -> ItemOf<Self>;
}

/// What data look like where no model says what it takes: texts where columns of theirs are named, or there are such.
pub(super) fn kind_of_data(data: &Path, columns_are_named: bool) -> InputKind {
    match columns_are_named || is_texts(data) {
        true => InputKind::Texts,
        false => InputKind::Pictures,
    }
}

/// Calls a method for the kind of input that was found.
macro_rules! of_kind {
    ($kind:expr, $this:tt.$method:ident($($argument:expr),*)) => {
        match $kind {
            rekindle::InputKind::Pictures => $this.$method::<rekindle::Pictures>($($argument),*),
            rekindle::InputKind::Texts => $this.$method::<rekindle::Texts>($($argument),*),
            rekindle::InputKind::Several => $this.$method::<rekindle::Several>($($argument),*),
        }
    };
}
pub(super) use of_kind;

impl WeightsArguments {
    /// The weights that are named, and which kind of input they take.
    ///
    /// # Errors
    ///
    /// Where nothing names a model, or no weights can be had.
    pub(super) fn opened_kind(&self) -> anyhow::Result<(InputKind, OpenedWeights)> {
        let weights = self.opened()?;
        Ok((InputKind::of(self.model.as_deref(), Some(&weights.file))?, weights))
    }

    /// What training begins with: a model that is named, or several `inputs`.
    ///
    /// # Errors
    ///
    /// Those of [`opened_kind`](Self::opened_kind), and where weights are under a license that nobody has accepted.
    pub(super) fn beginning(
        &self,
        inputs: Option<&Inputs>,
        untrained: bool,
    ) -> anyhow::Result<Beginning> {
        let of =
            |kind, weights| Beginning { kind, without: untrained || inputs.is_some(), weights };
        if let Some(inputs) = inputs {
            check_inputs(inputs, &policy(&self.accepted)?)?;
            return Ok(of(InputKind::Several, None));
        }
        if self.weights.is_none() || untrained {
            return Ok(of(InputKind::of(self.model.as_deref(), None)?, None));
        }
        let (kind, weights) = self.opened_kind()?;
        Ok(of(kind, Some(weights)))
    }
}

/// What training begins with.
pub(super) struct Beginning {
    pub(super) kind: InputKind,
    /// Whether it begins without weights of its own.
    without: bool,
    /// Those of this machine. Others are fetched once the data are known to be good.
    weights: Option<OpenedWeights>,
}

impl Beginning {
    /// Where the data are, with what the weights of a model of several inputs say of its columns.
    ///
    /// # Errors
    ///
    /// Where the weights do not say what they are.
    pub(super) fn completed<M: Kind>(&self, place: M::Data) -> anyhow::Result<M::Data> {
        completed::<M>(place, self.weights.as_ref().map(|weights| &weights.file))
    }

    /// The weights, fetched if need be; none where it begins without.
    ///
    /// # Errors
    ///
    /// Where no weights can be had.
    pub(super) fn weights(self, of: &WeightsArguments) -> anyhow::Result<Option<OpenedWeights>> {
        if self.without { Ok(None) } else { self.opened(of).map(Some) }
    }

    /// The weights, fetched if need be.
    ///
    /// # Errors
    ///
    /// Where no weights can be had.
    pub(super) fn opened(self, of: &WeightsArguments) -> anyhow::Result<OpenedWeights> {
        self.weights.map_or_else(|| of.opened(), Ok)
    }
}

/// Where the data are, with what weights that are gone on from say of their columns: those of a model of several inputs do.
///
/// # Errors
///
/// Where the weights do not say what they are.
pub(super) fn completed<M: Kind>(
    place: M::Data,
    weights: Option<&CheckpointFile>,
) -> anyhow::Result<M::Data> {
    match weights {
        Some(file) if M::KIND == ItemKind::Rows => {
            let (model, config) = M::of_weights(None, file)?;
            Ok(model.completed(&config, &place))
        }
        _ => Ok(place),
    }
}

/// Refuses what a kind of input does not have.
fn refuse(wrong: bool, option: &str, kind: &str) -> anyhow::Result<()> {
    if wrong {
        bail!("{option} is for {kind}; leave it out, or name a model that takes those");
    }
    Ok(())
}
