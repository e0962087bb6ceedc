//! Few-shot training sets: some samples a label, drawn by a seed.

use crate::label::listed;
use crate::{
    DataSet, Error, Item, Random, Sample, Target, TargetKind, error::problem, set::counts,
};

/// The places of `shots` samples of each label below `labels`, in order; all of a label that has fewer.
///
/// Which ones are drawn depends on the seed, the label and the samples that have it alone. Of several labels a sample counts for
/// each that it has, the rarest label drawn first; so that one may be had more often than `shots` times.
///
/// # Panics
///
/// If a sample has a label beyond `labels`.
pub fn draw_shots<L: Target, I>(
    samples: &[Sample<L, I>],
    labels: usize,
    shots: usize,
    seed: u64,
) -> Vec<usize> {
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); labels];
    for (place, sample) in samples.iter().enumerate() {
        sample.label.labels().iter().for_each(|&label| holders[label].push(place));
    }
    let mut order: Vec<usize> = (0..labels).collect();
    order.sort_by_key(|&label| (holders[label].len(), label));
    let mut taken = vec![false; samples.len()];
    for label in order {
        let holders = &mut holders[label];
        let has = holders.iter().filter(|place| taken[**place]).count();
        Random::new(seed, 0, label as u64).shuffle(holders);
        let free: Vec<usize> = holders.iter().copied().filter(|place| !taken[*place]).collect();
        free.iter().take(shots.saturating_sub(has)).for_each(|&place| taken[place] = true);
    }
    (0..samples.len()).filter(|place| taken[*place]).collect()
}

impl<L: Target, I: Item> DataSet<L, I> {
    /// The same with `shots` samples of each label to train on, drawn by a seed; what is measured on stays.
    ///
    /// Labels that have fewer are named in a note.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] where numbers are learned, or no sample is asked for.
    pub fn with_shots(mut self, shots: usize, seed: u64) -> Result<Self, Error> {
        if L::KIND == TargetKind::Numbers {
            let text = "numbers are learned, of which there is no label to draw samples of; leave the shots out";
            return Err(problem(&self.path, text.to_owned()));
        }
        if shots == 0 {
            let text = "no sample a label is asked for; ask for one at least";
            return Err(problem(&self.path, text.to_owned()));
        }
        let places = draw_shots(&self.train, self.names.len(), shots, seed);
        let all = self.train.len();
        let mut keep = vec![false; all];
        places.iter().for_each(|&place| keep[place] = true);
        let mut keep = keep.into_iter();
        self.train.retain(|_| keep.next().unwrap_or_default());
        let kept = self.train.len();
        self.notes
            .push(format!("{shots} a label to train on, drawn by seed {seed}: {kept} of {all}"));
        let counts = counts(&self.train, self.names.len());
        let fewer = self.names.iter().zip(counts).filter(|(_, count)| *count < shots);
        let fewer: Vec<&str> = fewer.map(|(name, _)| name.as_str()).collect();
        if !fewer.is_empty() {
            self.notes.push(format!("fewer than {shots} to train on of {}", listed(fewer)));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::{Gathered, Part, Row, Split};

    fn samples<L: Target>(labels: impl IntoIterator<Item = L>) -> Vec<Sample<L>> {
        labels.into_iter().map(|label| Sample::new(PathBuf::new(), label)).collect()
    }

    #[test]
    fn as_many_are_drawn_of_every_label() {
        let samples =
            samples((0..1000_usize).map(|place| if place % 50 == 0 { 2 } else { place % 2 }));
        for shots in [1, 8, 20, 30] {
            let mut drawn = Vec::new();
            for seed in 0..4 {
                let found = draw_shots(&samples, 4, shots, seed);
                let count = |label: usize| {
                    found.iter().filter(|place| samples[**place].label == label).count()
                };
                assert_eq!([0, 1, 2, 3].map(count), [shots, shots, shots.min(20), 0]);
                assert_eq!(found, draw_shots(&samples, 4, shots, seed));
                assert!(found.is_sorted());
                drawn.push(found);
            }
            drawn.sort();
            drawn.dedup();
            assert_eq!(drawn.len(), 4, "{shots}: seeds draw the same");
        }
    }

    /// Samples of other labels do not change which are drawn.
    #[test]
    fn a_label_is_drawn_by_itself() {
        let few = samples((0..200_usize).map(|place| place % 2));
        let more = samples((0..300_usize).map(|place| if place < 200 { place % 2 } else { 2 }));
        let found = |samples: &[Sample], labels| -> Vec<usize> {
            draw_shots(samples, labels, 9, 3).into_iter().filter(|place| *place < 200).collect()
        };
        assert_eq!(found(&few, 2), found(&more, 3));
    }

    #[test]
    fn of_several_labels_each_is_there_often_enough() {
        // One label is on everything, one on half, one on three.
        let of = |place: usize| match place {
            40 | 50 | 61 => vec![0, 2],
            place if place % 2 == 0 => vec![0, 1],
            _ => vec![0],
        };
        let samples = samples((0..100).map(of));
        for seed in 0..4 {
            let found = draw_shots(&samples, 3, 3, seed);
            let count = |label: usize| {
                found.iter().filter(|place| samples[**place].label.contains(&label)).count()
            };
            assert_eq!([0, 1, 2].map(count), [6, 3, 3], "{seed}");
        }
    }

    #[test]
    fn a_data_set_keeps_what_it_measures_on() {
        let row = |place: usize| {
            let part = [Part::Train, Part::Train, Part::Train, Part::Val, Part::Test][place % 5];
            let label = if place.is_multiple_of(25) { "bee" } else { "ant" };
            Row::new(PathBuf::from(place.to_string()), label.to_owned(), part)
        };
        let rows = (0..100).map(row).collect();
        let gathered = Gathered { rows, names: None, notes: Vec::new(), lacking: Vec::new() };
        let set = DataSet::<usize>::of(Path::new("set"), gathered, &Split::default()).unwrap();
        let few = set.clone().with_shots(5, 1).unwrap();
        assert_eq!([few.train.len(), few.val.len(), few.test.len()], [9, 20, 20]);
        let notes = few.notes.join("; ");
        assert!(notes.contains("5 a label to train on, drawn by seed 1: 9 of 60"), "{notes}");
        assert!(notes.contains("fewer than 5 to train on of [bee]"), "{notes}");
        let error = set.with_shots(0, 1).unwrap_err().to_string();
        assert!(error.contains("ask for one at least"), "{error}");
    }
}
