//! What a server answers a second to many clients at once, beside the same model predicting the same pictures in batches.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{
    Device, Model,
    serve::{Limits, ServeConfig, ServedModel, ServedOptions, Server, ServerModel},
};
use rekindle_loopback::Client;

/// Which model, which pictures, how many clients.
#[derive(Debug, Args)]
pub struct Serve {
    /// Weights of pictures.
    #[arg(long)]
    weights: PathBuf,
    /// What they are, where they do not say.
    #[arg(long)]
    model: Option<String>,
    /// Clients that ask at once, each over one connection.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Items that go through the network at once, of the server and of what it is compared with.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Milliseconds that an item waits for others.
    #[arg(long, default_value_t = 2)]
    wait_ms: u64,
    /// Threads to compute on.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How often both are measured, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Times that each picture is asked for in a round.
    #[arg(long, default_value_t = 2)]
    times: usize,
    /// Pictures.
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
}

impl Serve {
    /// Measures both in turn.
    pub(super) fn measure(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build()?;
        let pool = Arc::new(pool);
        let (model, _) = Model::open(self.model.as_deref(), &self.weights, &Device::flex())?;
        let served = ServedModel::new(model.clone(), ServedOptions::new(Arc::clone(&pool)))?;
        let max_wait = Duration::from_millis(self.wait_ms);
        let limits = Limits { max_batch: self.batch, max_wait, ..Limits::default() };
        let config = ServeConfig { limits, ..ServeConfig::local(0) };
        let server = Server::bind(&config, vec![ServerModel::new("it", Arc::new(served))])?;
        let (address, stopper) = (server.address()?, server.stopper());
        let running = thread::spawn(move || server.run());
        let read = |path: &PathBuf| fs::read(path).with_context(|| path.display().to_string());
        let bodies: Vec<Vec<u8>> = self.pictures.iter().map(read).collect::<Result<_, _>>()?;
        let items = bodies.len() * self.times;
        let (mut ratios, mut latencies) = (Vec::new(), Vec::new());
        // The first round of either finds nothing ready.
        for round in 0..=self.rounds {
            let start = Instant::now();
            for _ in 0..self.times {
                for batch in self.pictures.chunks(self.batch) {
                    pool.install(|| model.predict(batch.iter().cloned()))?;
                }
            }
            let alone = items as f64 / start.elapsed().as_secs_f64();
            let start = Instant::now();
            let found = self.asked(address, &bodies)?;
            let asked = items as f64 / start.elapsed().as_secs_f64();
            writeln!(
                out,
                "round {round}: predict {alone:.1} a second, served {asked:.1} a second"
            )?;
            if round > 0 {
                ratios.push(asked / alone);
                latencies.extend(found);
            }
        }
        stopper.stop();
        if running.join().is_err() {
            bail!("the server panicked");
        }
        ratios.sort_by(f64::total_cmp);
        latencies.sort();
        let at = |share: f64| {
            let place = (share * (latencies.len() - 1) as f64).round() as usize;
            latencies[place].as_secs_f64() * 1e3
        };
        writeln!(
            out,
            "{} clients: served over predict {:.3} ({:.3} to {:.3}), p50 {:.0} ms, p99 {:.0} ms",
            self.clients,
            ratios[ratios.len() / 2],
            ratios[0],
            ratios[ratios.len() - 1],
            at(0.5),
            at(0.99)
        )?;
        Ok(())
    }

    /// Asks for every picture so many times, and says how long each answer took.
    fn asked(&self, address: SocketAddr, bodies: &[Vec<u8>]) -> anyhow::Result<Vec<Duration>> {
        let next = AtomicUsize::new(0);
        let ask = || -> anyhow::Result<Vec<Duration>> {
            let mut client = Client::connect(address)?;
            let mut found = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= bodies.len() * self.times {
                    return Ok(found);
                }
                let start = Instant::now();
                let body = &bodies[place % bodies.len()];
                let reply = client.post("/v1/predict", "application/octet-stream", body)?;
                if reply.status != 200 {
                    bail!("status {}: {}", reply.status, reply.text());
                }
                found.push(start.elapsed());
            }
        };
        thread::scope(|scope| {
            let clients: Vec<_> = (0..self.clients).map(|_| scope.spawn(ask)).collect();
            let mut found = Vec::new();
            for client in clients {
                found.extend(client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
            }
            Ok(found)
        })
    }
}
