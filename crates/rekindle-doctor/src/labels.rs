//! Findings about labels: how many pictures they have, and how they are written.

use std::collections::BTreeMap;

use rekindle_data::Part;
use rekindle_data::label::{folded, written};

use crate::{
    Finding, Kind, LabelCount, Severity,
    case::{About, Case},
};

pub(crate) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = similar(case);
    findings.extend(parts(case));
    if let [only] = case.counts {
        findings.push(about(
            About { kind: Kind::OneLabel, severity: Severity::Error },
            &[&only.label],
            format!("one label alone, `{}`", only.label),
            "there is nothing to tell apart: add another",
        ));
    }
    findings.extend(counts(case));
    findings
}

fn about(
    About { kind, severity }: About,
    labels: &[&String],
    what: String,
    remedy: &str,
) -> Finding {
    let labels = labels.iter().map(|label| (*label).clone()).collect();
    let (files, left_out) = (Vec::new(), Vec::new());
    let remedy = remedy.to_owned();
    Finding { kind, severity, files, labels, what, remedy, left_out, score: None }
}

/// Labels that are one but for case, space, and the ways of Unicode to write the same.
fn similar(case: &Case<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for label in &case.contents.labels {
        groups.entry(folded(label)).or_default().push(label);
    }
    let groups = groups.into_values().filter(|labels| labels.len() > 1);
    let finding = |labels: Vec<&String>| {
        // Quoted with escapes, so that a space or an accent of its own is seen.
        let names: Vec<String> = labels.iter().map(|label| written(label)).collect();
        let what = format!("{} differ by case, space or accents alone", names.join(" and "));
        let remedy =
            "they are learned as different: give their pictures one label if they are the same";
        about(
            About { kind: Kind::SimilarLabels, severity: Severity::Warning },
            &labels,
            what,
            remedy,
        )
    };
    groups.map(finding).collect()
}

/// What the parts lack.
fn parts(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (part, has) in &case.contents.parts {
        for ((count, has), label) in case.counts.iter().zip(has).zip(&case.contents.labels) {
            let part_name = part.name();
            if !has {
                let what = format!("`{label}` is missing in {part_name}");
                let (severity, remedy) = match part {
                    Part::Train | Part::All => (
                        Severity::Error,
                        "nothing can be learned of it: add its pictures, or remove it from the others",
                    ),
                    _ => (Severity::Warning, "it is not measured there: add its pictures"),
                };
                let found = About { kind: Kind::MissingLabel, severity };
                findings.push(about(found, &[label], what, remedy));
            } else if of(count, *part) == 0 {
                let what = format!("`{label}` has no pictures in {part_name}");
                let remedy = "add some, or remove the label";
                // What is not measured on does not stop training.
                let stops = *part == Part::Train;
                let severity = if stops { Severity::Error } else { Severity::Warning };
                findings.push(about(
                    About { kind: Kind::EmptyLabel, severity },
                    &[label],
                    what,
                    remedy,
                ));
            }
        }
    }
    findings
}

fn of(count: &LabelCount, part: Part) -> usize {
    match part {
        Part::Train | Part::All => count.train,
        Part::Val => count.val,
        Part::Test => count.test,
    }
}

/// Too few to train on, by themselves or beside others.
fn counts(case: &Case<'_>) -> Vec<Finding> {
    let options = case.options;
    let some: Vec<&LabelCount> = case.counts.iter().filter(|count| count.train > 0).collect();
    let Some(most) = some.iter().max_by_key(|count| count.train) else { return Vec::new() };
    let mut findings = Vec::new();
    for count in &some {
        let LabelCount { label, train, .. } = count;
        if most.train as f64 > *train as f64 * options.most_imbalance {
            let what = format!(
                "`{label}` has {train} pictures to train on, `{}` {}",
                most.label, most.train
            );
            let remedy =
                "add some, or weigh or sample the labels evenly, and look at each label's recall";
            let labels = [label, &most.label];
            findings.push(about(
                About { kind: Kind::Imbalance, severity: Severity::Warning },
                &labels,
                what,
                remedy,
            ));
        }
        if *train < options.least_examples {
            let what = format!(
                "`{label}` has {train} pictures to train on, fewer than {}",
                options.least_examples
            );
            let remedy = "add some, or choose a plan that learns less, such as `probe` or `head`";
            findings.push(about(
                About { kind: Kind::TooFew, severity: Severity::Warning },
                &[label],
                what,
                remedy,
            ));
        }
    }
    findings
}
