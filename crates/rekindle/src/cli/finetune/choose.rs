//! Which model `rekindle finetune` begins with where nothing names one: the most accurate that is trained in the time there is.
//!
//! How long a network takes is measured on this machine, with untrained parameters and a few of the user's own items, before
//! any weights are fetched. What is in the cache is taken where it is nearly as good as what would be fetched.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use rekindle::{
    Device, InputKind, Modality as _, Pictures, Texts,
    cards::{Card, Count, LicenseFilter, Query, SortBy, find},
    transfer::Recipe,
};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        data::DataArguments,
        kind::kind_of_data,
        millions,
        models::{SIZES, size},
        output::{causes, one_line},
        weights::{Place, WeightsArguments},
    },
    EPOCHS,
    pilot::{Timed, forward, gathered},
};

/// How good a model is to be, at what cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Quality {
    /// A small network, of which the head alone is trained.
    Fast,
    /// A network of usual size, all of which is trained where the time allows.
    Good,
    /// A large network, all of which is trained where the time allows.
    Best,
}

/// What a quality stands for.
struct Preset {
    quality: Quality,
    /// The most millions of parameters of a network of pictures.
    most: usize,
    /// Recipes, the one that is wanted most first.
    recipes: &'static [&'static str],
    /// Encoders of texts, the one that is wanted most first.
    texts: &'static [&'static str],
}

const PRESETS: [Preset; 3] = [
    Preset {
        quality: Quality::Fast,
        most: 12,
        recipes: &["head"],
        texts: &["all-MiniLM-L6-v2", "all-MiniLM-L12-v2", "bge-small-en-v1.5"],
    },
    Preset {
        quality: Quality::Good,
        most: 30,
        recipes: &["fine-tune", "gradual", "head"],
        texts: &["all-MiniLM-L12-v2", "all-MiniLM-L6-v2", "bge-small-en-v1.5"],
    },
    Preset {
        quality: Quality::Best,
        most: 100,
        recipes: &["fine-tune", "gradual", "head"],
        texts: &["all-mpnet-base-v2", "bge-base-en-v1.5", "all-MiniLM-L12-v2", "all-MiniLM-L6-v2"],
    },
];

/// Networks of a size that are looked at, those in the cache besides.
const OF_A_SIZE: usize = 2;
/// Points of accuracy on ImageNet that a download must be worth.
const WORTH: f64 = 3.0;
/// Minutes that there are where nothing says how many.
const MINUTES: f64 = 10.0;
/// Of the time that there is, how much is planned for: machines are not always alone.
const PLANNED: f64 = 0.7;
/// The longest that is spent on timing networks.
const PILOT: Duration = Duration::from_secs(20);

/// What was chosen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Chosen {
    pub(super) model: String,
    /// None where it was asked for.
    pub(super) recipe: Option<String>,
    /// What there is to say of it, a line each.
    pub(super) lines: Vec<String>,
}

impl Chosen {
    /// Its file in a run's folder.
    const FILE: &'static str = "chosen.json";
    /// The most bytes of it.
    const MAX_BYTES: u64 = 1 << 16;

    /// What was chosen for the run of this folder, where something was.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(Self::FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = rekindle_base::read_text(&path, Self::MAX_BYTES);
        let text = text.with_context(|| format!("{}: cannot be read", path.display()))?;
        let chosen = serde_json::from_str(&text);
        chosen.with_context(|| format!("{}: is not what was chosen", path.display())).map(Some)
    }

    /// Writes it, for the run to go on with.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(Self::FILE);
        rekindle_base::write_file(&path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("{}: cannot be written", path.display()))
    }
}

/// What the user said of it.
pub(super) struct Wish {
    pub(super) quality: Quality,
    pub(super) minutes: Option<f64>,
    /// What is to be trained, where that was said.
    pub(super) asked: Option<Recipe>,
    pub(super) epochs: Option<usize>,
}

/// A way to train that may be taken.
struct Way {
    /// The name of the recipe; none of what was asked for.
    recipe: Option<&'static str>,
    what: Recipe,
}

impl Wish {
    /// What was asked for, else these recipes.
    fn ways(&self, recipes: &[&'static str]) -> anyhow::Result<Vec<Way>> {
        if let Some(asked) = &self.asked {
            return Ok(vec![Way { recipe: None, what: asked.clone() }]);
        }
        let way = |&recipe: &&'static str| {
            let epochs = self.epochs.unwrap_or_else(|| epochs_of(recipe));
            // What it costs does not depend on the rate.
            Ok(Way { recipe: Some(recipe), what: Recipe::named(recipe, epochs, 1.0)? })
        };
        recipes.iter().map(way).collect()
    }
}

impl Way {
    /// As people say it.
    fn words(&self) -> String {
        self.recipe.map_or("as asked".to_owned(), |recipe| format!("recipe {recipe}"))
    }
}

/// Chooses for the data.
pub(super) fn choose(
    data: &DataArguments,
    start: &WeightsArguments,
    wish: &Wish,
    device: &Device,
) -> anyhow::Result<Chosen> {
    let Some(preset) = PRESETS.iter().find(|preset| preset.quality == wish.quality) else {
        bail!("no preset of this quality");
    };
    match kind_of_data(&data.data, !data.text.is_empty()) {
        InputKind::Texts => of_texts(data, start, preset, wish),
        _ => of_pictures(data, start, (preset, wish), device),
    }
}

fn of_pictures(
    data: &DataArguments,
    start: &WeightsArguments,
    (preset, wish): (&Preset, &Wish),
    device: &Device,
) -> anyhow::Result<Chosen> {
    let (items, some) = gathered::<Pictures>(data)?;
    let seconds = PLANNED * 60.0 * wish.minutes.unwrap_or(MINUTES);
    let (permissive, candidates) = candidates(start, preset.most)?;
    let (began, mut timed) = (Instant::now(), Vec::new());
    for (card, place) in candidates {
        let forward = forward(card, &some, device)?;
        timed.push(Timed { card, place, forward });
        // The best come first: those behind the first that fits are worse, and matter where they are in the cache.
        if began.elapsed() > PILOT {
            break;
        }
    }
    let ways = wish.ways(preset.recipes)?;
    for way in &ways {
        let takes = |it: &Timed| it.seconds(&way.what, items);
        let fits: Vec<&Timed> = timed.iter().filter(|it| takes(it) <= seconds).collect();
        let Some(found) = available(&fits, start)? else { continue };
        let cost = |of: &Timed| span(takes(of));
        let mut lines = vec![format!(
            "no model is named: {} ({:.1}% on ImageNet, {} parameters, {}), {}: about {} for {} {} here; of {permissive} permissive ones so large at most, {} were timed",
            found.card.name(),
            found.top1(),
            millions(found.card.parameters),
            found.place.words(),
            way.words(),
            cost(found),
            items.all,
            Pictures::MANY,
            timed.len(),
        )];
        let better = timed.iter().filter(|it| it.top1() > found.top1());
        let larger = better.min_by(|a, b| takes(a).total_cmp(&takes(b)));
        lines.extend(larger.map(|it| {
            format!(
                "{} ({:.1}%) would take about {} and is {}: --model {}",
                it.card.name(),
                it.top1(),
                cost(it),
                it.place.words(),
                it.card.name()
            )
        }));
        let recipe = way.recipe.map(str::to_owned);
        return Ok(Chosen { model: found.card.name(), recipe, lines });
    }
    let takes =
        |it: &Timed| ways.iter().map(|way| it.seconds(&way.what, items)).fold(f64::MAX, f64::min);
    let least = timed.iter().map(takes).fold(f64::MAX, f64::min);
    bail!(
        "nothing is trained on {} {} in so few minutes: the smallest network takes about {}; give more with --minutes, or fewer {}",
        items.all,
        Pictures::MANY,
        span(least / PLANNED),
        Pictures::MANY
    )
}

/// Epochs of a recipe that was chosen.
pub(super) fn epochs_of(recipe: &str) -> usize {
    // As many of everything as there are of `full` alone.
    if recipe == "fine-tune" { 8 } else { EPOCHS }
}

/// How many cards there are of networks that any use is allowed of; and the best of each size and those in the cache, the most
/// accurate first, with the place of their weights.
fn candidates(
    start: &WeightsArguments,
    most: usize,
) -> anyhow::Result<(usize, Vec<(&'static Card, Place)>)> {
    let query = Query {
        license: Some(LicenseFilter::Permissive),
        min_top1: Some(0.0),
        max_parameters: Some(Count(most * 1_000_000)),
        sort: Some(SortBy::Top1),
        ..Query::default()
    };
    let mut counts = [0; SIZES.len()];
    let mut found: Vec<(&'static Card, Place)> = Vec::new();
    let (cards, place) = (query.run()?, start.places()?);
    for card in &cards {
        // Nobody can fetch what has no repository.
        let (Some(size), Some(_)) = (size(card), &card.repository) else { continue };
        if found.iter().any(|(other, _)| other.architecture == card.architecture) {
            continue;
        }
        let place = place(card);
        if place == Place::Cache || counts[size] < OF_A_SIZE {
            counts[size] += 1;
            found.push((card, place));
        }
    }
    Ok((cards.len(), found))
}

/// Of networks that fit, the one to take: the most accurate, but one in the cache where it is nearly as good, or where nothing
/// can be fetched.
fn available<'a>(
    fits: &[&'a Timed],
    start: &WeightsArguments,
) -> anyhow::Result<Option<&'a Timed>> {
    let best = |place: Option<Place>| {
        let of = fits.iter().filter(|it| place.is_none_or(|place| it.place == place));
        of.copied().max_by(|a, b| a.top1().total_cmp(&b.top1()))
    };
    let Some(wanted) = best(None) else { return Ok(None) };
    let cached = best(Some(Place::Cache));
    if let Some(cached) = cached
        && cached.top1() + WORTH >= wanted.top1()
    {
        return Ok(Some(cached));
    }
    match (start.reach(wanted.card), cached) {
        (Ok(()), _) => Ok(Some(wanted)),
        (Err(error), Some(cached)) => {
            complain!(
                "{} cannot be fetched ({}); the best in the cache is taken",
                wanted.card.name(),
                one_line(causes(&error))
            );
            Ok(Some(cached))
        }
        (Err(error), None) => Err(error.context(format!(
            "no model is named, none that fits is in the cache, and {} cannot be fetched; name weights of this machine with --weights, or begin from nothing: --model mobilenetv2_100 --recipe scratch",
            wanted.card.name()
        ))),
    }
}

/// An encoder of texts.
fn of_texts(
    data: &DataArguments,
    start: &WeightsArguments,
    preset: &Preset,
    wish: &Wish,
) -> anyhow::Result<Chosen> {
    let (items, _) = gathered::<Texts>(data)?;
    let cards = preset.texts.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
    let place = start.places()?;
    let cached = cards.iter().find(|card| place(card) == Place::Cache);
    let card = match (cached, cards.first()) {
        (Some(card), _) => card,
        (None, Some(first)) => {
            let reached = start.reach(first);
            reached.with_context(|| format!(
                "no model is named, none of {} is in the cache, and {} cannot be fetched; name weights of this machine with --weights, or begin from nothing: --model conv1d",
                preset.texts.join(", "),
                first.name()
            ))?;
            first
        }
        (None, None) => bail!("no encoder of texts is known"),
    };
    let usual = if preset.quality == Quality::Fast { "head" } else { "full" };
    let ways = wish.ways(&[usual])?;
    let way = ways.first().context("no recipe is wanted")?;
    let lines = vec![format!(
        "no model is named: {} ({} parameters, {}), {}, for {} {}",
        card.name(),
        millions(card.parameters),
        place(card).words(),
        way.words(),
        items.all,
        Texts::MANY,
    )];
    Ok(Chosen { model: card.name(), recipe: way.recipe.map(str::to_owned), lines })
}

/// As people say it: 40 seconds, 12 minutes.
fn span(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{} seconds", seconds.ceil().max(1.0)),
        ..5400.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}
