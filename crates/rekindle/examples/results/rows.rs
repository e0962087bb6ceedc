//! What was measured, a row a way and seed, and the table of it.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::Write as _,
    path::PathBuf,
};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{PEER, SETS, WAYS, pictures::Pictures, texts};

/// What was measured of a way with a seed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) set: String,
    pub(crate) way: String,
    pub(crate) seed: u64,
    pub(crate) train: usize,
    pub(crate) val: usize,
    /// Of the model that is kept: accuracy, or the mean error.
    pub(crate) kept: f64,
    /// The same after the last epoch.
    pub(crate) last: f64,
    /// Of the model that is kept on the test part, where there is one.
    #[serde(default)]
    pub(crate) test: Option<f64>,
    pub(crate) seconds: f64,
}

/// Rows as they come, so that an interrupted run goes on.
pub(crate) struct Rows {
    pub(crate) path: PathBuf,
    pub(crate) all: Vec<Row>,
}

impl Rows {
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        let text = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
        let all = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { path, all })
    }

    pub(crate) fn find(&self, set: &str, way: &str, seed: u64) -> Option<&Row> {
        self.all.iter().find(|row| row.set == set && row.way == way && row.seed == seed)
    }

    pub(crate) fn push(&mut self, row: Row) -> Result<()> {
        let Row { set, way, seed, kept, last, seconds, .. } = &row;
        println!("{set:<18} {way:<20} seed {seed}: {kept:.3}, at last {last:.3}, {seconds:.0} s");
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        writeln!(file, "{}", serde_json::to_string(&row)?)?;
        self.all.push(row);
        Ok(())
    }

    /// The table; how long things took is told of one seed, whose runs followed each other.
    pub(crate) fn table(&self, timed: u64) -> Result<String> {
        let mut text = OPENING.to_owned();
        for set in &SETS {
            for way in WAYS.into_iter().chain([PEER]) {
                let mut rows: Vec<&Row> =
                    self.all.iter().filter(|row| row.set == set.name && row.way == way).collect();
                rows.sort_by_key(|row| row.seed);
                let Some(first) = rows.first() else { continue };
                let mean = |value: fn(&Row) -> f64| {
                    rows.iter().map(|row| value(row)).sum::<f64>() / rows.len() as f64
                };
                let shown = |value: f64| match set.pictures {
                    Pictures::Turned(_) => format!("{value:.2}°"),
                    _ => format!("{:.1}%", 100.0 * value),
                };
                let seeds: Vec<String> = rows.iter().map(|row| shown(row.kept)).collect();
                let seconds = self.find(set.name, way, timed).map(|row| row.seconds);
                let peer = self.find(set.name, PEER, timed).map(|row| row.seconds);
                let share = seconds.zip(peer).map(|(ours, peer)| format!("{:.2}", ours / peer));
                writeln!(
                    text,
                    "| {} | {} + {} | {way} | {} | {} | {} | {} | {} |",
                    set.name,
                    first.train,
                    first.val,
                    shown(mean(|row| row.kept)),
                    seeds.join(", "),
                    shown(mean(|row| row.last)),
                    seconds.map_or_else(String::new, |seconds| format!("{seconds:.0}")),
                    share.unwrap_or_default(),
                )?;
            }
        }
        text += TEXTS;
        for set in &texts::SETS {
            for way in texts::ways(self, set.name) {
                self.line(&mut text, set.name, &way, timed)?;
            }
        }
        Ok(text)
    }

    /// What a way reaches on texts.
    fn line(&self, text: &mut String, set: &str, way: &str, timed: u64) -> Result<()> {
        let rows: Vec<&Row> =
            self.all.iter().filter(|row| row.set == set && row.way == way).collect();
        let Some(first) = rows.first() else { return Ok(()) };
        let shown = |value: f64| format!("{:.2}%", 100.0 * value);
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let kept: Vec<f64> = rows.iter().map(|row| row.kept).collect();
        let seeds: Vec<String> = kept.iter().copied().map(shown).collect();
        let last = mean(rows.iter().map(|row| row.last).collect());
        let test: Vec<f64> = rows.iter().filter_map(|row| row.test).collect();
        let test = if test.is_empty() { String::new() } else { shown(mean(test)) };
        let seconds = self.find(set, way, timed).map(|row| format!("{:.0}", row.seconds));
        writeln!(
            text,
            "| {set} | {} + {} | {way} | {} | {} | {} | {test} | {} |",
            first.train,
            first.val,
            shown(mean(kept)),
            seeds.join(", "),
            shown(last),
            seconds.unwrap_or_default(),
        )?;
        Ok(())
    }
}

const TEXTS: &str = "
## Texts

Accuracy on the validation texts of the model that is kept (the mean, and each seed), after the last epoch, and of the model that
is kept on the test texts, which chose nothing. Counted words are as scikit-learn's; networks from nothing learn their words and
all else of the training texts for five epochs; `probe`, `head` and `full` begin with all-MiniLM-L6-v2 (five epochs, and two of
everything). Disaster tweets are divided as a well-known course divides them, where the best of its models has 81.8% and its
recurrent ones 75.6% to 77.6%; a standard error of 762 texts is 1.4 points. Of SST-2 it is the sentences, without the
phrases of its trees; of 1,821 a standard error is 0.8.

| data | texts | way | kept | seeds | last epoch | test | seconds |
|---|---|---|---|---|---|---|---|
";

const OPENING: &str = "# Results

Every recipe with all else as it is usual: what is kept of a run on the validation pictures (the mean, and each seed from 0
on), what its last epoch had (which chooses nothing), the seconds of all of it with the first seed, and those as a share of
the peer's, on the same machine in the same minutes. The peer is fastai's `fine_tune` written in PyTorch: the head alone for
an epoch, then everything for as many epochs as ours, on random crops, its last epoch counted.

The first four sets are pictures with a label, their accuracy: MobileNetV2 with ImageNet's weights learns them, for six
epochs, at 224 x 224 pixels (Fashion-MNIST and CIFAR-10 at 96 x 96, CIFAR-10 for three). The fifth is a number:
CIFAR-10's pictures, each turned by an angle of up to 45 degrees and cut to a circle, and the angle to be told, for
twelve epochs of CIFAR-10's ResNet-20; its mean error, where always telling the median has 22.5 degrees.

What is kept is the best epoch in validation, epoch 0 included, where the head is solved for: where the last epoch is
below the probe, nothing was gained, and nothing lost. With 60 and 75 validation pictures a picture is 1.7 and 1.3
points, and a standard error about 2.7; with 300 it is 2.3, with 1,000 it is 1.3.

Made by `REKINDLE_TEST_DATA=DIR cargo xtask results --peers \"python peers.py\"`, on two cores.

| data | pictures | way | kept | seeds | last epoch | seconds | of PyTorch's time |
|---|---|---|---|---|---|---|---|
";
