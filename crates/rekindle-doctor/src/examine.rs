//! The examination: list, measure on all cores, then compare.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rekindle_data::TargetKind;
use rekindle_images::Source;

use crate::{
    Diagnosis, Error, Examined, Finding, Options, TextColumns,
    case::Case,
    contents::Content,
    copies, files,
    judged::Judged,
    measure::{Measured, measure},
    neighbors::Neighborhood,
    open::{kind, open},
};

/// Looks at all pictures of a data set that [`rekindle_images::open_pictures`] opens: one folder a label, a list, or packed files.
///
/// Files are read on the threads of the current rayon pool, each dropped before the thread's next; the result does not depend
/// on their number. About 1.5 kB are kept of each picture; those of packed files are in memory besides, as for training.
///
/// # Errors
///
/// [`Error::Data`] for a folder that is missing or cannot be read, or has something to measure on but nothing to train on, and
/// for a list that is damaged; [`Error::Images`] for a packed file that is; [`Error::Loop`] for a link that leads back;
/// [`Error::Nothing`] where there is nothing to look at.
pub fn examine(data: &Path, options: &Options) -> Result<Diagnosis, Error> {
    match kind(data, &options.targets)? {
        TargetKind::Label => examine_as::<usize>(data, options),
        TargetKind::Labels => examine_as::<Vec<usize>>(data, options),
        TargetKind::Numbers => examine_as::<Vec<f32>>(data, options),
    }
}

/// The pictures that [`examine`] looks at, with the names that [`Examined::file`] has, in that order: what to embed for
/// [`Options::embeddings`].
///
/// # Errors
///
/// Those of [`examine`].
pub fn pictures(data: &Path, targets: &[String]) -> Result<Vec<(PathBuf, Source)>, Error> {
    match kind(data, targets)? {
        TargetKind::Label => pictures_as::<usize>(data, targets),
        TargetKind::Labels => pictures_as::<Vec<usize>>(data, targets),
        TargetKind::Numbers => pictures_as::<Vec<f32>>(data, targets),
    }
}

fn pictures_as<L: Judged>(
    data: &Path,
    targets: &[String],
) -> Result<Vec<(PathBuf, Source)>, Error> {
    let items = open::<L>(data, targets)?.items.into_iter();
    let named = items.filter_map(|item| match item.content {
        Content::Picture(source) => Some((item.file, source)),
        Content::Text(_) => None,
    });
    Ok(named.collect())
}

fn examine_as<L: Judged>(data: &Path, options: &Options) -> Result<Diagnosis, Error> {
    let contents = open::<L>(data, &options.targets)?;
    let measured: Vec<Measured> =
        contents.items.par_iter().filter_map(|item| measure(&item.content)).collect();
    let digests: Vec<Option<[u8; 32]>> = measured.iter().map(|it| it.digest).collect();
    let counts = L::counts(&contents);
    let case = Case {
        contents: &contents,
        measured: &measured,
        digests: &digests,
        options,
        counts: &counts,
    };
    let mut findings: Vec<Finding> = files::findings(&case);
    findings.extend(copies::findings(&case));
    Ok(diagnosis(data, &case, findings, None))
}

/// All that was found: of the items themselves, of what is learned of them, and of what similar ones contradict.
pub(crate) fn diagnosis<L: Judged>(
    data: &Path,
    case: &Case<'_, L>,
    mut findings: Vec<Finding>,
    texts: Option<TextColumns>,
) -> Diagnosis {
    let contents = case.contents;
    findings.extend(L::balance(case));
    findings.extend(L::doubts(case, &Neighborhood::of(case)));
    // Files of one kind of finding are in order, those with a higher score before; labels decide where there are none.
    findings.sort_by(|one, other| {
        let key = |finding: &Finding| (finding.severity, finding.kind);
        let names = |finding: &Finding| (finding.files.clone(), finding.labels.clone());
        let score = |finding: &Finding| finding.score.unwrap_or_default();
        let by_score = || score(other).total_cmp(&score(one));
        key(one).cmp(&key(other)).then_with(by_score).then_with(|| names(one).cmp(&names(other)))
    });
    let name = |label: &usize| contents.names[*label].as_str();
    let examined = contents.items.iter().map(|item| Examined {
        file: item.file.clone(),
        label: item.target.labels().iter().map(name).collect::<Vec<_>>().join("|"),
        numbers: item.target.numbers().iter().map(|it| it.is_finite().then_some(*it)).collect(),
        split: item.part.name().to_owned(),
    });
    Diagnosis {
        folder: data.to_owned(),
        layout: contents.layout,
        texts,
        examined: examined.collect(),
        columns: L::columns(&contents.names),
        numbers: L::spreads(contents),
        labels: case.counts.to_vec(),
        findings,
    }
}
