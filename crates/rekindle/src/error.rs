//! Everything that can go wrong, by where it went wrong.

use std::path::PathBuf;

/// What can go wrong with a model and its data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No table has this architecture.
    #[error(transparent)]
    Architecture(#[from] rekindle_vision::UnknownArchitecture),
    /// A card or a config is wrong.
    #[error(transparent)]
    Cards(#[from] rekindle_cards::Error),
    /// Weights do not fit the network, or cannot be loaded or saved.
    #[error(transparent)]
    Checkpoint(#[from] rekindle_checkpoint::Error),
    /// A file of weights cannot be read or written.
    #[error(transparent)]
    Weights(#[from] rekindle_checkpoint::FileError),
    /// Pictures cannot be read.
    #[error(transparent)]
    Data(#[from] rekindle_images::Error),
    /// It cannot be written as ONNX.
    #[error(transparent)]
    Onnx(#[from] rekindle_onnx::Error),
    /// Texts are to have more tokens than the network reads, or none.
    #[error("{name}: texts of {asked} tokens, where it reads 1 to {most}; ask for as many as that")]
    Length {
        /// The model.
        name: String,
        /// What was asked for.
        asked: usize,
        /// The most.
        most: usize,
    },
    /// There is nothing to see what values a network takes on.
    #[error("there are no items to calibrate 8 bits on; name a data set with some")]
    NothingToCalibrate,
    /// Items are not prepared in a graph.
    #[error(
        "{name}: how its {many} are prepared is no part of a graph; leave out --with-preprocessing, and prepare them as its metadata says"
    )]
    NotInGraph {
        /// The model.
        name: String,
        /// What it takes.
        many: &'static str,
    },
    /// A list or a loader reports it.
    #[error(transparent)]
    Lists(#[from] rekindle_data::Error),
    /// Texts cannot be read, or not be cut into tokens.
    #[error(transparent)]
    Text(#[from] rekindle_text::Error),
    /// The config of a text encoder cannot be read.
    #[error("{path}: its encoder cannot be built", path = .path.display())]
    Encoder {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<rekindle_language::Error>,
    },
    /// A file of a text model lacks something that belongs to it.
    #[error("{path}: the weights of a text model, but without its {part}; give the file that `rekindle finetune` saved, or a folder with config.json and tokenizer.json", path = .path.display())]
    LacksPart {
        /// The checkpoint.
        path: PathBuf,
        /// What is missing.
        part: &'static str,
    },
    /// What several inputs are, or the columns that they read, cannot be.
    #[error("{path}: {problem}", path = .path.display())]
    Inputs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A row cannot be read.
    #[error("{name}: input `{input}` {problem}")]
    Example {
        /// What the row is called.
        name: String,
        /// The input.
        input: String,
        /// What is wrong.
        problem: String,
    },
    /// Items of this kind are looked at in one way only.
    #[error("{0} have no mirror image; leave --mirror out")]
    NotMirrored(&'static str),
    /// Several inputs are no name.
    #[error(
        "a network of several inputs has no name; give its inputs, as in `--inputs inputs.toml`"
    )]
    NoInputs,
    /// There is nothing to look at.
    #[error("there is nothing to look at; give an item")]
    NoItem,
    /// A plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] rekindle_transfer::Error),
    /// Fine-tuning failed.
    #[error(transparent)]
    Finetune(#[from] rekindle_finetune::Error),
    /// Weights cannot be had from the Hub.
    #[cfg(feature = "net")]
    #[error(transparent)]
    Hub(#[from] rekindle_hub::Error),
    /// A plan cannot be written beside the weights.
    #[error("the plan cannot be written beside the weights")]
    PlanUnwritable(#[source] rekindle_train::Failure),
    /// A model is asked for what it was not made for.
    #[error("{name} was made for {found}; measure it on data of that kind")]
    OtherTask {
        /// The model.
        name: String,
        /// What it was made for.
        found: &'static str,
    },
    /// The data are of another kind of task than the weights.
    #[error("{path}: has {found} a {item}, but {name} was made for {made_for}; give data of its kind, or weights that were fine-tuned on these", path = .path.display())]
    OtherData {
        /// The data.
        path: PathBuf,
        /// What they have.
        found: &'static str,
        /// Of each.
        item: &'static str,
        /// The checkpoint.
        name: String,
        /// What it was made for.
        made_for: &'static str,
    },
    /// The record of a run cannot be read or written.
    #[error(transparent)]
    Report(#[from] rekindle_report::Error),
    /// Fine-tuning was asked for in a way that cannot be.
    #[error("cannot fine-tune this way: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// A file of embeddings cannot be read, or not be written so.
    #[error("{path}: {problem}", path = .path.display())]
    Embeddings {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The network has no stage of this name.
    #[error("there is no stage `{asked}`; its stages are {}", known.join(", "))]
    UnknownStage {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Nothing says what the weights are for.
    #[error("{path}: holds weights, but nothing says of which architecture; name it, as in `--model resnet18`", path = .0.display())]
    NoConfig(PathBuf),
    /// Neither weights nor an architecture were given.
    #[error(
        "nothing says which network; name an architecture, as in `--model resnet18`, or give weights"
    )]
    NoModel,
    /// The weights' own config names another architecture.
    #[error("{path}: the weights are of `{found}`, not of `{asked}`; leave the name out, or name the right one", path = .path.display())]
    OtherArchitecture {
        /// The checkpoint.
        path: PathBuf,
        /// What its config says.
        found: String,
        /// What was asked for.
        asked: String,
    },
    /// The config that came with the weights is wrong.
    #[error("{path}: its config is wrong; fetch it again", path = .path.display())]
    Config {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<rekindle_cards::Error>,
    },
    /// The config names more or fewer labels than the weights tell apart.
    #[error("{path}: its config names {labels} labels, its weights tell {classes} apart; fetch both anew, or mend `label_names`", path = .path.display())]
    LabelCount {
        /// The checkpoint.
        path: PathBuf,
        /// Labels of the config.
        labels: usize,
        /// Outputs of the classifier.
        classes: usize,
    },
    /// A labelled data set cannot be measured against a network without labels.
    #[error(
        "the checkpoint names no labels, so a folder's cannot be compared with them; evaluate one that was fine-tuned, or give it a config.json with `label_names`"
    )]
    NoLabels,
    /// A device was asked for that this build has not.
    #[error("this build has no device `{0}`; build with `--features {0}`, or use `--device cpu`")]
    DeviceMissing(&'static str),
    /// A folder or a log cannot be written.
    #[error("{path}: cannot be written; check the folder's permissions and the disk's space", path = .path.display())]
    Write {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}
