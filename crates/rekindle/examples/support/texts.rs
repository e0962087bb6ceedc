//! What the examples of texts share: the texts, the parts that they are divided into, and a row of a table.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Result;
use rekindle::{
    Device, Modality, ModelOf, SetOf, TestViews, TextModel,
    data::{DataSetOf, Gathered, Part, Random, Row, Split},
    measure,
    metrics::bootstrap,
    text::Text,
    train::{Classify, Test},
};

use tweets::Tweet;
use way::Way;

#[path = "tweets.rs"]
mod tweets;
#[path = "../results/way.rs"]
pub(crate) mod way;

/// Texts with a label each, in parts to train, to choose and to test on.
pub(crate) type Texts = DataSetOf<usize, Text>;

/// Texts in parts, as if a folder or a list had them.
pub(crate) fn set(name: &str, rows: Vec<Row<Text>>) -> Result<Texts> {
    let gathered = Gathered { rows, names: None, notes: Vec::new(), lacking: Vec::new() };
    Ok(DataSetOf::of(Path::new(name), gathered, &Split::default())?)
}

/// The parts of texts that are made: three of five to train on, one to choose by, one to test on.
const PARTS: [Part; 5] = [Part::Train, Part::Train, Part::Train, Part::Val, Part::Test];

/// Texts that are made: what is said by its number and chance, and its label.
pub(crate) fn made(
    name: &str,
    count: usize,
    of: impl Fn(usize, &mut Random) -> (String, &'static str),
) -> Result<Texts> {
    let row = |number: usize| {
        let (text, label) = of(number, &mut Random::new(0, 0, number as u64));
        Row::new(Text::from(text), label.to_owned(), PARTS[number / 4 % 5])
    };
    set(name, (0..count).map(row).collect())
}

/// Disaster tweets: the course's validation rows are tested on, a tenth of its others is chosen by.
pub(crate) fn tweets(folder: &Path) -> Result<Texts> {
    let row = |(number, tweet): (usize, Tweet)| {
        let part = match tweet.is_validated_on {
            true => Part::Test,
            false if number % 10 == 9 => Part::Val,
            false => Part::Train,
        };
        Row::new(Text::from(tweet.text), tweet.label, part)
    };
    set("tweets", tweets::tweets(folder)?.into_iter().enumerate().map(row).collect())
}

/// One of some words.
pub(crate) fn one<'a>(words: &[&'a str], random: &mut Random) -> &'a str {
    words[random.below(words.len())]
}

/// A text network from nothing; its words are learned of `texts`, which need no labels.
pub(crate) fn untrained(name: &str, data: &Texts, texts: &[&Text], seed: u64) -> Result<TextModel> {
    let device = Device::flex().autodiff();
    device.seed(seed);
    let task = Classify::new(data.names.len());
    Ok(TextModel::for_items(Some(name), None, &task, &data.names, texts, &device)?.0)
}

/// How a network from nothing learns.
pub(crate) fn scratch(epochs: usize, rate: f64, seed: u64) -> Way<'static> {
    Way { name: "scratch", epochs, rate, decay: 1.0, metric: "accuracy", seed }
}

/// Which of the test items a model has right.
pub(crate) fn hits<M: Modality>(model: &ModelOf<M>, data: &SetOf<M, usize>) -> Result<Vec<bool>> {
    let task = model.task::<Classify>()?;
    Ok(measure(model, &task, Test(data.test.clone()), 32, TestViews::One)?.hits(1))
}

/// A row: the share of test items that are right, the mean over runs, with an interval at 95% over items.
#[derive(Debug)]
pub(crate) struct Accuracy {
    pub(crate) name: String,
    pub(crate) value: f64,
}

/// The row of so many networks: `right` trains one of a seed, and says which of the test items it has right.
pub(crate) fn seeded(
    name: &str,
    seeds: u64,
    course: &str,
    right: impl FnMut(u64) -> Result<Vec<bool>>,
) -> Result<Accuracy> {
    let begun = Instant::now();
    let runs: Vec<Vec<bool>> = (0..seeds).map(right).collect::<Result<_>>()?;
    Ok(row(name, &runs, begun, course))
}

/// Prints a row; `course` is what the course reaches.
pub(crate) fn row(name: &str, runs: &[Vec<bool>], begun: Instant, course: &str) -> Accuracy {
    let seconds = begun.elapsed().as_secs_f64() / runs.len().max(1) as f64;
    let items = runs.first().map_or(0, Vec::len);
    let share =
        |item: usize| runs.iter().filter(|run| run[item]).count() as f64 / runs.len() as f64;
    let shares: Vec<f64> = (0..items).map(share).collect();
    let mean = |places: &[usize]| {
        places.iter().map(|place| shares[*place]).sum::<f64>() / places.len() as f64
    };
    let value = mean(&(0..items).collect::<Vec<_>>());
    let interval = bootstrap(items, 0.95, mean);
    let [low, high] = [interval.low, interval.high].map(|share| 100.0 * share);
    let percent = 100.0 * value;
    println!("{name:<26} {percent:>6.2}%  {low:>5.1} to {high:>5.1}% {seconds:>8.1}  {course}");
    Accuracy { name: name.to_owned(), value }
}

/// The head of a table.
pub(crate) fn head(title: &str, course: &str) {
    let (way, accuracy, interval, seconds) = ("way", "test", "95%", "seconds");
    println!("\n{title}\n{way:<26} {accuracy:>7}  {interval:>14} {seconds:>8}  {course}");
}

/// A folder that is made where there is none.
pub(crate) fn folder(path: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&path)?;
    Ok(path)
}
