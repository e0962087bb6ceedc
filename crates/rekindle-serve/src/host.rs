//! What all requests share: the models by their names, and what the server was started with.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    Code, Limits, Problem, Served, body::AllBytes, item::shown, metrics::Metrics, page::Page,
    queue::Queue, store::Store,
};

/// Where lines of the log go.
pub(crate) type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// A model with what waits for it.
pub(crate) struct Hosted {
    pub(crate) name: String,
    pub(crate) queue: Queue,
    model: RwLock<Arc<dyn Served>>,
}

impl Hosted {
    pub(crate) fn new(name: String, model: Arc<dyn Served>, limits: &Limits) -> Self {
        Self { name, queue: Queue::new(limits.queue), model: RwLock::new(model) }
    }

    /// The model as it is now.
    pub(crate) fn current(&self) -> Arc<dyn Served> {
        Arc::clone(&self.model.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another one from the next batch on.
    pub(crate) fn replace(&self, model: Arc<dyn Served>) {
        *self.model.write().unwrap_or_else(PoisonError::into_inner) = model;
    }
}

/// What all requests share.
pub(crate) struct Host {
    pub(crate) models: Vec<Arc<Hosted>>,
    pub(crate) limits: Limits,
    /// The digest of the token that requests are to have.
    pub(crate) token: Option<[u8; 32]>,
    /// The pages of others that may ask.
    pub(crate) cors: Option<String>,
    /// Whether it listens to this machine alone.
    pub(crate) is_local: bool,
    pub(crate) store: Option<Store>,
    pub(crate) bytes: AllBytes,
    pub(crate) metrics: Metrics,
    pub(crate) stopping: AtomicBool,
    pub(crate) log: Log,
    pub(crate) index: Page,
    pub(crate) docs: Page,
    pub(crate) openapi: String,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.models.iter().map(|it| it.name.as_str()).collect();
        f.debug_struct("Host").field("models", &names).finish_non_exhaustive()
    }
}

impl Host {
    /// The model of a name; the first where none is named.
    pub(crate) fn model(&self, name: Option<&str>) -> Result<&Arc<Hosted>, Problem> {
        let found = match name {
            Some(name) => self.models.iter().find(|it| it.name == name),
            None => self.models.first(),
        };
        found.ok_or_else(|| {
            let known: Vec<&str> = self.models.iter().map(|it| it.name.as_str()).collect();
            let name = shown(name.unwrap_or_default());
            let what = format!("there is no model `{name}`; there are {}", known.join(", "));
            Problem::of(Code::UnknownModel, "model", what)
        })
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Milliseconds to the microsecond.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
