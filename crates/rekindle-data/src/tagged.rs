//! Lists of pictures with any number of labels each.

use std::path::{Path, PathBuf};

use crate::error::problem;
use crate::manifest::{self, Manifest};
use crate::{Error, Random, Sample, Sides, Split};

/// The labels and pictures of a [list](crate::manifest) with a column `labels`.
///
/// A picture's label is all places of its labels, in order; it may have none. Without pictures to validate on, a
/// [`Split`]'s share of each label is set aside, the rarest labels first (Sechidis et al. 2011,
/// <https://doi.org/10.1007/978-3-642-23808-6_10>), or of groups where the list has those.
#[derive(Debug, Clone)]
pub struct TaggedList {
    /// The list.
    pub path: PathBuf,
    /// The labels; a sample's labels are places in this list.
    pub classes: Vec<String>,
    /// The pictures to train on, ordered by labels and path.
    pub train: Vec<Sample<Vec<usize>>>,
    /// The pictures to validate on, ordered by labels and path.
    pub val: Vec<Sample<Vec<usize>>>,
    /// The pictures to measure on once, at the end; perhaps none.
    pub test: Vec<Sample<Vec<usize>>>,
}

impl TaggedList {
    /// Opens a list; `split` is used where it names nothing to validate on.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] for a list that is missing or cannot be read; [`Error::Folder`] where it is no list, has fewer than
    /// two labels, names pictures that are not there or the same twice, or leaves nothing to train or to validate on.
    pub fn open(list: &Path, split: &Split) -> Result<Self, Error> {
        let listed = manifest::open_tagged(list)?;
        let divide = |all, labels| divide(list, all, labels, split);
        let Manifest { classes, train, val, test, .. } = listed.divided(list, split, divide)?;
        Ok(Self { path: list.to_owned(), classes, train, val, test })
    }
}

type Samples = Vec<Sample<Vec<usize>>>;

/// The samples to train on and those to validate on: each goes where its rarest label is lacking most.
fn divide(
    list: &Path,
    all: Samples,
    labels: usize,
    split: &Split,
) -> Result<Sides<Vec<usize>>, Error> {
    split.check(list)?;
    // Pictures without a label count as those of one more.
    let none = [labels];
    let of = |place: usize| match all[place].label.as_slice() {
        [] => &none[..],
        labels => labels,
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    Random::new(split.seed, 0, labels as u64).shuffle(&mut order);
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); labels + 1];
    for &place in &order {
        of(place).iter().for_each(|&label| holders[label].push(place));
    }
    let mut unplaced: Vec<usize> = holders.iter().map(Vec::len).collect();
    // What training and validation lack of each label.
    let mut lacking: Vec<[isize; 2]> = Vec::new();
    for &count in &unplaced {
        let share = (count as f64 * split.fraction).round() as usize;
        let share = if count < 2 { 0 } else { share.clamp(1, count - 1) };
        lacking.push([count - share, share].map(usize::cast_signed));
    }
    let mut aside: Vec<Option<bool>> = vec![None; all.len()];
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
            for &label in of(place) {
                lacking[label][usize::from(val > train)] -= 1;
                unplaced[label] -= 1;
            }
        }
    }
    let (mut train, mut val) = (Vec::new(), Vec::new());
    for (sample, aside) in all.into_iter().zip(aside) {
        if aside == Some(true) { &mut val } else { &mut train }.push(sample);
    }
    if val.is_empty() {
        let text = "one picture a label; nothing is left to validate on, add more";
        return Err(problem(list, text.to_owned()));
    }
    Ok((train, val))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::manifest::open_divided;

    fn list(rows: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..200 {
            fs::write(folder.path().join(format!("{number}.jpg")), "").unwrap();
        }
        let path = folder.path().join("list.csv");
        fs::write(&path, rows).unwrap();
        (folder, path)
    }

    #[test]
    fn a_picture_has_all_its_labels_or_none() {
        let rows = "path,tags,split,weight\n1.jpg,sea | boat,train,2\n2.jpg,,train,\n3.jpg,sea;sea,val,\n4.jpg,\"boat, sky\",test,\n";
        let (_folder, path) = list(rows);
        let found = TaggedList::open(&path, &Split::default()).unwrap();
        assert_eq!(found.classes, ["boat", "sea", "sky"]);
        let labels = |samples: &Samples| -> Vec<Vec<usize>> {
            samples.iter().map(|sample| sample.label.clone()).collect()
        };
        assert_eq!(labels(&found.train), [vec![], vec![0, 1]]);
        assert_eq!(labels(&found.val), [[1]]);
        assert_eq!(labels(&found.test), [[0, 2]]);
        assert_eq!(found.train[1].weight, 2.0);
        let error = open_divided(&path, &Split::default()).unwrap_err().to_string();
        assert!(error.contains("TaggedList"), "{error}");
    }

    /// Whatever goes together: of each label, and of pictures without any, the share is set aside to one or two.
    #[test]
    fn a_share_of_each_label_is_set_aside() {
        let labels = |n: usize| {
            [(2, "even"), (3, "third"), (7, "seventh"), (60, "rare")]
                .into_iter()
                .filter(move |(every, _): &(usize, _)| n.is_multiple_of(*every))
                .map(|(_, name)| name)
        };
        let rows: String = (0..200)
            .map(|n| format!("{n}.jpg,{}\n", labels(n).collect::<Vec<_>>().join("|")))
            .collect();
        let (_folder, path) = list(&format!("path,labels\n{rows}"));
        for seed in 0..5 {
            let split = Split { fraction: 0.25, seed };
            let found = TaggedList::open(&path, &split).unwrap();
            assert_eq!(found.train.len() + found.val.len(), 200);
            let count = |samples: &Samples, label: Option<usize>| {
                let has = |sample: &&Sample<Vec<usize>>| match label {
                    Some(label) => sample.label.contains(&label),
                    None => sample.label.is_empty(),
                };
                samples.iter().filter(has).count() as f64
            };
            for label in (0..4).map(Some).chain([None]) {
                let (train, val) = (count(&found.train, label), count(&found.val, label));
                let expected = (train + val) * 0.25;
                assert!((val - expected).abs() <= 2.0, "{seed} {label:?}: {val} of {expected}");
                assert!(val >= 1.0);
            }
            let again = TaggedList::open(&path, &split).unwrap();
            assert!(found.val.iter().map(Sample::path).eq(again.val.iter().map(Sample::path)));
        }
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said() {
        for (rows, expected) in [
            ("path,labels\n1.jpg,a\n2.jpg,\n", "labels are [a]"),
            ("path,kind\n1.jpg,a\n", "has no column `labels`"),
            ("path,labels\n1.jpg,a|b\n", "nothing is left to validate on"),
            ("path,labels,split\n1.jpg,a|b,val\n", "nothing to train on"),
        ] {
            let (_folder, path) = list(rows);
            let error = TaggedList::open(&path, &Split::default()).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("list.csv"), "{rows}: {error}");
        }
    }
}
