//! A Hub on the loopback interface: for tests that need a server and no network.
//!
//! It answers as the Hub does where it counts: small files come from the Hub itself and are named by git's hash,
//! large ones are redirected to storage on another host, which refuses a request that brings a token along.
//! Faults are made to order: a [`Rule`] says which request gets which [`Fault`], and how often.
//! [`Client`] is the other side: it asks servers of ours.
//!
//! ```
//! let server = rekindle_loopback::Server::start()?;
//! let commit = server.publish("timm/a", &[("config.json", b"{}"), ("model.safetensors", b"weights")]);
//! assert_eq!(commit.len(), 40);
//! assert!(server.endpoint().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod client;
mod fault;
mod http;
mod repository;
mod routes;
mod uploads;

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

pub use client::{Client, Reply};
pub use fault::{Fault, Rule};
pub use http::Request;
pub use repository::{Revision, git_sha1, sha256};

use repository::Repository;
use uploads::Uploads;

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Which of the two hosts a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The Hub: names, commits, small files.
    Hub,
    /// The storage of large files.
    Storage,
}

/// What every connection knows.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) hub: SocketAddr,
    pub(crate) storage: SocketAddr,
    pub(crate) repositories: Mutex<BTreeMap<String, Repository>>,
    pub(crate) uploads: Mutex<Uploads>,
    rules: Mutex<Vec<Rule>>,
    fired: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    stopping: AtomicBool,
}

impl Server {
    /// Starts a server on two free ports.
    ///
    /// # Errors
    ///
    /// Whatever keeps the system from giving ports away.
    pub fn start() -> io::Result<Self> {
        Self::start_at(0)
    }

    /// Starts a server on this port, or a free one where it is zero; storage takes a free one.
    ///
    /// # Errors
    ///
    /// As [`Server::start`]; that the port is taken.
    pub fn start_at(port: u16) -> io::Result<Self> {
        let listeners =
            [TcpListener::bind(("127.0.0.1", port))?, TcpListener::bind(("127.0.0.1", 0))?];
        let shared = Arc::new(Shared {
            hub: listeners[0].local_addr()?,
            storage: listeners[1].local_addr()?,
            repositories: Mutex::default(),
            uploads: Mutex::default(),
            rules: Mutex::default(),
            fired: AtomicUsize::new(0),
            requests: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let threads =
            [Host::Hub, Host::Storage].into_iter().zip(listeners).map(|(host, listener)| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.accept(host, &listener))
            });
        let threads = threads.collect();
        Ok(Self { shared, threads })
    }

    /// The Hub's address, without a slash at the end: what `HF_ENDPOINT` is to be.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.shared.hub)
    }

    /// Adds a commit to a repository and has `main` be it; says which it is, which depends on the files alone.
    pub fn publish(&self, repository: &str, files: &[(&str, &[u8])]) -> String {
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), Arc::from(*bytes)));
        self.publish_revision(repository, Revision::new(files.collect()))
    }

    /// As [`Server::publish`], for files that are large or many.
    pub fn publish_revision(&self, repository: &str, revision: Revision) -> String {
        let mut repositories = lock(&self.shared.repositories);
        repositories.entry(repository.to_owned()).or_default().add(revision)
    }

    /// Has a commit be known by another hash as well, as a server may that says what it likes.
    pub fn publish_as(&self, repository: &str, commit: &str, other: &str) {
        let mut repositories = lock(&self.shared.repositories);
        let repository = repositories.entry(repository.to_owned()).or_default();
        if let Some(revision) = repository.revisions.get(commit).cloned() {
            repository.revisions.insert(other.to_owned(), revision);
        }
    }

    /// States a repository's license.
    pub fn set_license(&self, repository: &str, license: &str) {
        let mut repositories = lock(&self.shared.repositories);
        repositories.entry(repository.to_owned()).or_default().license = Some(license.to_owned());
    }

    /// Has a repository be readable with this token alone.
    pub fn require_token(&self, repository: &str, token: &str) {
        let mut repositories = lock(&self.shared.repositories);
        repositories.entry(repository.to_owned()).or_default().token = Some(token.to_owned());
    }

    /// Has this token be one that may write, everywhere.
    pub fn allow_writes(&self, token: &str) {
        lock(&self.shared.uploads).token = Some(token.to_owned());
    }

    /// Has files longer than this go up in parts of this many bytes.
    pub fn split_uploads(&self, bytes: usize) {
        lock(&self.shared.uploads).part = Some(bytes);
    }

    /// The newest commit of a repository and its files; none where there is no such repository.
    #[must_use]
    pub fn contents(&self, repository: &str) -> Option<(String, BTreeMap<String, Vec<u8>>)> {
        let repositories = lock(&self.shared.repositories);
        let (commit, revision) = repositories.get(repository)?.find("main")?;
        let file = |(name, blob): (&String, &repository::Blob)| (name.clone(), blob.bytes.to_vec());
        Some((commit.to_owned(), revision.files.iter().map(file).collect()))
    }

    /// Has requests go wrong.
    pub fn order(&self, rule: Rule) {
        lock(&self.shared.rules).push(rule);
    }

    /// Has requests go right again.
    pub fn clear(&self) {
        lock(&self.shared.rules).clear();
    }

    /// How many requests went wrong so far, so that a test can tell a fault survived from a fault that never was.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.shared.fired.load(Ordering::Relaxed)
    }

    /// Every request since the last call, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *lock(&self.shared.requests))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // A connection each, for `accept` to come back from.
        for address in [self.shared.hub, self.shared.storage] {
            let _ = TcpStream::connect(address);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, host: Host, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::Relaxed) {
                return;
            }
            let Ok(stream) = stream else { continue };
            let shared = Arc::clone(self);
            // It ends with its connection: clients close theirs.
            thread::spawn(move || shared.serve(host, &stream));
        }
    }

    /// Answers what comes over a connection until either side has had enough.
    fn serve(&self, host: Host, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let Ok(clone) = stream.try_clone() else { return };
        let mut reader = io::BufReader::new(clone);
        while let Ok(Some(request)) = Request::read(host, &mut reader) {
            lock(&self.requests).push(request.clone());
            let mut reply = routes::route(self, &request);
            if let Some(fault) = self.fault(&request) {
                fault.apply(&request, &mut reply);
            }
            match reply.write(stream, &request) {
                Ok(http::After::Keep) => {}
                _ => break,
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }

    /// The fault that a request is due, which is then used up.
    fn fault(&self, request: &Request) -> Option<Fault> {
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.times > 0 && rule.matches(request))?;
        rule.times -= 1;
        self.fired.fetch_add(1, Ordering::Relaxed);
        Some(rule.fault.clone())
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
