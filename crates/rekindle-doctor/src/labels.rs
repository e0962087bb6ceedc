//! Findings about labels: how many pictures they have, and how they are written.

use std::collections::BTreeMap;

use rekindle_data::label::{folded, written};
use rekindle_data::{Part, Target};

use crate::{
    Finding, Kind, LabelCount, Severity,
    case::{About, Case},
    contents::Contents,
};

pub(crate) fn findings<L: Target>(case: &Case<'_, L>) -> Vec<Finding> {
    let mut findings = similar(case);
    findings.extend(parts(case));
    if let [only] = case.counts {
        findings.push(case.about(
            About { kind: Kind::OneLabel, severity: Severity::Error },
            &[0],
            format!("one label alone, `{}`", only.label),
            "there is nothing to tell apart: add another",
        ));
    }
    findings.extend(counts(case));
    findings
}

/// How many pictures have each label, in each part.
pub(crate) fn count<L: Target>(contents: &Contents<L>) -> Vec<LabelCount> {
    let count = |label: &String| LabelCount { label: label.clone(), train: 0, val: 0, test: 0 };
    let mut counts: Vec<LabelCount> = contents.names.iter().map(count).collect();
    for item in &contents.items {
        for label in item.target.labels() {
            let count = &mut counts[*label];
            *match item.part {
                Part::Val => &mut count.val,
                Part::Test => &mut count.test,
                Part::Train | Part::All => &mut count.train,
            } += 1;
        }
    }
    counts
}

/// Labels that are one but for case, space, and the ways of Unicode to write the same.
fn similar<L: Target>(case: &Case<'_, L>) -> Vec<Finding> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (label, name) in case.contents.names.iter().enumerate() {
        groups.entry(folded(name)).or_default().push(label);
    }
    let groups = groups.into_values().filter(|labels| labels.len() > 1);
    let finding = |labels: Vec<usize>| {
        // Quoted with escapes, so that a space or an accent of its own is seen.
        let names: Vec<String> =
            labels.iter().map(|label| written(&case.contents.names[*label])).collect();
        let what = format!("{} differ by case, space or accents alone", names.join(" and "));
        let many = case.contents.noun.many;
        let remedy = format!(
            "they are learned as different: give their {many} one label if they are the same"
        );
        let about = About { kind: Kind::SimilarLabels, severity: Severity::Warning };
        case.about(about, &labels, what, remedy)
    };
    groups.map(finding).collect()
}

/// What the parts lack.
fn parts<L: Target>(case: &Case<'_, L>) -> Vec<Finding> {
    let many = case.contents.noun.many;
    let mut findings = Vec::new();
    for (part, has) in &case.contents.parts {
        for (place, (count, has)) in case.counts.iter().zip(has).enumerate() {
            let (label, part_name) = (&count.label, part.name());
            if !has {
                let what = format!("`{label}` is missing in {part_name}");
                let (severity, remedy) = match part {
                    Part::Train | Part::All => (
                        Severity::Error,
                        format!(
                            "nothing can be learned of it: add its {many}, or remove it from the others"
                        ),
                    ),
                    _ => (Severity::Warning, format!("it is not measured there: add its {many}")),
                };
                let found = About { kind: Kind::MissingLabel, severity };
                findings.push(case.about(found, &[place], what, remedy));
            } else if of(count, *part) == 0 {
                let what = format!("`{label}` has no {many} in {part_name}");
                let remedy = "add some, or remove the label";
                // What is not measured on does not stop training.
                let stops = *part == Part::Train;
                let severity = if stops { Severity::Error } else { Severity::Warning };
                let found = About { kind: Kind::EmptyLabel, severity };
                findings.push(case.about(found, &[place], what, remedy));
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
fn counts<L: Target>(case: &Case<'_, L>) -> Vec<Finding> {
    let (options, many) = (case.options, case.contents.noun.many);
    let some = || case.counts.iter().enumerate().filter(|(_, count)| count.train > 0);
    // Of equals the last.
    let Some((frequent, most)) = some().max_by_key(|(_, count)| count.train) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (place, LabelCount { label, train, .. }) in some() {
        if most.train as f64 > *train as f64 * options.most_imbalance {
            let what = format!(
                "`{label}` has {train} {many} to train on, `{}` {}",
                most.label, most.train
            );
            let remedy =
                "add some, or weigh or sample the labels evenly, and look at each label's recall";
            let about = About { kind: Kind::Imbalance, severity: Severity::Warning };
            findings.push(case.about(about, &[place, frequent], what, remedy));
        }
        if *train < options.least_examples {
            let what = format!(
                "`{label}` has {train} {many} to train on, fewer than {}",
                options.least_examples
            );
            let remedy = "add some, or choose a plan that learns less, such as `probe` or `head`";
            let about = About { kind: Kind::TooFew, severity: Severity::Warning };
            findings.push(case.about(about, &[place], what, remedy));
        }
    }
    findings
}
