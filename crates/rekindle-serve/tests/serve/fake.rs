//! A model that answers what it was told to, and a server of such.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rekindle_loopback::{Client, Reply};
use rekindle_serve::{
    About, Code, Content, InputAbout, Item, Kind, Lesson, Limits, Problem, ServeConfig, Served,
    Server, ServerModel, Stopper, TaskKind, Taught,
};
use serde_json::{Value, json};

/// Answers texts by a word of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fake {
    pub(crate) word: String,
    /// That a batch takes.
    pub(crate) delay: Duration,
    /// Items of each batch so far.
    pub(crate) batches: Arc<Mutex<Vec<usize>>>,
    pub(crate) predicted: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) fn new(word: &str) -> Self {
        Self { word: word.to_owned(), ..Self::default() }
    }

    pub(crate) fn slow(milliseconds: u64) -> Self {
        Self { delay: Duration::from_millis(milliseconds), ..Self::new("slow") }
    }
}

impl Served for Fake {
    fn about(&self) -> About {
        About {
            kind: Kind::Texts,
            architecture: "fake".to_owned(),
            task: TaskKind::Label,
            outputs: vec![self.word.clone()],
            license: None,
            origin: "a test".to_owned(),
            input: InputAbout::Text { max_length: 8 },
            embed_dim: 2,
            explains: false,
            teaches: self.word == "teacher",
            neighbors: false,
        }
    }

    fn look(&self, item: &Item) -> Result<(), Problem> {
        match item.content {
            Content::Text { .. } => Ok(()),
            _ => Err(Problem::of(Code::OtherKind, &item.field, "texts, please")),
        }
    }

    fn ending(&self, _: &Item) -> Result<&'static str, Problem> {
        Ok("txt")
    }

    fn predict(&self, items: &[Item], top: usize) -> Vec<Result<Value, Problem>> {
        thread::sleep(self.delay);
        self.batches.lock().unwrap().push(items.len());
        self.predicted.fetch_add(items.len(), Ordering::Relaxed);
        let answer = |item: &Item| match &item.content {
            Content::Text { text, .. } if text == "panic" => panic!("as it was told to"),
            Content::Text { text, .. } if text == "bad" => {
                Err(Problem::of(Code::UnreadableText, &item.field, "is bad"))
            }
            Content::Text { text, .. } => Ok(
                json!({ "top": [{ "label": self.word, "index": text.len(), "probability": top }] }),
            ),
            _ => Err(Problem::of(Code::OtherKind, &item.field, "texts, please")),
        };
        items.iter().map(answer).collect()
    }

    fn embed(&self, items: &[Item]) -> Vec<Result<Vec<f32>, Problem>> {
        items.iter().map(|_| Ok(vec![0.1, -2.0])).collect()
    }

    fn teach(&self, lesson: &Lesson) -> Result<Taught, Problem> {
        Ok(Taught {
            accuracy: lesson.labels.len() as f64,
            interval: [0.0, 1.0],
            method: "none".to_owned(),
            chance: 0.5,
            wrong: Vec::new(),
            head: rekindle_serve::Head { weight: Vec::new(), bias: Vec::new(), temperature: 1.0 },
        })
    }
}

/// On any port, and soon gone.
pub(crate) fn local() -> ServeConfig {
    let limits = Limits { drain: Duration::from_millis(10), ..Limits::default() };
    ServeConfig { limits, ..ServeConfig::local(0) }
}

/// A server that runs, and what it has logged.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stopper: Stopper,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(config: ServeConfig, models: Vec<ServerModel>) -> Self {
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&log);
        let log_line = move |line: &str| lines.lock().unwrap().push(line.to_owned());
        let config = ServeConfig { log: Arc::new(log_line), ..config };
        let server = Server::bind(&config, models).unwrap();
        let (address, stopper) = (server.address().unwrap(), server.stopper());
        let thread = thread::spawn(move || server.run().unwrap());
        Self { address, stopper, log, thread: Some(thread) }
    }

    /// Of one model, within limits.
    pub(crate) fn of(model: Fake, limits: Limits) -> Self {
        let config = ServeConfig { limits, ..local() };
        Self::start(config, vec![ServerModel::new("fake", Arc::new(model))])
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// Waits until it has stopped.
    pub(crate) fn stopped(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Predicts a text.
pub(crate) fn ask(client: &mut Client, text: &str) -> Reply {
    client.post("/v1/predict", "text/plain", text.as_bytes()).unwrap()
}

/// The word and the field of an error, which holds nothing else than these and a message.
pub(crate) fn error(reply: &Reply) -> (String, Option<String>) {
    let json = reply.json();
    let error = json["error"].as_object().unwrap_or_else(|| panic!("{}", reply.text()));
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert!(error.keys().all(|key| ["code", "message", "field"].contains(&key.as_str())));
    let text = |key: &str| error.get(key).map(|value| value.as_str().unwrap().to_owned());
    (text("code").unwrap(), text("field"))
}
