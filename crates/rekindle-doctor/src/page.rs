//! The diagnosis as a page of HTML, with small pictures of what was found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::{RgbImage, imageops::thumbnail};
use rayon::prelude::*;
use rekindle_data::Part;
use rekindle_images::{Picture, Source};
use rekindle_report::{
    Checkup, CheckupFinding, CheckupGroup, ClassCount, Data, ExampleCount, NumberRange, PartRange,
    Thumbnail, checkup,
};

use crate::{
    DataLayout, Diagnosis, Examined, Finding, Kind, LabelCount, NumberSpread, Spread,
    contents::{Content, start},
    open::open,
    terminal::summary,
};

/// The most pixels along a side of a small picture.
const SIDE: usize = 200;
/// Kinds whose files cannot be decoded.
const DARK: [Kind; 2] = [Kind::Unreadable, Kind::OtherFiles];

/// The diagnosis as one page of HTML that opens from disk: [`record`] on a page of its own.
pub fn html(diagnosis: &Diagnosis, most: usize) -> String {
    checkup(&record(diagnosis, most))
}

/// The diagnosis with small pictures, at most `most` findings of a kind and pictures of a finding, for a page or for that of a
/// run.
///
/// The files that are shown are read again, packed ones whole; what cannot be read any more is named without its picture.
pub fn record(diagnosis: &Diagnosis, most: usize) -> Checkup {
    let packed = packed(diagnosis);
    let start = start(&diagnosis.folder, diagnosis.layout);
    let source = |file: &PathBuf| match diagnosis.layout {
        DataLayout::Packed => packed.get(file).cloned(),
        DataLayout::Folders | DataLayout::List => Some(Source::File(start.join(file))),
    };
    let labels: BTreeMap<&Path, String> =
        diagnosis.examined.iter().map(|it| (it.file.as_path(), said(diagnosis, it))).collect();
    let texts = |finding: &Finding| {
        let names: Vec<String> =
            finding.files.iter().take(most).map(|it| it.to_string_lossy().into_owned()).collect();
        let before = if names.is_empty() { String::new() } else { names.join(", ") + ": " };
        CheckupFinding {
            text: before + &finding.sentence(),
            pictures: Vec::new(),
            more: finding.files.len().saturating_sub(most),
        }
    };
    let pictures = |finding: &Finding| CheckupFinding {
        text: finding.sentence(),
        pictures: (finding.files.par_iter().take(most))
            .map(|file| Thumbnail {
                file: file.to_string_lossy().into_owned(),
                label: labels.get(file.as_path()).cloned().unwrap_or_default(),
                image: if DARK.contains(&finding.kind) {
                    Vec::new()
                } else {
                    source(file).and_then(small).unwrap_or_default()
                },
                ..Thumbnail::default()
            })
            .collect(),
        more: finding.files.len().saturating_sub(most),
    };
    let shown = |finding: &Finding| match diagnosis.texts {
        Some(_) => texts(finding),
        None => pictures(finding),
    };
    let group = |findings: &[Finding]| CheckupGroup {
        title: findings
            .first()
            .map_or_else(String::new, |first| capital(&diagnosis.title(first.kind))),
        severity: findings.first().map_or("", |first| first.severity.name()).to_owned(),
        findings: findings.iter().take(most).map(shown).collect(),
        more: findings.len().saturating_sub(most),
    };
    let folder = diagnosis.folder.display();
    Checkup {
        title: format!("{folder}: what is wrong with it"),
        lead: format!("{}.", summary(diagnosis)),
        data: Some(Box::new(data(diagnosis))),
        groups: diagnosis.groups().map(group).collect(),
        ..Checkup::default()
    }
}

/// What is learned of a picture, in a few words.
fn said(diagnosis: &Diagnosis, Examined { label, numbers, .. }: &Examined) -> String {
    let number = |(column, number): (&String, &Option<f32>)| match number {
        Some(number) => format!("{column} {number}"),
        None => format!("{column} missing"),
    };
    match numbers.is_empty() {
        true => label.replace('|', ", "),
        false => diagnosis.columns.iter().zip(numbers).map(number).collect::<Vec<_>>().join(", "),
    }
}

fn data(diagnosis: &Diagnosis) -> Data {
    let [train, validation, test] =
        [Part::Train, Part::Val, Part::Test].map(|part| diagnosis.examined_in(part));
    let tested = test > 0;
    let class = |count: &LabelCount| ClassCount {
        name: count.label.clone(),
        train: count.train,
        validation: count.val,
        test: tested.then_some(count.test),
    };
    let range = |spread: &Spread| PartRange {
        pictures: spread.count,
        low: f64::from(spread.low),
        median: f64::from(spread.quartiles[1]),
        high: f64::from(spread.high),
    };
    let number = |NumberSpread { name, train, val, test }: &NumberSpread| NumberRange {
        name: name.clone(),
        train: train.as_ref().map(range),
        validation: val.as_ref().map(range),
        test: test.as_ref().map(range),
    };
    // Of one label a picture the classes say it.
    let labelled: usize = diagnosis.labels.iter().map(|it| it.train + it.val + it.test).sum();
    let pictures = ExampleCount { train, validation, test: tested.then_some(test) };
    Data {
        folder: diagnosis.folder.display().to_string(),
        pictures: (labelled != diagnosis.examined.len()).then_some(pictures),
        classes: diagnosis.labels.iter().map(class).collect(),
        numbers: diagnosis.numbers.iter().map(number).collect(),
        ..Data::default()
    }
}

/// The pictures of packed files by their names; none of others.
fn packed(diagnosis: &Diagnosis) -> BTreeMap<PathBuf, Source> {
    let items = match diagnosis.layout {
        DataLayout::Packed => {
            open::<usize>(&diagnosis.folder, &[]).map_or_else(|_| Vec::new(), |it| it.items)
        }
        DataLayout::Folders | DataLayout::List => Vec::new(),
    };
    let source = |content| match content {
        Content::Picture(source) => Some(source),
        Content::Text(_) => None,
    };
    items.into_iter().filter_map(|item| Some((item.file, source(item.content)?))).collect()
}

/// The picture shrunk to a JPEG.
fn small(source: Source) -> Option<Vec<u8>> {
    let picture = source.picture().ok()?.to_rgb();
    let (width, height) = (picture.width(), picture.height());
    let long = width.max(height);
    if long <= SIDE {
        return picture.to_jpeg().ok();
    }
    let to = |side: usize| (side * SIDE / long).max(1);
    let image = RgbImage::from_raw(width as u32, height as u32, picture.into_pixels())?;
    let image = thumbnail(&image, to(width) as u32, to(height) as u32);
    Picture::from_rgb(to(width), to(height), image.into_raw()).ok()?.to_jpeg().ok()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
