//! Setting some of the training pictures aside to validate on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::problem;
use crate::{Error, Random, Sample};

/// How pictures without a validation folder are split: the same number of each label's, drawn by a seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The share of each label's pictures to validate on, in `(0, 1)`; at least one picture where a label has two.
    pub fraction: f64,
    /// Draws which ones.
    pub seed: u64,
}

impl Default for Split {
    fn default() -> Self {
        Self { fraction: 0.2, seed: 0 }
    }
}

impl Split {
    /// Whether it sets something aside and leaves something, of what `path` holds.
    pub(crate) fn check(&self, path: &Path) -> Result<(), Error> {
        let fraction = self.fraction;
        if fraction > 0.0 && fraction < 1.0 {
            return Ok(());
        }
        let text = format!("cannot set aside {fraction} of it; give a fraction in (0, 1)");
        Err(problem(path, text))
    }
}

/// The samples to train on and those to validate on.
pub type Sides<L, I = PathBuf> = (Vec<Sample<L, I>>, Vec<Sample<L, I>>);

/// The samples to train on and those to validate on, each in their order.
///
/// # Errors
///
/// [`Error::Folder`] for a fraction that sets nothing aside or leaves nothing, and where each label has one sample.
pub fn divide<I: Clone>(
    folder: &Path,
    all: &[Sample<usize, I>],
    labels: usize,
    split: &Split,
) -> Result<Sides<usize, I>, Error> {
    split.check(folder)?;
    let mut by_label: Vec<Vec<&Sample<usize, I>>> = vec![Vec::new(); labels];
    all.iter().for_each(|sample| by_label[sample.label].push(sample));
    let (mut train, mut val) = (Vec::new(), Vec::new());
    for (label, samples) in by_label.into_iter().enumerate() {
        let mut order: Vec<usize> = (0..samples.len()).collect();
        Random::new(split.seed, 0, label as u64).shuffle(&mut order);
        let wanted = (samples.len() as f64 * split.fraction).round() as usize;
        let share = if samples.len() < 2 { 0 } else { wanted.clamp(1, samples.len() - 1) };
        let mut set_aside = vec![false; samples.len()];
        order[..share].iter().for_each(|&place| set_aside[place] = true);
        for (sample, aside) in samples.into_iter().zip(set_aside) {
            if aside { &mut val } else { &mut train }.push(sample.clone());
        }
    }
    if val.is_empty() {
        return Err(problem(
            folder,
            "one picture a label; nothing is left to validate on, add more".to_owned(),
        ));
    }
    Ok((train, val))
}

/// As [`divide`], but all pictures of a group are on one side: groups are drawn until there are enough to validate on.
pub(crate) fn divide_groups<L: Clone>(
    path: &Path,
    (all, groups): (&[Sample<L>], &[String]),
    labels: usize,
    split: &Split,
) -> Result<Sides<L>, Error> {
    split.check(path)?;
    let mut names: Vec<&String> = groups.iter().collect::<BTreeSet<_>>().into_iter().collect();
    Random::new(split.seed, 0, labels as u64).shuffle(&mut names);
    let wanted = (all.len() as f64 * split.fraction).round() as usize;
    let mut aside: BTreeSet<&String> = BTreeSet::new();
    let mut count = 0;
    // One group is always left to train on.
    for name in names.iter().skip(1) {
        if count >= wanted {
            break;
        }
        count += groups.iter().filter(|group| group == name).count();
        aside.insert(name);
    }
    let (mut train, mut val) = (Vec::new(), Vec::new());
    for (sample, group) in all.iter().zip(groups) {
        if aside.contains(group) { &mut val } else { &mut train }.push(sample.clone());
    }
    if val.is_empty() {
        let problem_text = "one group alone; nothing is left to validate on, add more";
        return Err(problem(path, problem_text.to_owned()));
    }
    Ok((train, val))
}
