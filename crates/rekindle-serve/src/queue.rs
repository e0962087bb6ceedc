//! What waits for a model, and the thread that takes from there what goes through the network at once.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::{Code, Item, Limits, Problem, Served, metrics::Metrics};

/// What is asked of items that may go together with others'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Together {
    /// With at most so many labels.
    Predict {
        top: usize,
    },
    Embed,
}

/// What a model says of an item.
#[derive(Debug)]
pub(crate) enum Answer {
    Prediction(Value),
    Embedding(Vec<f32>),
}

type Answers = Result<Vec<Answer>, Problem>;

/// What a request asks a model by itself; it answers in its own way.
type Question = Box<dyn FnOnce(&dyn Served) + Send>;

/// What one request wants.
enum Job {
    Items { what: Together, items: Vec<Item>, since: Instant, reply: oneshot::Sender<Answers> },
    Alone(Question),
}

impl Job {
    /// Places that it takes in the queue.
    fn weight(&self) -> usize {
        match self {
            Self::Items { items, .. } => items.len(),
            Self::Alone(_) => 1,
        }
    }

    /// Whether nobody waits for it any more.
    fn is_given_up(&self) -> bool {
        matches!(self, Self::Items { reply, .. } if reply.is_closed())
    }
}

/// What waits for a model.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    most: usize,
    /// Nanoseconds that an item took lately.
    pace: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    items: usize,
    closed: bool,
}

impl Queue {
    /// For at most so many items.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            most,
            pace: AtomicU64::new(10_000_000),
        }
    }

    /// Answers to items; they may go through the network with others'.
    pub(crate) async fn together(&self, what: Together, items: Vec<Item>) -> Answers {
        let (reply, answers) = oneshot::channel();
        self.push(Job::Items { what, items, since: Instant::now(), reply })?;
        // Dropped where the model panicked.
        answers.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    /// What a model answers by itself.
    pub(crate) async fn alone<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Served) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (reply, answer) = oneshot::channel();
        self.push(Job::Alone(Box::new(move |model| {
            if !reply.is_closed() {
                // Nobody waits any more: so be it.
                let _ = reply.send(ask(model));
            }
        })))?;
        answer.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    /// Items that wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().items
    }

    /// Takes nothing more; what waits is still answered.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn push(&self, job: Job) -> Result<(), Problem> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Problem::new(Code::Stopping, "the server is stopping; ask another one"));
        }
        let weight = job.weight();
        if weight > self.most {
            return Err(Problem::of(
                Code::TooManyItems,
                "items",
                format!("{weight} are more than the {} that may wait; send fewer", self.most),
            ));
        }
        if waiting.items + weight > self.most {
            let seconds = self.seconds(waiting.items);
            let message = format!(
                "{} items wait already, and no more than {} may; try again in {seconds} s",
                waiting.items, self.most
            );
            let busy = Problem::new(Code::Busy, message);
            return Err(Problem { retry_after: Some(seconds), ..busy });
        }
        waiting.items += weight;
        waiting.jobs.push_back(job);
        drop(waiting);
        self.changed.notify_all();
        Ok(())
    }

    /// In how many seconds so many items will have been answered.
    fn seconds(&self, items: usize) -> u64 {
        let nanoseconds = self.pace.load(Ordering::Relaxed).saturating_mul(items as u64);
        nanoseconds.div_ceil(1_000_000_000).clamp(1, 60)
    }

    /// The next jobs: one alone, or several of one kind that go together; none once it is closed and empty.
    fn next(&self, limits: &Limits) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        let first = loop {
            match waiting.pop() {
                Some(job) if job.is_given_up() => {}
                Some(job) => break job,
                None if waiting.closed => return None,
                None => {
                    waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        let Job::Items { what, since, .. } = &first else { return Some(vec![first]) };
        let (what, until) = (*what, *since + limits.max_wait);
        let mut items = first.weight();
        let mut jobs = vec![first];
        loop {
            while let Some(job) = waiting.fitting(what, limits.max_batch.saturating_sub(items)) {
                items += job.weight();
                jobs.push(job);
            }
            let left = until.saturating_duration_since(Instant::now());
            if items >= limits.max_batch || left.is_zero() || waiting.closed {
                return Some(jobs);
            }
            let waited = self.changed.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn pop(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.items -= job.weight();
        Some(job)
    }

    /// The first job of a kind that has at most so many items.
    fn fitting(&mut self, kind: Together, most: usize) -> Option<Job> {
        let fits = |job: &Job| matches!(job, Job::Items { what, items, .. } if *what == kind && items.len() <= most);
        let place = self.jobs.iter().position(fits)?;
        let job = self.jobs.remove(place)?;
        self.items -= job.weight();
        Some(job)
    }
}

/// Answers what waits until the queue is closed and empty. `model` is asked for before each batch: it may have changed.
pub(crate) fn work(
    name: &str,
    queue: &Queue,
    limits: &Limits,
    metrics: &Metrics,
    model: impl Fn() -> Arc<dyn Served>,
) {
    while let Some(jobs) = queue.next(limits) {
        let start = Instant::now();
        let items: usize = jobs.iter().map(Job::weight).sum();
        for job in &jobs {
            if let Job::Items { since, .. } = job {
                metrics.waited(name, start.saturating_duration_since(*since));
            }
        }
        // A model that panics answers these no more, and the next ones as before.
        let found = catch_unwind(AssertUnwindSafe(|| run(&*model(), jobs, limits.max_batch)));
        if found.is_err() {
            metrics.panicked(name);
        }
        let took = start.elapsed();
        metrics.computed(name, items, took);
        queue.pace.store(pace(queue.pace.load(Ordering::Relaxed), took, items), Ordering::Relaxed);
    }
}

/// Nanoseconds an item, the last ones counting for a quarter.
fn pace(before: u64, took: Duration, items: usize) -> u64 {
    let now = took.as_nanos() as u64 / items.max(1) as u64;
    before - before / 4 + now / 4
}

fn run(model: &dyn Served, jobs: Vec<Job>, batch: usize) {
    let (mut kind, mut all, mut replies) = (None, Vec::new(), Vec::new());
    for job in jobs {
        match job {
            Job::Alone(ask) => ask(model),
            Job::Items { what, items, reply, .. } => {
                kind = Some(what);
                replies.push((reply, items.len()));
                all.extend(items);
            }
        }
    }
    let Some(kind) = kind else { return };
    let mut found = Vec::with_capacity(all.len());
    for items in all.chunks(batch.max(1)) {
        match kind {
            Together::Predict { top } => {
                let answers = model.predict(items, top).into_iter();
                found.extend(answers.map(|answer| answer.map(Answer::Prediction)));
            }
            Together::Embed => {
                let answers = model.embed(items).into_iter();
                found.extend(answers.map(|answer| answer.map(Answer::Embedding)));
            }
        }
    }
    let mut found = found.into_iter();
    for (reply, count) in replies {
        // One that cannot be read refuses its request, and no other.
        let answers: Vec<Result<Answer, Problem>> = found.by_ref().take(count).collect();
        let _ = reply.send(answers.into_iter().collect());
    }
}
