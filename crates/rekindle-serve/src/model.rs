//! What a model has to answer.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Code, Item, Problem};

/// Which kind of items a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Pictures.
    Pictures,
    /// Texts.
    Texts,
    /// Rows of a table.
    Rows,
}

/// What a model's outputs mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// One label of several.
    Label,
    /// Each of several labels by itself.
    Labels,
    /// Numbers.
    Numbers,
    /// It has no outputs, and embeds alone.
    None,
}

/// What a model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum InputAbout {
    /// Pictures, brought to this size in pixels.
    Picture {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Texts, cut after so many tokens.
    Text {
        /// Tokens.
        max_length: usize,
    },
    /// Rows with these columns.
    Row {
        /// Their names.
        columns: Vec<String>,
    },
}

/// What a model is and can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct About {
    /// What it takes.
    pub kind: Kind,
    /// Its network.
    pub architecture: String,
    /// What its outputs mean.
    pub task: TaskKind,
    /// What its outputs are called.
    pub outputs: Vec<String>,
    /// The license of its weights, where it is known.
    pub license: Option<String>,
    /// Where its weights come from.
    pub origin: String,
    /// What it reads.
    pub input: InputAbout,
    /// How many numbers an embedding has.
    pub embed_dim: usize,
    /// Whether it says what spoke for an answer.
    pub explains: bool,
    /// Whether a head can be taught on its embeddings.
    pub teaches: bool,
    /// Whether there are embeddings to look for neighbors in.
    pub neighbors: bool,
}

/// A model of a server: what it is and can do, under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Named {
    /// What requests call it.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub about: About,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Token {
    /// As it stands in the text.
    pub text: String,
    /// Where it begins, in characters.
    pub start: usize,
    /// Where it ends, in characters.
    pub end: usize,
    /// How much it spoke for the answer, or against it where negative, in `[-1, 1]`.
    pub weight: f64,
}

/// What in an item spoke for an answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Shown {
    /// Places of a picture.
    Picture {
        /// The picture as the network saw it with the heat over it: a PNG in base64.
        overlay: String,
        /// How much each place counted, rows from the top, in `[0, 1]`.
        map: Vec<Vec<f32>>,
    },
    /// Pieces of a text.
    Text {
        /// All of it, in order.
        tokens: Vec<Token>,
    },
}

/// What in an item spoke for a label.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// The label, or the column of numbers.
    pub label: String,
    /// What spoke for it.
    #[serde(flatten)]
    pub shown: Shown,
}

/// An item that is like another.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Like {
    /// What the file of embeddings calls it.
    pub name: String,
    /// Its label there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The cosine of the angle between both, in `[-1, 1]`.
    pub similarity: f32,
}

/// Embeddings with their labels, to learn a head of.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// What the labels are called, two or more.
    pub names: Vec<String>,
    /// A row an example, `[examples, dim]`.
    pub embeddings: Vec<f32>,
    /// The label of each.
    pub labels: Vec<usize>,
}

/// An example that a head without it gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Wrong {
    /// Its place among the examples.
    pub example: usize,
    /// The number of the label that was predicted.
    pub predicted: usize,
    /// Of that.
    pub probability: f64,
}

/// A linear layer over embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Head {
    /// A row a label.
    pub weight: Vec<Vec<f32>>,
    /// One a label.
    pub bias: Vec<f32>,
    /// What logits are divided by.
    pub temperature: f64,
}

/// A head that was learned, and how well it does on what it has not seen.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Taught {
    /// Share of the examples that heads without them get right.
    pub accuracy: f64,
    /// Its interval at 95%.
    pub interval: [f64; 2],
    /// How it was measured: `leave-one-out`, or `k-fold` where there are many examples.
    pub method: String,
    /// What the most frequent label alone would reach.
    pub chance: f64,
    /// Those that are got wrong.
    pub wrong: Vec<Wrong>,
    /// The head, of all examples.
    pub head: Head,
}

/// A format of files that a taught model is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// With labels and preprocessing inside, as timm loads it.
    Safetensors,
    /// A graph for other runtimes.
    Onnx,
}

/// A model that a server answers by. Its methods compute, and are never called on a thread of the network.
///
/// What a model does not do answers [`Code::NotSupported`].
pub trait Served: Send + Sync + 'static {
    /// What it is and can do.
    fn about(&self) -> About;

    /// Looks at an item before it waits, as far as that costs nothing: its kind, and what a picture says of its size.
    ///
    /// # Errors
    ///
    /// If it would be refused anyway.
    fn look(&self, item: &Item) -> Result<(), Problem>;

    /// What a file of this item ends in: `jpg`, `txt`.
    ///
    /// # Errors
    ///
    /// If it is of another kind, or of no format.
    fn ending(&self, item: &Item) -> Result<&'static str, Problem>;

    /// An answer an item, with at most `top` labels; they go through the network at once.
    fn predict(&self, items: &[Item], top: usize) -> Vec<Result<Value, Problem>>;

    /// An embedding an item; they go through the network at once.
    fn embed(&self, items: &[Item]) -> Vec<Result<Vec<f32>, Problem>>;

    /// What in an item spoke for a label, else for what the model answers.
    ///
    /// # Errors
    ///
    /// If the item cannot be read, or there is no such label.
    fn explain(&self, _item: &Item, _label: Option<&str>) -> Result<Explanation, Problem> {
        Err(Problem::not_supported("explains no answers"))
    }

    /// The known items most like an embedding.
    ///
    /// # Errors
    ///
    /// If the embedding has another length.
    fn similar(&self, _embedding: &[f32], _top: usize) -> Result<Vec<Like>, Problem> {
        Err(Problem::new(
            Code::NotSupported,
            "this model knows no neighbors; start the server with `--neighbors EMBEDDINGS`, a file of `rekindle embed`",
        ))
    }

    /// Learns a head on embeddings.
    ///
    /// # Errors
    ///
    /// If they are of another length.
    fn teach(&self, _lesson: &Lesson) -> Result<Taught, Problem> {
        Err(Problem::not_supported("takes no other head"))
    }

    /// The file of this model with a head that is learned on embeddings.
    ///
    /// # Errors
    ///
    /// If they are of another length, or the format cannot be written.
    fn taught(&self, _lesson: &Lesson, _format: FileFormat) -> Result<Vec<u8>, Problem> {
        Err(Problem::not_supported("takes no other head"))
    }
}
