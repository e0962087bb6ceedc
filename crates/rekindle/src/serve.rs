//! Models over HTTP: what `rekindle-serve` asks of a model, answered by any [`ModelOf`].
//!
//! ```no_run
//! use std::{path::Path, sync::Arc};
//! use rekindle::{Device, Model, serve::{ServeConfig, ServedModel, ServedOptions, Server, ServerModel}};
//!
//! let (model, _) = Model::open(None, Path::new("ants.safetensors"), &Device::flex())?;
//! let options = ServedOptions::new(Arc::new(rayon::ThreadPoolBuilder::new().build()?));
//! let models = vec![ServerModel::new("ants", Arc::new(ServedModel::new(model, options)?))];
//! Server::bind(&ServeConfig::local(8080), models)?.run_until_signalled()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{fmt, sync::Arc};

use rayon::ThreadPool;
use rekindle_base::causes;
use rekindle_cards::TaskSpec;
use rekindle_layers::Backbone as _;
use serde_json::Value;

pub use rekindle_serve::{
    About, Asked, Code, Content, Error as ServeError, Explanation, FileFormat, Head, InputAbout,
    Item, Kind, Lesson, Like, Limits, Problem, ServeConfig, Served, Server, ServerModel, Shown,
    Stopper, TaskKind, Taught, Token, Wrong,
};

use crate::{Embeddings, Error, ItemOf, Modality, ModelOf, Prediction};

mod pictures;
mod rows;
mod teach;
mod texts;

/// Most pixels of a picture that is served, unless said otherwise.
pub const USUAL_PIXELS: usize = 50_000_000;

/// How a model is served.
#[derive(Clone)]
pub struct ServedOptions {
    /// The threads that compute, which several models may share.
    pub pool: Arc<ThreadPool>,
    /// Most pixels of a picture, as it says itself before it is decoded.
    pub max_pixels: usize,
    /// Where the weights come from, for people.
    pub origin: String,
    /// Items to find neighbors among: embeddings that this model made.
    pub neighbors: Option<Arc<Embeddings>>,
}

impl fmt::Debug for ServedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedOptions").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl ServedOptions {
    /// The usual ones, on these threads.
    pub fn new(pool: Arc<ThreadPool>) -> Self {
        Self { pool, max_pixels: USUAL_PIXELS, origin: String::new(), neighbors: None }
    }
}

/// A kind of input whose items come over a network.
pub trait ServedKind: Modality<Backbone: Sync> {
    /// Whether it says what spoke for an answer.
    const EXPLAINS: bool;
    /// What is wrong with an item that cannot be read.
    const UNREADABLE: Code;
    /// What a server calls it.
    const SERVED: Kind;

    /// What a model reads.
    fn input(model: &ModelOf<Self>) -> InputAbout;

    /// An item of a request; pictures are not decoded yet.
    ///
    /// # Errors
    ///
    /// If it is of another kind, or the model would refuse it.
    fn item(
        model: &ModelOf<Self>,
        item: &Item,
        options: &ServedOptions,
    ) -> Result<ItemOf<Self>, Problem>;

    /// What a file of this item ends in.
    ///
    /// # Errors
    ///
    /// If it is of another kind, or of no format.
    fn ending(item: &Item) -> Result<&'static str, Problem>;

    /// What in an item spoke for the output with this number.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn spoke(_model: &ModelOf<Self>, _item: &ItemOf<Self>, _output: usize) -> Result<Shown, Error> {
        Err(Error::NoItem)
    }

    /// What is wrong with an item, as a server says it.
    fn problem(item: &Item, error: &Error) -> Problem {
        problem(Self::UNREADABLE, item, error)
    }
}

fn problem(code: Code, item: &Item, error: &Error) -> Problem {
    // What items are called is where they stand in the request.
    let (field, said) = (&item.field, causes(error));
    let said = said.strip_prefix(field.as_str()).and_then(|rest| rest.strip_prefix(": "));
    Problem::of(code, field, said.map_or_else(|| causes(error), str::to_owned))
}

/// A model that fails whatever it is asked.
fn failed(why: &str) -> Problem {
    Problem::new(Code::Internal, format!("the model fails: {why}; look at its weights"))
}

/// An item of another kind than a model takes.
fn other_kind(item: &Item, takes: &str) -> Problem {
    let what = format!("this model takes {takes}; GET /v1/models says which model takes what");
    Problem::of(Code::OtherKind, &item.field, what)
}

/// A model that is served.
#[derive(Debug)]
pub struct ServedModel<M: ServedKind> {
    model: ModelOf<M>,
    options: ServedOptions,
}

impl<M: ServedKind> ServedModel<M> {
    /// This model, in this way; it is made ready to answer.
    ///
    /// # Errors
    ///
    /// If it cannot be.
    pub fn new(model: ModelOf<M>, options: ServedOptions) -> Result<Self, Error> {
        model.predict_each(std::iter::empty::<ItemOf<M>>())?;
        Ok(Self { model, options })
    }

    /// Whether outputs are read from embeddings by a linear layer, which another can take the place of.
    fn has_head(&self) -> bool {
        !self.model.network().backbone().landmarks().classifier.is_empty()
    }

    /// Asks the model about those items that can be read, all at once.
    fn each<T: Send>(
        &self,
        items: &[Item],
        ask: impl FnOnce(Vec<ItemOf<M>>) -> Result<Vec<Result<T, Error>>, Error> + Send,
    ) -> Vec<Result<T, Problem>> {
        let (mut good, mut places) = (Vec::new(), Vec::new());
        for item in items {
            let found = M::item(&self.model, item, &self.options);
            places.push((item, found.map(|found| good.push(found))));
        }
        let answers = match self.options.pool.install(|| ask(good)) {
            Ok(answers) => answers,
            Err(error) => {
                let problem = failed(&causes(&error));
                return items.iter().map(|_| Err(problem.clone())).collect();
            }
        };
        let mut answers = answers.into_iter();
        let answered = |(item, place): (&Item, Result<(), Problem>)| {
            place?;
            let answer = answers.next().ok_or_else(|| failed("an item without an answer"))?;
            answer.map_err(|error| M::problem(item, &error))
        };
        places.into_iter().map(answered).collect()
    }

    /// The number of an output that is named, or numbered; else of the answer.
    fn output(&self, item: &Item, label: Option<&str>) -> Result<usize, Problem> {
        let Some(label) = label else {
            let mut found =
                self.each(std::slice::from_ref(item), |items| self.model.predict_each(items));
            let found = found.pop().ok_or_else(|| failed("an item without an answer"))??;
            return Ok(found.guesses().first().map_or(0, |guess| guess.index));
        };
        self.model.output(label).ok_or_else(|| {
            let what = "there is no such label; GET /v1/models lists them";
            Problem::of(Code::BadRequest, "label", what)
        })
    }
}

impl<M: ServedKind> Served for ServedModel<M> {
    fn about(&self) -> About {
        let config = self.model.config();
        let answers = config.classes > 0;
        let task = match config.task {
            _ if !answers => TaskKind::None,
            TaskSpec::MultiLabel { .. } => TaskKind::Labels,
            TaskSpec::Regression { .. } => TaskKind::Numbers,
            _ => TaskKind::Label,
        };
        let names = self.model.names();
        let outputs = match names.is_empty() {
            true => (0..config.classes)
                .map(|place| config.label(place).map_or_else(|| place.to_string(), str::to_owned))
                .collect(),
            false => names,
        };
        About {
            kind: M::SERVED,
            architecture: config.architecture.clone(),
            task,
            outputs,
            license: config.license.clone(),
            origin: self.options.origin.clone(),
            input: M::input(&self.model),
            embed_dim: self.model.network().backbone().embed_dim(),
            explains: M::EXPLAINS && answers,
            teaches: self.has_head(),
            neighbors: self.options.neighbors.is_some(),
        }
    }

    fn look(&self, item: &Item) -> Result<(), Problem> {
        M::item(&self.model, item, &self.options).map(drop)
    }

    fn ending(&self, item: &Item) -> Result<&'static str, Problem> {
        M::ending(item)
    }

    fn predict(&self, items: &[Item], top: usize) -> Vec<Result<Value, Problem>> {
        if self.model.config().classes == 0 {
            let problem = || Problem::not_supported("has no head: it embeds, and answers nothing");
            return items.iter().map(|_| Err(problem())).collect();
        }
        let found = self.each(items, |items| self.model.predict_each(items));
        let json = |found: Prediction| Value::Object(found.to_json(top));
        found.into_iter().map(|found| found.map(json)).collect()
    }

    fn embed(&self, items: &[Item]) -> Vec<Result<Vec<f32>, Problem>> {
        self.each(items, |items| self.model.embed_each(items, None))
    }

    fn explain(&self, item: &Item, label: Option<&str>) -> Result<Explanation, Problem> {
        let about = self.about();
        if !about.explains {
            return Err(Problem::not_supported("explains no answers"));
        }
        let output = self.output(item, label)?;
        let read = M::item(&self.model, item, &self.options)?;
        let shown = self.options.pool.install(|| M::spoke(&self.model, &read, output));
        let shown = shown.map_err(|error| M::problem(item, &error))?;
        Ok(Explanation { label: about.outputs.get(output).cloned().unwrap_or_default(), shown })
    }

    fn similar(&self, embedding: &[f32], top: usize) -> Result<Vec<Like>, Problem> {
        let Some(known) = &self.options.neighbors else {
            let what = "knows no neighbors: the server was started without `--neighbors`";
            return Err(Problem::not_supported(what));
        };
        if embedding.len() != known.dim() {
            let (found, dim) = (embedding.len(), known.dim());
            let what = format!("has {found} numbers, the known ones have {dim}");
            return Err(Problem::of(Code::BadRequest, "embedding", what));
        }
        let found = self.options.pool.install(|| known.neighbors(embedding, top, None));
        let like = |it: crate::Neighbor| Like {
            name: known.items()[it.place].clone(),
            label: Some(known.labels()[it.place].clone()).filter(|label| !label.is_empty()),
            similarity: it.similarity,
        };
        Ok(found.into_iter().map(like).collect())
    }

    fn teach(&self, lesson: &Lesson) -> Result<Taught, Problem> {
        if !self.has_head() {
            return Err(Problem::not_supported("takes no other head"));
        }
        Ok(self.options.pool.install(|| teach::taught(lesson)))
    }

    fn taught(&self, lesson: &Lesson, format: FileFormat) -> Result<Vec<u8>, Problem> {
        if !self.has_head() {
            return Err(Problem::not_supported("takes no other head"));
        }
        self.options.pool.install(|| teach::file(&self.model, lesson, format))
    }
}
