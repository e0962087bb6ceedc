//! Whole groups set aside, with a share of every label.
//!
//! To meet all shares at once is a hard problem (set splitting); a climb from a random order solves it wherever there is
//! some choice, and a few orders are tried.

use std::collections::{BTreeMap, BTreeSet};

use super::Split;
use crate::label::listed;
use crate::{Random, TargetKind};

/// How many orders are tried.
const TRIES: u64 = 20;
/// How often all groups are looked at in one of them, at most.
const PASSES: usize = 50;
/// What a label on one side alone costs: more than all shares that are missed.
const ONE_SIDED: f64 = 1e3;

/// As [`super::divide`], of items of which some belong together; what has no group is one of its own.
pub(super) fn divide(
    kind: TargetKind,
    strata: &[Vec<usize>],
    groups: &[String],
    names: &[String],
    split: &Split,
) -> Result<Vec<bool>, String> {
    let units = units(groups);
    if units.len() < 2 {
        return Err("one group alone; nothing is left to validate on, add more".to_owned());
    }
    let hard = if kind == TargetKind::Numbers { 0 } else { names.len() };
    let mut climb = Climb::new(&units, strata, hard, split.fraction);
    let alone = climb.shares[..hard]
        .iter()
        .zip(names)
        .filter(|(share, _)| share.units == 1 && share.items > 1);
    let alone: Vec<&str> = alone.map(|(_, name)| name.as_str()).collect();
    if kind == TargetKind::Label && !alone.is_empty() {
        return Err(format!(
            "one group alone has all that there is of {}, which cannot be learned and validated on without tearing it apart; add some of another group, name the parts in a column `split`, or leave the column `group` out",
            listed(alone)
        ));
    }
    let mut one_sided = Vec::new();
    for attempt in 0..TRIES {
        let mut order: Vec<usize> = (0..units.len()).collect();
        Random::new(split.seed, attempt, names.len() as u64).shuffle(&mut order);
        climb.run(&order);
        one_sided = climb.one_sided();
        // Of several labels, a rare one may be learned and not validated on.
        let learned = climb.shares.iter().all(|share| share.aside_units < share.units);
        let enough = one_sided.is_empty() || (kind == TargetKind::Labels && learned);
        if enough && climb.aside.contains(&true) {
            let mut aside = vec![false; strata.len()];
            for (unit, items) in units.iter().enumerate() {
                items.iter().for_each(|&item| aside[item] = climb.aside[unit]);
            }
            return Ok(aside);
        }
    }
    let labels = one_sided.iter().filter_map(|&label| names.get(label)).map(String::as_str);
    let labels: Vec<&str> = labels.collect();
    let what = if labels.is_empty() { "something".to_owned() } else { listed(labels) };
    Err(format!(
        "groups leave no split with {what} both in training and in validation; add groups, or name the parts in a column `split`"
    ))
}

/// The items of each group, in the order of their names, then those that are alone.
fn units(groups: &[String]) -> Vec<Vec<usize>> {
    let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut alone = Vec::new();
    for (item, group) in groups.iter().enumerate() {
        match group.as_str() {
            "" => alone.push(vec![item]),
            group => named.entry(group).or_default().push(item),
        }
    }
    named.into_values().chain(alone).collect()
}

/// How much of a label is set aside.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    items: usize,
    units: usize,
    aside: usize,
    aside_units: usize,
    /// Whether both sides must have some, where two groups do.
    hard: bool,
}

impl Share {
    fn is_one_sided(&self) -> bool {
        self.hard && self.units > 1 && (self.aside_units == 0 || self.aside_units == self.units)
    }

    fn cost(&self, fraction: f64) -> f64 {
        let off = self.aside as f64 / self.items.max(1) as f64 - fraction;
        off * off + if self.is_one_sided() { ONE_SIDED } else { 0.0 }
    }

    fn moved(mut self, items: usize, aside: bool) -> Self {
        if aside {
            self.aside += items;
            self.aside_units += 1;
        } else {
            self.aside -= items;
            self.aside_units -= 1;
        }
        self
    }
}

/// Groups move to where all shares are met best.
struct Climb {
    /// How many items of each label a group has; the last label is that of all items.
    counts: Vec<Vec<(usize, usize)>>,
    shares: Vec<Share>,
    aside: Vec<bool>,
    /// Has the only items of a label, which are to be learned.
    pinned: Vec<bool>,
    fraction: f64,
}

impl Climb {
    fn new(units: &[Vec<usize>], strata: &[Vec<usize>], hard: usize, fraction: f64) -> Self {
        let all = strata.iter().flatten().max().map_or(0, |most| most + 1).max(hard);
        let mut shares = vec![Share::default(); all + 1];
        let count = |items: &Vec<usize>| {
            let mut counts: BTreeMap<usize, usize> = BTreeMap::from([(all, items.len())]);
            for &item in items {
                strata[item].iter().for_each(|&label| *counts.entry(label).or_default() += 1);
            }
            counts.into_iter().collect::<Vec<_>>()
        };
        let counts: Vec<Vec<(usize, usize)>> = units.iter().map(count).collect();
        for &(label, items) in counts.iter().flatten() {
            shares[label].items += items;
            shares[label].units += 1;
            shares[label].hard = label < hard || label == all;
        }
        let only: BTreeSet<usize> = (0..hard).filter(|&label| shares[label].units == 1).collect();
        let pinned = counts
            .iter()
            .map(|counts| counts.iter().any(|(label, _)| only.contains(label)))
            .collect();
        let aside = vec![false; units.len()];
        Self { counts, shares, aside, pinned, fraction }
    }

    fn one_sided(&self) -> Vec<usize> {
        (0..self.shares.len()).filter(|&label| self.shares[label].is_one_sided()).collect()
    }

    fn run(&mut self, order: &[usize]) {
        for &unit in order {
            if self.aside[unit] {
                self.flip(unit);
            }
        }
        for _ in 0..PASSES {
            let mut moved = false;
            for &unit in order {
                if self.pinned[unit] {
                    continue;
                }
                let gain: f64 = self.counts[unit]
                    .iter()
                    .map(|&(label, items)| {
                        let share = self.shares[label];
                        let after = share.moved(items, !self.aside[unit]);
                        share.cost(self.fraction) - after.cost(self.fraction)
                    })
                    .sum();
                if gain > 1e-9 {
                    self.flip(unit);
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
    }

    fn flip(&mut self, unit: usize) {
        self.aside[unit] = !self.aside[unit];
        for &(label, items) in &self.counts[unit] {
            self.shares[label] = self.shares[label].moved(items, self.aside[unit]);
        }
    }
}
