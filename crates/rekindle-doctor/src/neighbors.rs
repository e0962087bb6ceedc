//! Labels that the nearest neighbors contradict: k-nearest neighbors, each item judged by the others.
//!
//! | step | |
//! |---|---|
//! | likeness | the cosine of two embeddings, from which the mean of all was taken |
//! | vote | the nearest [`Options::neighbors`], but the item itself and copies of its bytes; fewer where its label has fewer others |
//! | found | at most one in five votes for the label, at least half for another, and 0.6 of what that one's own have on average |
//!
//! The last is how confident learning (Northcutt, Jiang and Chuang 2021) sets its thresholds, which are averages over a label,
//! lowered since wrong labels lower the share that is compared too. Where a network tells labels apart badly, half the votes
//! are seldom for one label, so that it finds little rather than inventing much.

use std::cmp::Reverse;

use rayon::prelude::*;

use crate::{
    Finding, Kind, Severity,
    case::{About, Case},
};

/// Fewest votes that contradict a label.
const LEAST_VOTES: usize = 4;
/// The largest share of the votes that a contradicted label has.
const MOST_SUPPORT: f64 = 0.2;
/// The smallest share of the votes for another label that contradict.
const LEAST_SHARE: f64 = 0.5;
/// The same, of the average that the other label's own pictures have.
const LEAST_OF_AVERAGE: f64 = 0.6;

/// An item with an embedding: its place, its label, its direction.
struct Point {
    item: usize,
    label: usize,
    direction: Vec<f32>,
}

/// How the neighbors of an item vote.
struct Votes {
    /// The share of its own label.
    own: f64,
    /// The label with most votes, and its share.
    most: (usize, f64),
    /// How many voted, and how many for that label.
    counts: [usize; 2],
}

pub(crate) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let points = points(case);
    let labels = case.contents.labels.len();
    let mut sizes = vec![0_usize; labels];
    points.iter().for_each(|point| sizes[point.label] += 1);
    let votes: Vec<Option<Votes>> = (0..points.len())
        .into_par_iter()
        .map(|place| votes(case, &points, place, &sizes))
        .collect();
    // How much those of a label agree with it on average.
    let mut agreement = vec![(0.0, 0_usize); labels];
    for (point, votes) in points.iter().zip(&votes) {
        if let Some(votes) = votes {
            agreement[point.label].0 += votes.own;
            agreement[point.label].1 += 1;
        }
    }
    let needed = |label: usize| {
        let (sum, count) = agreement[label];
        LEAST_SHARE.max(LEAST_OF_AVERAGE * sum / count.max(1) as f64)
    };
    let mut findings = Vec::new();
    for (point, votes) in points.iter().zip(votes) {
        let Some(Votes { own, most: (label, share), counts: [all, agree] }) = votes else {
            continue;
        };
        if label == point.label || own > MOST_SUPPORT || share < needed(label) {
            continue;
        }
        let name = |label: usize| &case.contents.labels[label];
        let what = format!(
            "labelled `{}`, but {agree} of the {all} pictures most like it are `{}`",
            name(point.label),
            name(label)
        );
        let remedy = "look at it: correct the label where it is wrong, and leave it where the picture is just unusual";
        let about = About { kind: Kind::LabelError, severity: Severity::Warning };
        let mut finding = case.finding(about, &[point.item], what, remedy);
        finding.labels.push(name(label).clone());
        finding.score = Some(share - own);
        findings.push(finding);
    }
    findings
}

/// The items that have an embedding, with the mean of all taken away, at length one.
fn points(case: &Case<'_>) -> Vec<Point> {
    let Some(embeddings) = &case.options.embeddings else { return Vec::new() };
    let items = case.contents.items.iter().enumerate();
    let mut points: Vec<Point> = items
        .filter_map(|(place, item)| {
            let direction = embeddings.rows.get(&item.file)?.clone();
            Some(Point { item: place, label: item.label, direction })
        })
        .collect();
    let dim = points.first().map_or(0, |point| point.direction.len());
    let mut mean = vec![0.0_f64; dim];
    for point in &points {
        mean.iter_mut().zip(&point.direction).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let count = points.len().max(1) as f64;
    for point in &mut points {
        let centered =
            point.direction.iter().zip(&mean).map(|(x, sum)| f64::from(*x) - sum / count);
        let centered: Vec<f64> = centered.collect();
        let length = centered.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        point.direction = centered.iter().map(|x| (x / length) as f32).collect();
    }
    points
}

/// How the neighbors of a point vote; none where too few pictures have its label for them to.
fn votes(case: &Case<'_>, points: &[Point], place: usize, sizes: &[usize]) -> Option<Votes> {
    let own = &points[place];
    let count = case.options.neighbors.min(sizes[own.label].saturating_sub(1));
    if count < LEAST_VOTES {
        return None;
    }
    let digest = |point: &Point| case.measured[point.item].digest;
    let is_copy = |other: &Point| {
        other.item == own.item || (digest(other).is_some() && digest(other) == digest(own))
    };
    let mut near: Vec<(f32, usize)> = points
        .iter()
        .enumerate()
        .filter(|(_, other)| !is_copy(other))
        .map(|(at, other)| (likeness(&own.direction, &other.direction), at))
        .collect();
    let nearer = |one: &(f32, usize), other: &(f32, usize)| {
        other.0.total_cmp(&one.0).then(one.1.cmp(&other.1))
    };
    if near.len() > count {
        near.select_nth_unstable_by(count, nearer);
        near.truncate(count);
    }
    let mut counts = vec![0_usize; sizes.len()];
    near.iter().for_each(|(_, at)| counts[points[*at].label] += 1);
    let share = |count: usize| count as f64 / near.len().max(1) as f64;
    let (label, most) = counts
        .iter()
        .copied()
        .enumerate()
        .max_by_key(|(label, count)| (*count, Reverse(*label)))?;
    Some(Votes {
        own: share(counts[own.label]),
        most: (label, share(most)),
        counts: [near.len(), most],
    })
}

/// The product of two directions, in eight sums side by side.
fn likeness(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (ones, one) = one.as_chunks::<8>();
    let (others, other) = other.as_chunks::<8>();
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..8 {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest: f32 = one.iter().zip(other).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}
