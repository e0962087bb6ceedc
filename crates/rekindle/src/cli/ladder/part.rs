//! What candidates are trained on: the data, and of a rung a part of them.

use std::{collections::BTreeMap, path::PathBuf};

use rekindle::{
    Inputs, ItemOf, SetOf,
    data::{Digests, SampleOf, TargetKind, canonical},
    report::ItemKind,
};
use sha2::{Digest, Sha256};

use super::{
    super::{answers::Answers, kind::Kind},
    file::{Candidate, Ladder, Rung},
};

/// What a candidate is trained on.
pub(super) struct Opened<M: Kind, L: Answers> {
    pub(super) inputs: Option<Inputs>,
    pub(super) place: M::Data,
    pub(super) set: SetOf<M, L>,
}

impl<M: Kind, L: Answers> Opened<M, L> {
    /// Of all candidates, and which of it each is trained on: the same, unless they read other columns.
    pub(super) fn of_all(
        ladder: &Ladder,
        open: impl Fn(&Candidate) -> anyhow::Result<Self>,
    ) -> anyhow::Result<(Vec<Self>, Vec<usize>)> {
        let (mut all, mut places) = (Vec::new(), Vec::new());
        for (number, candidate) in ladder.candidates.iter().enumerate() {
            let before = &ladder.candidates[..number];
            let same = |other: &Candidate| columns::<M>(other) == columns::<M>(candidate);
            match before.iter().position(same) {
                Some(same) => places.push(places[same]),
                None => {
                    places.push(all.len());
                    all.push(open(candidate)?);
                }
            }
        }
        Ok((all, places))
    }
}

/// What says which columns a candidate reads, where something does.
fn columns<M: Kind>(candidate: &Candidate) -> [Option<&PathBuf>; 2] {
    let saved = candidate.weights.as_ref().filter(|_| M::KIND == ItemKind::Rows);
    [candidate.inputs.as_ref(), saved]
}

/// Some of the classes, and some of the training items of each; all validation items of those classes.
pub(super) struct Part<M: Kind, L: Answers> {
    pub(super) names: Vec<String>,
    pub(super) train: Vec<SampleOf<L, ItemOf<M>>>,
    pub(super) val: Vec<SampleOf<L, ItemOf<M>>>,
    /// None but on the last rung.
    pub(super) test: Vec<SampleOf<L, ItemOf<M>>>,
}

impl<M: Kind, L: Answers> Part<M, L> {
    /// The first classes, and the first items of each: a higher rung has all that a lower one has. Numbers are all there from
    /// the start.
    pub(super) fn of(set: &SetOf<M, L>, rung: &Rung, last: bool) -> Self {
        let all = set.names.len();
        let count = match L::KIND {
            TargetKind::Numbers => all,
            _ => ((all as f64 * rung.classes).round() as usize).clamp(2.min(all), all),
        };
        let of_class =
            |samples: &[SampleOf<L, ItemOf<M>>], share: f64| -> Vec<SampleOf<L, ItemOf<M>>> {
                let mut by_class: BTreeMap<&[usize], Vec<SampleOf<L, ItemOf<M>>>> = BTreeMap::new();
                let known = |sample: &&SampleOf<L, ItemOf<M>>| {
                    sample.label.labels().iter().all(|&of| of < count)
                };
                for sample in samples.iter().filter(known) {
                    by_class.entry(sample.label.labels()).or_default().push(sample.clone());
                }
                let some = |samples: Vec<SampleOf<L, ItemOf<M>>>| {
                    let some = ((samples.len() as f64 * share).round() as usize).max(1);
                    samples.into_iter().take(some)
                };
                by_class.into_values().flat_map(some).collect()
            };
        Self {
            names: set.names[..count].to_vec(),
            train: of_class(&set.train, rung.pictures),
            val: of_class(&set.val, 1.0),
            test: if last { of_class(&set.test, 1.0) } else { Vec::new() },
        }
    }

    /// What a run on it depends on.
    pub(super) fn key(&self, files: &Digests) -> anyhow::Result<String> {
        let mut hash = Sha256::new();
        hash.update(canonical(&self.names));
        for part in [&self.train, &self.val, &self.test] {
            hash.update(part.len().to_le_bytes());
            for sample in part {
                hash.update(M::digest(&sample.item, files)?);
                hash.update(canonical(&(sample.label.labels(), sample.label.numbers())));
                hash.update(sample.weight.to_le_bytes());
            }
        }
        Ok(format!("{:x}", hash.finalize()))
    }
}
