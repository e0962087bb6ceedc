//! Which pictures are most like one, by what a network sees in them.
//!
//! Likeness is the cosine of two embeddings, from which the mean of all was taken. A picture is no neighbor of itself, nor of
//! copies of its bytes.

use rayon::prelude::*;

use crate::case::Case;

/// The pictures that have an embedding, and the neighbors of each.
pub(crate) struct Neighborhood {
    /// Their places among the items.
    pub(crate) items: Vec<usize>,
    /// Of each the items most like it, most like first and at most [`Options::neighbors`](crate::Options).
    pub(crate) near: Vec<Vec<usize>>,
}

/// An item with an embedding: its place, its direction.
struct Point {
    item: usize,
    direction: Vec<f32>,
}

impl Neighborhood {
    pub(crate) fn of<L: Sync>(case: &Case<'_, L>) -> Self {
        let points = points(case);
        let near = (0..points.len()).into_par_iter().map(|place| nearest(case, &points, place));
        Self { near: near.collect(), items: points.iter().map(|point| point.item).collect() }
    }

    /// Each item and its neighbors.
    pub(crate) fn each(&self) -> impl Iterator<Item = (usize, &[usize])> {
        self.items.iter().copied().zip(self.near.iter().map(Vec::as_slice))
    }
}

/// The items that have an embedding, with the mean of all taken away, at length one.
fn points<L>(case: &Case<'_, L>) -> Vec<Point> {
    let Some(embeddings) = &case.options.embeddings else { return Vec::new() };
    let items = case.contents.items.iter().enumerate();
    let mut points: Vec<Point> = items
        .filter_map(|(place, item)| {
            let direction = embeddings.rows.get(&item.file)?.clone();
            Some(Point { item: place, direction })
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

fn nearest<L>(case: &Case<'_, L>, points: &[Point], place: usize) -> Vec<usize> {
    let own = &points[place];
    let digest = |point: &Point| case.digests[point.item];
    let is_copy = |other: &Point| {
        other.item == own.item || (digest(other).is_some() && digest(other) == digest(own))
    };
    let mut near: Vec<(f32, usize)> = points
        .iter()
        .filter(|other| !is_copy(other))
        .map(|other| (likeness(&own.direction, &other.direction), other.item))
        .collect();
    let nearer = |one: &(f32, usize), other: &(f32, usize)| {
        other.0.total_cmp(&one.0).then(one.1.cmp(&other.1))
    };
    let count = case.options.neighbors;
    if near.len() > count {
        near.select_nth_unstable_by(count, nearer);
        near.truncate(count);
    }
    near.sort_unstable_by(nearer);
    near.into_iter().map(|(_, item)| item).collect()
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
