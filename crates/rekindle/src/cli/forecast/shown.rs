//! What a run says of models: a table for people, an object for programs.

use std::borrow::Cow;

use rekindle_series::{Compared, Comparison, Difference, Evaluation, Verdict};
use serde_json::{Map, Value, json};

use super::group::{Measured, repeating};

/// All groups together.
pub(super) fn compare(groups: &[Measured]) -> Option<Comparison> {
    let first = groups.first()?;
    let joined = |of: &dyn Fn(&Measured) -> Option<Evaluation>| -> Option<Evaluation> {
        groups.iter().map(of).collect::<Option<Vec<_>>>().map(Evaluation::joined)
    };
    // What could not be learned of one group says nothing of all.
    let models = first.compared.iter().filter_map(|it| {
        let same = |group: &Measured| {
            let found = group.compared.iter().find(|other| other.name == it.name);
            found.map(|found| found.evaluation.clone())
        };
        Some(Compared { evaluation: joined(&same)?, ..it.clone() })
    });
    let naive = joined(&|group| Some(group.naive.clone()))?;
    let naive2 = joined(&|group| Some(group.naive2.clone()))?;
    let same = groups.iter().all(|group| repeating(&group.ask) == repeating(&first.ask));
    let name =
        if same { repeating(&first.ask).name() } else { "naive, of seasons where there are some" };
    Comparison::of(models.collect(), (Cow::Borrowed(name), &naive), naive2.mean)
}

pub(super) fn show(found: &Comparison, measured: &str, level: f64) {
    say!("{measured}:");
    say!(
        "  {:22}{:>9}{:>9}{:>9}{:>9}{:>10}{:>14}{:>9}",
        "model",
        "sMAPE",
        "MASE",
        "OWA",
        "MSIS",
        "coverage",
        "MAE",
        "seconds"
    );
    for Compared { name, evaluation: it, .. } in &found.models {
        let mean = it.mean;
        let owa = mean.owa(&found.naive2);
        say!(
            "  {name:22}{:>9.3}{:>9.3}{owa:>9.3}{:>9.3}{:>10.3}{:>14.6}{:>9.1}",
            mean.smape,
            mean.mase,
            mean.msis,
            mean.coverage,
            mean.mae,
            it.seconds
        );
        if let Some(note) = simpler(it) {
            say!("    {note}");
        }
    }
    say!("MSIS and coverage are of intervals of {}%", level * 100.0);
}

/// In how many cases another model took its place, if in any.
pub(super) fn simpler(it: &Evaluation) -> Option<String> {
    let (simpler, all) = (it.simpler, it.of_cases.len());
    (simpler > 0).then(|| {
        format!(
            "{simpler} of {all} by a simpler one, since the series or the season is too short for it"
        )
    })
}

/// The last lines: which to take, and why.
pub(super) fn verdict(found: &Comparison) {
    verdicts(found).iter().for_each(|line| say!("{line}"));
}

/// These lines.
pub(super) fn verdicts(found: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    let best = &found.best().name;
    if let Some((place, difference)) = &found.learned {
        let name = &found.models[*place].name;
        let than = than(found, difference);
        lines.push(format!("{name}, the best that learns, {than} the best baseline"));
    }
    let (naive, difference) = &found.naive;
    lines.push(match best == naive {
        true => format!("best: {best}"),
        false => format!("best: {best}, {} {naive}", than(found, difference)),
    });
    lines
}

/// A difference as a clause, behind which the other one's name stands.
fn than(found: &Comparison, difference: &Difference) -> String {
    let of = difference.estimate;
    let metric = found.metric.to_uppercase();
    let between = format!(
        "({:+.4} in {metric}, between {:+.4} and {:+.4} at 95%)",
        of.value, of.low, of.high
    );
    match difference.verdict {
        Verdict::Better => format!("better {between} than"),
        Verdict::Worse => format!("worse {between} than"),
        Verdict::Same => format!("with no difference {between} to"),
        Verdict::NoGround => "which too few windows are no ground to compare with".to_owned(),
    }
}

/// What a run found, as the one object that ends it.
pub(super) fn summary(found: &Comparison, groups: &[Measured]) -> Value {
    let same = |of: &dyn Fn(&Measured) -> usize| -> Value {
        let first = groups.first().map(of);
        match groups.iter().all(|group| Some(of(group)) == first) {
            true => json!(first),
            false => Value::Null,
        }
    };
    let best = found.best();
    let weights = groups.first().and_then(|group| {
        group.weights.iter().find(|(name, _)| *name == best.name).map(|(_, path)| path)
    });
    let (naive, difference) = &found.naive;
    let mut summary = json!({
        "series": groups.iter().map(|group| group.panel.len()).sum::<usize>(),
        "horizon": same(&|group| group.ask.horizon()),
        "season": same(&|group| group.ask.season()),
        "windows": groups.iter().map(|group| group.windows).sum::<usize>(),
        "models": scores(&found.models, found),
        "best": best.name,
        "difference": compared(naive, difference, found.metric),
        "weights": weights,
    });
    if let Some((place, difference)) = &found.learned {
        let mut learned = compared("the best baseline", difference, found.metric);
        learned["model"] = json!(found.models[*place].name);
        summary["learned"] = learned;
    }
    if groups.len() > 1 {
        let of = |group: &Measured| {
            json!({
                "frequency": group.frequency.to_string(),
                "series": group.panel.len(),
                "horizon": group.ask.horizon(),
                "season": group.ask.season(),
                "models": scores(&group.compared, &Comparison {
                    naive2: group.naive2.mean,
                    ..found.clone()
                }),
            })
        };
        summary["frequencies"] = groups.iter().map(of).collect();
    }
    summary
}

fn compared(to: &str, difference: &Difference, metric: &str) -> Value {
    let verdict = match difference.verdict {
        Verdict::Better => "better",
        Verdict::Same => "no difference",
        Verdict::Worse => "worse",
        Verdict::NoGround => "no ground",
    };
    json!({
        "to": to,
        "metric": metric,
        "value": difference.estimate.value,
        "low": difference.estimate.low,
        "high": difference.estimate.high,
        "verdict": verdict,
    })
}

fn scores(models: &[Compared], found: &Comparison) -> Value {
    let of = |it: &Compared| {
        let mean = it.evaluation.mean;
        let scores = json!({
            "smape": mean.smape,
            "mase": mean.mase,
            "owa": mean.owa(&found.naive2),
            "msis": mean.msis,
            "mae": mean.mae,
            "rmse": mean.rmse,
            "coverage": mean.coverage,
            "simpler": it.evaluation.simpler,
            "seconds": it.evaluation.seconds,
        });
        (it.name.clone().into_owned(), scores)
    };
    Value::Object(models.iter().map(of).collect::<Map<_, _>>())
}
