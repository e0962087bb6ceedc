//! The examination: list, measure on all cores, then compare.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rekindle_data::Part;
use rekindle_images::Source;

use crate::{
    Diagnosis, Error, Examined, Finding, LabelCount, Options,
    case::Case,
    contents::Contents,
    copies, files, labels,
    measure::{Measured, measure},
    neighbors,
    open::open,
};

/// Looks at all pictures of a data set that [`rekindle_images::open_pictures`] opens: one folder a label, a list, or packed files.
///
/// Files are read on the threads of the current rayon pool, each dropped before the thread's next; the result does not depend
/// on their number. About 1.5 kB are kept of each picture; those of packed files are in memory besides, as for training.
///
/// # Errors
///
/// [`Error::Images`] for a folder that is missing or cannot be read, or has something to measure on but nothing to train on,
/// and for a list or a packed file that is damaged; [`Error::Loop`] for a link that leads back; [`Error::Nothing`] where
/// there is nothing to look at.
pub fn examine(data: &Path, options: &Options) -> Result<Diagnosis, Error> {
    let contents = open(data)?;
    let measured: Vec<Measured> =
        contents.items.par_iter().map(|item| measure(&item.source)).collect();
    let counts = counts(&contents);
    let case = Case { contents: &contents, measured: &measured, options, counts: &counts };
    let mut findings: Vec<Finding> = files::findings(&case);
    findings.extend(copies::findings(&case));
    findings.extend(labels::findings(&case));
    findings.extend(neighbors::findings(&case));
    // Files of one kind of finding are in order, those with a higher score before; labels decide where there are none.
    findings.sort_by(|one, other| {
        let key = |finding: &Finding| (finding.severity, finding.kind);
        let names = |finding: &Finding| (finding.files.clone(), finding.labels.clone());
        let score = |finding: &Finding| finding.score.unwrap_or_default();
        let by_score = || score(other).total_cmp(&score(one));
        key(one).cmp(&key(other)).then_with(by_score).then_with(|| names(one).cmp(&names(other)))
    });
    let examined = contents.items.iter().map(|item| Examined {
        file: item.file.clone(),
        label: contents.labels[item.label].clone(),
        split: item.part.name().to_owned(),
    });
    let examined = examined.collect();
    let (folder, layout) = (data.to_owned(), contents.layout);
    Ok(Diagnosis { folder, layout, examined, labels: counts, findings })
}

/// The pictures that [`examine`] looks at, with the names that [`Examined::file`] has, in that order: what to embed for
/// [`Options::embeddings`].
///
/// # Errors
///
/// Those of [`examine`].
pub fn pictures(data: &Path) -> Result<Vec<(PathBuf, Source)>, Error> {
    Ok(open(data)?.items.into_iter().map(|item| (item.file, item.source)).collect())
}

fn counts(contents: &Contents) -> Vec<LabelCount> {
    let count = |label: &String| LabelCount { label: label.clone(), train: 0, val: 0, test: 0 };
    let mut counts: Vec<LabelCount> = contents.labels.iter().map(count).collect();
    for item in &contents.items {
        let count = &mut counts[item.label];
        *match item.part {
            Part::Val => &mut count.val,
            Part::Test => &mut count.test,
            Part::Train | Part::All => &mut count.train,
        } += 1;
    }
    counts
}
