//! `rekindle drift`: whether what a model meets is what it learned.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;
use rekindle::{AnswerDrift, Drift, ItemOf, ModelOf, metrics::TwoSampleConfig};
use serde_json::json;

use super::{
    Common,
    kind::{ItemArguments, Kind, Named, of_kind},
    numbers, output,
    weights::{OpenedWeights, WeightsArguments},
};

/// Compare what a model meets with what it learned: a two-sample test of embeddings, and how far answers have shifted.
///
/// The test says how likely embeddings that differ as much are where nothing has changed (p), and which shift it could have seen.
/// Of answers it is the population stability index, with what it stays below by chance with as many items: below 0.1 is usually
/// called stable, above 0.25 a shift.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// Items as the model should meet them, such as those it was trained on: a folder or a list; labels are not read.
    #[arg(long, value_name = "FILE_OR_DIR")]
    reference: PathBuf,
    /// Items that it has met.
    #[arg(long, value_name = "FILE_OR_DIR")]
    data: PathBuf,
    /// The share of alarms where nothing has changed.
    #[arg(long, default_value_t = 0.05)]
    level: f64,
    /// Items of each side at most, evenly over all.
    #[arg(long, default_value_t = 500, value_parser = numbers::count)]
    most: usize,
    /// Items to name that are the least like what is known.
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// What is drawn depends on this alone.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Exit with 1 where embeddings differ.
    #[arg(long)]
    fail: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        if !(self.level > 0.0 && self.level < 1.0) {
            bail!("--level is {}, outside of 0 to 1", self.level);
        }
        let (kind, weights) = self.weights.opened_kind()?;
        of_kind!(kind, self.compare(&weights))
    }

    fn compare<M: Kind>(&self, weights: &OpenedWeights) -> anyhow::Result<ExitCode> {
        let model = weights.model::<M>(&self.common.device.open()?)?;
        let known = self.items(&model, &self.reference)?;
        let met = self.items(&model, &self.data)?;
        let items = |named: &[Named<ItemOf<M>>]| -> Vec<ItemOf<M>> {
            named.iter().map(|named| named.item.clone()).collect()
        };
        let config =
            TwoSampleConfig { level: self.level, seed: self.seed, ..TwoSampleConfig::default() };
        let found = model.drift(&items(&known), &items(&met), &config)?;
        let drifts = found.embeddings.p_value <= self.level;
        let mut order: Vec<usize> = (0..met.len()).collect();
        let unlike = &found.embeddings.unlike;
        order.sort_by(|&a, &b| unlike[b].total_cmp(&unlike[a]));
        order.truncate(self.top);
        let top: Vec<(String, f64)> =
            order.iter().map(|&place| (met[place].name.clone(), unlike[place])).collect();
        if self.common.json {
            self.print_json(&found, drifts, (known.len(), met.len()), &top)?;
        } else {
            self.print::<M>(&found, drifts, (known.len(), met.len()), &top);
        }
        Ok(if drifts && self.fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn items<M: Kind>(
        &self,
        model: &ModelOf<M>,
        path: &std::path::Path,
    ) -> anyhow::Result<Vec<Named<ItemOf<M>>>> {
        // What is met has no labels.
        let items = vec![path.to_owned()];
        let asked = ItemArguments { text: Vec::new(), data: None, label: None, items };
        let items = M::items(&asked, model)?;
        if items.is_empty() {
            bail!("{}: there are no {} in it", path.display(), M::MANY);
        }
        let every = items.len().div_ceil(self.most).max(1);
        Ok(items.into_iter().step_by(every).collect())
    }

    fn print_json(
        &self,
        found: &Drift,
        drifts: bool,
        (known, met): (usize, usize),
        top: &[(String, f64)],
    ) -> anyhow::Result<()> {
        let answers = found.answers.iter().map(|answer| {
            json!({
                "name": answer.name, "psi": answer.index, "noise": answer.noise,
                "bins": answer.bins, "reference": answer.reference, "data": answer.data,
            })
        });
        let top = top.iter().map(|(name, unlike)| json!({ "item": name, "unlike": unlike }));
        output::json(&json!({
            "drift": drifts,
            "p_value": found.embeddings.p_value,
            "statistic": found.embeddings.statistic,
            "detectable": found.embeddings.detectable,
            "level": self.level,
            "reference": known,
            "data": met,
            "answers": answers.collect::<Vec<_>>(),
            "unlike": top.collect::<Vec<_>>(),
        }))
    }

    fn print<M: Kind>(
        &self,
        found: &Drift,
        drifts: bool,
        (known, met): (usize, usize),
        top: &[(String, f64)],
    ) {
        let verdict = if drifts { "differ" } else { "may be alike" };
        say!("{known} and {met} {}: {verdict}, p = {:.3}", M::MANY, found.embeddings.p_value);
        match found.embeddings.detectable {
            Some(shift) => {
                say!("  a shift of {shift:.2} spreads would have been seen in 4 of 5 cases")
            }
            None => say!("  with so few not even a shift of 8 spreads would be seen"),
        }
        for answer in &found.answers {
            say!("{}", line(answer));
            let bins = answer.bins.iter().zip(answer.reference.iter().zip(&answer.data));
            for (bin, (before, now)) in bins.take(MOST_BINS) {
                let share = |count: &usize, of: usize| 100.0 * *count as f64 / of as f64;
                let (before, now) = (share(before, known), share(now, met));
                say!("  {before:>5.1}% {now:>5.1}%  {}", output::one_line(bin));
            }
        }
        if !top.is_empty() {
            say!("least like what is known:");
        }
        for (name, unlike) in top {
            say!("  {unlike:.3}  {}", output::one_line(name));
        }
    }
}

/// Bins that are shown of each answer.
const MOST_BINS: usize = 20;

/// What the index says, as it is usually read, and never more than chance allows.
fn line(answer: &AnswerDrift) -> String {
    let AnswerDrift { name, index, noise, .. } = answer;
    let verdict = match index {
        index if index <= noise => "as by chance",
        index if *index < 0.1 => "a little otherwise",
        index if *index < 0.25 => "otherwise",
        _ => "very much otherwise",
    };
    format!("{}: {verdict}, PSI {index:.3} (by chance below {noise:.3})", output::one_line(name))
}
