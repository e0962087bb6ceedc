//! Setting some of the training items aside to validate on.
//!
//! | learned | drawn |
//! |---|---|
//! | one label | the share of each label |
//! | several labels | the share of each label, the rarest first (Sechidis et al. 2011, <https://doi.org/10.1007/978-3-642-23808-6_10>) |
//! | numbers | the share of each of up to ten ranges of the first number |
//! | any, in groups | whole groups, so that each of these shares is met as well as groups allow |

use crate::{Random, Target, TargetKind};

mod groups;

/// How items without any to validate on are split: the same share of each label's, drawn by a seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The share of each label's items to validate on, in `(0, 1)`; at least one where a label has two.
    pub fraction: f64,
    /// Draws which ones.
    pub seed: u64,
}

impl Default for Split {
    fn default() -> Self {
        Self { fraction: 0.2, seed: 0 }
    }
}

/// Most ranges of a number that are drawn from alike.
const RANGES: usize = 10;

/// Whether each item is set aside; `groups` names what each belongs to, and is empty for what is alone.
pub(crate) fn divide<L: Target>(
    targets: &[L],
    groups: &[String],
    names: &[String],
    split: &Split,
) -> Result<Vec<bool>, String> {
    let fraction = split.fraction;
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(format!("cannot set aside {fraction} of it; give a fraction in (0, 1)"));
    }
    let strata = strata(targets, names.len(), fraction);
    if groups.iter().any(|group| !group.is_empty()) {
        return groups::divide(L::KIND, &strata, groups, names, split);
    }
    let aside = match L::KIND {
        TargetKind::Label | TargetKind::Numbers => by_stratum(&strata, split),
        TargetKind::Labels => by_rarest(&strata, names.len(), split),
    };
    match aside.contains(&true) {
        true => Ok(aside),
        false => Err(match L::KIND {
            TargetKind::Numbers => "one item alone; nothing is left to validate on, add more",
            _ => "one item a label; nothing is left to validate on, add more",
        }
        .to_owned()),
    }
}

/// What an item is counted as: its labels, or one more where it has none, or the range of its first number.
fn strata<L: Target>(targets: &[L], labels: usize, fraction: f64) -> Vec<Vec<usize>> {
    if L::KIND != TargetKind::Numbers {
        let of = |target: &L| match target.labels() {
            [] => vec![labels],
            labels => labels.to_vec(),
        };
        return targets.iter().map(of).collect();
    }
    let first = |place: usize| targets[place].numbers().first().copied().unwrap_or_default();
    let mut order: Vec<usize> = (0..targets.len()).collect();
    order.sort_by(|&one, &other| first(one).total_cmp(&first(other)));
    let ranges = ((targets.len() as f64 * fraction / 2.0) as usize).clamp(1, RANGES);
    let mut strata = vec![Vec::new(); targets.len()];
    for (rank, place) in order.into_iter().enumerate() {
        strata[place] = vec![rank * ranges / targets.len()];
    }
    strata
}

/// The share of each stratum, of which every item has one.
fn by_stratum(strata: &[Vec<usize>], split: &Split) -> Vec<bool> {
    let mut holders: Vec<Vec<usize>> = Vec::new();
    for (place, stratum) in strata.iter().enumerate() {
        let stratum = stratum.first().copied().unwrap_or_default();
        if stratum >= holders.len() {
            holders.resize(stratum + 1, Vec::new());
        }
        holders[stratum].push(place);
    }
    let mut aside = vec![false; strata.len()];
    for (stratum, holders) in holders.into_iter().enumerate() {
        let mut order: Vec<usize> = (0..holders.len()).collect();
        Random::new(split.seed, 0, stratum as u64).shuffle(&mut order);
        let share = share(holders.len(), split.fraction);
        order[..share].iter().for_each(|&place| aside[holders[place]] = true);
    }
    aside
}

/// How many of a stratum are set aside.
fn share(count: usize, fraction: f64) -> usize {
    let share = (count as f64 * fraction).round() as usize;
    if count < 2 { 0 } else { share.clamp(1, count - 1) }
}

/// Each item goes where its rarest label is lacking most.
fn by_rarest(strata: &[Vec<usize>], labels: usize, split: &Split) -> Vec<bool> {
    let mut order: Vec<usize> = (0..strata.len()).collect();
    Random::new(split.seed, 0, labels as u64).shuffle(&mut order);
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); labels + 1];
    for &place in &order {
        strata[place].iter().for_each(|&label| holders[label].push(place));
    }
    let mut unplaced: Vec<usize> = holders.iter().map(Vec::len).collect();
    // What training and validation lack of each label.
    let lacks = |&count: &usize| {
        let share = share(count, split.fraction);
        [count - share, share].map(usize::cast_signed)
    };
    let mut lacking: Vec<[isize; 2]> = unplaced.iter().map(lacks).collect();
    let mut aside: Vec<Option<bool>> = vec![None; strata.len()];
    let left = |unplaced: &[usize]| {
        let left = (0..unplaced.len()).filter(|&label| unplaced[label] > 0);
        left.min_by_key(|&label| unplaced[label])
    };
    while let Some(rarest) = left(&unplaced) {
        for &place in &holders[rarest] {
            if aside[place].is_some() {
                continue;
            }
            let [train, val] = lacking[rarest];
            aside[place] = Some(val > train);
            for &label in &strata[place] {
                lacking[label][usize::from(val > train)] -= 1;
                unplaced[label] -= 1;
            }
        }
    }
    let mut aside: Vec<bool> = aside.into_iter().map(|aside| aside == Some(true)).collect();
    // Whatever rarer labels did: what there is of a label is learned.
    for holders in &holders[..labels] {
        if let Some(&first) = holders.first()
            && holders.iter().all(|&place| aside[place])
        {
            aside[first] = false;
        }
    }
    aside
}
