//! Networks of a run: those that are trained for it, and those that it is given.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{
    Device, Start,
    forecast::{BEST, Ensemble, Error, Family, MAX_MEMBERS, TrainConfig, Trained, train},
    transfer::Frozen,
};
use rekindle_series::{FeatureRows, Features, ForecastConfig, Panel};
use rekindle_train::Epoch;

use super::Arguments;
use crate::cli::{numbers, output, progress::Progress};

/// How networks are trained.
#[derive(Args)]
pub(super) struct LearnArguments {
    /// Forecast with what an earlier run learned too: a file of weights, or the folder of a network. It is used as it is, or
    /// trained further with --steps.
    #[arg(long, value_name = "PATH")]
    pub(super) weights: Option<PathBuf>,
    /// Training steps of a network. [default: 150 to 600, by how many windows there are; none of one that is given
    /// by --weights]
    #[arg(long, value_parser = numbers::count)]
    steps: Option<usize>,
    /// Minutes for all networks together, after which what was reached is taken.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Networks of each family, that differ in what is drawn and how far they see; the median of their forecasts is taken.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u8).range(1..=MAX_MEMBERS as i64))]
    ensemble: u8,
    /// Values that a network sees. [default: three horizons, and a season more than one, where most series have as many]
    #[arg(long, value_parser = numbers::count)]
    input: Option<usize>,
    /// Learning rate. [default: 0.001, or 0.0001 for what is trained further]
    #[arg(long)]
    lr: Option<f64>,
    /// Windows a step.
    #[arg(long, default_value = "256", value_parser = numbers::count)]
    batch: usize,
    /// Stages of a network given by --weights that do not move while it is trained further, counted from what it sees.
    #[arg(long, value_name = "STAGES", requires_all = ["weights", "steps"])]
    freeze: Option<usize>,
    /// Draws weights and windows.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Go on from what an interrupted run left in the folder.
    #[arg(long)]
    resume: bool,
}

/// What is learned, or was.
pub(super) enum Network {
    Family(Family),
    /// Of an earlier run.
    Given(Ensemble, PathBuf),
}

impl Network {
    /// What it is called in tables: of a network that is given, with a word that says so.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Family(family) => Cow::Borrowed(family.name()),
            Self::Given(network, _) => {
                let family = network.members()[0].config().network.family;
                Cow::Owned(format!("{}-given", family.name()))
            }
        }
    }
}

/// The epochs of a training, and which of them was kept.
pub(super) struct Learned {
    pub(super) epochs: Vec<Epoch>,
    pub(super) best: usize,
}

/// A network that is ready, and where its weights are.
pub(super) struct Ready {
    pub(super) network: Ensemble,
    pub(super) path: PathBuf,
    /// How its first member learned; nothing of one that is taken as it is.
    pub(super) learned: Option<Learned>,
}

/// Trains what a group needs.
pub(super) struct Learner<'a> {
    arguments: &'a LearnArguments,
    device: Device,
    json: bool,
    /// Where weights go: those of a group each in a folder, where there are several.
    out: &'a Path,
    folder: PathBuf,
    /// The networks that are asked for.
    networks: Vec<Network>,
    /// Whether a network that cannot be trained is left out with a line.
    lenient: bool,
    /// The time of each training.
    time: Duration,
}

/// How far members of an ensemble see, in parts of what one network would, in turns.
const REACH: [usize; 3] = [100, 67, 133];

/// Whether all that is seen ahead of a panel's series is known.
fn known(rows: &FeatureRows, panel: &Panel, horizon: usize) -> anyhow::Result<()> {
    panel.ends().iter().try_for_each(|end| Ok(rows.check(end, horizon)?))
}

/// The networks that are asked for, and the one that is given.
fn networks(arguments: &Arguments, device: &Device) -> anyhow::Result<Vec<Network>> {
    let families = arguments.families().into_iter();
    let mut networks: Vec<Network> = families.map(Network::Family).collect();
    if let Some(path) = &arguments.learn.weights {
        let given = Ensemble::open(path, &device.clone().inner())?;
        if arguments.test.is_none() {
            complain!(
                "{}: may have learned what it is measured on, which its scores do not know; --test names what it cannot have seen",
                output::one_line(path.display())
            );
        }
        networks.push(Network::Given(given, path.clone()));
    }
    Ok(networks)
}

impl<'a> Learner<'a> {
    pub(super) fn new(arguments: &'a Arguments, groups: usize) -> anyhow::Result<Self> {
        let learn = &arguments.learn;
        let device = arguments.common.device.open()?.autodiff();
        let networks = networks(arguments, &device)?;
        let times = if arguments.test.is_some() { 1 } else { 2 };
        let trainings = (networks.len() * usize::from(learn.ensemble) * groups * times).max(1);
        let time = Duration::try_from_secs_f64(60.0 * learn.minutes / trainings as f64);
        Ok(Self {
            arguments: learn,
            device,
            json: arguments.common.json,
            out: &arguments.out,
            folder: arguments.out.clone(),
            networks,
            lenient: arguments.models.is_empty(),
            time: time.context("--minutes is no time")?,
        })
    }

    /// Steps that any of the networks looks ahead, those that are asked for at least.
    pub(super) fn horizon(&self, ask: &ForecastConfig) -> usize {
        let given = self.networks.iter().flat_map(|network| match network {
            Network::Family(_) => &[][..],
            Network::Given(given, _) => given.members(),
        });
        let given = given.map(|member| member.config().network.horizon);
        given.max().unwrap_or(0).max(ask.horizon())
    }

    /// Whether all networks find the columns that they see beside the values of a panel, as far ahead as they look: before any
    /// is trained. Who sees none of those that there are is told.
    pub(super) fn check(&self, panel: &Panel, ask: &ForecastConfig) -> anyhow::Result<()> {
        for network in &self.networks {
            match network {
                Network::Family(family) if family.sees_covariates() => {
                    known(&Features::fit(panel).of(panel)?, panel, ask.horizon())?;
                }
                Network::Family(_) => {}
                Network::Given(given, path) => {
                    let name = output::one_line(path.display());
                    let config = given.members()[0].config();
                    let rows = config.features.of(panel).with_context(|| {
                        format!(
                            "{name}: --known, --past, --static and --calendar name what it sees"
                        )
                    })?;
                    known(&rows, panel, config.network.horizon)?;
                    if let [first, ..] = rows.unknown() {
                        complain!(
                            "{name}: has learned nothing of what {} series are, as {}",
                            rows.unknown().len(),
                            output::one_line(first)
                        );
                    }
                }
            }
        }
        if panel.columns().is_empty() {
            return Ok(());
        }
        let blind = self.networks.iter().filter(|network| match network {
            Network::Family(family) => !family.sees_covariates(),
            Network::Given(given, _) => given.members()[0].config().features.is_empty(),
        });
        let blind: Vec<_> = blind.map(Network::name).collect();
        complain!(
            "baselines{} forecast of values alone: they see no column beside them",
            blind.iter().map(|name| format!(", {name}")).collect::<String>()
        );
        Ok(())
    }

    /// Begins with a group, which has a name where there are several.
    pub(super) fn begin(&mut self, group: Option<&str>) {
        self.folder = group.map_or_else(|| self.out.to_owned(), |group| self.out.join(group));
    }

    /// The networks that are asked for.
    pub(super) fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Trains a network on a panel, or takes it as it is; none where it cannot be and nobody asked for it by name.
    pub(super) fn learn(
        &self,
        network: &Network,
        panel: &Panel,
        ask: &ForecastConfig,
        is_backtest: bool,
    ) -> anyhow::Result<Option<Ready>> {
        let name = network.name();
        if let (Network::Given(network, path), None) = (network, self.arguments.steps) {
            let (network, path) = (network.clone(), path.clone());
            return Ok(Some(Ready { network, path, learned: None }));
        }
        let folder = match is_backtest {
            true => self.folder.join("backtest").join(&*name),
            false => self.folder.join(&*name),
        };
        let members = match network {
            Network::Family(_) => usize::from(self.arguments.ensemble),
            Network::Given(network, _) => network.members().len(),
        };
        let (mut trained, mut learned) = (Vec::new(), None);
        // All that can be wrong with one is, before another one's weights are written.
        let configs: anyhow::Result<Vec<TrainConfig>> =
            (0..members).map(|member| self.config(network, member, panel, ask)).collect();
        for (member, config) in configs?.into_iter().enumerate() {
            let path = folder.join(format!("{member:02}"));
            let from = match network {
                Network::Family(_) => None,
                Network::Given(network, _) => Some(&network.members()[member]),
            };
            let start = if self.arguments.resume { Start::Resume } else { Start::Fresh };
            let mut progress = Progress::quiet(self.json, "windows");
            let run = Some((&*path, start));
            let begun = Instant::now();
            match train(panel, &config, from, &self.device, run, &mut [&mut progress]) {
                Ok(found) => {
                    self.tell(&name, &found, is_backtest, begun.elapsed());
                    trained.push(found.forecaster);
                    let (epochs, best) = (found.history, found.best.number);
                    learned.get_or_insert(Learned { epochs, best });
                }
                Err(error @ (Error::Series(_) | Error::Config(_))) if self.lenient => {
                    complain!("{name} is left out: {}", output::one_line(error));
                    return Ok(None);
                }
                Err(error) => return Err(anyhow::Error::new(error).context(name.into_owned())),
            }
        }
        // Members of an earlier run would be taken along.
        for stale in members..MAX_MEMBERS {
            let path = folder.join(format!("{stale:02}")).join(BEST);
            if path.exists() {
                std::fs::remove_file(&path)
                    .with_context(|| format!("{}: cannot be removed", path.display()))?;
            }
        }
        let network = Ensemble::new(trained).context("a network of no members")?;
        Ok(Some(Ready { network, path: folder, learned }))
    }

    fn tell(&self, name: &str, found: &Trained, is_backtest: bool, time: Duration) {
        if self.json {
            return;
        }
        let [learned, chosen] = found.windows;
        let last = found.history.last().map_or(0, |epoch| epoch.number);
        say!(
            "{name}: {learned} windows learned{}, chosen by {chosen}, best after epoch {} of {last}, {:.1} s",
            if is_backtest { " for the backtest" } else { "" },
            found.best.number,
            time.as_secs_f64()
        );
    }

    fn config(
        &self,
        network: &Network,
        member: usize,
        panel: &Panel,
        ask: &ForecastConfig,
    ) -> anyhow::Result<TrainConfig> {
        let arguments = self.arguments;
        let mut config = match network {
            Network::Family(family) => TrainConfig::usual(*family, panel, ask),
            Network::Given(given, path) => {
                let model = given.members()[member].config().clone();
                if model.network.horizon < ask.horizon() {
                    bail!(
                        "{}: forecasts {} steps, not {}; ask for fewer",
                        path.display(),
                        model.network.horizon,
                        ask.horizon()
                    );
                }
                TrainConfig::further(model, panel)
            }
        };
        if let Network::Family(_) = network {
            let input = arguments.input.unwrap_or(config.model.network.input);
            config.see(input * REACH[member % REACH.len()] / 100);
        }
        config.steps = arguments.steps.unwrap_or(config.steps);
        config.lr = arguments.lr.unwrap_or(config.lr);
        config.batch = arguments.batch;
        config.seed = arguments.seed.wrapping_add(member as u64);
        config.time = Some(self.time);
        if let Some(stages) = arguments.freeze {
            config.frozen = Frozen::Stages(stages);
        }
        Ok(config)
    }
}
