//! Findings about several labels a picture: which are never apart, which are everywhere, and pictures that have none.

use std::collections::BTreeMap;

use rekindle_data::Part;

use crate::{
    Finding, Kind, Severity,
    case::{About, Case},
    noun::Noun,
};

/// Fewest pictures of labels that are always together: of fewer it may be chance.
const LEAST_TOGETHER: usize = 3;

pub(crate) fn findings(case: &Case<'_, Vec<usize>>) -> Vec<Finding> {
    let mut findings = together(case);
    findings.extend(everywhere(case));
    let items = case.contents.items.iter().enumerate();
    let none: Vec<usize> =
        items.filter(|(_, item)| item.target.is_empty()).map(|(place, _)| place).collect();
    if !none.is_empty() {
        let about = About { kind: Kind::NoLabel, severity: Severity::Note };
        let what = "has no label".to_owned();
        let remedy = "it is learned as showing none of them: name what it shows if it shows any";
        findings.push(case.finding(about, &none, what, remedy));
    }
    findings
}

/// Labels that the very same pictures have.
fn together(case: &Case<'_, Vec<usize>>) -> Vec<Finding> {
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); case.contents.names.len()];
    for (place, item) in case.contents.items.iter().enumerate() {
        item.target.iter().for_each(|label| holders[*label].push(place));
    }
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (label, holders) in holders.into_iter().enumerate() {
        if holders.len() >= LEAST_TOGETHER {
            groups.entry(holders).or_default().push(label);
        }
    }
    let groups = groups.into_iter().filter(|(_, labels)| labels.len() > 1);
    let finding = |(holders, labels): (Vec<usize>, Vec<usize>)| {
        let many = case.contents.noun.many;
        let names: Vec<String> =
            labels.iter().map(|label| format!("`{}`", case.contents.names[*label])).collect();
        let what =
            format!("{} are always together, on {} {many}", names.join(" and "), holders.len());
        let remedy = format!(
            "nothing tells them apart: add {many} that have one of them, or make them one label"
        );
        let about = About { kind: Kind::AlwaysTogether, severity: Severity::Warning };
        case.about(about, &labels, what, remedy)
    };
    groups.map(finding).collect()
}

/// Labels that everything has that is trained on.
fn everywhere(case: &Case<'_, Vec<usize>>) -> Vec<Finding> {
    let all = case.of_part(Part::Train).count();
    let labels = case.counts.iter().enumerate();
    // One label alone is another finding.
    let labels = labels.filter(|(_, count)| all > 1 && count.train == all && case.counts.len() > 1);
    let finding = |(label, count): (usize, &crate::LabelCount)| {
        let Noun { one, many } = case.contents.noun;
        let what = format!("all {all} {many} to train on have `{}`", count.label);
        let remedy = format!("it is given to every {one}: add {many} without it, or leave it out");
        let about = About { kind: Kind::EveryPicture, severity: Severity::Warning };
        case.about(about, &[label], what, remedy)
    };
    labels.map(finding).collect()
}
