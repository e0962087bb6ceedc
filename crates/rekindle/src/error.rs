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
    /// A plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] rekindle_transfer::Error),
    /// Training stopped.
    #[error(transparent)]
    Train(#[from] rekindle_train::Error),
    /// Features of frozen stages cannot be kept.
    #[error(transparent)]
    Features(#[from] rekindle_transfer::features::Error),
    /// The state of a run cannot be written or gone on from.
    #[error(transparent)]
    State(#[from] rekindle_train::StateError),
    /// The record of a run cannot be read or written.
    #[error(transparent)]
    Report(#[from] rekindle_report::Error),
    /// A log cannot be written.
    #[error(transparent)]
    Log(#[from] rekindle_train::LogError),
    /// TensorBoard's events cannot be written.
    #[error(transparent)]
    TensorBoard(#[from] rekindle_train::EventFileError),
    /// A run was broken off before its first epoch ended.
    #[error(
        "the run was broken off before its first epoch ended, so there is nothing to keep; give it more time"
    )]
    NoEpoch,
    /// Fine-tuning was asked for in a way that cannot be.
    #[error("cannot fine-tune this way: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// The loss is no number any more.
    #[error("the loss, or the norm of the gradients, is {loss} in epoch {epoch}, step {step}, on {}; lower the learning rate, clip gradients, or look at these pictures", pictures.join(", "))]
    Diverged {
        /// Counted from one.
        epoch: usize,
        /// Counted from one.
        step: usize,
        /// What it is instead.
        loss: f64,
        /// The step's pictures: their files, or their places where they are in none.
        pictures: Vec<String>,
    },
    /// A run ended by an error, but not everything is lost.
    #[error("the run ended early; its best model, of epoch {epoch}, is kept as {}", path.display())]
    Rescued {
        /// Counted from one.
        epoch: usize,
        /// Where the model is.
        path: PathBuf,
        /// Why the run ended.
        #[source]
        source: Box<Error>,
    },
    /// The best model of a run that is to go on is gone, or not the run's.
    #[error("{path}: is not the best model of the run that its folder holds the state of; put it back, or leave `--resume` out to start anew", path = .path.display())]
    BestLost {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it, if it is there.
        #[source]
        source: Option<Box<Error>>,
    },
    /// The state in a run's folder is of a run that was asked for differently.
    #[error("{path}: is the state of another run; it differs in {differs}; ask for it as it was asked for then, choose another folder, or leave `--resume` out to start anew", path = .path.display(), differs = .differs.join(", "))]
    OtherRun {
        /// The state.
        path: PathBuf,
        /// What is not as it was.
        differs: Vec<String>,
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
