//! What the pictures most like one contradict: k-nearest neighbors, each picture judged by the others.
//!
//! | learned | the neighbors say | found |
//! |---|---|---|
//! | one label | a vote each, of as many as the label has others at most | at most one in five votes for the label, at least half for another, and 0.6 of what that one's own have on average |
//! | several labels | a vote each for or against every label | the label's own have it confirmed by half of the votes on average, and here at most a quarter of what is usual |
//! | numbers | the median | further from it than [`Options::most_off`](crate::Options) usual differences, and than half a deviation |
//!
//! The averages over a label are how confident learning (Northcutt, Jiang and Chuang 2021) sets its thresholds, lowered since
//! wrong labels lower the share that is compared too. Where a network tells labels apart badly, half the votes are seldom for
//! one label, and differences of numbers are usually great, so that little is found rather than much invented.

use std::cmp::Reverse;

use crate::{
    Finding, Kind, Severity,
    case::{About, Case},
    neighbors::Neighborhood,
    numbers,
};

/// Fewest votes that contradict anything.
const LEAST_VOTES: usize = 4;
/// The largest share of the votes that a contradicted label has.
const MOST_SUPPORT: f64 = 0.2;
/// The smallest share of the votes for another label that contradict.
const LEAST_SHARE: f64 = 0.5;
/// The same, of the average that the other label's own pictures have.
const LEAST_OF_AVERAGE: f64 = 0.6;
/// The largest share of the votes that agree with whether one of several labels is there, of what does on average.
const MOST_OF_AVERAGE: f64 = 0.25;
/// The least difference of a number that is doubted, in robust deviations of its column.
const LEAST_OFF: f64 = 0.5;
/// From the median of absolute values to the standard deviation of a normal distribution.
const NORMAL_MEDIAN: f64 = 1.4826;

const REMEDY: &str =
    "look at it: correct the label where it is wrong, and leave it where it is just unusual";

/// How the neighbors of an item vote.
struct Votes {
    item: usize,
    /// The share of its own label.
    own: f64,
    /// The label with most votes, and its share.
    most: (usize, f64),
    /// How many voted, and how many for that label.
    counts: [usize; 2],
}

pub(crate) fn of_label(case: &Case<'_, usize>, near: &Neighborhood) -> Vec<Finding> {
    let label = |item: usize| case.contents.items[item].target;
    let labels = case.contents.names.len();
    let mut sizes = vec![0_usize; labels];
    near.items.iter().for_each(|item| sizes[label(*item)] += 1);
    let votes = |(item, near): (usize, &[usize])| {
        let near = &near[..near.len().min(sizes[label(item)].saturating_sub(1))];
        if near.len() < LEAST_VOTES {
            return None;
        }
        let mut counts = vec![0_usize; labels];
        near.iter().for_each(|other| counts[label(*other)] += 1);
        let share = |count: usize| count as f64 / near.len() as f64;
        let all = counts.iter().copied().enumerate();
        let (most, count) = all.max_by_key(|(label, count)| (*count, Reverse(*label)))?;
        let (own, most) = (share(counts[label(item)]), (most, share(count)));
        Some(Votes { item, own, most, counts: [near.len(), count] })
    };
    let votes: Vec<Votes> = near.each().filter_map(votes).collect();
    // How much those of a label agree with it on average.
    let mut agreement = vec![(0.0, 0_usize); labels];
    for votes in &votes {
        let (sum, count) = &mut agreement[label(votes.item)];
        *sum += votes.own;
        *count += 1;
    }
    let needed = |label: usize| {
        let (sum, count) = agreement[label];
        LEAST_SHARE.max(LEAST_OF_AVERAGE * sum / count.max(1) as f64)
    };
    let mut findings = Vec::new();
    for Votes { item, own, most: (most, share), counts: [all, agree] } in votes {
        if most == label(item) || own > MOST_SUPPORT || share < needed(most) {
            continue;
        }
        let name = |label: usize| &case.contents.names[label];
        let many = case.contents.noun.many;
        let what = format!(
            "labelled `{}`, but {agree} of the {all} {many} most like it are `{}`",
            name(label(item)),
            name(most)
        );
        let about = About { kind: Kind::LabelError, severity: Severity::Warning };
        let mut finding = case.finding(about, &[item], what, REMEDY);
        finding.labels.push(name(most).clone());
        finding.score = Some(share - own);
        findings.push(finding);
    }
    findings
}

/// Whether an item has a label, and how many of its neighbors have it.
struct Presence {
    item: usize,
    has: bool,
    /// How many voted, and how many of them have the label.
    counts: [usize; 2],
}

impl Presence {
    /// The share of the votes that agree.
    fn own(&self) -> f64 {
        let [all, have] = self.counts.map(|count| count as f64);
        if self.has { have / all } else { 1.0 - have / all }
    }
}

/// A label a time, each picture having it or not.
pub(crate) fn of_labels(case: &Case<'_, Vec<usize>>, near: &Neighborhood) -> Vec<Finding> {
    (0..case.contents.names.len()).flat_map(|label| of_presence(case, near, label)).collect()
}

fn of_presence(case: &Case<'_, Vec<usize>>, near: &Neighborhood, label: usize) -> Vec<Finding> {
    let has = |item: usize| case.contents.items[item].target.contains(&label);
    let holders = near.items.iter().filter(|item| has(**item)).count();
    let votes = |(item, near): (usize, &[usize])| {
        // No more vote than could have the label.
        let near = &near[..near.len().min(holders - usize::from(has(item)))];
        let have = near.iter().filter(|other| has(**other)).count();
        let presence = Presence { item, has: has(item), counts: [near.len(), have] };
        (near.len() >= LEAST_VOTES).then_some(presence)
    };
    let votes: Vec<Presence> = near.each().filter_map(votes).collect();
    // How much neighbors agree on average, of pictures that have the label and of those that have not.
    let usual = |has: bool| {
        let own = votes.iter().filter(|presence| presence.has == has).map(Presence::own);
        own.clone().sum::<f64>() / own.count().max(1) as f64
    };
    let [without, with] = [false, true].map(usual);
    if with.min(without) < LEAST_SHARE {
        return Vec::new();
    }
    let name = &case.contents.names[label];
    let doubted = votes.iter().filter(|presence| {
        presence.own() <= MOST_OF_AVERAGE * if presence.has { with } else { without }
    });
    let finding = |presence: &Presence| {
        let [all, have] = presence.counts;
        let many = case.contents.noun.many;
        let what = match presence.has {
            true => {
                format!("labelled `{name}`, which {have} of the {all} {many} most like it are")
            }
            false => {
                format!("not labelled `{name}`, which {have} of the {all} {many} most like it are")
            }
        };
        let about = About { kind: Kind::LabelError, severity: Severity::Warning };
        let mut finding = case.finding(about, &[presence.item], what, REMEDY);
        finding.labels = vec![name.clone()];
        finding.score = Some(1.0 - 2.0 * presence.own());
        finding
    };
    doubted.map(finding).collect()
}

pub(crate) fn of_numbers(case: &Case<'_, Vec<f32>>, near: &Neighborhood) -> Vec<Finding> {
    (0..case.contents.names.len()).flat_map(|column| of_column(case, near, column)).collect()
}

fn of_column(case: &Case<'_, Vec<f32>>, near: &Neighborhood, column: usize) -> Vec<Finding> {
    let value = |item: usize| case.contents.items[item].target[column];
    let differences = near.each().filter_map(|(item, near)| {
        let mut others: Vec<f32> =
            near.iter().map(|other| value(*other)).filter(|value| value.is_finite()).collect();
        others.sort_by(f32::total_cmp);
        let [_, middle, _] = numbers::spread(&others)?.quartiles;
        let there = value(item).is_finite() && others.len() >= LEAST_VOTES;
        there.then(|| (item, middle, others.len(), f64::from(value(item)) - f64::from(middle)))
    });
    let differences: Vec<(usize, f32, usize, f64)> = differences.collect();
    let mut sizes: Vec<f32> = differences.iter().map(|found| found.3.abs() as f32).collect();
    sizes.sort_by(f32::total_cmp);
    let Some(usual) = numbers::spread(&sizes) else { return Vec::new() };
    let most = case.options.most_off;
    // Numbers of few values mostly are the median of their neighbors: what half of them differ by is no measure then.
    let floor = LEAST_OFF * numbers::deviation(case, column) / most;
    let usual = floor.max(NORMAL_MEDIAN * f64::from(usual.quartiles[1]));
    let name = &case.contents.names[column];
    let finding = |(item, middle, count, difference): (usize, f32, usize, f64)| {
        let times = difference.abs() / usual;
        let many = case.contents.noun.many;
        let what = format!(
            "`{name}` is {}, but {middle} in the middle of the {count} {many} most like it, {times:.1} times as far as usual",
            value(item)
        );
        let remedy = "look at it: correct the number where it is wrong, and leave it where it is just unusual";
        let about = About { kind: Kind::NumberError, severity: Severity::Warning };
        let mut finding = case.finding(about, &[item], what, remedy);
        finding.labels = vec![name.clone()];
        finding.score = Some(times);
        finding
    };
    let far = differences.into_iter().filter(|found| usual > 0.0 && found.3.abs() > most * usual);
    far.map(finding).collect()
}
