//! `rekindle serve`: models over HTTP, and a page to use them by.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{anyhow, bail};
use clap::Args;
use rayon::ThreadPool;
use rekindle::{
    DeviceKind, Embeddings,
    serve::{
        Limits, ServeConfig, Served, ServedKind, ServedModel, ServedOptions, Server, ServerModel,
        USUAL_PIXELS,
    },
};
use serde_json::json;

use super::{
    Common,
    kind::{Kind, of_kind},
    numbers, output,
    similar::check_made,
    weights::{OpenedWeights, WeightsArguments},
};

/// What requests are to show, where it is set.
const TOKEN: &str = "REKINDLE_TOKEN";

/// Answer over HTTP what models say of pictures, texts and rows, and show a page to use them by.
///
/// It listens to this machine alone, unless --host says otherwise; where REKINDLE_TOKEN is set, requests are to have it
/// (`Authorization: Bearer TOKEN`). A file of weights that is replaced whole is used from then on. SIGTERM and SIGINT end it once
/// what was accepted is answered. A line of JSON a request goes to standard error.
#[derive(Args)]
pub(super) struct Arguments {
    /// A weights file or folder, or `hf-hub:OWNER/NAME`; as often as there are models, with what requests call each in front. [default
    /// name: the file's]
    #[arg(long, value_name = "[NAME=]WEIGHTS", required_unless_present = "model")]
    weights: Vec<String>,
    /// A checkpoint (resnet50.a1_in1k) or an architecture, from the Hub's cache or downloaded into it; as often as needed.
    #[arg(long, value_name = "[NAME=]MODEL")]
    model: Vec<String>,
    /// Take weights under a license that is not permissive. As often as needed.
    #[arg(long = "accept-license", value_name = "NAME")]
    accepted: Vec<String>,
    /// Embeddings to find neighbors among: a file of `rekindle embed` with the same weights; with several models their names in
    /// front.
    #[arg(long, value_name = "[NAME=]EMBEDDINGS")]
    neighbors: Vec<String>,
    /// The address to listen on: `0.0.0.0` is every one of this machine.
    #[arg(long, default_value = "127.0.0.1", value_parser = host)]
    host: IpAddr,
    /// The port; 0 is any that is free.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Most items that go through a network at once.
    #[arg(long, default_value_t = 32, value_parser = numbers::batch)]
    max_batch: usize,
    /// Milliseconds that an item waits for others to go with it.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(..=10_000))]
    max_wait_ms: u64,
    /// Most items that wait for a model; who comes then is told when to come again.
    #[arg(long, default_value_t = 256, value_parser = numbers::count)]
    queue: usize,
    /// Most megabytes of a request.
    #[arg(long, default_value = "16", value_parser = numbers::nonzero)]
    max_body_mb: NonZeroUsize,
    /// Seconds within which the body of a request has to arrive.
    #[arg(long, default_value = "30", value_parser = numbers::nonzero)]
    body_seconds: NonZeroUsize,
    /// Most pixels of a picture, as it says itself before it is decoded.
    #[arg(long, default_value_t = USUAL_PIXELS)]
    max_pixels: usize,
    /// Pages of another origin that may ask, such as `https://example.org`; `*` for all.
    #[arg(long, value_name = "ORIGIN")]
    cors: Option<String>,
    /// A folder into which the page may put items, a folder a label. Without it nothing is kept.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        if let Some(data) = self.data.as_deref().filter(|data| !data.is_dir()) {
            bail!("{}: is no folder to put items into; create it first", data.display());
        }
        let models = self.models()?;
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let is_open = token.is_none() && !self.host.is_loopback();
        let config = ServeConfig {
            address: SocketAddr::new(self.host, self.port),
            token,
            cors: self.cors.clone(),
            data: self.data.clone(),
            limits: self.limits(),
            log: Arc::new(output::complain),
            ..ServeConfig::local(self.port)
        };
        let server = Server::bind(&config, models)?;
        if is_open {
            complain!(
                "whoever reaches this machine may ask; set {TOKEN} to a secret to prevent it"
            );
        }
        let address = server.address()?;
        match self.common.json {
            true => output::json(&json!({ "address": address.to_string() }))?,
            false => say!("http://{address}/ is the page, http://{address}/docs the interface"),
        }
        server.run_until_signalled()?;
        Ok(ExitCode::SUCCESS)
    }

    fn limits(&self) -> Limits {
        Limits {
            max_batch: self.max_batch,
            max_wait: Duration::from_millis(self.max_wait_ms),
            queue: self.queue,
            body_bytes: self.max_body_mb.get().saturating_mul(1 << 20),
            body_time: Duration::from_secs(self.body_seconds.get() as u64),
            ..Limits::default()
        }
    }

    fn models(&self) -> anyhow::Result<Vec<ServerModel>> {
        let pool = Arc::new(self.common.pool()?);
        let asked = self.weights.iter().map(|it| (it, true));
        let asked: Vec<_> = asked.chain(self.model.iter().map(|it| (it, false))).collect();
        let mut neighbors = self.opened_neighbors(asked.len())?;
        let mut models = Vec::new();
        for (text, are_weights) in asked {
            let (name, of) = named(text);
            let name = name.map_or_else(|| default_name(of, are_weights), str::to_owned);
            let known =
                neighbors.iter().position(|(of, ..)| of.as_ref().is_none_or(|of| *of == name));
            let opener = Opener {
                weights: WeightsArguments {
                    model: (!are_weights).then(|| of.to_owned()),
                    weights: are_weights.then(|| of.into()),
                    accepted: self.accepted.clone(),
                    weights_set: None,
                },
                device: self.common.device,
                pool: Arc::clone(&pool),
                max_pixels: self.max_pixels,
                neighbors: known
                    .map(|place| neighbors.remove(place))
                    .map(|(_, path, it)| (path, it)),
            };
            let path = Path::new(of);
            models.push(match are_weights && path.exists() {
                true => {
                    let open =
                        Box::new(move || opener.open().map_err(|error| output::causes(&error)));
                    ServerModel::watched(name, path.to_owned(), open)
                        .map_err(|error| anyhow!(error))?
                }
                false => ServerModel::new(name, opener.open()?),
            });
        }
        if let Some((Some(name), ..)) = neighbors.first() {
            bail!("--neighbors names `{name}`, which is no model of this server");
        }
        Ok(models)
    }

    /// The embeddings that were named, with the model that they are for.
    fn opened_neighbors(&self, models: usize) -> anyhow::Result<Vec<NeighborsOf>> {
        let open = |text: &String| {
            let (name, path) = named(text);
            if name.is_none() && models > 1 {
                bail!("--neighbors {text}: of which model? Name it, as in `--neighbors NAME=FILE`");
            }
            let path = PathBuf::from(path);
            let found = Arc::new(Embeddings::open(&path)?);
            Ok((name.map(str::to_owned), path, found))
        };
        self.neighbors.iter().map(open).collect()
    }
}

/// The model that embeddings are for, where they are, and they themselves.
type NeighborsOf = (Option<String>, PathBuf, Arc<Embeddings>);

/// How a model is opened, and again where its file was replaced.
struct Opener {
    weights: WeightsArguments,
    device: DeviceKind,
    pool: Arc<ThreadPool>,
    max_pixels: usize,
    neighbors: Option<(PathBuf, Arc<Embeddings>)>,
}

impl Opener {
    fn open(&self) -> anyhow::Result<Arc<dyn Served>> {
        let (kind, weights) = self.weights.opened_kind()?;
        self.pool.install(|| of_kind!(kind, self.served(&weights)))
    }

    fn served<M: Kind + ServedKind>(
        &self,
        weights: &OpenedWeights,
    ) -> anyhow::Result<Arc<dyn Served>> {
        let model = weights.model::<M>(&self.device.open()?)?;
        if let Some((path, embeddings)) = &self.neighbors {
            check_made(path, embeddings, &model, None)?;
        }
        let options = ServedOptions {
            max_pixels: self.max_pixels,
            origin: weights.found.shown(),
            neighbors: self.neighbors.as_ref().map(|(_, it)| Arc::clone(it)),
            ..ServedOptions::new(Arc::clone(&self.pool))
        };
        Ok(Arc::new(ServedModel::new(model, options)?))
    }
}

/// `NAME=REST`, unless that is a path as it stands.
fn named(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, rest))
            if !name.is_empty() && !name.contains(['/', '\\']) && !Path::new(text).exists() =>
        {
            (Some(name), rest)
        }
        _ => (None, text),
    }
}

/// What a model is called where nobody says: a card by its name, a file by its own without the ending.
fn default_name(of: &str, are_weights: bool) -> String {
    let path = Path::new(of);
    let name = match path.is_dir() || !are_weights || of.contains(':') {
        true => path.file_name(),
        false => path.file_stem(),
    };
    name.and_then(|name| name.to_str()).unwrap_or("model").to_owned()
}

/// An address, or the name of this machine for itself.
fn host(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => text.parse().map_err(|_| "give an address, such as 127.0.0.1 or 0.0.0.0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_called_as_is_said_or_as_their_files_are() {
        for (text, name, rest) in [
            ("ants=run/best.safetensors", "ants", "run/best.safetensors"),
            ("run/best.safetensors", "best", "run/best.safetensors"),
            ("a/b=c.safetensors", "b=c", "a/b=c.safetensors"),
            ("hf-hub:owner/ants", "ants", "hf-hub:owner/ants"),
        ] {
            let (found, of) = named(text);
            assert_eq!(of, rest);
            assert_eq!(found.map_or_else(|| default_name(of, true), str::to_owned), name);
        }
        assert_eq!(default_name("resnet50.a1_in1k", false), "resnet50.a1_in1k");
        assert!(host("example.org").is_err() && host("localhost").unwrap().is_loopback());
    }
}
