//! Listens, answers, and stops without losing a request that it has accepted.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    sync::{Arc, atomic::Ordering, mpsc},
    task::Poll,
    thread,
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
};

use crate::{
    Limits, Served,
    body::AllBytes,
    gate,
    host::{Host, Hosted, Log},
    metrics::Metrics,
    openapi,
    page::Page,
    queue,
    reload::{Watched, watch},
    routes,
    store::Store,
};

/// How a model is opened again from its file; what is wrong is said in a sentence.
pub type Reload = Box<dyn Fn() -> Result<Arc<dyn Served>, String> + Send>;

/// How long a head of a request may take, and a connection be idle.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Most bytes of a head.
const HEAD_BYTES: usize = 64 << 10;

/// What can go wrong with a server as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened to.
    #[error("{address}: cannot be listened to; choose another with --host and --port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Threads cannot be started, or signals not be heard.
    #[error("the server cannot be started")]
    Start(#[source] io::Error),
    /// There is nothing to serve, or two models have one name.
    #[error("{0}")]
    Models(String),
}

/// How to serve.
#[derive(Clone)]
pub struct ServeConfig {
    /// Where to listen; port 0 is any that is free.
    pub address: SocketAddr,
    /// What requests have to show.
    pub token: Option<String>,
    /// The origin of pages of others that may ask; `*` for all.
    pub cors: Option<String>,
    /// Where items may be kept.
    pub data: Option<PathBuf>,
    /// How much is too much.
    pub limits: Limits,
    /// How often models' files are looked at.
    pub look: Duration,
    /// Takes a line of JSON a request, and a few of others.
    pub log: Arc<dyn Fn(&str) + Send + Sync>,
}

impl ServeConfig {
    /// For this machine alone, with the usual limits and no log.
    pub fn local(port: u16) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            token: None,
            cors: None,
            data: None,
            limits: Limits::default(),
            look: Duration::from_secs(1),
            log: Arc::new(|_| ()),
        }
    }
}

impl std::fmt::Debug for ServeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, cors, data, limits, .. } = self;
        f.debug_struct("ServeConfig")
            .field("address", address)
            .field("cors", cors)
            .field("data", data)
            .field("limits", limits)
            .finish_non_exhaustive()
    }
}

/// A model under its name.
pub struct ServerModel {
    name: String,
    model: Arc<dyn Served>,
    watched: Option<Watched>,
}

impl std::fmt::Debug for ServerModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerModel").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ServerModel {
    /// A model that stays as it is.
    pub fn new(name: impl Into<String>, model: Arc<dyn Served>) -> Self {
        Self { name: name.into(), model, watched: None }
    }

    /// The model of a file or folder, opened, and opened again whenever that was replaced.
    ///
    /// # Errors
    ///
    /// What `open` says.
    pub fn watched(name: impl Into<String>, path: PathBuf, open: Reload) -> Result<Self, String> {
        let (watched, model) = Watched::open(path, open)?;
        Ok(Self { name: name.into(), model, watched: Some(watched) })
    }
}

/// Tells a server to stop.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<Notify>);

impl Stopper {
    /// Accepted requests are still answered.
    pub fn stop(&self) {
        self.0.notify_one();
    }
}

/// A server that listens already.
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    host: Arc<Host>,
    watched: Vec<(Arc<Hosted>, Watched)>,
    look: Duration,
    stopper: Stopper,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Hosted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosted").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens; nothing is answered until it runs.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`], or [`Error::Models`] of none or of two that have one name.
    pub fn bind(config: &ServeConfig, models: Vec<ServerModel>) -> Result<Self, Error> {
        if models.is_empty() {
            return Err(Error::Models("there is no model to serve".to_owned()));
        }
        for (place, model) in models.iter().enumerate() {
            if models[..place].iter().any(|it| it.name == model.name) {
                let name = &model.name;
                let message = format!(
                    "two models are called `{name}`; name them, as in `--weights NAME=FILE`"
                );
                return Err(Error::Models(message));
            }
        }
        let address = config.address;
        let listen = |source| Error::Listen { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let (mut hosted, mut watched) = (Vec::new(), Vec::new());
        for model in models {
            let it = Arc::new(Hosted::new(model.name, model.model, &config.limits));
            watched.extend(model.watched.map(|watched| (Arc::clone(&it), watched)));
            hosted.push(it);
        }
        let host = Arc::new(Host {
            models: hosted,
            limits: config.limits,
            token: config.token.as_deref().map(gate::digest),
            cors: config.cors.clone(),
            is_local: address.ip().is_loopback(),
            store: config.data.clone().map(Store::new),
            bytes: AllBytes::default(),
            metrics: Metrics::default(),
            stopping: false.into(),
            log: Log::clone(&config.log),
            index: Page::index(),
            docs: Page::docs(),
            openapi: openapi::json(),
        });
        Ok(Self { listener, host, watched, look: config.look, stopper: Stopper::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Answers until it is stopped, and then what was accepted before.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn run(self) -> Result<(), Error> {
        let stopper = self.stopper.clone();
        self.until(async move { stopper.0.notified().await })
    }

    /// The same, until this process is told to end: by SIGTERM or SIGINT, or Ctrl-C.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn run_until_signalled(self) -> Result<(), Error> {
        let stopper = self.stopper.clone();
        self.until(async move {
            let mut stopped = pin!(stopper.0.notified());
            let mut signalled = pin!(signalled());
            poll_fn(|context| {
                let stopped = stopped.as_mut().poll(context).is_ready();
                if stopped || signalled.as_mut().poll(context).is_ready() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        })
    }

    fn until(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let Self { listener, host, watched, look, .. } = self;
        // They move bytes; what computes has threads of its own.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(8)
            .thread_name("network")
            .enable_all()
            .build()
            .map_err(Error::Start)?;
        thread::scope(|scope| {
            let mut looking = Vec::new();
            for (hosted, watched) in watched {
                let (stop, stopped) = mpsc::channel();
                looking.push(stop);
                let host = &host;
                scope.spawn(move || watch(host, &hosted, watched, look, &stopped));
            }
            for hosted in &host.models {
                let Host { limits, metrics, .. } = &*host;
                let model = || hosted.current();
                scope.spawn(move || {
                    queue::work(&hosted.name, &hosted.queue, limits, metrics, model);
                });
            }
            let served = runtime.block_on(serve(listener, &host, stop));
            looking.clear();
            host.models.iter().for_each(|hosted| hosted.queue.close());
            served
        })?;
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(())
    }
}

async fn serve(
    listener: std::net::TcpListener,
    host: &Arc<Host>,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let listener = TcpListener::from_std(listener).map_err(Error::Start)?;
    let graceful = Arc::new(GracefulShutdown::new());
    let router = routes::router(Arc::clone(host));
    let permits = Arc::new(Semaphore::new(host.limits.connections));
    let accepting = tokio::spawn(accept(listener, router, Arc::clone(&graceful), permits));
    stop.await;
    host.stopping.store(true, Ordering::Relaxed);
    (host.log)(&json!({ "event": "stopping" }).to_string());
    tokio::time::sleep(host.limits.drain).await;
    // Where it waits is between connections, never between one and its task.
    accepting.abort();
    let _ = accepting.await;
    // Connections hold no more than what tells them to end.
    let answered = match Arc::into_inner(graceful) {
        Some(graceful) => {
            tokio::time::timeout(host.limits.grace, graceful.shutdown()).await.is_ok()
        }
        None => false,
    };
    let word = if answered { "stopped" } else { "stopped with requests unanswered" };
    (host.log)(&json!({ "event": word }).to_string());
    Ok(())
}

async fn accept(
    listener: TcpListener,
    router: Router,
    graceful: Arc<GracefulShutdown>,
    permits: Arc<Semaphore>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES);
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Too many files are open, say: it passes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Answers are small, and not to wait for more of them.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that is gone is no failure of the server's.
            let _ = connection.await;
            drop(permit);
        });
    }
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    poll_fn(|context| {
        let heard = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if heard { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(not(unix))]
async fn signalled() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Nothing will be heard.
        std::future::pending::<()>().await;
    }
}
